"""Linear interpolation of a clip to another number of frames."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class ResampleTime(Configured, keras.layers.Layer):
    """(batch, T, height, width, channels) -> (batch, frames, ...), evenly spaced from the first to the last frame.

    Args:
        frames: int >= 1. Number of frames given out; 1 gives the first.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, T, height, width, channels), T known.
    """

    def __init__(self, frames, **kwargs):
        check_at_least(1, frames=frames)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 5 or input_shape[1] is None:
            raise wrong_inputs("(batch, frames, height, width, channels), frames known", input_shape)
        place = np.linspace(0, input_shape[1] - 1, self.frames)
        # Row i weighs the two frames around place i.
        self.mix = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(input_shape[1])))
        super().build(input_shape)

    def call(self, inputs):
        return tf.einsum("btijc,ft->bfijc", inputs, tf.constant(self.mix, inputs.dtype))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.frames, *input_shape[2:])
