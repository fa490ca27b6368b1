"""Keras optimizers of a training configuration."""

from __future__ import annotations

import keras

from mer_tf.training.config import TrainConfig


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
        return keras.optimizers.AdamW(weight_decay=config.weight_decay, **settings)
    return keras.optimizers.Adam(**settings)
