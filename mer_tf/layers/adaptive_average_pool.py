"""Average pooling to a fixed number of bins, whatever the size of the map."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class AdaptiveAveragePool2D(Configured, keras.layers.Layer):
    """Averages a map over ``size`` x ``size`` bins.

    Of ``n`` rows, bin ``i`` covers rows ``floor(i * n / size)`` up to and without ``ceil((i + 1) * n / size)``. Bins
    overlap when ``size`` does not divide ``n``, and repeat rows when it is larger.

    Args:
        size: int >= 1. Rows and columns of the output.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels), height and width known.

    Returns:
        Tensor (batch, size, size, channels) of the input's dtype; computed in float32.

    Source: the pooling of the RCN family's code (Xia et al., IEEE TIP 2020, 29).
    """

    def __init__(self, size, **kwargs):
        check_at_least(1, size=size)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:3]:
            raise wrong_inputs("(batch, height, width, channels) with known sides", input_shape)
        super().build(input_shape)

    def call(self, inputs):
        rows, columns = (_bins(int(side), self.size) for side in inputs.shape[1:3])
        x = tf.cast(inputs, tf.float32)
        return tf.cast(tf.einsum("ph,qw,bhwc->bpqc", rows, columns, x), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])


def _bins(side: int, size: int) -> np.ndarray:
    """(size, side) float32: row ``i`` averages the cells of bin ``i``."""
    bins = np.zeros((size, side), np.float32)
    for i in range(size):
        start, stop = i * side // size, -(-(i + 1) * side // size)
        bins[i, start:stop] = 1.0 / (stop - start)
    return bins
