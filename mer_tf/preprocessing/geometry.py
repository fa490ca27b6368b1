"""Where the face of a clip is: one geometry for all of its frames.

Landmarks are found on the first frame alone (but for ``"clip_box"``, which takes a median over frames): detection
jitter is of the size of a micro-expression and would be taken for motion.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from mer_tf.errors import look_up
from mer_tf.preprocessing import align, crops, hars
from mer_tf.preprocessing.images import resize, to_uint8
from mer_tf.preprocessing.lwm import LocalWeightedMean, remap
from mer_tf.preprocessing.template import neutral_template
from mer_tf.recipes import Recipe


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where the face is, the same for every frame of the clip.

    Attributes:
        angle: Angle of the eye line on the first frame in degrees, positive where the image-right eye is lower.
        matrix: ``(2, 3)`` float64, from the frame to the aligned frame (identity where nothing is turned).
        landmarks: ``(68, 2)`` float64 as (x, y), on the aligned frame.
        face: Crop box of the face, on the aligned frame.
        regions: Boxes of the HARS regions, on the aligned frame; empty without a puzzle.
        maps: Sampling maps (x, y) of the local weighted mean warp, or None.
    """

    angle: float
    matrix: np.ndarray
    landmarks: np.ndarray
    face: align.Box
    regions: dict[str, align.Box]
    maps: tuple[np.ndarray, np.ndarray] | None = None

    def align(self, frame: np.ndarray) -> np.ndarray:
        """The frame, (height, width[, 3]) float32 or uint8, turned or warped; bilinear, border repeated."""
        if self.maps is not None:
            return remap(frame, self.maps)
        if np.array_equal(self.matrix, np.eye(2, 3)):
            return frame
        return align.warp(frame, self.matrix)

    def crop(self, aligned: np.ndarray, size: int | None = None) -> np.ndarray:
        """The face of an aligned frame; ``size`` gives the side of the square it is resized to."""
        cut = self.face.cut(aligned)
        return cut if size is None else resize(cut, size, size)

    def points(self, size: int) -> np.ndarray:
        """Landmarks in pixels of the crop at that size, ``(68, 2)`` float64."""
        scale = np.array([size / self.face.width, size / self.face.height])
        return (self.landmarks - [self.face.x0, self.face.y0] + 0.5) * scale - 0.5


def find_geometry(
    gray: np.ndarray,
    recipe: Recipe,
    finder,
    *,
    clip: str = "",
    frame: int | None = None,
    landmarks: np.ndarray | None = None,
) -> tuple[Geometry, dict]:
    """Geometry of a clip from its first frame.

    Args:
        gray: ``(height, width)`` float32 luma 0..255.
        recipe: Says how to align and crop.
        finder: From ``mer_tf.preprocessing.face.make_finder``; None where ``landmarks`` are given.
        clip: Clip key for messages.
        frame: Frame number for messages.
        landmarks: ``(68, 2)`` points to use instead of detection.

    Returns:
        The geometry, and what to record of how it was found.

    Raises:
        ClipError: No face, several, implausible landmarks, or a box outside the frame.
    """
    config = recipe.face
    if landmarks is None:
        eight_bit = to_uint8(gray)
        first = finder.detect(eight_bit, clip, frame)
        points = finder.landmarks(eight_bit, first, clip, frame)
        facts = detection_facts(finder, first)
    else:
        points = align.check_landmarks(landmarks, clip, frame)
        facts = {"detector": "given", "warnings": []}
    facts |= {"image_size": list(gray.shape), "angle_degrees": align.eye_angle(points)}
    align_face = look_up("alignment", config.align, ALIGNMENTS)
    again = finder if landmarks is None and finder.finds_again else None
    return align_face(gray, points, recipe, again, facts, clip, frame), facts


def detection_facts(finder, detection) -> dict:
    """What to record of a detection."""
    facts = {"upsample": detection.upsample, "score": detection.score, "faces": detection.faces}
    return {**finder.provenance, **facts, "warnings": [detection.note] if detection.note else []}


def clip_box_geometry(points: list[np.ndarray], shape: tuple[int, int], clip: str = "") -> Geometry:
    """Geometry of CBAMNet 2020: the median over the frames' boxes, nothing turned.

    Args:
        points: ``(68, 2)`` landmarks of each frame.
        shape: Height and width of the frames.
        clip: Clip key for messages.
    """
    box = crops.clip_boxes(np.stack(points), *shape, clip=clip)[0]
    landmarks = np.median(np.stack(points), axis=0)
    return Geometry(align.eye_angle(points[0]), np.eye(2, 3), landmarks, box, {})


def _level(gray, points, recipe, finder, facts, clip, frame) -> Geometry:
    levelled = _levelled(gray, points, finder, facts, clip, frame)
    landmarks, (height, width) = levelled.landmarks, gray.shape
    regions = {}
    if recipe.puzzle_size:
        regions = hars.hars_boxes(landmarks, height, width, parts=recipe.puzzle_parts, clip=clip, frame=frame)
    box = _box(landmarks, height, width, recipe.face.crop, clip, frame)
    return Geometry(facts["angle_degrees"], levelled.matrix, landmarks, box, regions)


def _levelled(gray, points, finder, facts, clip, frame) -> align.Levelled:
    def find(level: np.ndarray) -> np.ndarray:
        return finder.landmarks(level, finder.detect(level, clip, frame), clip, frame)

    levelled = align.level(gray, points, find if finder is not None else None)
    facts["warnings"] += levelled.warnings
    facts |= {"landmarks": "found again" if levelled.found_again else "turned", "landmark_shift": levelled.shift}
    return levelled


def _unturned(gray, points, recipe, finder, facts, clip, frame) -> Geometry:
    box = _box(points, *gray.shape, recipe.face.crop, clip, frame)
    return Geometry(facts["angle_degrees"], np.eye(2, 3), points, box, {})


def _lwm(gray, points, recipe, finder, facts, clip, frame) -> Geometry:
    # The warp goes straight to the crop, so that frames are sampled once and keep their detail.
    # Points of a tilted face are found better on the levelled frame; the warp starts from the frame itself.
    levelled = _levelled(gray, points, finder, facts, clip, frame)
    points = align.transform_points(levelled.landmarks, cv2.invertAffineTransform(levelled.matrix))
    size = recipe.crop_size
    template = neutral_template()
    x0, y0, width, height = window = crops.eye_distance_window(template, clip, frame)
    warped = LocalWeightedMean(points, template)
    facts["lwm"] = warped.record
    landmarks = (template - [x0, y0] + 0.5) * [size / width, size / height] - 0.5
    box = align.Box(0, size, 0, size)
    return Geometry(facts["angle_degrees"], np.eye(2, 3), landmarks, box, {}, warped.maps(size, size, window))


def _box(landmarks, height, width, crop, clip, frame) -> align.Box:
    return look_up("crop of one frame", crop, CROPS)(landmarks, height, width, clip=clip, frame=frame)


ALIGNMENTS = {"level": _level, "lwm": _lwm, "none": _unturned}
# "clip_box" needs the points of all frames: ``clip_box_geometry``.
CROPS = {"face": align.face_box, "eyes": crops.eye_distance_box, "square": crops.square_box}
