"""Spatial feature transform: maps scaled and shifted, pixel by pixel, by conditions."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs
from mer_tf.layers.nested import build_nested, part_seed, seeded


@keras.saving.register_keras_serializable(package="mer_tf")
class SpatialFeatureTransform(Configured, keras.layers.Layer):
    """``x * (scale + 1) + shift``, with scale and shift from two 1x1 convolutions each on the conditions.

    Args:
        hidden: int >= 1. Maps between the two convolutions. Defaults to 32.
        slope: float >= 0. Of the leaky ReLU between them. Defaults to 0.1.
        kernel_initializer: Random initializer. Defaults to ``"glorot_uniform"``.
        seed: int or None. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: ``[x, conditions]``, float tensors (batch, height, width, channels) of one height and width.

    Returns:
        Tensor of x's shape.

    Parameters: with C channels, D conditions, h hidden: ``2 * ((D+1)*h + (h+1)*C)``.

    Source: Wang et al., CVPR 2018, section 3.2; as used by KFC-MER (Su et al., ICME 2021).
    """

    def __init__(self, hidden=32, slope=0.1, kernel_initializer="glorot_uniform", seed=None, **kwargs):
        check_at_least(1, hidden=hidden)
        check_at_least(0, slope=slope)
        super().__init__(**kwargs)

    def build(self, input_shape):
        x, conditions = (tuple(shape) for shape in input_shape)
        if len(x) != 4 or len(conditions) != 4 or x[1:3] != conditions[1:3]:
            raise wrong_inputs("maps and conditions (batch, height, width, channels) of one size", input_shape)
        for part, (name, filters, shape) in enumerate(
            (
                ("scale_hidden", self.hidden, conditions),
                ("scale", int(x[-1]), (*conditions[:-1], self.hidden)),
                ("shift_hidden", self.hidden, conditions),
                ("shift", int(x[-1]), (*conditions[:-1], self.hidden)),
            )
        ):
            conv = keras.layers.Conv2D(
                filters,
                1,
                kernel_initializer=seeded(self.kernel_initializer, part_seed(self.seed, part)),
                dtype=self.dtype_policy,
                name=name,
            )
            setattr(self, f"{name}_conv", build_nested(conv, shape))
        super().build(input_shape)

    def call(self, inputs):
        x, conditions = inputs
        scale = self.scale_conv(tf.nn.leaky_relu(self.scale_hidden_conv(conditions), self.slope))
        shift = self.shift_conv(tf.nn.leaky_relu(self.shift_hidden_conv(conditions), self.slope))
        return x * (scale + 1.0) + shift

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
