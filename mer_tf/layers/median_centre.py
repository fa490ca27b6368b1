"""Maps around their own median, in their own spread."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured

_LEAST = 1e-3  # smallest spread that is divided by; a map of one value stays at zero


@keras.saving.register_keras_serializable(package="mer_tf")
class MedianCentre(Configured, keras.layers.Layer):
    """Takes its median off each channel of each clip and divides by the mean absolute value of what is left.

    Most of a face stands still in a micro-expression, so the median is what a pixel without motion of its own has:
    nothing in flow in pixels, the shift of the head where it moved, and some gray in pictures whose range was
    stretched, which do not say otherwise where zero is.

    Args:
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels). Of an even number of values the upper middle one counts.

    Source: none; a choice of this package.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        x = tf.convert_to_tensor(inputs)
        channels = x.shape[-1]
        flat = tf.reshape(x, (-1, x.shape[1] * x.shape[2], channels))
        middle = tf.sort(flat, axis=1)[:, flat.shape[1] // 2, :][:, None, None, :]
        rest = x - middle
        return rest / tf.maximum(tf.reduce_mean(tf.abs(rest), axis=(1, 2), keepdims=True), tf.cast(_LEAST, x.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape
