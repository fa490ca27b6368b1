"""Keras optimizers of a training configuration."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from mer_tf.training.config import TrainConfig


class _CorrectedEpsilon:
    """Adam's epsilon beside the CORRECTED root of the mean square, as the paper and PyTorch have it.

    The step is ``rate * m' / (sqrt(v') + epsilon)`` with ``m' = m / (1 - beta_1^t)`` and ``v' = v / (1 - beta_2^t)``.
    Keras corrects the rate instead and adds epsilon to ``sqrt(v)``, which in the first step makes it 32 times as large:
    weights with gradients of 1e-7 hardly move. ``sqrt(v') + epsilon`` is ``sqrt(v) + epsilon * sqrt(1 - beta_2^t)``
    over the same root, so it is enough to shrink epsilon by it.

    Source: Kingma and Ba, ICLR 2015, algorithm 1.
    """

    iterations: Any  # of the optimizer that this class is mixed into, as the next
    beta_2: float

    @property
    def epsilon(self):
        step = tf.cast(tf.convert_to_tensor(self.iterations) + 1, tf.float32)
        return self._epsilon * tf.sqrt(1.0 - tf.pow(float(self.beta_2), step))

    @epsilon.setter
    def epsilon(self, value):
        self._epsilon = float(value)

    def get_config(self):
        # The class of Keras would write the tensor of the present step.
        return {**super().get_config(), "epsilon": self._epsilon}  # type: ignore[misc]


@keras.saving.register_keras_serializable(package="mer_tf")
class Adam(_CorrectedEpsilon, keras.optimizers.Adam):
    """Adam with epsilon as its paper has it."""


@keras.saving.register_keras_serializable(package="mer_tf")
class AdamW(_CorrectedEpsilon, keras.optimizers.AdamW):
    """AdamW, which takes the weight decay times the rate off the weights, with epsilon as in Adam's paper."""


def make_optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    """The optimizer that ``config.optimizer`` names, at the first learning rate.

    L2 decay under ``"adam"`` and ``"sgd"`` is part of the gradient and so is the trainer's work.
    """
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(config.learning_rate, momentum=config.momentum)
    if config.optimizer == "sgdw":
        from mer_tf.addons import make_sgdw

        return make_sgdw(config.learning_rate, config.momentum, config.weight_decay)
    settings = {
        "learning_rate": config.learning_rate,
        "beta_1": config.beta_1,
        "beta_2": config.beta_2,
        "epsilon": 1e-8,  # of the framework the published codes use; Keras's own is 1e-7
    }
    if config.optimizer == "adamw":
        return AdamW(weight_decay=config.weight_decay, **settings)
    return Adam(**settings)
