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

from mer_tf.errors import MissingFileError, MissingPackageError, how_to_install, look_up
from mer_tf.files import check_regular
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
POINTS = 68
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
        BadInputError: What the argument or the variable names is no file that can be read.
    """
    for source, value in (("argument", path), (LANDMARK_VARIABLE, os.environ.get(LANDMARK_VARIABLE))):
        if value:
            value = os.fspath(value)
            packed = value + ".bz2"
            remedy = f"give the path of {LANDMARK_FILE}, or {how_to_install('face')}"
            if os.path.isfile(packed) and not os.path.exists(value):
                remedy = f"unpack the one that is there with: bunzip2 --keep {packed}"
            check_regular(value, f"landmark model (from the {source})", remedy)
            return value
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
        f"landmark model {LANDMARK_FILE} not found; {how_to_install('face')}, or name the file in {LANDMARK_VARIABLE}"
    )


# How files begin that are often taken for the model, and what to do about them.
_OTHER_FILES = (
    (b"BZh", "it is still compressed; unpack it with: bunzip2 --keep --stdout {path} > " + LANDMARK_FILE),
    (b"\x1f\x8b", "it is still compressed; unpack it with gunzip"),
    (b"PK\x03\x04", "it is a zip archive; unpack it with unzip"),
    (b"version https://git-lfs", "it is a Git LFS pointer in place of the file; fetch the file with: git lfs pull"),
    (b"\xff\xd8\xff", "it is a picture"),
    (b"\x89PNG", "it is a picture"),
    (b"<", "it is a web page; download the file itself"),
)


def _kind_of(path: str) -> str:
    """What a file is that dlib cannot read, and the way out, for a message; ``""`` where nobody knows."""
    with open(path, "rb") as file:
        head = file.read(64)
    if not head:
        return ": it is empty; copy it again"
    found = next((said for start, said in _OTHER_FILES if head.lstrip().startswith(start)), "")
    return f": {found.format(path=path)}" if found else ""


class FaceFinder:
    """dlib's HOG detector and shape predictor, loaded once.

    Args:
        config: Detection settings.
        landmark_model: Path of the 68-point model, or None to look for it.

    Raises:
        MissingPackageError: dlib is not installed.
        MissingFileError: No landmark model, a file dlib cannot read, or a model of another number of points.
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
            why = _kind_of(path) or f" ({' '.join(str(error).split())})"
            raise MissingFileError(f"landmark model {path!r} is not a dlib shape predictor{why}") from error
        parts = self._predictor(np.zeros((64, 64), np.uint8), dlib.rectangle(0, 0, 63, 63)).num_parts
        if parts != POINTS:
            raise MissingFileError(
                f"landmark model {path!r} yields {parts} points, {POINTS} are needed; give the path of {LANDMARK_FILE}"
            )
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

    def every(self, gray: np.ndarray, upsample: int) -> list[Detection]:
        """Every face of a ``(height, width)`` uint8 image, at one step of the ladder; the best first."""
        check_gray(gray)
        boxes, scores, _ = self._detector.run(np.ascontiguousarray(gray), upsample, 0.0)
        found = [(box.left(), box.top(), box.right(), box.bottom()) for box in boxes]
        return [Detection(box, float(score), upsample, len(found)) for box, score in zip(found, scores)]

    def landmarks(self, gray: np.ndarray, detection: Detection, clip: str = "", frame: int | None = None) -> np.ndarray:
        """The 68 points of a detected face.

        Returns:
            ``(68, 2)`` float64 as (x, y); whole numbers, possibly outside the image.

        Raises:
            LandmarkError: The points are no plausible face.
        """
        check_gray(gray)
        shape = self._predictor(np.ascontiguousarray(gray), self._dlib.rectangle(*detection.box))
        points = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)
        return check_landmarks(points, clip, frame)
