"""Clips of any length to a fixed number of frames, random sub-sequences, and dynamic images.

Frames are ``(frames, ...)`` arrays whose first axis is time, frame 0 being the onset; what follows (gray, colour,
landmarks) is carried along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

METHODS = ("linear", "tim", "uniform")
DYNAMIC_FORMS = ("average", "direct")
RANK_TOLERANCE = 1e-8


class Interpolated(NamedTuple):
    """A clip brought to another length.

    Attributes:
        frames: ``(n, ...)`` float32.
        method: Method that made them: ``"linear"``, ``"tim"`` or ``"uniform"``.
        fallback: Why it is not the method that was asked for, or ``""``.
    """

    frames: np.ndarray
    method: str
    fallback: str = ""


def frame_positions(length: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Where ``n`` frames spread over a clip fall, ends included; tells what has to be decoded.

    Args:
        length: Number of frames T of the clip, at least 1.
        n: Number of frames wanted, at least 1.

    Returns:
        ``(n,)`` int64 index of the frame at or before each place ``s_j = j (T - 1) / (n - 1)``, and ``(n,)`` float64
        weight of the frame after it, in [0, 1). One frame is the middle one, ``(T - 1) // 2``.
    """
    length, n = _count(length, "length"), _count(n, "n")
    if n == 1:
        return np.array([(length - 1) // 2]), np.zeros(1)
    # Whole numbers, so that the ends and n = T fall on frames exactly.
    index, rest = np.divmod(np.arange(n, dtype=np.int64) * (length - 1), n - 1)
    return index, rest / (n - 1)


def interpolate_linear(frames: np.ndarray, n: int) -> np.ndarray:
    """Linear interpolation in time.

    Args:
        frames: ``(T, ...)`` uint8 or float, finite, T >= 1. A single frame is repeated.
        n: Number of frames wanted, at least 1.

    Returns:
        ``(n, ...)`` float32 in the range of ``frames``; the first and last frame are kept exactly, ``n = T`` is a
        copy, ``n = 1`` is frame ``(T - 1) // 2``.

    Raises:
        TypeError: Not an array of numbers.
        ValueError: No frame, ``n`` under 1, or values that are not finite.

    Source: CBAMNet 2020 (16 frames) and ASTNet 2024 (11 frames).
    """
    frames = _check_frames(frames, 1)
    before, weight = frame_positions(len(frames), n)
    after = np.minimum(before + 1, len(frames) - 1)
    weight = weight.astype(np.float32).reshape(-1, *[1] * (frames.ndim - 1))
    out = frames[before].astype(np.float32)
    moving = np.flatnonzero(weight)
    if moving.size:
        share = weight[moving]
        out[moving] = (1 - share) * out[moving] + share * frames[after[moving]].astype(np.float32)
    return out


def tim(frames: np.ndarray, n: int) -> Interpolated:
    """Temporal interpolation model: the clip as a curve through its frames, sampled anew.

    The frames are the nodes of a path graph; eigenvector k = 1 .. T - 1 of its Laplacian samples
    ``f_k(t) = sin(pi k t + pi (T - k) / (2 T))`` at ``t = i / T``. A linear map takes frames to those curves, and its
    inverse takes points between the samples back to pictures.

    Args:
        frames: ``(T, ...)`` uint8 or float, finite, T >= 2.
        n: Number of frames wanted, at least 2. ``n = T`` gives the input again.

    Returns:
        Frames ``(n, ...)`` float32; values may leave the range of the input between frames. Where the frames are not
        linearly independent (a repeated frame; rank of the centred frames under T - 1 at a relative tolerance of
        1e-8) the linear interpolation instead, with ``method`` and ``fallback`` saying so.

    Raises:
        TypeError: Not an array of numbers.
        ValueError: Under two frames, ``n`` under 2, or values that are not finite.

    Source: Zhou, Zhao and Pietikainen 2011; Pfister et al. 2011.
    """
    frames = _check_frames(frames, 2)
    n = _count(n, "n", 2)
    length = len(frames)
    columns = frames.reshape(length, -1).astype(np.float64)
    mean = columns.mean(axis=0)
    columns -= mean
    strengths = np.linalg.svd(columns, compute_uv=False)  # the last belongs to the mean and is 0
    strengths = np.pad(strengths, (0, max(length - 1 - strengths.size, 0)))
    rank = int(np.sum(strengths[: length - 1] > RANK_TOLERANCE * strengths[0])) if strengths[0] > 0 else 0
    if rank < length - 1:
        reason = f"{length} frames of rank {rank} are not linearly independent; interpolated linearly"
        return Interpolated(interpolate_linear(frames, n), "linear", reason)
    # In the published form, with X - mean = U S V^T and Q = S V^T, the map is W = (Q Q^T)^-1 Q Y = S^-1 V^T Y, for the
    # samples Y of the curves. V and Y span the same space (all that is orthogonal to the constant), so U (W^T)^-1 is
    # (X - mean) Y (Y^T Y)^-1, the scale m is 1, and Y^T Y = T / 2: weights that do not depend on the pictures.
    k = np.arange(1, length)
    at = np.arange(1, length + 1) / length
    new = 1 / length + np.arange(n) / (n - 1) * (1 - 1 / length)
    weights = _curves(new, k, length) @ _curves(at, k, length).T * (2 / length)
    out = (weights @ columns + mean).reshape(n, *frames.shape[1:])
    return Interpolated(out.astype(np.float32), "tim")


def to_length(frames: np.ndarray, n: int, method: str = "linear") -> Interpolated:
    """A clip brought to ``n`` frames by the method of that name.

    Args:
        frames: ``(T, ...)`` uint8 or float, finite.
        n: Number of frames wanted.
        method: ``"linear"``, ``"tim"`` or ``"uniform"`` (frames picked, none mixed).

    Returns:
        Frames, the method that made them, and why it is another one than asked for.
    """
    if method == "linear":
        return Interpolated(interpolate_linear(frames, n), method)
    if method == "tim":
        return tim(frames, n)
    if method == "uniform":
        frames = _check_frames(frames, 1)
        picked = frames[sample_uniform(range(len(frames)), n)]
        return Interpolated(picked.astype(np.float32), method)
    raise ValueError(f"method must be one of {', '.join(METHODS)}. Received: {method!r}")


def sample_uniform(numbers: Sequence[int], n: int) -> list[int]:
    """``n`` of the given frame numbers, evenly spread, ends included.

    Args:
        numbers: Frame numbers in order, at least one.
        n: How many, at least 1; more than there are repeats some.

    Returns:
        The numbers nearest to ``j (T - 1) / (n - 1)``, of two equally near the later one; for ``n = 1`` number
        ``(T - 1) // 2``.
    """
    numbers = list(numbers)
    if not numbers:
        raise ValueError("numbers must hold at least one frame number. Received: none")
    index, weight = frame_positions(len(numbers), n)
    return [numbers[i] for i in index + (weight >= 0.5)]


def rank_pooling_weights(length: int, form: str = "average") -> np.ndarray:
    """Weights of the frames in a dynamic image; they sum to 0.

    Args:
        length: Number of frames T, at least 1.
        form: ``"average"``: ``2 (T - t + 1) - (T + 1) (H_T - H_(t-1))`` with harmonic numbers H, which ranks the
            running means of the frames; ``"direct"``: ``2 t - T - 1``, which ranks the frames themselves.

    Returns:
        ``(T,)`` float64.
    """
    length = _count(length, "length")
    t = np.arange(1, length + 1, dtype=np.float64)
    if form == "direct":
        return 2 * t - length - 1
    if form != "average":
        raise ValueError(f"form must be one of {', '.join(DYNAMIC_FORMS)}. Received: {form!r}")
    tail = np.cumsum((1 / t)[::-1])[::-1]  # H_T - H_(t-1)
    return 2 * (length - t + 1) - (length + 1) * tail


def dynamic_image(frames: np.ndarray, *, form: str = "average", scaled: bool = False) -> np.ndarray:
    """One picture that sums up the motion of a clip: approximate rank pooling.

    Args:
        frames: ``(T, height, width)`` or ``(T, height, width, channels)``, uint8 or float, finite, T >= 2.
        form: Weights, see ``rank_pooling_weights``.
        scaled: Whether the result is stretched to 0-255 over all pixels and channels together, as a picture.

    Returns:
        ``(height, width[, channels])`` float32. A clip that stands still gives zeros.

    Source: Bilen et al. 2016, section 3.2; input of GEME (a model that ASTNet 2024 compares with).
    """
    frames = _check_frames(frames, 2)
    if frames.ndim not in (3, 4):
        raise ValueError(f"frames must be (T, height, width) or (T, height, width, channels). Received: {frames.shape}")
    weights = rank_pooling_weights(len(frames), form)
    # The weights sum to 0, so taking the first frame away changes nothing and keeps a still clip at exact zeros.
    first = frames[0].astype(np.float64)
    image = np.zeros(frames.shape[1:])
    for weight, frame in zip(weights[1:], frames[1:]):
        image += weight * (frame - first)
    if scaled:
        low, high = image.min(), image.max()
        image = (image - low) * (255.0 / (high - low)) if high - low >= 1e-8 else np.zeros_like(image)
    return image.astype(np.float32)


def _curves(t: np.ndarray, k: np.ndarray, length: int) -> np.ndarray:
    """``f_k(t)`` as ``(len(t), len(k))``."""
    return np.sin(np.pi * k * t[:, None] + np.pi * (length - k) / (2 * length))


def _count(value: int, name: str, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number. Received: {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}. Received: {value}")
    return int(value)


def _check_frames(frames: np.ndarray, least: int) -> np.ndarray:
    if not isinstance(frames, np.ndarray) or frames.dtype.kind not in "uif":
        what = frames.dtype if isinstance(frames, np.ndarray) else type(frames).__name__
        raise TypeError(f"frames must be a numpy array of numbers. Received: {what}")
    if frames.ndim < 1 or len(frames) < least or 0 in frames.shape[1:]:
        raise ValueError(f"frames must be (T, ...) with T >= {least} and no empty side. Received: {frames.shape}")
    if frames.dtype.kind == "f" and not np.isfinite(frames).all():
        raise ValueError("frames hold values that are not finite")
    return frames
