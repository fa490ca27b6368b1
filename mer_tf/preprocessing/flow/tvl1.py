"""TV-L1 optical flow (Zach, Pock and Bischof 2007) through OpenCV.

Flow is ``(height, width, 2)`` float32, (u, v) in pixels of that image: ``apex(x + u, y + v)`` looks like
``onset(x, y)``.
"""

from __future__ import annotations

import cv2
import numpy as np

from mer_tf.preprocessing.images import to_gray
from mer_tf.recipes import FlowConfig

MIN_SIDE = 16


class TVL1Flow:
    """TV-L1 flow of image pairs.

    Args:
        config: Parameters; the defaults are OpenCV's.

    Source: preprocessing of seeds 001 and 004, which name the method and print no parameter.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> TVL1Flow()(image, image).shape
        (32, 32, 2)
    """

    def __init__(self, config: FlowConfig | None = None):
        self.config = config or FlowConfig()

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
        images = []
        for name, image in (("first", first), ("second", second)):
            images.append(_as_input(image, name, value_range, strict))
        if first.shape != second.shape or first.dtype != second.dtype:
            raise ValueError(
                "first and second must have one shape and dtype. "
                f"Received: {first.shape} {first.dtype} and {second.shape} {second.dtype}"
            )
        if min(images[0].shape) < MIN_SIDE:
            raise ValueError(f"images must be at least {MIN_SIDE} px on a side. Received: {first.shape}")
        if self.config.match_brightness:
            images[1] = images[1] - (np.median(images[1]) - np.median(images[0])).astype(np.float32)
        # A new solver for every pair: OpenCV's keeps buffers between calls, and after a pair of another size it was
        # seen to give a field that differs by up to 0.3 px from a fresh one's.
        solver = _solver(self.config)
        # OpenCV multiplies float input by 255, which restores 0-255 exactly as uint8 input would give it.
        if first.dtype == np.uint8 and first.ndim == 2 and not self.config.match_brightness:
            return solver.calc(np.ascontiguousarray(first), np.ascontiguousarray(second), None)
        return solver.calc(images[0] / np.float32(255), images[1] / np.float32(255), None)


def tvl1_flow(first: np.ndarray, second: np.ndarray, config: FlowConfig | None = None, **options) -> np.ndarray:
    """One pair through ``TVL1Flow``; options as its call."""
    return TVL1Flow(config)(first, second, **options)


def _as_input(image, name: str, value_range, strict: bool) -> np.ndarray:
    """Checked image as ``(height, width)`` float32 in 0-255."""
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


def _solver(config: FlowConfig):
    solver = cv2.optflow.createOptFlow_DualTVL1()
    solver.setTau(config.tau)
    solver.setLambda(config.lambda_)
    solver.setTheta(config.theta)
    solver.setScalesNumber(int(config.scales))
    solver.setScaleStep(config.scale_step)
    solver.setWarpingsNumber(int(config.warps))
    solver.setEpsilon(config.epsilon)
    solver.setInnerIterations(int(config.inner_iterations))
    solver.setOuterIterations(int(config.outer_iterations))
    solver.setMedianFiltering(int(config.median))
    solver.setGamma(0.0)
    solver.setUseInitialFlow(False)
    return solver
