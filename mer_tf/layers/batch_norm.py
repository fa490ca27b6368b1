"""Batch normalisation of maps with few channels."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_positive, check_share


@keras.saving.register_keras_serializable(package="mer_tf")
class BatchNorm(Configured, keras.layers.Layer):
    """Batch normalisation over all axes but the last, with the defaults of PyTorch.

    The models have many maps of 3 to 16 channels. The stock layer's kernels take such narrow rows one by one; here
    they are given rows of width times channels, and what they find for each column is put together for each channel,
    which on a processor is several times faster. The statistics of inference follow
    ``moving = momentum * moving + (1 - momentum) * batch`` with the unbiased variance, as PyTorch has it.

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
        if training:
            return side_by_side([self], inputs)
        x = tf.cast(inputs, tf.float32)
        weights = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        out = self._scaled(self._wide(x), *(tf.cast(weight, tf.float32) for weight in weights))
        return tf.cast(tf.reshape(out, tf.shape(x)), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _wide(self, x):
        """(..., columns, channels) as (rows, 1, 1, columns * channels), to the kernels as many channels as that."""
        return tf.reshape(x, (-1, 1, 1, self.columns * x.shape[-1]))

    def _scaled(self, wide, gamma, beta, mean, variance):
        """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, whose sum is formed in place."""
        scale = gamma * tf.math.rsqrt(variance + self.epsilon)
        return wide * tf.tile(scale, [self.columns]) + tf.tile(beta - mean * scale, [self.columns])

    def _mean(self, columns):
        return tf.reduce_mean(tf.reshape(columns, (self.columns, -1)), axis=0)

    def _by_batch(self, x, gamma, beta):
        """The normalised batch, its mean and its variance; the two have no gradient of their own.

        Written out, because what automatic differentiation makes of it takes three times as long.
        """

        @tf.custom_gradient
        def normalise(x, gamma, beta):
            wide = self._wide(x)
            none = tf.zeros((0,))
            ones = tf.ones((wide.shape[-1],))
            by_column = tf.raw_ops.FusedBatchNormV3(
                x=wide, scale=ones, offset=ones, mean=none, variance=none, is_training=True
            )
            rows = tf.cast(tf.shape(wide)[0], tf.float32)
            mean = self._mean(by_column.batch_mean)
            # The kernel's variance is the unbiased one; that of a channel is the mean of its columns' and of the
            # squared distances of their means.
            variance = self._mean(by_column.batch_variance * ((rows - 1.0) / rows))
            apart = by_column.batch_mean - tf.tile(mean, [self.columns])
            variance += self._mean(tf.square(apart))
            out = tf.reshape(self._scaled(wide, gamma, beta, mean, variance), tf.shape(x))

            def gradient(upstream, *_):
                scale, means, variances = (tf.tile(v, [self.columns]) for v in (gamma, mean, variance))
                # d out / d x with mean and variance held, and the sums over each column.
                held = tf.raw_ops.FusedBatchNormGradV3(
                    y_backprop=self._wide(upstream),
                    x=wide,
                    scale=scale,
                    reserve_space_1=means,
                    reserve_space_2=variances,
                    reserve_space_3=variances,
                    epsilon=self.epsilon,
                    is_training=False,
                )
                size = rows * float(self.columns)
                by_gamma, by_beta = (
                    self._mean(part) * float(self.columns) for part in (held.scale_backprop, held.offset_backprop)
                )
                # - gamma / sqrt(variance + epsilon) * (by_beta + normalised x * by_gamma) / size
                root = gamma * tf.math.rsqrt(variance + self.epsilon) / size
                change = self._scaled(wide, -root * by_gamma, -root * by_beta, mean, variance)
                return tf.reshape(tf.add_n([held.x_backprop, change]), tf.shape(x)), by_gamma, by_beta

            return (out, mean, variance), gradient

        return normalise(x, gamma, beta)

    def _update(self, weight, value):
        weight.assign_add((1.0 - self.momentum) * (tf.stop_gradient(value) - tf.cast(weight, tf.float32)))


def side_by_side(norms: Sequence[BatchNorm], inputs: tf.Tensor) -> tf.Tensor:
    """Normalises a training batch by several layers at once, each on its own channels, and updates their statistics.

    Args:
        norms: The layers, built, in the order of their channels and of one epsilon.
        inputs: float tensor (batch, ..., channels of all).

    Returns:
        The layers' results joined along the channels.
    """
    x = tf.cast(inputs, tf.float32)
    gamma, beta = (
        tf.concat([tf.cast(getattr(norm, name), tf.float32) for norm in norms], axis=0) for name in ("gamma", "beta")
    )
    out, mean, variance = norms[0]._by_batch(x, gamma, beta)
    count = tf.cast(tf.shape(x)[0] * norms[0].rows * norms[0].columns, tf.float32)
    unbiased = variance * (count / tf.maximum(count - 1.0, 1.0))
    sizes = [norm.gamma.shape[0] for norm in norms]
    for norm, *found in zip(norms, tf.split(mean, sizes), tf.split(unbiased, sizes)):
        norm._update(norm.moving_mean, found[0])
        norm._update(norm.moving_variance, found[1])
    return tf.cast(out, inputs.dtype)
