"""Self-attention over rows and columns of each channel (Off-TANet, mini-AORCNN)."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class SpatialSelfAttention(Configured, keras.layers.Layer):
    """Weights a map by a softmax over all its places, per channel.

    With ``q``, ``k``, ``v`` from 1x1 convolutions and, per channel, S x S matrices: ``A = softmax over all S * S
    entries of (q k^T + q P^T)``; the output is ``A * v``, entry by entry. ``P_ij = p_i + p_j`` with
    ``p_i = sin(10000^-(floor(i / 2) / S))`` for even i, the cosine for odd i.

    Every channel has a matrix of its own, so heads of the published code that stand side by side, each with some of
    the channels, are the same as one layer with all of them: there is no argument for their number.

    Args:
        filters: int >= 1. Channels of the output: heads times the width of one.
        position_bias: bool. True adds ``P`` itself instead of ``q P^T``. Defaults to False.
        seed: int or None. Seed of the initial weights. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, S, S, channels).

    Returns:
        Tensor (batch, S, S, filters) of the input's dtype.

    Parameters: ``3 * (channels + 1) * filters``.

    Source: Zhang, Liu, Zhou, Off-TANet, PRICAI 2021, and its published code.
    """

    def __init__(self, filters, position_bias=False, seed=None, **kwargs):
        check_at_least(1, filters=filters)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[1] is None or input_shape[1] != input_shape[2]:
            raise wrong_inputs("(batch, side, side, channels)", input_shape)
        channels = int(input_shape[-1])
        for number, name in enumerate(("query", "key", "value")):
            # The published framework starts weights uniformly within 1 / sqrt(fan-in).
            kernel = self.add_weight(
                name=f"{name}_kernel",
                shape=(channels, self.filters),
                initializer=keras.initializers.VarianceScaling(
                    1.0 / 3.0,
                    mode="fan_in",
                    distribution="uniform",
                    seed=None if self.seed is None else self.seed + number,
                ),
                dtype="float32",
            )
            bias = self.add_weight(
                name=f"{name}_bias",
                shape=(self.filters,),
                initializer=keras.initializers.RandomUniform(
                    -(channels**-0.5), channels**-0.5, seed=None if self.seed is None else self.seed + 3 + number
                ),
                dtype="float32",
            )
            setattr(self, f"{name}_kernel", kernel)
            setattr(self, f"{name}_bias", bias)
        self._position = position_matrix(int(input_shape[1]))
        super().build(input_shape)

    def call(self, inputs):
        query, key, value = (
            tf.tensordot(inputs, tf.cast(getattr(self, f"{name}_kernel"), inputs.dtype), axes=1)
            + tf.cast(getattr(self, f"{name}_bias"), inputs.dtype)
            for name in ("query", "key", "value")
        )
        position = tf.cast(tf.constant(self._position), inputs.dtype)[..., tf.newaxis]
        # q k^T + q P^T = q (k + P)^T; the product runs over the columns.
        logits = tf.einsum("bhwc,bgwc->bchg", query, key if self.position_bias else key + position)
        if self.position_bias:
            logits += position[..., 0]
        side = inputs.shape[1]
        flat = tf.cast(tf.reshape(logits, (-1, self.filters, side * side)), tf.float32)
        weights = tf.reshape(tf.nn.softmax(flat), (-1, self.filters, side, side))
        return tf.cast(tf.transpose(weights, (0, 2, 3, 1)), inputs.dtype) * value

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.filters)


def position_matrix(side: int) -> np.ndarray:
    """``P`` of ``SpatialSelfAttention``: float32 (side, side), symmetric."""
    codes = [(np.sin, np.cos)[i % 2](10000.0 ** -((i // 2) / side)) for i in range(side)]
    return np.add.outer(codes, codes).astype(np.float32)
