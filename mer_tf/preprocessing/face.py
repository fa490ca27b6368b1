"""Face detection and 68 landmarks: finders by name, and dlib's (optional extra ``face``).

A finder has ``detect(gray, clip, frame) -> Detection`` and ``landmarks(gray, detection, clip, frame) -> (68, 2)``, a
``provenance`` dict that says where its points come from, and ``finds_again``: whether it may be asked about a turned
copy of a frame. It is made once per worker.

dlib's 68-point model is not part of this package. It is trained on iBUG 300-W, whose terms exclude commercial use.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pathlib
from typing import ClassVar

import numpy as np

from mer_tf.errors import MissingFileError, MissingPackageError, look_up
from mer_tf.preprocessing.align import check_landmarks
from mer_tf.preprocessing.detection import (
    MAX_DETECTOR_PIXELS,
    Detection,
    Finder,
    check_gray,
    choose_face,
    no_face,
)
from mer_tf.preprocessing.versions import file_digest
from mer_tf.recipes.schema import FaceConfig

LANDMARK_VARIABLE = "MER_LANDMARK_MODEL"
LANDMARK_FILE = "shape_predictor_68_face_landmarks.dat"
LANDMARK_BYTES = 99_693_937
LANDMARK_NOTICE = (
    "the 68-point landmark model was trained on iBUG 300-W, whose terms exclude commercial use; "
    "commercial users must ask the owners of that data"
)
SECOND_FACE_SCORE = 0.5

logger = logging.getLogger(__name__)
_noticed = False


def _dlib(config: FaceConfig, landmark_model) -> Finder:
    return FaceFinder(config, landmark_model)


def _haar(config: FaceConfig, landmark_model) -> Finder:
    from mer_tf.preprocessing.haar import HaarFinder

    return HaarFinder(config)


def _file(config: FaceConfig, landmark_model) -> Finder:
    from mer_tf.preprocessing.landmark_files import FileFinder

    return FileFinder(config, landmark_model)


DETECTORS = {"dlib": _dlib, "haar": _haar, "file": _file}


def make_finder(config: FaceConfig | None = None, landmark_model: str | os.PathLike | None = None) -> Finder:
    """The finder that ``config.detector`` names, with its models loaded.

    Args:
        config: Detection settings.
        landmark_model: For ``"dlib"`` the path of the 68-point model, or None to look for it; for ``"file"`` the
            folder (or the one file) that holds the landmarks; ``"haar"`` needs none.

    Returns:
        A ``Finder``. ``"dlib"`` finds 68 points; ``"haar"`` fits the neutral template to the eyes that cascades
        shipped with OpenCV find; ``"file"`` reads points that another program found.

    Raises:
        UnknownNameError: No such detector.
        MissingPackageError: dlib is not installed.
        MissingFileError: A model, cascade or landmark folder is not there.
    """
    config = config or FaceConfig()
    return look_up("detector", config.detector, DETECTORS)(config, landmark_model)


def detector_versions(config: FaceConfig, landmark_model: str | os.PathLike | None = None) -> dict[str, str]:
    """Versions that the points of ``config.detector`` depend on: of dlib and its model, of the cascades, or none.

    Raises:
        MissingPackageError: dlib is not installed.
        MissingFileError: The model or a cascade is not there.
    """
    if config.detector == "dlib":
        try:
            import dlib
        except ImportError as error:
            raise MissingPackageError("dlib", "face") from error
        return {"dlib": dlib.__version__, "landmark_model": file_digest(find_landmark_model(landmark_model))}
    if config.detector == "haar":
        from mer_tf.preprocessing.haar import cascade_files

        return {"cascades": file_digest(*cascade_files())}
    return {}


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

    provenance: ClassVar[dict[str, str]] = {"detector": "dlib", "points": "shape predictor"}
    finds_again = True

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
        check_gray(gray)
        gray = np.ascontiguousarray(gray)
        tried = []
        for upsample in range(self.config.upsample, self.config.max_upsample + 1):
            if tried and gray.size * 4**upsample > MAX_DETECTOR_PIXELS:
                break
            tried.append(upsample)
            boxes, scores, _ = self._detector.run(gray, upsample, 0.0)
            if len(boxes):
                found = [(box.left(), box.top(), box.right(), box.bottom()) for box in boxes]
                best = choose_face(
                    gray.shape, found, list(scores), self.config.several_faces, SECOND_FACE_SCORE, clip, frame
                )
                return Detection(found[best], float(scores[best]), upsample, len(found))
        raise no_face(gray.shape, tried, clip, frame)

    def landmarks(self, gray: np.ndarray, detection: Detection, clip: str = "", frame: int | None = None) -> np.ndarray:
        """The 68 points of a detected face.

        Returns:
            ``(68, 2)`` float64 as (x, y); whole numbers, possibly outside the image.

        Raises:
            LandmarkError: The points are no plausible face.
            MissingFileError: The model yields another number of points.
        """
        check_gray(gray)
        shape = self._predictor(np.ascontiguousarray(gray), self._dlib.rectangle(*detection.box))
        if shape.num_parts != 68:
            raise MissingFileError(f"the landmark model yields {shape.num_parts} points, 68 are needed")
        points = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)
        return check_landmarks(points, clip, frame)
