"""Max pooling with symmetric padding or with the last window counted in full (ceil mode)."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class PaddedMaxPool2D(Configured, keras.layers.Layer):
    """Max pooling as the frameworks of the published networks do it; the border never wins a maximum.

    The output has ``floor((n + 2 * padding - pool_size) / strides) + 1`` rows, with ``ceil`` in place of ``floor``
    in ceil mode: then the last window may reach over the right and lower border. ``"same"`` of the stock layer
    differs from both, in the number of outputs or in where the windows start.

    Args:
        pool_size: int >= 1. Side of the window.
        strides: int in 1..pool_size.
        padding: int in 0..pool_size // 2, on every side. Defaults to 0.
        ceil_mode: bool. Defaults to False.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels), height and width known.

    Source: Caffe's pooling layer (ceil mode) for Micro-Attention: 112 -> 56 with window 3, stride 2 and no padding.
    """

    def __init__(self, pool_size, strides, padding=0, ceil_mode=False, **kwargs):
        check_at_least(1, pool_size=pool_size)
        if not 1 <= strides <= pool_size:
            raise ValueError(f"`strides` must lie in 1..{pool_size}. Received: {strides!r}")
        if not 0 <= padding <= pool_size // 2:
            raise ValueError(f"`padding` must lie in 0..{pool_size // 2}. Received: {padding!r}")
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:3]:
            raise wrong_inputs("(batch, height, width, channels) with known sides", input_shape)
        self._windows(input_shape[1])
        self._windows(input_shape[2])
        super().build(input_shape)

    def call(self, inputs):
        pads = []
        for size in inputs.shape[1:3]:
            covered = (self._windows(size) - 1) * self.strides + self.pool_size
            pads.append((self.padding, max(self.padding, covered - size - self.padding)))
        if all(pad == self._same(size) for pad, size in zip(pads, inputs.shape[1:3])):
            return tf.nn.max_pool2d(inputs, self.pool_size, self.strides, "SAME")
        if any(sum(pad) for pad in pads):
            inputs = tf.pad(inputs, ((0, 0), *pads, (0, 0)), constant_values=inputs.dtype.min)
        return tf.nn.max_pool2d(inputs, self.pool_size, self.strides, "VALID")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self._windows(input_shape[1]), self._windows(input_shape[2]), input_shape[3])

    def _same(self, size):
        """The border that the kernel sets by itself under ``"SAME"``, without a copy of the maps."""
        total = max(0, (-(-size // self.strides) - 1) * self.strides + self.pool_size - size)
        return total // 2, total - total // 2

    def _windows(self, size):
        room = size + 2 * self.padding - self.pool_size
        if room < 0:
            raise ValueError(f"`inputs` must have sides of at least {size - room} pixels. Received: {size}")
        windows = (room + (self.strides - 1 if self.ceil_mode else 0)) // self.strides + 1
        # A window wholly beyond the border would have no value.
        if self.ceil_mode and (windows - 1) * self.strides >= size + self.padding:
            windows -= 1
        return windows
