"""The losses and class weights that a training configuration can name (no TensorFlow until a loss is made).

To add a loss: one entry in ``LOSSES``, its settings in ``TrainConfig``, and its value by hand in
``tests/training/test_losses.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mer_tf.errors import EmptySplitError

if TYPE_CHECKING:
    import keras

    from mer_tf.training.config import TrainConfig

# Zhou et al., Entropy 2023, weighted cross-entropy: negative, positive, surprise.
PUBLISHED_WEIGHTS = (0.2857, 0.1329, 0.1695)

Weigh = Callable[["TrainConfig", np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class LossEntry:
    """One loss.

    Attributes:
        make: Makes the Keras loss of a configuration. It gives one value per clip by ``call(labels, probabilities)``.
        weigh: The loss's own class weights from the configuration and the clips per class; None leaves them to
            ``TrainConfig.class_weights``.
    """

    make: Callable[[TrainConfig], keras.losses.Loss]
    weigh: Weigh | None = None


def make_loss(config: TrainConfig, class_counts: np.ndarray) -> tuple[keras.losses.Loss, np.ndarray]:
    """The loss of a configuration and the weight of each class.

    Args:
        config: Settings of the run.
        class_counts: int (classes,), the training clips of each class. The loss does not depend on them.

    Returns:
        The Keras loss, and float64 (classes,) by which each clip's loss is multiplied; the sum over a batch is divided
        by the sum of its weights.

    Raises:
        EmptySplitError: The weights are taken from the counts and a class has no clip.
    """
    entry = LOSSES[config.loss]
    weigh = entry.weigh or CLASS_WEIGHTS[config.class_weights]
    return entry.make(config), weigh(config, np.asarray(class_counts))


def _focal(gamma: float) -> keras.losses.Loss:
    from mer_tf.training.focal_loss import FocalLoss

    return FocalLoss(gamma=gamma)


def _equal(config: TrainConfig, counts: np.ndarray) -> np.ndarray:
    return np.ones(len(counts))


def _published(config: TrainConfig, counts: np.ndarray) -> np.ndarray:
    return np.array(PUBLISHED_WEIGHTS)


def _inverse_frequency(config: TrainConfig, counts: np.ndarray) -> np.ndarray:
    if not counts.all():
        raise EmptySplitError(f"class {int(np.argmin(counts))} has no training clip to weigh")
    return counts.max() / counts


def _effective_number(config: TrainConfig, counts: np.ndarray) -> np.ndarray:
    # Cui et al., CVPR 2019, equation 3, scaled to a mean of 1; a class without clips has no weight to give.
    inverse = (1 - config.beta) / (1 - config.beta ** np.maximum(counts, 1))
    return inverse / inverse.mean()


CLASS_WEIGHTS: dict[str, Weigh] = {
    "none": _equal,
    "published": _published,
    "inverse_frequency": _inverse_frequency,
}
LOSSES: dict[str, LossEntry] = {
    "cross_entropy": LossEntry(lambda config: _focal(0.0)),
    "focal": LossEntry(lambda config: _focal(config.gamma)),
    "class_balanced_focal": LossEntry(lambda config: _focal(config.gamma), _effective_number),
}
