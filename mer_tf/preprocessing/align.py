"""Levelling of the eye line, and the box of the face.

Coordinates: x to the right, y down, pixel centres at integers, 0-based. Landmarks are the 68 iBUG points
``(68, 2)`` as (x, y). Source: Dual-ATME 2023, alignment; numbers as in its figures.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from mer_tf.errors import ClipError, CropError, LandmarkError
from mer_tf.preprocessing.images import check_finite, to_uint8

MIN_CROP_SIDE = 16
MAX_CLIPPED = 0.20
MIN_INTEROCULAR = 10.0
MAX_RESIDUAL_ANGLE = 2.0  # degrees of the eye line after levelling; beyond, it is levelled again
MAX_LEVELLINGS = 4
MAX_REDETECTION_SHIFT = 0.05  # of the inter-ocular distance; larger is recorded as a warning


class Box(NamedTuple):
    """Half-open pixel box ``[y0, y1) x [x0, x1)``."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    def cut(self, image: np.ndarray) -> np.ndarray:
        """View of ``image`` (height, width, ...) inside the box."""
        return image[self.y0 : self.y1, self.x0 : self.x1]


def need68(landmarks: np.ndarray) -> np.ndarray:
    """The landmarks as float64, or ``ValueError`` where they are not ``(68, 2)``."""
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if landmarks.shape == (66, 2):
        raise ValueError(
            "landmarks must be (68, 2). Received: (66, 2), which lacks the inner mouth corners 60 and 64; "
            "they cannot be made up, so give the 68 points"
        )
    if landmarks.shape != (68, 2):
        raise ValueError(f"landmarks must be (68, 2). Received: {landmarks.shape}")
    return landmarks


def interocular(landmarks: np.ndarray) -> float:
    """Distance between the outer eye corners (36, 45), in pixels."""
    return float(np.linalg.norm(landmarks[45] - landmarks[36]))


def check_landmarks(landmarks: np.ndarray, clip: str = "", frame: int | None = None) -> np.ndarray:
    """Refuses landmarks that are no plausible upright face.

    Args:
        landmarks: ``(68, 2)`` as (x, y) in pixels.
        clip: Clip key for messages.
        frame: Frame number for messages.

    Returns:
        The landmarks as float64.

    Raises:
        ValueError: Not 68 points (66-point sets lack the inner mouth corners).
        LandmarkError: Not finite, eyes under 10 px apart or swapped, chin not below the brows.
    """
    landmarks = need68(landmarks)
    if not np.isfinite(landmarks).all():
        raise LandmarkError("a landmark is not finite", clip, frame)
    distance = interocular(landmarks)
    if distance < MIN_INTEROCULAR:
        raise LandmarkError(
            f"the outer eye corners are {distance:.1f} px apart, at least {MIN_INTEROCULAR:.0f} are needed; "
            "use frames with a larger face",
            clip,
            frame,
        )
    if not landmarks[36, 0] < landmarks[45, 0]:
        raise LandmarkError("the eyes are swapped left to right; is the frame upside down?", clip, frame)
    if not landmarks[8, 1] > max(landmarks[19, 1], landmarks[24, 1]):
        raise LandmarkError("the chin is not below the brows; is the frame turned?", clip, frame)
    return landmarks


def eye_angle(landmarks: np.ndarray) -> float:
    """Angle of the eye line in degrees; positive where the image-right eye is lower."""
    dx, dy = landmarks[45] - landmarks[36]
    return math.degrees(math.atan2(dy, dx))


def levelling_matrix(landmarks: np.ndarray) -> np.ndarray:
    """Rotation about the eyes' midpoint that makes the eye line horizontal.

    Returns:
        ``(2, 3)`` float64, mapping input to output points.

    Assumption: Dual-ATME 2023 names no centre; the midpoint of points 36 and 45 keeps the eyes where they are.
    """
    angle = math.radians(eye_angle(landmarks))
    centre = (landmarks[36] + landmarks[45]) / 2.0
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.column_stack([rotation, centre - rotation @ centre])


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Applies a ``(2, 3)`` affine matrix to ``(n, 2)`` points."""
    return points @ matrix[:, :2].T + matrix[:, 2]


@dataclasses.dataclass(frozen=True)
class Levelled:
    """Result of ``level``.

    Attributes:
        matrix: ``(2, 3)`` float64, from the frame to the levelled frame.
        landmarks: ``(68, 2)`` float64 on the levelled frame.
        found_again: Whether they were found on it, rather than turned with it.
        shift: Mean distance between the last points found and the turned ones, in inter-ocular distances; None
            where they were not found again.
        turns: How often the frame was levelled.
        warnings: What was unusual, one line each.
    """

    matrix: np.ndarray
    landmarks: np.ndarray
    found_again: bool
    shift: float | None
    turns: int
    warnings: tuple[str, ...] = ()


def level(gray: np.ndarray, points: np.ndarray, find: Callable[[np.ndarray], np.ndarray] | None) -> Levelled:
    """Levels the eye line of a frame and finds the points again.

    Landmarks of a face tilted by 40 degrees are often far off, and with them the angle; on the frame turned by that
    angle they are better. So while the eye line found again is over 2 degrees from level, the frame is turned once
    more, at most 4 times in all. The frame is always sampled once, by the product of the turns.

    Args:
        gray: ``(height, width)`` float32 0-255.
        points: ``(68, 2)`` landmarks on it.
        find: Takes the levelled frame as ``(height, width)`` uint8 and gives its ``(68, 2)`` landmarks, or raises a
            ``ClipError``; None where they cannot be found again and the turned ones are to be used.

    Returns:
        Matrix, landmarks and how they came about.

    Source: Dual-ATME 2023, alignment (rotation, then detection again). Assumption: the repetition, which leaves frames
        that one turn levels as they are.
    """
    matrix = np.eye(2, 3)
    landmarks, shift, warnings, turns = points, None, [], 0
    while True:
        turn = levelling_matrix(landmarks)
        matrix = np.column_stack([turn[:, :2] @ matrix[:, :2], turn[:, :2] @ matrix[:, 2] + turn[:, 2]])
        turned = transform_points(landmarks, turn)
        turns += 1
        if find is None:
            return Levelled(matrix, turned, False, None, turns)
        try:
            landmarks = find(to_uint8(warp(gray, matrix)))
        except ClipError as error:
            warnings.append(f"points not found again on the levelled onset ({error.message}); turned points used")
            return Levelled(matrix, turned, False, None, turns, tuple(warnings))
        shift = float(np.linalg.norm(landmarks - turned, axis=1).mean() / interocular(turned))
        residual = eye_angle(landmarks)
        if abs(residual) <= MAX_RESIDUAL_ANGLE:
            break
        if turns == MAX_LEVELLINGS:
            warnings.append(
                f"the eye line is still {residual:.1f} degrees off after {turns} turns (at most "
                f"{MAX_RESIDUAL_ANGLE:.0f} expected)"
            )
            break
    if shift > MAX_REDETECTION_SHIFT:
        warnings.append(
            f"points on the levelled onset differ by {shift:.3f} of the inter-ocular distance "
            f"from the turned ones (at most {MAX_REDETECTION_SHIFT} expected)"
        )
    return Levelled(matrix, landmarks, True, shift, turns, tuple(warnings))


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation, scale and shift (no mirroring) that brings ``source`` nearest to ``target`` in least squares.

    Args:
        source: ``(n, 2)`` points, n at least 2 and not all in one place.
        target: ``(n, 2)`` points.

    Returns:
        ``(2, 3)`` float64, mapping source to target points.

    Source: closed form in the plane; with points as complex numbers the fit is ``target = a source + b``.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2 or len(source) < 2:
        raise ValueError(f"source and target must both be (n, 2), n >= 2. Received: {source.shape}, {target.shape}")
    mean_source, mean_target = source.mean(0), target.mean(0)
    (x, y), (u, v) = (source - mean_source).T, (target - mean_target).T
    size = float((x * x + y * y).sum())
    if size == 0:
        raise ValueError("source must hold two different points")
    real, imaginary = float((x * u + y * v).sum()) / size, float((x * v - y * u).sum()) / size
    matrix = np.array([[real, -imaginary], [imaginary, real]])
    return np.column_stack([matrix, mean_target - matrix @ mean_source])


def affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``(2, 3)`` affine matrix that brings ``source`` nearest to ``target`` in least squares (``(n, 2)`` points)."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    middle = source.mean(0)
    terms = np.column_stack([source - middle, np.ones(len(source))])
    matrix = np.linalg.lstsq(terms, target, rcond=None)[0].T
    return np.column_stack([matrix[:, :2], matrix[:, 2] - matrix[:, :2] @ middle])


def warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Moves the pixels of ``image`` by ``matrix``: same size, bilinear, border repeated."""
    check_finite(image)
    return cv2.warpAffine(
        image, matrix, (image.shape[1], image.shape[0]), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def face_box(landmarks: np.ndarray, height: int, width: int, clip: str = "", frame: int | None = None) -> Box:
    """Crop box of the whole face.

    Left and right edges are jaw points 1 and 15, the bottom is the chin (8), the top lies one brow-eye distance
    above brow point 19.

    Args:
        landmarks: ``(68, 2)`` on the levelled frame.
        height: Frame height in pixels.
        width: Frame width in pixels.
        clip: Clip key for messages.
        frame: Frame number for messages.

    Returns:
        Box inside the frame: floor of the start, ceiling of the end, clipped.

    Raises:
        LandmarkError: The brows are not above the eyes.
        CropError: Clipping removes more than 20 % of the box, or a side is under 16 px.

    Source: Dual-ATME 2023, cropping. Assumption: the text shows a plus sign at the top edge but asks for room above
        the brows; with y down that is a minus.
    """
    distance = ((landmarks[38, 1] - landmarks[20, 1]) + (landmarks[43, 1] - landmarks[23, 1])) / 2.0
    if distance <= 0:
        raise LandmarkError(f"the brow-eye distance is {distance:.1f} px, expected a positive one", clip, frame)
    edges = (landmarks[19, 1] - distance, landmarks[8, 1], landmarks[1, 0], landmarks[15, 0])
    return clip_box(*edges, height, width, name="face", clip=clip, frame=frame)


def clip_box(
    y0: float,
    y1: float,
    x0: float,
    x1: float,
    height: int,
    width: int,
    *,
    name: str,
    min_side: int = MIN_CROP_SIDE,
    max_clipped: float = MAX_CLIPPED,
    clip: str = "",
    frame: int | None = None,
) -> Box:
    """Integer box inside a ``height`` x ``width`` image, or ``CropError`` naming the box."""
    if not all(math.isfinite(edge) for edge in (y0, y1, x0, x1)):
        raise LandmarkError(f"the {name} box has an edge that is not finite; check the landmarks", clip, frame)
    top, bottom, left, right = math.floor(y0), math.ceil(y1), math.floor(x0), math.ceil(x1)
    area = max(bottom - top, 0) * max(right - left, 0)
    box = Box(max(top, 0), min(bottom, height), max(left, 0), min(right, width))
    inside = max(box.height, 0) * max(box.width, 0)
    said = f"the {name} box rows {top}..{bottom} columns {left}..{right}"
    if area and inside < (1.0 - max_clipped) * area:
        raise CropError(
            f"{said} lies {100 * (1 - inside / area):.0f} % outside the {width}x{height} frame "
            f"(at most {100 * max_clipped:.0f} %); the face must be wholly in the picture",
            clip,
            frame,
        )
    if box.height < min_side or box.width < min_side:
        raise CropError(f"{said} leaves a side under {min_side} px; use frames with a larger face", clip, frame)
    return box
