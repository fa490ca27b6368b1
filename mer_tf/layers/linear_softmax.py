"""Linear classifier whose weights are inputs."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mer_tf")
class LinearSoftmax(keras.layers.Layer):
    """``softmax(sum(maps * kernel) + bias)`` in float32; the weights come from ``ClassWeights``.

    Call arguments:
        inputs: ``[maps, kernel, bias]``: float tensors (batch, height, width, channels), (height, width, channels,
            classes) and (classes,).

    Returns:
        float32 probabilities (batch, classes).
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, inputs):
        maps, kernel, bias = (tf.cast(value, tf.float32) for value in inputs)
        return tf.nn.softmax(tf.tensordot(maps, kernel, axes=3) + bias)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[2][0])
