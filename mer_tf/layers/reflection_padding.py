"""Padding that mirrors the border."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least


@keras.saving.register_keras_serializable(package="mer_tf")
class ReflectionPadding(Configured, keras.layers.Layer):
    """Pads height and width by reflection about the outermost pixels, which are not repeated.

    Args:
        padding: int >= 0, pixels on each side; below both sides of the input.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels).
    """

    def __init__(self, padding=1, **kwargs):
        check_at_least(0, padding=padding)
        super().__init__(**kwargs)

    def call(self, inputs):
        p = self.padding
        return tf.pad(inputs, [[0, 0], [p, p], [p, p], [0, 0]], mode="REFLECT")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        add = 2 * self.padding
        return (batch, height and height + add, width and width + add, channels)
