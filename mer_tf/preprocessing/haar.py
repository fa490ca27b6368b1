"""Face detection with the cascades that come with OpenCV: no landmark model, and so none of its terms.

The cascades find the face and the eyes; the 68 points are those of the neutral template, carried over by the
similarity that puts its eye centres on them. They serve to level, to crop and to place regions; they do not follow
brows, mouth or jaw of the person.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
from typing import ClassVar

import cv2
import numpy as np

from mer_tf.errors import MissingFileError
from mer_tf.preprocessing.align import check_landmarks, similarity, transform_points
from mer_tf.preprocessing.crops import eye_centres
from mer_tf.preprocessing.detection import MAX_DETECTOR_PIXELS, Detection, check_gray, choose_face, no_face
from mer_tf.preprocessing.template import neutral_template
from mer_tf.recipes.schema import FaceConfig

FACE_CASCADE = "haarcascade_frontalface_alt2.xml"
EYE_CASCADE = "haarcascade_eye_tree_eyeglasses.xml"

_SMALLEST = 80  # px at upsampling 0, the window of dlib's detector, so that the ladder means the same
_WINDOW = 20  # px of the cascade's own window
_NEIGHBOURS = 3

# Places inside the face box (measured on drawn faces and one photograph), as parts of its sides.
_EYE_LEVEL = 0.40
_EYE_OFFSET = 0.20
_SEARCH_ROWS = (0.15, 0.60)
_SEARCH_COLUMNS = ((0.05, 0.52), (0.48, 0.95))
_EYE_SIZE = (0.12, 0.45)
_EYE_DISTANCE = (0.28, 0.58)
_MAX_TILT = 35.0


def cascade_files(folder: str | pathlib.Path | None = None) -> tuple[pathlib.Path, pathlib.Path]:
    """Files of the face and the eye cascade; None for the folder that comes with OpenCV."""
    folder = pathlib.Path(cv2.data.haarcascades if folder is None else folder)
    return folder / FACE_CASCADE, folder / EYE_CASCADE


class HaarFinder:
    """OpenCV's frontal-face and eye cascades, loaded once.

    Args:
        config: Detection settings. Step k of the upsampling ladder looks for faces from ``80 / 2**k`` px on.
        cascades: Folder of the cascade files; None for the one that comes with OpenCV.

    Raises:
        MissingFileError: The cascades are not there (OpenCV 5 comes without them).
    """

    provenance: ClassVar[dict[str, str]] = {"detector": "haar", "points": "template points"}
    finds_again = True

    def __init__(self, config: FaceConfig | None = None, cascades: str | pathlib.Path | None = None):
        self.config = config or FaceConfig(detector="haar")
        self._face, self._eye = map(_cascade, cascade_files(cascades))
        self._template = neutral_template()
        self._template_eyes = np.array(eye_centres(self._template))

    def detect(self, gray: np.ndarray, clip: str = "", frame: int | None = None) -> Detection:
        """The face of an image, its two eye centres in ``anchors``.

        Args:
            gray: ``(height, width)`` uint8.
            clip: Clip key for messages.
            frame: Frame number for messages.

        Returns:
            The chosen face. Boxes in which both eyes are found come before those with one; a box without an eye is
            no face. An eye that is not found stands where the box has it, and ``note`` says so.

        Raises:
            FaceNotFoundError: No box with an eye after every step of the ladder.
            SeveralFacesError: Policy ``"error"`` and eyes found in more than one box.
        """
        check_gray(gray)
        tried = []
        for upsample in range(self.config.upsample, self.config.max_upsample + 1):
            doublings = _doublings(upsample)
            if tried and gray.size * 4**doublings > MAX_DETECTOR_PIXELS:
                break
            tried.append(upsample)
            faces = [(box, score, *self._eyes(gray, box)) for box, score in self._faces(gray, upsample, doublings)]
            # Boxes are cheap to come by, eyes are not: what shows none is no face.
            most = max((eyes for *_, eyes in faces), default=0)
            if most:
                faces = [face for face in faces if face[3] == most]
                boxes = [(round(x), round(y), round(x + side) - 1, round(y + side) - 1) for (x, y, side), *_ in faces]
                scores = [score for _, score, *_ in faces]
                best = choose_face(gray.shape, boxes, scores, self.config.several_faces, -math.inf, clip, frame)
                note = "" if most == 2 else "one eye found; the other placed by the face box"
                return Detection(boxes[best], scores[best], upsample, len(boxes), faces[best][2], note)
        raise no_face(gray.shape, tried, clip, frame)

    def every(self, gray: np.ndarray, upsample: int) -> list[Detection]:
        """Every face of a ``(height, width)`` uint8 image in which both eyes are found, at one step of the ladder."""
        check_gray(gray)
        found = []
        for (x, y, side), score in self._faces(gray, upsample, _doublings(upsample)):
            eyes, count = self._eyes(gray, (x, y, side))
            if count == 2:
                box = (round(x), round(y), round(x + side) - 1, round(y + side) - 1)
                found.append(Detection(box, score, upsample, 0, eyes))
        return [dataclasses.replace(face, faces=len(found)) for face in found]

    def landmarks(self, gray: np.ndarray, detection: Detection, clip: str = "", frame: int | None = None) -> np.ndarray:
        """The template's 68 points, carried over so that its eye centres fall on the detection's.

        Returns:
            ``(68, 2)`` float64 as (x, y), possibly outside the image.

        Raises:
            LandmarkError: The face is too small.
            ValueError: The detection holds no eye centres.
        """
        check_gray(gray)
        if detection.anchors is None:
            raise ValueError("detection must come from HaarFinder.detect")
        matrix = similarity(self._template_eyes, detection.anchors)
        return check_landmarks(transform_points(self._template, matrix), clip, frame)

    def _faces(self, gray: np.ndarray, upsample: int, doublings: int) -> list[tuple[tuple, float]]:
        factor = 2**doublings
        if doublings:
            gray = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        smallest = round(_SMALLEST / 2**upsample * factor)
        if min(gray.shape) < _WINDOW:
            return []
        boxes, _, scores = self._face.detectMultiScale3(
            gray, 1.1, _NEIGHBOURS, 0, (smallest, smallest), outputRejectLevels=True
        )
        # Threads report in any order.
        return sorted(
            (((x / factor, y / factor, w / factor), float(score)) for (x, y, w, _), score in zip(boxes, scores)),
            key=lambda face: (-face[1], face[0]),
        )

    def _eyes(self, gray: np.ndarray, box: tuple[float, float, float]) -> tuple[np.ndarray, int]:
        """Eye centres at image-left and image-right, and how many of them were found."""
        x, y, side = box
        height, width = gray.shape
        middle = np.array([x + (side - 1) / 2, y + _EYE_LEVEL * (side - 1)])
        supposed = np.array([middle - (_EYE_OFFSET * side, 0.0), middle + (_EYE_OFFSET * side, 0.0)])
        top, bottom = (min(max(round(y + part * side), 0), height) for part in _SEARCH_ROWS)
        least, most = (max(1, round(part * side)) for part in _EYE_SIZE)
        found: list[np.ndarray | None] = []
        for columns in _SEARCH_COLUMNS:
            left, right = (min(max(round(x + part * side), 0), width) for part in columns)
            region = np.ascontiguousarray(gray[top:bottom, left:right])
            # The cascade's window is 20 px; smaller eyes are looked for in an enlarged picture.
            factor = max(1, math.ceil(_WINDOW / least))
            if region.size == 0 or factor > 8:
                found.append(None)
                continue
            if factor > 1:
                region = cv2.resize(region, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
            boxes, _, scores = self._eye.detectMultiScale3(
                region, 1.05, _NEIGHBOURS, 0, (least * factor,) * 2, (most * factor,) * 2, outputRejectLevels=True
            )
            if not len(boxes):
                found.append(None)
                continue
            _, (ex, ey, ew, eh) = max(
                zip(map(float, scores), (tuple(map(int, eye)) for eye in boxes)), key=lambda eye: (eye[0], eye[1])
            )
            # Half-pixel-centre sampling, as the enlargement does it.
            centre = np.array([ex + ew / 2, ey + eh / 2]) / factor - 0.5
            found.append(centre + (left, top))
        if found[0] is not None and found[1] is not None:
            dx, dy = found[1] - found[0]
            distance, tilt = math.hypot(dx, dy) / side, math.degrees(math.atan2(dy, dx))
            if _EYE_DISTANCE[0] <= distance <= _EYE_DISTANCE[1] and abs(tilt) <= _MAX_TILT:
                return np.array(found), 2
            return supposed, 0
        for index, eye in enumerate(found):
            if eye is not None:
                return supposed + (eye - supposed[index]), 1
        return supposed, 0


def _doublings(upsample: int) -> int:
    """How often the picture itself is doubled for a step of the ladder, so that the smallest face fills the window."""
    return max(0, math.ceil(math.log2(_WINDOW * 2**upsample / _SMALLEST)))


def _cascade(path: pathlib.Path) -> cv2.CascadeClassifier:
    if not path.is_file():
        raise MissingFileError(
            f"cascade {str(path)!r} does not exist; it comes with OpenCV 4, so install that "
            "(pip install 'opencv-contrib-python-headless<5') or choose face.detector 'dlib'"
        )
    try:
        cascade = cv2.CascadeClassifier(str(path))
    except (cv2.error, SystemError) as error:
        raise MissingFileError(
            f"cascade {str(path)!r} cannot be read ({' '.join(str(error).split())[:200]})"
        ) from error
    if cascade.empty():
        raise MissingFileError(f"cascade {str(path)!r} cannot be read; reinstall OpenCV")
    return cascade
