"""Split attention: several convolutions side by side, weighed per channel."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs
from mer_tf.layers.nested import build_nested, part_seed, seeded


@keras.saving.register_keras_serializable(package="mer_tf")
class SplitAttention2D(Configured, keras.layers.Layer):
    """``radix`` 3x3 convolutions, each on its share of the channels, joined by weights that sum to 1 per channel.

    The channels are cut into ``radix`` groups; each gives ``filters`` maps (together a grouped convolution), batch
    normalised, ReLU. The mean of their sum over the map goes through two dense layers to ``radix`` values for each of
    the ``filters`` channels; their softmax over the splits weighs the splits' sum.

    Args:
        filters: int >= 1.
        radix: int >= 2. Defaults to 2.
        reduction: int >= 1. The hidden width is ``max(channels * radix // reduction, 32)``. Defaults to 4.
        kernel_initializer: Random initializer. Defaults to ``"he_normal"``.
        seed: int or None. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels), channels a multiple of ``radix``.
        training: bool, for the batch normalisation.

    Returns:
        Tensor (batch, height, width, filters).

    Parameters: with C channels, f filters, h hidden: ``9*C*f + 2*radix*f + (f+1)*h + 2*h + (h+1)*radix*f``.

    Source: Zhang et al., ResNeSt, CVPR workshops 2022, section 3, with one cardinal group.
    """

    def __init__(self, filters, radix=2, reduction=4, kernel_initializer="he_normal", seed=None, **kwargs):
        check_at_least(1, filters=filters, reduction=reduction)
        check_at_least(2, radix=radix)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None or input_shape[-1] % self.radix:
            raise wrong_inputs(f"(batch, height, width, channels), channels a multiple of {self.radix}", input_shape)
        space, channels = tuple(input_shape[:-1]), int(input_shape[-1])
        hidden = max(channels * self.radix // self.reduction, 32)
        dtype = self.dtype_policy
        # One convolution per group: grouped convolutions have no gradient on a processor.
        self.convs = [
            build_nested(
                keras.layers.Conv2D(
                    self.filters,
                    3,
                    padding="same",
                    use_bias=False,
                    kernel_initializer=self._init(part),
                    dtype=dtype,
                    name=f"conv{part}",
                ),
                (*space, channels // self.radix),
            )
            for part in range(self.radix)
        ]
        self.norm = build_nested(BatchNorm(dtype=dtype, name="norm"), (*space, self.radix * self.filters))
        squeeze = keras.layers.Dense(hidden, kernel_initializer=self._init(self.radix), dtype=dtype, name="squeeze")
        self.squeeze = build_nested(squeeze, (None, self.filters))
        self.squeeze_norm = build_nested(BatchNorm(dtype=dtype, name="squeeze_norm"), (None, hidden))
        width = self.radix * self.filters
        excite = keras.layers.Dense(width, kernel_initializer=self._init(self.radix + 1), dtype=dtype, name="excite")
        self.excite = build_nested(excite, (None, hidden))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = [conv(part) for conv, part in zip(self.convs, tf.split(inputs, self.radix, axis=-1))]
        splits = tf.split(tf.nn.relu(self.norm(tf.concat(x, axis=-1), training=training)), self.radix, axis=-1)
        mean = tf.reduce_mean(tf.add_n(splits), axis=(1, 2))
        weights = self.excite(tf.nn.relu(self.squeeze_norm(self.squeeze(mean), training=training)))
        weights = tf.nn.softmax(tf.reshape(weights, (-1, self.radix, self.filters)), axis=1)
        return tf.add_n([split * weights[:, None, None, part] for part, split in enumerate(splits)])

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def _init(self, part):
        return seeded(self.kernel_initializer, part_seed(self.seed, part))
