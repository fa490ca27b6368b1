"""Training: configuration, data, one fold, all folds of a protocol, the final model.

``TrainConfig`` and ``fold_seed`` are available without TensorFlow; everything else loads it on first use.
"""

from __future__ import annotations

import importlib

from mer_tf.training.config import TrainConfig, fold_seed

_LAZY = {
    "FoldTrainer": "mer_tf.training.trainer",
    "MotionData": "mer_tf.training.data",
    "make_trainer": "mer_tf.training.factory",
    "from_flow_images": "mer_tf.training.outside",
    "read_motion_records": "mer_tf.training.data",
    "read_training_records": "mer_tf.training.data",
    "run_loso": "mer_tf.training.loso",
    "train_final": "mer_tf.training.loso",
    "train_fold": "mer_tf.training.fold",
    "training_description": "mer_tf.training.facts",
}

__all__ = ["TrainConfig", "fold_seed", *_LAZY]


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
