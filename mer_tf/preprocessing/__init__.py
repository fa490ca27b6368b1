"""From frames to network inputs.

The first half (``ClipPreprocessor``) runs OpenCV and dlib; the second (``network_input``) is TensorFlow operations
only. Importing this package loads none of them: each name brings its module when it is first asked for.
"""

from __future__ import annotations

import importlib

_WHERE = {
    "LANDMARK_NOTICE": "face",
    "ClipPreprocessor": "clip",
    "Geometry": "geometry",
    "Preprocessed": "clip",
    "Selection": "select",
    "decode_image": "images",
    "find_landmark_model": "face",
    "middle_frame": "select",
    "mirror_network_input": "mirror",
    "needed_frames": "select",
    "network_input": "normalise",
    "picture_input": "normalise",
    "select_frames": "select",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
