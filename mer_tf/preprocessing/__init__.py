"""From frames to network inputs.

The first half (``ClipPreprocessor``) runs OpenCV and dlib; the second (``network_input``) is TensorFlow operations
only. Importing this package loads neither TensorFlow nor dlib.
"""

from __future__ import annotations

from mer_tf.preprocessing.augment import mirror_landmarks, mirror_motion
from mer_tf.preprocessing.clip import ClipPreprocessor, Preprocessed
from mer_tf.preprocessing.face import LANDMARK_NOTICE, find_landmark_model
from mer_tf.preprocessing.geometry import Geometry
from mer_tf.preprocessing.images import decode_image
from mer_tf.preprocessing.mirror import mirror_network_input
from mer_tf.preprocessing.select import Selection, middle_frame, needed_frames, select_frames

__all__ = [
    "LANDMARK_NOTICE",
    "ClipPreprocessor",
    "Geometry",
    "Preprocessed",
    "Selection",
    "decode_image",
    "find_landmark_model",
    "middle_frame",
    "mirror_landmarks",
    "mirror_motion",
    "mirror_network_input",
    "needed_frames",
    "network_input",
    "select_frames",
]


def __getattr__(name: str):
    if name == "network_input":  # on demand: it loads TensorFlow
        from mer_tf.preprocessing.normalise import network_input

        return network_input
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
