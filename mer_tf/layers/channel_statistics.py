"""Mean and maximum over the channels, as two maps."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mer_tf")
class ChannelStatistics(keras.layers.Layer):
    """(batch, height, width, channels) to (batch, height, width, 2): mean, then maximum, over the channels.

    Source: Woo et al., CBAM, ECCV 2018, section 3.2; in MMNet's order.
    """

    def call(self, inputs):
        mean = tf.reduce_mean(inputs, axis=-1, keepdims=True)
        return tf.concat([mean, tf.reduce_max(inputs, axis=-1, keepdims=True)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)
