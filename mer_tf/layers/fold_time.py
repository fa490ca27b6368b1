"""Frames of a clip as samples of a batch."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class FoldTime(keras.layers.Layer):
    """(batch, frames, ...) -> (batch * frames, ...), so that layers for single pictures see every frame.

    ``UnfoldTime`` is the way back. Batch normalisation in between takes its statistics over all frames of all clips.

    Args:
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: tensor (batch, frames, ...), all sizes but the batch known.
    """

    def build(self, input_shape):
        if len(input_shape) < 3 or any(size is None for size in input_shape[1:]):
            raise wrong_inputs("(batch, frames, ...) with sizes known but for the batch", input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return tf.reshape(inputs, (-1, *inputs.shape[2:]))

    def compute_output_shape(self, input_shape):
        batch = None if input_shape[0] is None else input_shape[0] * input_shape[1]
        return (batch, *input_shape[2:])
