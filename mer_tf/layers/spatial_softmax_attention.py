"""Attention by a softmax over the places of a map (Off-TANet's stand-in for micro-attention)."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class SpatialSoftmaxAttention(keras.layers.Layer):
    """``x + x * m``, where ``m`` is the softmax over all places of the logits' mean over the channels.

    Args:
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: list of two float tensors: maps (batch, height, width, C), logits (batch, height, width, any).

    Returns:
        Tensor of the maps' shape and dtype.

    Source: the published code of Zhang, Liu, Zhou, Off-TANet, PRICAI 2021.
    """

    def build(self, input_shape):
        if len(input_shape) != 2 or any(len(shape) != 4 for shape in input_shape):
            raise wrong_inputs("two tensors (batch, height, width, channels)", input_shape)
        if tuple(input_shape[0][1:3]) != tuple(input_shape[1][1:3]):
            raise ValueError(f"`inputs` must have one height and one width. Received: {input_shape}")
        super().build(input_shape)

    def call(self, inputs):
        x, logits = inputs
        mean = tf.reduce_mean(tf.cast(logits, tf.float32), axis=-1)
        mask = tf.nn.softmax(tf.reshape(mean, (-1, mean.shape[1] * mean.shape[2])))
        mask = tf.reshape(mask, (-1, *mean.shape[1:3], 1))
        return x + x * tf.cast(mask, x.dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
