"""Cross-entropy of a second task as a loss layer, for samples whose label is known."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least


@keras.saving.register_keras_serializable(package="mer_tf")
class MaskedCrossEntropy(Configured, keras.layers.Layer):
    """Adds the weighted cross-entropy of a second task to the model's losses and hands the main output through.

    Samples without a label count as zero; the mean is over those with one. With no label at all the term is exactly
    zero and so are its gradients.

    Args:
        weight: float >= 0. Factor of the term. Defaults to 0.5.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: list of the main output, the second task's probabilities (batch, n) and, where labels are an input,
            float (batch, 1) of class numbers, negative for unknown.

    Returns:
        The main output, unchanged.
    """

    def __init__(self, weight=0.5, **kwargs):
        check_at_least(0, weight=weight)
        super().__init__(**kwargs)

    def call(self, inputs):
        passed, probabilities = inputs[:2]
        log = tf.math.log(tf.clip_by_value(tf.cast(probabilities, tf.float32), 1e-7, 1.0))
        label = tf.fill(tf.shape(log)[:1], -1)
        if len(inputs) == 3:
            label = tf.cast(tf.round(inputs[2][:, 0]), tf.int32)
        known = tf.cast(label >= 0, tf.float32)
        picked = tf.gather(log, tf.maximum(label, 0), axis=-1, batch_dims=1)
        self.add_loss(-self.weight * tf.reduce_sum(known * picked) / tf.maximum(tf.reduce_sum(known), 1.0))
        return passed

    def compute_output_shape(self, input_shape):
        return input_shape[0]
