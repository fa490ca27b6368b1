"""What TensorFlow Addons is the right tool for, in one place; nothing else imports it.

Addons is at the end of its life and does not load on TensorFlow 2.16 and later. What is here therefore has a
version of its own for both kinds of Keras, proven equal to Addons' where Addons can be installed.
"""

from __future__ import annotations

import keras

__all__ = ["SGDW", "make_sgdw"]


@keras.saving.register_keras_serializable(package="mer_tf")
class SGDW(keras.optimizers.SGD):
    """SGD with decoupled weight decay, ``w <- w - decay * w`` before each step, as ``tfa.optimizers.SGDW``.

    The decay is not multiplied by the learning rate. Addons' own class derives from the old optimizers, whose state
    cannot be built before the first step, as training fold after fold needs it.

    Args:
        decay: float >= 0.
        learning_rate: float. Defaults to 0.01.
        momentum: float in [0, 1). Defaults to 0.9.
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
    """``SGDW`` with those settings."""
    return SGDW(decay, learning_rate=learning_rate, momentum=momentum)
