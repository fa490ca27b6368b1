"""Convolution in groups of channels that also trains on processors."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class GroupedConv2D(Configured, keras.layers.Layer):
    """Each group of filters sees its own group of channels; valid padding, stride 1.

    The stock layer's ``groups`` has no gradient kernel on processors; here each group is a convolution of its own,
    with the stock layer's weights.

    Args:
        filters: int, a multiple of ``groups``.
        kernel_size: int. Side of the kernel.
        groups: int. Defaults to 2.
        kernel_initializer: As in ``keras.layers.Conv2D``. Defaults to ``"glorot_uniform"``.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels), channels a multiple of ``groups``.

    Returns:
        float tensor (batch, height - kernel_size + 1, width - kernel_size + 1, filters).

    Parameters: ``k * k * channels / groups * filters + filters``.

    Source: Krizhevsky et al., NIPS 2012, section 3.2.
    """

    def __init__(self, filters, kernel_size, groups=2, kernel_initializer="glorot_uniform", **kwargs):
        if groups < 1 or filters < 1 or filters % groups:
            raise ValueError(f"`filters` must be a multiple of `groups`. Received: {filters!r}, {groups!r}")
        check_at_least(1, kernel_size=kernel_size)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None or input_shape[-1] % self.groups:
            raise wrong_inputs(f"(batch, height, width, channels), channels a multiple of {self.groups}", input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1] // self.groups, self.filters),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        pairs = zip(tf.split(inputs, self.groups, axis=-1), tf.split(kernel, self.groups, axis=-1))
        out = tf.concat([tf.nn.conv2d(x, part, strides=1, padding="VALID") for x, part in pairs], axis=-1)
        return out + tf.cast(tf.convert_to_tensor(self.bias), inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(None if side is None else side - self.kernel_size + 1 for side in sides), self.filters)
