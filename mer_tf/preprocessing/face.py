"""Face detection and 68 landmarks with dlib (optional extra ``face``).

The 68-point model is not part of this package. It is trained on iBUG 300-W, whose terms exclude commercial use.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import os
import pathlib

import numpy as np

from mer_tf.errors import FaceNotFoundError, MissingFileError, MissingPackageError, SeveralFacesError
from mer_tf.preprocessing.align import check_landmarks
from mer_tf.recipes import FaceConfig

LANDMARK_VARIABLE = "MER_LANDMARK_MODEL"
LANDMARK_FILE = "shape_predictor_68_face_landmarks.dat"
LANDMARK_BYTES = 99_693_937
LANDMARK_NOTICE = (
    "the 68-point landmark model was trained on iBUG 300-W, whose terms exclude commercial use; "
    "commercial users must ask the owners of that data"
)

SECOND_FACE_SCORE = 0.5
MAX_DETECTOR_PIXELS = 80_000_000  # an image doubled beyond this is not scanned: memory
_TIE = 1e-3

logger = logging.getLogger(__name__)
_noticed = False


@dataclasses.dataclass(frozen=True)
class Detection:
    """One face found.

    Attributes:
        box: Left, top, right, bottom in pixels, both ends inclusive; may reach outside the image.
        score: Detector score; 0 is the detector's own threshold.
        upsample: Image doublings it took.
        faces: How many boxes the detector returned.
    """

    box: tuple[int, int, int, int]
    score: float
    upsample: int
    faces: int


def find_landmark_model(path: str | os.PathLike | None = None) -> str:
    """Path of the 68-point model file.

    Args:
        path: A path that takes precedence.

    Returns:
        ``path``, else the file named by the environment variable ``MER_LANDMARK_MODEL``, else the file inside the
        installed package ``face_recognition_models`` (found without importing it, because its import needs
        ``pkg_resources``).

    Raises:
        MissingFileError: None of them exists, or the packaged file has another size than it should.
    """
    for source, value in (("argument", path), (LANDMARK_VARIABLE, os.environ.get(LANDMARK_VARIABLE))):
        if value:
            if not os.path.isfile(value):
                raise MissingFileError(
                    f"landmark model {os.fspath(value)!r} (from the {source}) does not exist; give the path of "
                    f"{LANDMARK_FILE} or install it with: pip install 'mer-tf[face]'"
                )
            return os.fspath(value)
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = pathlib.Path(folder, "models", LANDMARK_FILE)
        if file.is_file():
            size = file.stat().st_size
            if size != LANDMARK_BYTES:
                raise MissingFileError(
                    f"landmark model {str(file)!r} has {size} bytes instead of {LANDMARK_BYTES}; "
                    "reinstall it with: pip install --force-reinstall face_recognition_models"
                )
            return str(file)
    raise MissingFileError(
        f"landmark model {LANDMARK_FILE} not found; install it with: pip install 'mer-tf[face]', "
        f"or name the file in {LANDMARK_VARIABLE}"
    )


class FaceFinder:
    """dlib's HOG detector and shape predictor, loaded once.

    Args:
        config: Detection settings.
        landmark_model: Path of the 68-point model, or None to look for it.

    Raises:
        MissingPackageError: dlib is not installed.
        MissingFileError: No landmark model, or a file dlib cannot read.
    """

    def __init__(self, config: FaceConfig | None = None, landmark_model: str | os.PathLike | None = None):
        global _noticed
        try:
            import dlib
        except ImportError as error:
            raise MissingPackageError("dlib", "face") from error
        self.config = config or FaceConfig()
        path = find_landmark_model(landmark_model)
        self._dlib = dlib
        self._detector = dlib.get_frontal_face_detector()
        try:
            self._predictor = dlib.shape_predictor(path)
        except RuntimeError as error:
            raise MissingFileError(
                f"landmark model {path!r} is not a dlib shape predictor ({' '.join(str(error).split())})"
            ) from error
        if not _noticed:
            _noticed = True
            logger.warning("note: %s", LANDMARK_NOTICE)

    def detect(self, gray: np.ndarray, clip: str = "", frame: int | None = None) -> Detection:
        """The face of an image.

        Args:
            gray: ``(height, width)`` uint8.
            clip: Clip key for messages.
            frame: Frame number for messages.

        Returns:
            The chosen face. Under ``"best"`` and ``"error"`` the highest score wins, then the larger area, then
            the centre nearest the image's; under ``"largest"`` the area comes first.

        Raises:
            FaceNotFoundError: No box after every step of the upsampling ladder.
            SeveralFacesError: Policy ``"error"`` and more than one box with a score of at least 0.5.
        """
        _check_gray(gray)
        gray = np.ascontiguousarray(gray)
        tried = []
        for upsample in range(self.config.upsample, self.config.max_upsample + 1):
            if tried and gray.size * 4**upsample > MAX_DETECTOR_PIXELS:
                break
            tried.append(upsample)
            boxes, scores, _ = self._detector.run(gray, upsample, 0.0)
            if len(boxes):
                return self._choose(gray.shape, list(boxes), list(scores), upsample, clip, frame)
        height, width = gray.shape
        raise FaceNotFoundError(
            f"no face found in the {width}x{height} image (upsampling {', '.join(map(str, tried))} tried); "
            "the face must be frontal, upright and at least some 20 px wide",
            clip,
            frame,
        )

    def landmarks(self, gray: np.ndarray, detection: Detection, clip: str = "", frame: int | None = None) -> np.ndarray:
        """The 68 points of a detected face.

        Returns:
            ``(68, 2)`` float64 as (x, y); whole numbers, possibly outside the image.

        Raises:
            LandmarkError: The points are no plausible face.
            MissingFileError: The model yields another number of points.
        """
        _check_gray(gray)
        shape = self._predictor(np.ascontiguousarray(gray), self._dlib.rectangle(*detection.box))
        if shape.num_parts != 68:
            raise MissingFileError(f"the landmark model yields {shape.num_parts} points, 68 are needed")
        points = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)
        return check_landmarks(points, clip, frame)

    def _choose(self, size, boxes, scores, upsample: int, clip: str, frame: int | None) -> Detection:
        strong = [score for score in scores if score >= SECOND_FACE_SCORE]
        if self.config.several_faces == "error" and len(strong) > 1:
            raise SeveralFacesError(
                f"{len(strong)} faces found (scores {', '.join(f'{score:.2f}' for score in strong)}), expected one; "
                "crop the frames to one person or set face.several_faces to 'best'",
                clip,
                frame,
            )
        height, width = size

        def off_centre(box) -> float:
            centre = box.dcenter()
            return (centre.x - (width - 1) / 2) ** 2 + (centre.y - (height - 1) / 2) ** 2

        order = range(len(boxes))
        if self.config.several_faces == "largest":
            best = min(order, key=lambda i: (-boxes[i].area(), -scores[i], off_centre(boxes[i])))
        else:
            tied = [i for i in order if scores[i] > max(scores) - _TIE]
            best = min(tied, key=lambda i: (-boxes[i].area(), off_centre(boxes[i])))
        box = boxes[best]
        return Detection((box.left(), box.top(), box.right(), box.bottom()), float(scores[best]), upsample, len(boxes))


def _check_gray(gray) -> None:
    if not isinstance(gray, np.ndarray) or gray.ndim != 2 or gray.dtype != np.uint8 or not gray.size:
        came = f"{gray.shape} {gray.dtype}" if isinstance(gray, np.ndarray) else type(gray).__name__
        raise ValueError(f"gray must be a (height, width) uint8 array. Received: {came}")
