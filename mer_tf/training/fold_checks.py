"""What must hold of folds, labels and settings before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.protocols import check_no_leakage
from mer_tf.systems.registry import check_recipe
from mer_tf.training.config import TrainConfig
from mer_tf.training.data import MotionData
from mer_tf.types import Fold


def check_folds(data: MotionData, folds: Sequence[Fold], config: TrainConfig) -> None:
    """Checks every fold of a run; see ``check_fold``.

    Raises:
        LeakageError, EmptySplitError, ConfigError: There is no fold, two have one name, or a fold does not fit.
    """
    if not folds:
        raise EmptySplitError("there are no folds to train")
    if len({fold.name for fold in folds}) != len(folds):
        raise ConfigError("two folds have the same name; each fold needs its own")
    for fold in folds:
        check_fold(data, fold, config)


def check_fold(data: MotionData, fold: Fold, config: TrainConfig) -> None:
    """Checks that the data fits the model, nothing held out reaches training and every class can be learned.

    Raises:
        LeakageError: A subject or clip is on both sides.
        EmptySplitError: A side is empty, or a class has no training clip.
        ConfigError: The recipe does not fit the model, or a label is out of range.
    """
    check_recipe(config.model, data.recipe, config.model_options)
    if data.zero_centred:
        config.check_zero_centred(data.recipe)
    check_no_leakage(fold, data.subject_keys, data.keys)
    check_classes(data.labels[list(fold.train)], config, f"fold {fold.name}")
    outside = [row for row in fold.test if not 0 <= data.labels[row] < config.num_classes]
    if outside:
        raise ConfigError(
            f"{data.keys[outside[0]]} has label {data.labels[outside[0]]}, expected 0..{config.num_classes - 1}"
        )


def check_classes(labels: np.ndarray, config: TrainConfig, where: str) -> None:
    """Checks that the training labels are in range and hold every class; ``where`` opens the messages.

    Raises:
        EmptySplitError: A class has no training clip.
        ConfigError: A label is out of range.
    """
    if labels.min() < 0 or labels.max() >= config.num_classes:
        raise ConfigError(
            f"{where}: labels must lie in 0..{config.num_classes - 1}. Received: {sorted(set(labels.tolist()))}"
        )
    missing = sorted(set(range(config.num_classes)) - set(labels.tolist()))
    if missing:
        raise EmptySplitError(
            f"{where}: class {missing[0]} has no training clip, so it cannot be learned; add a dataset or subjects "
            "that show it, or use a label mapping that merges it with another class or leaves it out"
        )
