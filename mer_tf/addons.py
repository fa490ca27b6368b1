"""Replacements for the parts of TensorFlow Addons that the package needs.

TensorFlow Addons has reached its end of life and does not load with TensorFlow 2.16 and later, so nothing here imports
it. What is implemented here runs on Keras 2.15 and on Keras 3; the tests compare it with Addons where the extra
``addons`` is installed.
"""

from __future__ import annotations

import keras

__all__ = ["SGDW", "make_sgdw"]


@keras.saving.register_keras_serializable(package="mer_tf")
class SGDW(keras.optimizers.SGD):
    """SGD with decoupled weight decay, equal to ``tfa.optimizers.SGDW``: ``w <- w - decay * w`` before each step.

    The decay is not multiplied by the learning rate. The class of Addons derives from the legacy optimizers, whose
    state cannot be built before the first step; training one fold after another needs that.

    Args:
        decay: Share of each weight that is subtracted before a step, float >= 0.
        learning_rate: Learning rate, float. Defaults to 0.01.
        momentum: Momentum, float in [0, 1). Defaults to 0.9.
        name: Name of the optimizer.
        **kwargs: Arguments of ``keras.optimizers.SGD``.

    Source: Loshchilov and Hutter, ICLR 2019, algorithm 1.
    """

    def __init__(self, decay, learning_rate=0.01, momentum=0.9, name="SGDW", **kwargs):
        if not decay >= 0:
            raise ValueError(f"`decay` must not be negative. Received: {decay!r}")
        super().__init__(learning_rate=learning_rate, momentum=momentum, name=name, **kwargs)
        self.decoupled = decay

    def apply_gradients(self, grads_and_vars, *args, **kwargs):
        grads_and_vars = list(grads_and_vars)
        for gradient, variable in grads_and_vars:
            if gradient is not None:
                variable.assign(variable * (1.0 - self.decoupled))
        return super().apply_gradients(grads_and_vars, *args, **kwargs)

    def get_config(self):
        config = super().get_config()
        for key in ("weight_decay", "decay"):
            config.pop(key, None)
        return {**config, "decay": self.decoupled}


def make_sgdw(learning_rate: float, momentum: float, decay: float) -> keras.optimizers.Optimizer:
    """Returns an ``SGDW`` optimizer with these settings."""
    return SGDW(decay, learning_rate=learning_rate, momentum=momentum)
