"""Recurrent convolution: one convolution applied several times."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs
from mer_tf.layers.nested import build_nested, part_seed, seeded


@keras.saving.register_keras_serializable(package="mer_tf")
class RecurrentConv2D(Configured, keras.layers.Layer):
    """``y = R(x + y)`` some times over, where ``R`` is one 3x3 convolution, batch normalisation and ReLU.

    Weights are shared by all passes, those of the normalisation too: its moving statistics are updated once in each
    pass. Densely connected, a pass sees the sum of everything before it: ``z = R(x + y)``, ``e = R(x + y + z)``,
    ``o = R(x + y + z + e)``.

    Args:
        passes: int >= 1. Defaults to 2.
        dense: bool. Whether all earlier results are summed. Defaults to False.
        kernel_initializer: Random initializer. Defaults to ``"he_normal"``.
        seed: int or None. Seed of the initial weights. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: ``[x, y]``, two float tensors (batch, height, width, channels) of one shape; ``x`` is fed to every
            pass, ``y`` is the state before the first.
        training: bool, for the batch normalisation.

    Returns:
        The last state, of the same shape.

    Parameters: ``9*C*C + C + 2*C`` for C channels.

    Source: Xia et al., IEEE TIP 2020, 29, and its code.
    """

    def __init__(self, passes=2, dense=False, kernel_initializer="he_normal", seed=None, **kwargs):
        check_at_least(1, passes=passes)
        super().__init__(**kwargs)

    def build(self, input_shape):
        first, second = (tuple(shape) for shape in input_shape)
        if len(first) != 4 or first[1:] != second[1:]:
            raise wrong_inputs("two tensors (batch, height, width, channels) of one shape", input_shape)
        self.conv = build_nested(
            keras.layers.Conv2D(
                int(first[-1]),
                3,
                padding="same",
                kernel_initializer=seeded(self.kernel_initializer, part_seed(self.seed, 0)),
                dtype=self.dtype_policy,
                name="conv",
            ),
            first,
        )
        self.norm = build_nested(BatchNorm(dtype=self.dtype_policy, name="norm"), first)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x, y = inputs
        total = x + y
        for _ in range(self.passes):
            y = tf.nn.relu(self.norm(self.conv(total), training=training))
            total = (total if self.dense else x) + y
        return y

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
