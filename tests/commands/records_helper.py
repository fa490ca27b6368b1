"""Prepared records for tests of verbs."""

from __future__ import annotations

import json

import numpy as np

from mer_tf.preprocessing.strain import motion
from mer_tf.recipes import MOTION
from mer_tf.types import Clip


def write_records(folder, recipe):
    """Two subjects with a clip of each class; the arrays are noise, of motion with its strain."""
    from mer_tf.records import to_example, write_motion_records

    rng = np.random.default_rng(0)
    records = []
    for subject in ("sub01", "sub02"):
        for label in range(3):
            clip = Clip("casme2", subject, f"EP0{label}", 1, 5, 9, 200.0, "", "", label, "megc2019", (), ())
            tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in recipe.inputs.items()}
            for name in (name for name, kind in recipe.kinds.items() if kind == MOTION):
                tensors[name] = motion(tensors[name][..., :2])
            records.append(to_example(clip, tensors, recipe))
    write_motion_records(folder / "motion-0.gz", records)
    (folder / "clips.json").write_text(json.dumps({"synthetic": False, "partial": False, "done": len(records)}))
    return folder
