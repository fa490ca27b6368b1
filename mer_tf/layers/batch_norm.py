"""Batch normalisation of maps with few channels."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_positive, check_share


@keras.saving.register_keras_serializable(package="mer_tf")
class BatchNorm(Configured, keras.layers.Layer):
    """Batch normalisation over all axes but the last, with the defaults of PyTorch.

    The models have many maps of 3 to 16 channels. The stock layer's kernels take such narrow rows one by one;
    here rows of width times channels are summed first, which on a processor is three to four times faster. The
    statistics of inference follow ``moving = momentum * moving + (1 - momentum) * batch`` with the unbiased
    variance, as PyTorch has it.

    Args:
        momentum: float in [0, 1). Defaults to 0.9 (0.1 in PyTorch's sense).
        epsilon: float > 0. Defaults to 1e-5.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, ..., channels), all sizes but the batch known.
        training: bool. Whether the batch's own statistics are used, and the moving ones updated.

    Returns:
        Tensor of the input's shape and dtype; computed in float32.

    Source: Ioffe and Szegedy, ICML 2015, algorithms 1 and 2.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        check_share(momentum=momentum)
        check_positive(epsilon=epsilon)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) < 2 or any(size is None for size in input_shape[1:]):
            raise ValueError(f"`inputs` must have known sizes but for the batch. Received: {input_shape}")
        channels = int(input_shape[-1])
        self.columns = int(input_shape[-2]) if len(input_shape) > 2 else 1
        self.rows = 1  # per sample
        for size in input_shape[1:-2]:
            self.rows *= int(size)
        for name, start, trainable in (
            ("gamma", "ones", True),
            ("beta", "zeros", True),
            ("moving_mean", "zeros", False),
            ("moving_variance", "ones", False),
        ):
            weight = self.add_weight(
                name=name, shape=(channels,), initializer=start, trainable=trainable, dtype="float32"
            )
            setattr(self, name, weight)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = tf.cast(inputs, tf.float32)
        rows = tf.reshape(x, (-1, self.columns * x.shape[-1]))
        gamma, beta = (tf.cast(weight, tf.float32) for weight in (self.gamma, self.beta))
        if training:
            count = tf.cast(tf.shape(x)[0] * self.rows * self.columns, tf.float32)
            mean = self._sum(rows) / count
            centred = rows - tf.tile(mean, [self.columns])
            variance = self._sum(tf.square(centred)) / count
            self._update(self.moving_mean, mean)
            self._update(self.moving_variance, variance * (count / tf.maximum(count - 1.0, 1.0)))
        else:
            centred = rows - tf.tile(tf.cast(self.moving_mean, tf.float32), [self.columns])
            variance = tf.cast(self.moving_variance, tf.float32)
        scale = gamma * tf.math.rsqrt(variance + self.epsilon)
        out = centred * tf.tile(scale, [self.columns]) + tf.tile(beta, [self.columns])
        return tf.cast(tf.reshape(out, tf.shape(x)), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _sum(self, rows):
        wide = tf.reduce_sum(rows, axis=0)
        return tf.reduce_sum(tf.reshape(wide, (self.columns, -1)), axis=0)

    def _update(self, weight, value):
        weight.assign_add((1.0 - self.momentum) * (tf.stop_gradient(value) - tf.cast(weight, tf.float32)))
