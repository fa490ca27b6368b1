"""The mean over the members of an ensemble."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured

_LEAST = 1e-7  # smallest probability whose logarithm is taken


@keras.saving.register_keras_serializable(package="mer_tf")
class MemberMean(Configured, keras.layers.Layer):
    """Mean of the members' probabilities; in training their geometric mean, whose rows sum to at most 1.

    The logarithm of a geometric mean is the mean of the logarithms, so cross-entropy of it is the mean of the members'
    own cross-entropies: each member learns as if it were alone, which it would not through the arithmetic mean. With
    other losses, whose value is not linear in the logarithm, members are tied to one another.

    Args:
        **kwargs: Arguments of ``keras.layers.Layer``. Always float32.

    Call arguments:
        inputs: list of float tensors (batch, classes), one per member.
        training: bool.

    Source: none; a choice of this package.
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, inputs, training=None):
        members = tf.stack([tf.cast(member, tf.float32) for member in inputs], axis=0)
        if training:
            return tf.exp(tf.reduce_mean(tf.math.log(tf.maximum(members, _LEAST)), axis=0))
        return tf.reduce_mean(members, axis=0)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
