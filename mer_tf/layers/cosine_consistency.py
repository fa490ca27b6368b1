"""Cosine consistency between two feature vectors, as a loss layer."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least


@keras.saving.register_keras_serializable(package="mer_tf")
class CosineConsistency(Configured, keras.layers.Layer):
    """Adds ``weight * mean(1 - cos(a, b))`` to the model's losses and hands both inputs through.

    Args:
        weight: float >= 0. Factor of the term. Defaults to 0.01.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: list of two float tensors (batch, ...) of equal shape; each sample is flattened.

    Returns:
        The two inputs, unchanged.

    Source: Zhou et al., Entropy 2023, 25(3) 460, sections 3.3.3 and 3.5: the loss is one minus the similarity,
    lambda 0.01.
    """

    def __init__(self, weight=0.01, **kwargs):
        check_at_least(0, weight=weight)
        super().__init__(**kwargs)

    def call(self, inputs):
        first, second = inputs
        # float32 even under a float16 policy: squares of half-precision sums overflow.
        a, b = (tf.cast(tf.reshape(x, (tf.shape(x)[0], -1)), tf.float32) for x in (first, second))
        cosine = tf.reduce_sum(tf.nn.l2_normalize(a, axis=-1) * tf.nn.l2_normalize(b, axis=-1), axis=-1)
        self.add_loss(self.weight * tf.reduce_mean(1.0 - cosine))
        return [first, second]

    def compute_output_shape(self, input_shape):
        return list(input_shape)
