"""The two frames between which flow is computed: their checks, and the contract of every method on gray values."""

from __future__ import annotations

import abc
from typing import ClassVar

import numpy as np

from mer_tf.preprocessing.flow.settings import FlowConfig
from mer_tf.preprocessing.images import to_gray

MIN_SIDE = 16


class PairFlow(abc.ABC):
    """A method that computes the flow of image pairs from their gray values.

    Args:
        config: Its settings; the defaults when None.
    """

    settings: ClassVar[type[FlowConfig]]

    def __init__(self, config: FlowConfig | None = None):
        self.config = config or self.settings()

    def __call__(
        self,
        first: np.ndarray,
        second: np.ndarray,
        *,
        value_range: tuple[float, float] | None = None,
        strict: bool = False,
    ) -> np.ndarray:
        """Flow from ``first`` to ``second``.

        Args:
            first: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or float; sides >= 16.
            second: Same shape and type.
            value_range: ``(0, 1)`` or ``(0, 255)``; needed for float images and refused to be guessed, because
                OpenCV scales floats by 255 and a wrong range gives a wrong field without a word.
            strict: Whether colour images are refused instead of converted to luma.

        Returns:
            ``(height, width, 2)`` float32, pixels.

        Raises:
            TypeError: Not arrays, or another dtype.
            ValueError: Shapes differ, a side is under 16, values are not finite or outside the declared range.
        """
        return self._calc((first, second), check_pair(first, second, value_range, strict))

    @abc.abstractmethod
    def _calc(self, given: tuple[np.ndarray, np.ndarray], gray: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Flow of two frames, as they were given and as ``check_pair`` gives them."""


def check_pair(
    first: np.ndarray,
    second: np.ndarray,
    value_range: tuple[float, float] | None = None,
    strict: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Both frames as gray values.

    Args:
        first: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or float; sides >= 16.
        second: Same shape and type.
        value_range: ``(0, 1)`` or ``(0, 255)``; needed for float images, whose range is never guessed.
        strict: Whether colour images are refused instead of converted to luma.

    Returns:
        Two ``(height, width)`` float32, 0 to 255.

    Raises:
        TypeError: Not arrays, or another dtype.
        ValueError: Shapes differ, a side is under 16, values are not finite or outside the declared range.
    """
    images = tuple(_gray(image, name, value_range, strict) for name, image in (("first", first), ("second", second)))
    if first.shape != second.shape or first.dtype != second.dtype:
        raise ValueError(
            "first and second must have one shape and dtype. "
            f"Received: {first.shape} {first.dtype} and {second.shape} {second.dtype}"
        )
    if min(images[0].shape) < MIN_SIDE:
        raise ValueError(f"images must be at least {MIN_SIDE} px on a side. Received: {first.shape}")
    return images


def match_brightness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``second`` less the difference of the two medians; a global change of light then gives no flow."""
    return second - (np.median(second) - np.median(first)).astype(np.float32)


def _gray(image, name: str, value_range, strict: bool) -> np.ndarray:
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{name} must be a numpy array. Received: {type(image).__name__}")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"{name} must be (height, width) or (height, width, 3). Received: {image.shape}")
    if image.ndim == 3 and strict:
        raise ValueError(f"{name} must be gray under strict=True. Received: {image.shape}")
    if image.dtype == np.uint8:
        gray = image
    elif image.dtype in (np.float32, np.float64):
        if value_range not in ((0, 1), (0, 255)):
            raise ValueError(
                f"{name} is float, so value_range must be declared as (0, 1) or (0, 255). Received: {value_range!r}"
            )
        if not np.isfinite(image).all():
            raise ValueError(f"{name} holds values that are not finite")
        if image.size and (image.min() < 0 or image.max() > value_range[1]):
            raise ValueError(
                f"{name} must lie in the declared range {value_range}. Received: {image.min():g} to {image.max():g}"
            )
        gray = image * (255.0 / value_range[1])
    else:
        raise TypeError(f"{name} must be uint8 or float with a declared range. Received: {image.dtype}")
    return to_gray(gray) if gray.ndim == 3 else gray.astype(np.float32)
