"""Resizing to a fixed size without new values."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured


@keras.saving.register_keras_serializable(package="mer_tf")
class NearestResize2D(Configured, keras.layers.Layer):
    """Repeats or leaves out rows and columns: output row ``i`` of ``size`` is input row ``floor(i * n / size)``.

    That is the rule of the published frameworks; TensorFlow's own takes the row nearest to the pixel's centre.

    Args:
        size: (height, width) of the output, int >= 1.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: tensor (batch, height, width, channels), height and width known.

    Source: the RCN family's code (Xia et al., IEEE TIP 2020, 29), variants _c and _f.
    """

    def __init__(self, size, **kwargs):
        size = tuple(int(side) for side in size)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"`size` must be two positive numbers. Received: {size!r}")
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs):
        for axis, side in zip((1, 2), self.size):
            given = int(inputs.shape[axis])
            inputs = tf.gather(inputs, [i * given // side for i in range(side)], axis=axis)
        return inputs

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.size, input_shape[3])
