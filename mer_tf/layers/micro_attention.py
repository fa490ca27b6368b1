"""Micro-attention unit of a residual block (the Micro-Attention paper)."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class MicroAttentionUnit(Configured, keras.layers.Layer):
    """Weights the output of a residual block by one map made from all that the block computed.

    With shortcut ``s`` and convolutions ``a`` (after its activation) and ``b`` of width C: ``T = s + b``;
    ``m = sigmoid(mean over C of conv1x1(concat(s, a, b)))`` with 3C -> C channels and no bias; the output is
    ``T + T * m``.

    Args:
        sigmoid: bool. False takes the mean itself, as equation 1 has it. Defaults to True.
        seed: int or None. Seed of the initial weights. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: list of three float tensors (batch, height, width, C): shortcut, first, second.

    Returns:
        Tensor of one input's shape and dtype.

    Parameters: ``3 * C * C`` trained and ``C`` fixed: the mean over the channels is a 1x1 convolution with weights
    1 / C that is never trained.

    Source: Wang et al., Micro-Attention for Micro-Expression Recognition, section 3.2, equation 1, and its published
    network description.
    Assumption: 3C -> C channels and a sigmoid (the network description, which gives the published size); equation 1
    keeps 3C channels and has no sigmoid.
    """

    def __init__(self, sigmoid=True, seed=None, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        shapes = {tuple(shape) for shape in input_shape}
        if len(input_shape) != 3 or len(shapes) != 1 or len(input_shape[0]) != 4:
            raise wrong_inputs("three tensors (batch, height, width, channels) of one shape", input_shape)
        channels = int(input_shape[0][-1])
        self.kernel = self.add_weight(
            name="kernel",
            shape=(3 * channels, channels),
            initializer=keras.initializers.HeNormal(seed=self.seed),
            dtype="float32",
        )
        self.average = self.add_weight(
            name="average",
            shape=(channels, 1),
            initializer=keras.initializers.Constant(1.0 / channels),
            trainable=False,
            dtype="float32",
        )
        super().build(input_shape)

    def call(self, inputs):
        shortcut, first, second = inputs
        kernel, average = (tf.cast(weight, shortcut.dtype) for weight in (self.kernel, self.average))
        maps = tf.tensordot(tf.concat([shortcut, first, second], axis=-1), kernel, axes=1)
        mask = tf.tensordot(maps, average, axes=1)  # batch x height x width x 1
        if self.sigmoid:
            mask = tf.sigmoid(mask)
        total = shortcut + second
        return total + total * mask

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
