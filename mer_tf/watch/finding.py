"""Every face of a picture, and what its 68 points say: eyes, pose of the head, opening of lids and lips.

With OpenCV's cascades only the eyes are found, and the points are those of the neutral template: pose, lids and lips
are then not measured, and None.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import math

import cv2
import numpy as np

from mer_tf.errors import ClipError, MissingFileError, MissingPackageError
from mer_tf.preprocessing.crops import eye_centres
from mer_tf.preprocessing.detection import MAX_DETECTOR_PIXELS, Detection
from mer_tf.preprocessing.face import make_finder
from mer_tf.preprocessing.template import neutral_template
from mer_tf.recipes import FaceConfig

_AGAIN_SIDE = 100.0  # px of a face's box in which it is looked for again; dlib's window has 80
_AGAIN_ROOM = 0.6  # of the box, on each side
_MOST_ENLARGED = 5.0
_SAME_FACE = 0.3  # intersection over union of two boxes of one face

# Depth of the 68 points of a face in eye distances, towards the camera, from the outer eye corners. Assumption: round
# figures of adult heads; yaw and pitch come out within some 5 degrees, and are compared with bounds of 25 and 30.
_DEPTH = np.zeros(68)
_DEPTH[:17] = np.interp(np.abs(np.arange(17) - 8), range(9), (0.25, 0.15, -0.05, -0.3, -0.6, -0.9, -1.1, -1.2, -1.3))
_DEPTH[17:27] = (-0.05, 0.1, 0.18, 0.22, 0.24, 0.24, 0.22, 0.18, 0.1, -0.05)
_DEPTH[27:36] = (0.22, 0.36, 0.5, 0.62, 0.3, 0.36, 0.4, 0.36, 0.3)
_DEPTH[36:48] = (0.0, 0.09, 0.1, 0.06, 0.1, 0.09, 0.06, 0.1, 0.09, 0.0, 0.09, 0.1)
_DEPTH[48:68] = (
    *(0.1, 0.25, 0.34, 0.36, 0.34, 0.25, 0.1, 0.24, 0.31, 0.33, 0.31, 0.24),
    *(0.13, 0.28, 0.32, 0.28, 0.13, 0.27, 0.31, 0.27),
)
_POSED = np.arange(17, 68)  # the jaw's points slide along its outline when the head turns


def _model() -> np.ndarray:
    points = neutral_template()
    left, right = eye_centres(points)
    flat = (points - (left + right) / 2) / np.linalg.norm(right - left)
    return np.column_stack([flat, -_DEPTH])  # z away from the camera, as x to the right and y down want it


MODEL = _model()  # (68, 3), eye distances, from the middle of the eyes
_INVERSE = np.linalg.pinv(MODEL[_POSED] - MODEL[_POSED].mean(0))


@dataclasses.dataclass(frozen=True)
class Geometry:
    """One face in one picture.

    Attributes:
        box: Left, top, right, bottom, pixels.
        points: ``(68, 2)`` float64, pixels.
        measured: Whether the points are the person's; False where the template was laid on the eyes.
        yaw: Degrees, positive to the right of the picture; None where the points are not measured, as the next ones.
        pitch: Degrees, positive downwards.
        roll: Degrees, positive clockwise.
        lids: Opening of the eyes, height over width, mean of both.
        lips: Opening between the lips, eye distances.
    """

    box: tuple[float, float, float, float]
    points: np.ndarray
    measured: bool
    yaw: float | None
    pitch: float | None
    roll: float
    lids: float | None
    lips: float | None

    @property
    def eye_distance(self) -> float:
        """Between the eye centres, pixels."""
        left, right = eye_centres(self.points)
        return float(np.linalg.norm(right - left))


class Faces:
    """Finds the faces of pictures.

    Args:
        detector: ``"dlib"``, ``"haar"``, or ``"auto"`` for the first that is installed.
        landmark_model: Path of dlib's 68-point model; None to look for it.

    Raises:
        MissingPackageError, MissingFileError: The detector is not installed.
    """

    def __init__(self, detector: str = "auto", landmark_model=None):
        self.remark = ""
        if detector == "auto":
            try:
                self._finder, self.detector = make_finder(FaceConfig(detector="dlib"), landmark_model), "dlib"
            except (MissingPackageError, MissingFileError) as error:
                # One that is there and cannot be loaded (Ctrl-C meanwhile looks so too) is no reason for less.
                broken = isinstance(error, MissingPackageError) and importlib.util.find_spec("dlib") is not None
                if landmark_model is not None or broken:
                    raise
                self.remark = (
                    "faces are found by OpenCV's cascades, so that the head's pose, lids and lips are not measured "
                    f"({error})"
                )
                self._finder, self.detector = make_finder(FaceConfig(detector="haar")), "haar"
        else:
            self._finder, self.detector = make_finder(FaceConfig(detector=detector), landmark_model), detector
        self.measures = self.detector == "dlib"

    def scan(self, gray: np.ndarray, upsample: int) -> list[Geometry]:
        """Every face of a ``(height, width)`` uint8 picture, the largest first; boxes on one face count once."""
        while upsample and gray.size * 4**upsample > MAX_DETECTOR_PIXELS:
            upsample -= 1
        faces: list[Geometry] = []
        for found in self._finder.every(gray, upsample):
            face = self._geometry(gray, found)
            if face is not None and all(iou(face.box, other.box) < _SAME_FACE for other in faces):
                faces.append(face)
        return sorted(faces, key=lambda face: -face.eye_distance)

    def again(self, gray: np.ndarray, box: tuple[float, float, float, float]) -> Geometry | None:
        """The face in and around a box, found anew; None where there is none."""
        side = max(box[2] - box[0], 1.0)
        room = _AGAIN_ROOM * side
        height, width = gray.shape
        left, top = max(int(box[0] - room), 0), max(int(box[1] - room), 0)
        right, bottom = min(int(box[2] + room) + 1, width), min(int(box[3] + room) + 1, height)
        if right - left < 16 or bottom - top < 16:
            return None
        factor = min(_AGAIN_SIDE / side, _MOST_ENLARGED)
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        part = cv2.resize(gray[top:bottom, left:right], None, fx=factor, fy=factor, interpolation=how)
        best, most = None, _SAME_FACE
        for found in self._finder.every(part, 0):
            there = tuple(v / factor + shift for v, shift in zip(found.box, (left, top, left, top)))
            overlap = iou(there, box)
            if overlap > most:
                best, most = (there, found), overlap
        if best is None:
            return None
        there, found = best
        anchors = None if found.anchors is None else (found.anchors + 0.5) / factor - 0.5 + (left, top)
        whole = tuple(round(v) for v in there)
        return self._geometry(gray, dataclasses.replace(found, box=whole, anchors=anchors))

    def points(self, gray: np.ndarray, box: tuple[float, float, float, float]) -> Geometry | None:
        """The 68 points fitted in a box that is known, without looking for the face; None where they are implausible.

        For the detector ``"haar"`` always None.
        """
        if not self.measures:
            return None
        return self._geometry(gray, Detection(tuple(round(v) for v in box), 0.0, 0, 1))

    def _geometry(self, gray: np.ndarray, found: Detection) -> Geometry | None:
        try:
            points = self._finder.landmarks(gray, found)
        except ClipError:  # no plausible face
            return None
        box = tuple(float(v) for v in found.box)
        if not self.measures:
            left, right = eye_centres(points)
            roll = math.degrees(math.atan2(right[1] - left[1], right[0] - left[0]))
            return Geometry(box, points, False, None, None, roll, None, None)
        yaw, pitch, roll = head_pose(points)
        return Geometry(box, points, True, yaw, pitch, roll, lid_opening(points), lip_opening(points))


def head_pose(points: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of ``(68, 2)`` points: the scaled rotation of a mean head that fits them best.

    A distant camera is assumed, so that its focal length plays no part.

    Example:
        >>> from mer_tf.preprocessing.template import neutral_template
        >>> [abs(round(angle)) for angle in head_pose(neutral_template())]
        [0, 0, 0]
    """
    rows = (_INVERSE @ (points[_POSED] - points[_POSED].mean(0))).T  # two scaled rows of the rotation
    # The two unit vectors at a right angle that are nearest to both.
    first, second = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    half, across = first + second, first - second
    half, across = half / np.linalg.norm(half), across / np.linalg.norm(across)
    first, second = (half + across) / math.sqrt(2), (half - across) / math.sqrt(2)
    third = np.cross(first, second)
    # Where the head's own axis away from the camera points, seen from the camera.
    forward = -np.array([first[2], second[2], third[2]])
    yaw = math.degrees(math.atan2(forward[0], -forward[2]))
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, forward[1]))))
    roll = math.degrees(math.atan2(second[0], first[0]))
    return yaw, pitch, roll


def lid_opening(points: np.ndarray) -> float:
    """Height over width of the eyes, mean of both."""

    def one(first: int) -> float:
        eye = points[first : first + 6]
        high = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
        return float(high / max(2 * np.linalg.norm(eye[0] - eye[3]), 1e-6))

    return (one(36) + one(42)) / 2


def lip_opening(points: np.ndarray) -> float:
    """Distance between the inner lips, eye distances."""
    left, right = eye_centres(points)
    gaps = np.linalg.norm(points[[61, 62, 63]] - points[[67, 66, 65]], axis=1)
    return float(gaps.mean() / max(np.linalg.norm(right - left), 1e-6))


def iou(one, other) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    inside = width * height
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return float(inside / (areas - inside))
