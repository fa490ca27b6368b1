"""Crop boxes of the papers beside Dual-ATME 2023's (``align.face_box``).

Each takes landmarks of a frame (or of all frames of a clip) and gives pixel boxes inside the frame. A clip has one box
for all of its frames, so that the crop adds no motion.
"""

from __future__ import annotations

import math

import numpy as np

from mer_tf.errors import CropError, LandmarkError
from mer_tf.preprocessing.align import Box, clip_box, need68

MIN_EYE_DISTANCE = 10.0
WIDENED = 0.10  # of the landmarks' box, per side
HEADROOM = 0.6  # of the brow-eye distance, above the brows


def eye_centres(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of points 36 to 41 and 42 to 47: the eyes at image-left and image-right, each ``(2,)``."""
    landmarks = need68(landmarks)
    return landmarks[36:42].mean(0), landmarks[42:48].mean(0)


def eye_distance_window(
    landmarks: np.ndarray, clip: str = "", frame: int | None = None
) -> tuple[float, float, float, float]:
    """Crop by the distance between the eye centres, not rounded and not clipped.

    With the left eye centre ``l`` and the distance ``d``: corner ``(l.x - 0.4 d, l.y - 0.6 d)``, width ``1.8 d``,
    height ``2.2 d``.

    Args:
        landmarks: ``(68, 2)`` on the aligned frame (or of the template, for the window of ``LocalWeightedMean.maps``).
        clip: Clip key for messages.
        frame: Frame number for messages.

    Returns:
        ``x0, y0, width, height`` in pixels.

    Raises:
        LandmarkError: The eye centres are under 10 px apart, or a landmark is not finite.

    Source: ASTNet 2024, face cropping. Assumption: the paper says only that left eye and eye distance give the crop;
        the factors are those in use for SMIC and CASME II.
    """
    left, right = eye_centres(landmarks)
    distance = float(np.linalg.norm(right - left))
    if not distance >= MIN_EYE_DISTANCE:
        raise LandmarkError(
            f"the eye centres are {distance:.1f} px apart, at least {MIN_EYE_DISTANCE:.0f} are needed; "
            "use frames with a larger face",
            clip,
            frame,
        )
    return float(left[0] - 0.4 * distance), float(left[1] - 0.6 * distance), 1.8 * distance, 2.2 * distance


def eye_distance_box(landmarks: np.ndarray, height: int, width: int, clip: str = "", frame: int | None = None) -> Box:
    """``eye_distance_window`` as whole pixels inside a ``height`` x ``width`` frame.

    Raises:
        LandmarkError: As ``eye_distance_window``.
        CropError: Clipping removes more than 20 % of the box, or a side is under 16 px.
    """
    x0, y0, wide, high = eye_distance_window(landmarks, clip, frame)
    return clip_box(y0, y0 + high, x0, x0 + wide, height, width, name="eye-distance", clip=clip, frame=frame)


def clip_boxes(
    landmarks: np.ndarray,
    height: int,
    width: int,
    *,
    clip: str = "",
    frames: tuple[int, ...] | None = None,
) -> list[Box]:
    """Box around the landmarks of a clip, one for all frames.

    Per frame: bounding box of the points, widened by 10 % to the left, the right and the bottom and by 0.6 of the
    brow-eye distance at the top. Over the clip: the median of each side.

    Args:
        landmarks: ``(frames, 68, 2)``, at least one frame.
        height: Frame height in pixels.
        width: Frame width in pixels.
        clip: Clip key for messages.
        frames: Frame numbers for messages.

    Returns:
        The same box for every frame: detection jitter is of the size of a micro-expression and would move the crop.

    Raises:
        LandmarkError: A landmark is not finite, or the brows are not above the eyes.
        CropError: Clipping removes more than 20 % of a box, or a side is under 16 px.

    Source: CBAMNet, face cropping. Assumption: the area is shown only in a figure; 10 %, 0.6 and the median (the
        paper's words are of each frame) are this package's.
    """
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if landmarks.ndim != 3 or landmarks.shape[1:] != (68, 2) or not len(landmarks):
        raise ValueError(f"landmarks must be (frames, 68, 2), frames >= 1. Received: {landmarks.shape}")

    def number(index: int) -> int | None:
        return frames[index] if frames is not None else None

    for index, points in enumerate(landmarks):
        if not np.isfinite(points).all():
            raise LandmarkError(f"a landmark of frame {index} of the clip is not finite", clip, number(index))
    low, high = landmarks.min(1), landmarks.max(1)
    brow_eye = (landmarks[:, 38, 1] - landmarks[:, 20, 1] + landmarks[:, 43, 1] - landmarks[:, 23, 1]) / 2.0
    if not (brow_eye > 0).all():
        index = int(np.argmin(brow_eye))
        raise LandmarkError(
            f"the brow-eye distance is {brow_eye[index]:.1f} px, expected a positive one", clip, number(index)
        )
    spread = high - low
    edges = np.column_stack(
        [
            low[:, 1] - HEADROOM * brow_eye,
            high[:, 1] + WIDENED * spread[:, 1],
            low[:, 0] - WIDENED * spread[:, 0],
            high[:, 0] + WIDENED * spread[:, 0],
        ]
    )
    box = clip_box(*np.median(edges, axis=0).tolist(), height, width, name="clip", clip=clip)
    return [box] * len(landmarks)


def square_box(landmarks: np.ndarray, height: int, width: int, clip: str = "", frame: int | None = None) -> Box:
    """Square box around the landmarks.

    The bounding box is widened by 10 % per side and made square about its centre, the longer side deciding. Where it
    would leave the frame it is slid inside, which keeps face and proportions.

    Args:
        landmarks: ``(68, 2)`` points.
        height: Frame height in pixels.
        width: Frame width in pixels.
        clip: Clip key for messages.
        frame: Frame number for messages.

    Returns:
        A square box inside the frame.

    Raises:
        LandmarkError: A landmark is not finite.
        CropError: More than 20 % of the box lies outside the frame, the frame is smaller than the square, or its
            side is under 16 px.

    Source: Micro-Attention, face region (an active appearance model there). Assumption: the paper prints no margins.
    """
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if landmarks.shape != (68, 2):
        raise ValueError(f"landmarks must be (68, 2). Received: {landmarks.shape}")
    if not np.isfinite(landmarks).all():
        raise LandmarkError("a landmark is not finite", clip, frame)
    low, high = landmarks.min(0), landmarks.max(0)
    side = math.ceil(float((high - low).max()) * (1 + 2 * WIDENED))
    x0, y0 = (math.floor(middle - side / 2 + 0.5) for middle in (low + high) / 2)
    clip_box(y0, y0 + side, x0, x0 + side, height, width, name="square", clip=clip, frame=frame)
    if side > min(height, width):
        raise CropError(
            f"the square box has a side of {side} px, more than the {width}x{height} frame; "
            "the face must be wholly in the picture",
            clip,
            frame,
        )
    x0, y0 = min(max(x0, 0), width - side), min(max(y0, 0), height - side)
    return Box(y0, y0 + side, x0, x0 + side)
