"""A folder of faces that were found before, so that each further recipe of the same clips need not look again.

The key of an entry is what decides the result: the picture's pixels, the detector's settings and the versions of its
models. So a folder may be shared by data sets, recipes and machines, and nothing in it becomes stale. An entry that
cannot be read is made anew; a folder that cannot be written to is an error, since the user named it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping

import numpy as np

from mer_tf import atomic
from mer_tf.preprocessing.detection import Detection, Finder
from mer_tf.preprocessing.face import POINTS
from mer_tf.recipes.schema import FaceConfig

VARIABLE = "MER_FACE_CACHE"
_SEARCHED = ("detector", "upsample", "max_upsample", "several_faces")  # what a finder reads of its settings


class CachedFinder:
    """A finder that keeps what another one found.

    Args:
        finder: Who looks where the folder does not know.
        config: Its ``FaceConfig``.
        versions: Of its library and models, ``detector_versions``.
        folder: Made where it is not there.
    """

    def __init__(self, finder: Finder, config: FaceConfig, versions: Mapping[str, str], folder: str | os.PathLike):
        self._finder = finder
        self._folder = os.fspath(folder)
        settings = {name: getattr(config, name) for name in _SEARCHED}
        self._start = json.dumps([settings, dict(versions)], sort_keys=True).encode()
        self.provenance, self.finds_again = finder.provenance, finder.finds_again

    def detect(self, gray: np.ndarray, clip: str = "", frame: int | None = None) -> Detection:
        """As the finder's own; a picture in which it finds no face is looked at again each time."""
        path = self._path(gray)
        known = _read(path, _detection)
        if known is None:
            known = self._finder.detect(gray, clip, frame)
            _write(path, dataclasses.asdict(known))
        return known

    def landmarks(self, gray: np.ndarray, detection: Detection, clip: str = "", frame: int | None = None) -> np.ndarray:
        """As the finder's own, ``(68, 2)``."""
        path = self._path(gray, repr(detection.box) + repr(_plain(detection.anchors)))
        known = _read(path, _points)
        if known is None:
            known = self._finder.landmarks(gray, detection, clip, frame)
            _write(path, known)
        return known

    def _path(self, gray: np.ndarray, more: str = "") -> str:
        digest = hashlib.sha256(self._start)
        digest.update(repr((gray.shape, str(gray.dtype), more)).encode())
        digest.update(np.ascontiguousarray(gray))
        name = digest.hexdigest()[:40]
        return os.path.join(self._folder, name[:2], f"{name[2:]}.json")


def _detection(facts: dict) -> Detection:
    anchors = facts.pop("anchors")
    box = tuple(int(side) for side in facts.pop("box"))
    if len(box) != 4:
        raise ValueError("a box has four sides")
    return Detection(box=box, anchors=None if anchors is None else np.array(anchors, np.float64), **facts)


def _points(rows: list) -> np.ndarray:
    points = np.array(rows, np.float64)
    if points.shape != (POINTS, 2) or not np.isfinite(points).all():
        raise ValueError(f"there are {POINTS} points")
    return points


def _read(path: str, parse):
    try:
        with open(path, encoding="utf-8") as file:
            return parse(json.load(file))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _write(path: str, value) -> None:
    atomic.write_text(path, json.dumps(value, default=_plain))


def _plain(value):
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
