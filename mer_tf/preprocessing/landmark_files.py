"""Landmarks that another program found, read from a file per clip."""

from __future__ import annotations

import hashlib
import math
import os
import pathlib
from typing import ClassVar

import numpy as np

from mer_tf.errors import BadInputError, LandmarkError, MissingFileError
from mer_tf.files import check_regular, oddity, read_rows
from mer_tf.preprocessing.align import check_landmarks
from mer_tf.preprocessing.detection import Detection, check_gray
from mer_tf.preprocessing.versions import file_digest
from mer_tf.recipes.schema import FaceConfig

POINTS = 68
_KINDS = (".npy", ".csv")
MAX_BYTES = 256 * 2**20  # of a CSV; OpenFace writes some 5 KB a frame


class FileFinder:
    """Points from ``<folder>/<dataset>/<subject>/<clip>.npy`` or ``.csv``, or from one file for every clip.

    A ``.npy`` file holds ``(68, 2)`` numbers, which serve every frame, or ``(frames, 68, 2)``, of which row k belongs
    to frame number k + 1. A ``.csv`` file has a header with ``frame`` (frame number), ``x_0`` to ``x_67`` and ``y_0``
    to ``y_67``, in pixels of the frame (OpenFace writes such files), and a line per frame; without the column
    ``frame`` it must have one line, which serves every frame.

    Args:
        config: Detection settings; nothing of them is used.
        source: The folder, or the one file.

    Raises:
        MissingFileError: ``source`` is not given or does not exist.
    """

    provenance: ClassVar[dict[str, str]] = {"detector": "file", "points": "file"}
    # The file's points lie on the frame as it is, not on a turned copy of it.
    finds_again = False

    def __init__(self, config: FaceConfig | None = None, source: str | os.PathLike | None = None):
        if source is None:
            raise MissingFileError(
                "face.detector 'file' needs the landmarks' folder; give it as the landmark model (--landmark-model)"
            )
        self.config = config or FaceConfig(detector="file")
        self.source = pathlib.Path(source)
        if not self.source.exists():
            raise MissingFileError(f"landmark folder or file {str(source)!r} does not exist")
        self._last: tuple[pathlib.Path, dict[int | None, np.ndarray]] | None = None

    def detect(self, gray: np.ndarray, clip: str = "", frame: int | None = None) -> Detection:
        """The bounding box of the frame's points, the points themselves in ``anchors``.

        Raises:
            LandmarkError: No file for the clip, no points for the frame, a file that cannot be used, or points that
                are no plausible face.
        """
        check_gray(gray)
        points = check_landmarks(self._points(clip, frame), clip, frame)
        low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
        return Detection((int(low[0]), int(low[1]), int(high[0]), int(high[1])), 1.0, 0, 1, points)

    def landmarks(self, gray: np.ndarray, detection: Detection, clip: str = "", frame: int | None = None) -> np.ndarray:
        """The 68 points of the file.

        Raises:
            LandmarkError: They are no plausible face.
        """
        check_gray(gray)
        if detection.anchors is None:
            raise ValueError("detection must come from FileFinder.detect")
        return check_landmarks(detection.anchors, clip, frame)

    def _points(self, clip: str, frame: int | None) -> np.ndarray:
        path = self._path(clip, frame)
        if self._last is None or self._last[0] != path:
            self._last = (path, _read(path, clip, frame))
        sets = self._last[1]
        if None in sets:
            return sets[None]
        if frame is None and len(sets) == 1:
            return next(iter(sets.values()))
        if frame not in sets:
            raise LandmarkError(
                f"landmark file {str(path)!r} has no points for this frame (it has frames {min(sets)} to {max(sets)})",
                clip,
                frame,
            )
        return sets[frame]

    def _path(self, clip: str, frame: int | None) -> pathlib.Path:
        if self.source.is_file():
            return self.source
        parts = pathlib.PurePosixPath(clip).parts
        if not parts or ".." in parts or "/" in parts:
            raise LandmarkError(f"clip key {clip!r} names no file in landmark folder {str(self.source)!r}", clip, frame)
        stem = self.source.joinpath(*parts)
        for kind in _KINDS:
            path = stem.with_name(stem.name + kind)
            if path.is_file():
                return path
        raise LandmarkError(f"no landmark file {str(stem)!r} with the ending .npy or .csv", clip, frame)


def files_digest(source: str | os.PathLike) -> str:
    """Digest over names and content of all landmark files of a folder, or of the one file; ``""`` if there is none."""
    source = pathlib.Path(source)
    digest = hashlib.sha256()
    files = [source] if source.is_file() else sorted(source.rglob("*"))
    files = [path for path in files if path.suffix in _KINDS and not oddity(path)]
    for path in files:
        digest.update(f"{path.relative_to(source).as_posix()}\n{file_digest(path)}\n".encode())
    return digest.hexdigest()[:16] if files else ""


def _read(path: pathlib.Path, clip: str, frame: int | None) -> dict[int | None, np.ndarray]:
    """Frame number (None: every frame) to ``(68, 2)`` float64."""
    try:
        sets = _read_npy(path) if path.suffix == ".npy" else _read_csv(path)
    except (ValueError, OSError, EOFError, MemoryError, OverflowError, BadInputError) as error:
        what = " ".join(str(error).split())[:200]
        raise LandmarkError(f"landmark file {str(path)!r} cannot be used: {what}", clip, frame) from error
    return sets


def _read_npy(path: pathlib.Path) -> dict[int | None, np.ndarray]:
    check_regular(path, limit=MAX_BYTES)
    with open(path, "rb") as file:
        points = np.lib.format.read_array(file, allow_pickle=False)
    if points.dtype.kind not in "fiu":
        raise ValueError(f"it must hold numbers. Received: {points.dtype}")
    if points.ndim not in (2, 3) or points.shape[-2:] != (POINTS, 2) or not len(points):
        raise ValueError(f"the shape must be (68, 2) or (frames, 68, 2). Received: {points.shape}")
    points = points.astype(np.float64)
    if points.ndim == 2:
        return {None: points}
    return {index + 1: each for index, each in enumerate(points)}


def _read_csv(path: pathlib.Path) -> dict[int | None, np.ndarray]:
    rows = [(line, row) for line, row in read_rows(path, limit=MAX_BYTES) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise ValueError("it must have a header and at least one line")
    names = [cell.strip() for cell in rows[0][1]]
    wanted = [f"{axis}_{index}" for index in range(POINTS) for axis in "xy"]
    absent = [name for name in wanted if name not in names]
    if absent:
        raise ValueError(f"{len(absent)} of the columns x_0 to y_67 are absent, first {absent[0]!r}")
    places = [names.index(name) for name in wanted]
    numbered = names.index("frame") if "frame" in names else None
    if numbered is None and len(rows) > 2:
        raise ValueError("it has several lines but no column 'frame'")
    sets: dict[int | None, np.ndarray] = {}
    for line, row in rows[1:]:
        if len(row) != len(names):
            raise ValueError(f"line {line} has {len(row)} cells, the header {len(names)}")
        points = np.array([float(row[place]) for place in places]).reshape(POINTS, 2)
        number = None
        if numbered is not None:
            value = float(row[numbered])
            if not math.isfinite(value) or value != int(value):
                raise ValueError(f"line {line} has the frame number {row[numbered]!r}")
            number = int(value)
        if number in sets:
            raise ValueError(f"frame {number} occurs twice (line {line})")
        sets[number] = points
    return sets
