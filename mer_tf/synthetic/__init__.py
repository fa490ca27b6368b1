"""Procedural faces with micro-expressions, written in the layout of a public set, with exact ground truth.

The pictures show nobody. They exercise every step from face detection to evaluation without licensed material; a
score on them says that the steps work together, nothing about people.
"""

from mer_tf.synthetic.damage import DAMAGE
from mer_tf.synthetic.face import Face, make_face, paint
from mer_tf.synthetic.layouts import LAYOUTS
from mer_tf.synthetic.motion import ClipPlan, Difficulty, Repertoire
from mer_tf.synthetic.render import SyntheticSubject, View
from mer_tf.synthetic.writer import ClipTruth, SynthSummary, read_truth, write_synthetic_dataset

__all__ = [
    "DAMAGE",
    "LAYOUTS",
    "ClipPlan",
    "ClipTruth",
    "Difficulty",
    "Face",
    "Repertoire",
    "SynthSummary",
    "SyntheticSubject",
    "View",
    "make_face",
    "paint",
    "read_truth",
    "write_synthetic_dataset",
]
