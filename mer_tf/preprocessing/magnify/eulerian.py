"""Eulerian video magnification of motion, frame by frame (Wu et al., SIGGRAPH 2012).

The published order is pyramid, then temporal band-pass, then gains, then chroma attenuation. All four are linear and
the first two act on different axes, so they commute: here the band-pass runs on the whole frame and one pyramid is
made of its result. The output is the same to rounding, and the state is two frames, whatever the clip's length.

Source: preprocessing of CBAMNet 2020, which names the method and prints no parameter; Wu et al., sections 3 and 4, and
the parameters of their published demonstrations.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import numpy as np

from mer_tf.checks import between, config_errors, number
from mer_tf.preprocessing.magnify.settings import MagnifyConfig

MIN_SIDE = 16
EXAGGERATION = 2.0  # of the attenuated gains, from the published demonstrations
_SMALLEST = 5  # a side below the filter's length is not halved any more

# NTSC luma and chroma of RGB; the inverse is exact, not the rounded published one.
YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclasses.dataclass(frozen=True)
class EulerianConfig(MagnifyConfig):
    """Eulerian magnification of the frames as they were taken, before sampling in time.

    Attributes:
        factor: Ratio of output motion to input motion, 1 + alpha; 1 changes nothing.
        f_low: Lower edge of the temporal band in Hz.
        f_high: Upper edge of the temporal band in Hz.
        lambda_c: Spatial cut-off wavelength in pixels.
        chroma: Attenuation of the colour channels, 0 to 1; without effect on gray frames.
    """

    method: ClassVar[str] = "eulerian"

    factor: float = 1.0
    f_low: float = 0.5
    f_high: float = 10.0
    lambda_c: float = 16.0
    chroma: float = 0.1

    def __post_init__(self):
        with config_errors():
            number("magnify.factor", self.factor, lambda v: v >= 1, "at least 1")
            number("magnify.f_low", self.f_low, lambda v: 0 < v < self.f_high, "positive and below f_high")
            number("magnify.lambda_c", self.lambda_c, lambda v: v > 0, "positive")
            between("magnify.chroma", self.chroma, 0, 1)

    def used(self, *, colour: bool = True, **facts) -> dict:
        """As the base class; gray frames have no colour to attenuate."""
        settings = super().used(**facts)
        if not colour:
            settings.pop("chroma", None)
        return settings


def magnify_eulerian(
    frames: Iterable[np.ndarray],
    *,
    fps: float,
    factor: float = 11.0,
    f_low: float = 0.5,
    f_high: float = 10.0,
    lambda_c: float = 16.0,
    chroma: float = 0.1,
    value_range: tuple[float, float] | None = None,
) -> Iterator[np.ndarray]:
    """Magnifies the motion of a clip within a band of temporal frequencies.

    Args:
        frames: Frames of one shape: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or float; sides
            >= 16. Read one at a time.
        fps: Frames per second.
        factor: Ratio of motions, ``1 + alpha``; >= 1. 1 gives the frames back bit for bit.
        f_low: Lower cut-off in Hz, >= 0.
        f_high: Upper cut-off in Hz, below half of ``fps``.
        lambda_c: Spatial wavelength in pixels under which the gain falls; > 0.
        chroma: Share of the motion signal's I and Q that is kept, 0..1; without effect on gray frames.
        value_range: ``(0, 1)`` or ``(0, 255)``; needed for float frames.

    Yields:
        As many frames, of the same shape and dtype (float32 for float64), within the range. The first one is the
        first frame exactly.

    Raises:
        ValueError: A parameter out of range (at once); no frame, a frame of another shape, too small, not finite, or
            outside the declared range (when it is reached).
        TypeError: Not arrays, or another dtype.

    Assumption: the filter is causal, as published; motion in the output lags by a few frames, so the apex must not be
    looked for in it.

    Example:
        >>> import numpy as np
        >>> clip = np.zeros((5, 32, 32), np.uint8)
        >>> len(list(magnify_eulerian(clip, fps=100)))
        5
    """
    alpha = check_factor(factor)
    low, high = filter_rates(f_low, f_high, fps)
    _check_positive("lambda_c", lambda_c)
    if not 0 <= chroma <= 1:
        raise ValueError(f"chroma must lie in [0, 1]. Received: {chroma!r}")
    return _stream(checked_frames(frames, value_range), alpha, low, high, lambda_c, chroma)


def filter_rates(f_low: float, f_high: float, fps: float) -> tuple[float, float]:
    """Rates of the two one-pole low-passes, per frame.

    Args:
        f_low: Lower cut-off in Hz, >= 0.
        f_high: Upper cut-off in Hz, above ``f_low`` and below half of ``fps``.
        fps: Frames per second.

    Returns:
        ``(r_low, r_high)`` with ``r = 1 - exp(-2 pi f / fps)``, the inverse of the one-pole decay.

    Raises:
        ValueError: A frequency out of range.
    """
    _check_positive("fps", fps)
    if not (math.isfinite(f_low) and f_low >= 0):
        raise ValueError(f"f_low must be at least 0 Hz. Received: {f_low!r}")
    if not f_low < f_high:
        raise ValueError(f"f_low must be below f_high. Received: {f_low!r} and {f_high!r} Hz")
    if not f_high < fps / 2:
        raise ValueError(f"f_high must be below half the frame rate of {fps:g} per second. Received: {f_high!r} Hz")
    return -math.expm1(-2 * math.pi * f_low / fps), -math.expm1(-2 * math.pi * f_high / fps)


def band_gains(height: int, width: int, alpha: float, lambda_c: float) -> list[float]:
    """Gain of each pyramid band, from coarsest to finest.

    Args:
        height: Frame height in pixels.
        width: Frame width in pixels.
        alpha: Wanted gain, ``factor - 1``, >= 0.
        lambda_c: Cut-off wavelength in pixels, > 0.

    Returns:
        ``min(alpha, alpha_l)``, not below 0, with ``alpha_l = 2 (lambda / (8 delta) - 1)`` and ``delta =
        lambda_c / (8 (1 + alpha))``; the coarsest and the finest band get 0.

    Source: Wu et al., equation 14 and the published code (exaggeration 2, outer bands switched off).
    """
    bands = band_count(height, width)
    eight_delta = lambda_c / (1 + alpha)
    wavelength = math.hypot(height, width) / 3
    gains = []
    for _ in range(bands):
        gains.append(max(0.0, min(alpha, (wavelength / eight_delta - 1) * EXAGGERATION)))
        wavelength /= 2
    gains[0] = gains[-1] = 0.0
    return gains


def band_count(height: int, width: int) -> int:
    """Bands of the pyramid, the low-pass residual among them: one, and one for every halving of a side >= 5."""
    side, bands = min(height, width), 1
    while side >= _SMALLEST:
        side //= 2
        bands += 1
    return bands


def laplacian_pyramid(image: np.ndarray, bands: int) -> list[np.ndarray]:
    """Bands of an image, from coarsest (the low-pass residual) to finest.

    Args:
        image: ``(height, width)`` or ``(height, width, channels)`` float32.
        bands: Number of bands, as ``band_count`` gives it.

    Returns:
        List of float32 arrays; binomial filter 1 4 6 4 1, borders reflected.
    """
    import cv2  # here and below: settings are read without OpenCV

    fine = []
    for _ in range(bands - 1):
        small = cv2.pyrDown(image)
        fine.append(image - cv2.pyrUp(small, dstsize=image.shape[1::-1]))
        image = small
    return [image, *reversed(fine)]


def collapse_pyramid(pyramid: Sequence[np.ndarray], gains: Sequence[float] | None = None) -> np.ndarray:
    """Image of ``laplacian_pyramid``'s bands, each times its gain (1 by default)."""
    import cv2

    gains = [1.0] * len(pyramid) if gains is None else gains
    image = pyramid[0] * np.float32(gains[0])
    for band, gain in zip(pyramid[1:], gains[1:]):
        image = cv2.pyrUp(image, dstsize=band.shape[1::-1])
        image += band * np.float32(gain)
    return image


def checked_frames(
    frames: Iterable[np.ndarray], value_range: tuple[float, float] | None
) -> Iterator[tuple[np.ndarray, float]]:
    """Frames one by one, each with the value that stands for white (255 or 1).

    Raises:
        ValueError, TypeError: As ``magnify_eulerian``.
    """
    if value_range not in (None, (0, 1), (0, 255)):
        raise ValueError(f"value_range must be (0, 1) or (0, 255). Received: {value_range!r}")
    if not isinstance(frames, Iterable):
        raise TypeError(f"frames must be an iterable of images. Received: {type(frames).__name__}")
    return _checked(frames, value_range)


def _checked(frames, value_range) -> Iterator[tuple[np.ndarray, float]]:
    first = None
    for index, frame in enumerate(frames):
        if not isinstance(frame, np.ndarray):
            raise TypeError(f"frame {index} must be a numpy array. Received: {type(frame).__name__}")
        if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
            raise ValueError(
                f"frame {index} must be (height, width) or (height, width, 3). Received shape: {frame.shape}"
            )
        if min(frame.shape[:2]) < MIN_SIDE:
            raise ValueError(f"frame {index} must be at least {MIN_SIDE} px on a side. Received: {frame.shape}")
        if first is None:
            first = (frame.shape, frame.dtype)
        if (frame.shape, frame.dtype) != first:
            raise ValueError(
                f"frame {index} must be as the first one, {first[0]} {first[1]}. Received: {frame.shape} {frame.dtype}"
            )
        if frame.dtype == np.uint8:
            white = 255.0
        elif frame.dtype in (np.float32, np.float64):
            if value_range is None:
                raise ValueError("frames are float, so value_range must be declared as (0, 1) or (0, 255)")
            white = float(value_range[1])
            low, high = frame.min(), frame.max()
            # Written so that a value that is not a number fails too.
            if not (low >= 0 and high <= white):
                raise ValueError(
                    f"frame {index} must be finite and in the declared range {value_range}. "
                    f"Received: {low:g} to {high:g}"
                )
        else:
            raise TypeError(f"frames must be uint8, or float with a declared range. Received: {frame.dtype}")
        yield frame, white
    if first is None:
        raise ValueError("frames holds no frame; a clip of one frame or more was expected")


def _stream(frames, alpha, low, high, lambda_c, chroma) -> Iterator[np.ndarray]:
    import cv2

    if alpha == 0:
        for frame, _ in frames:
            yield frame
        return
    first, white = next(frames)
    slow = first.astype(np.float32)
    fast = slow.copy()
    gains = band_gains(*first.shape[:2], alpha, lambda_c)
    colour = _chroma_matrix(chroma) if first.ndim == 3 else None
    yield first if first.dtype != np.float64 else first.astype(np.float32)
    del first
    for frame, _ in frames:
        image = frame.astype(np.float32)
        cv2.accumulateWeighted(image, slow, low)
        cv2.accumulateWeighted(image, fast, high)
        motion = collapse_pyramid(laplacian_pyramid(fast - slow, len(gains)), gains)
        if colour is not None:
            motion = cv2.transform(motion, colour)
        image += motion
        np.clip(image, 0, white, out=image)
        yield np.rint(image).astype(np.uint8) if frame.dtype == np.uint8 else image


def _chroma_matrix(chroma: float) -> np.ndarray:
    """RGB to YIQ, I and Q times ``chroma``, and back, as one 3x3 matrix."""
    return (np.linalg.inv(YIQ) @ np.diag([1.0, chroma, chroma]) @ YIQ).astype(np.float32)


def check_factor(factor: float) -> float:
    """``factor - 1``; ``ValueError`` below 1."""
    if not 1 <= factor < math.inf:
        raise ValueError(f"factor must be at least 1 (no magnification). Received: {factor!r}")
    return float(factor) - 1.0


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive. Received: {value!r}")
