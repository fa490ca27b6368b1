"""Samples of a batch as frames of clips."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least


@keras.saving.register_keras_serializable(package="mer_tf")
class UnfoldTime(Configured, keras.layers.Layer):
    """(batch * frames, ...) -> (batch, frames, ...): the inverse of ``FoldTime``.

    Args:
        frames: int >= 1. Frames of each clip.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: tensor (batch * frames, ...), all sizes but the first known.
    """

    def __init__(self, frames, **kwargs):
        check_at_least(1, frames=frames)
        super().__init__(**kwargs)

    def call(self, inputs):
        return tf.reshape(inputs, (-1, self.frames, *inputs.shape[1:]))

    def compute_output_shape(self, input_shape):
        batch = None if input_shape[0] is None else input_shape[0] // self.frames
        return (batch, self.frames, *input_shape[1:])
