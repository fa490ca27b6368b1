"""Focal loss on probabilities."""

from __future__ import annotations

import keras
import tensorflow as tf

EPSILON = 1e-7  # Smallest probability whose logarithm is taken.


@keras.saving.register_keras_serializable(package="mer_tf")
class FocalLoss(keras.losses.Loss):
    """Focal loss ``-(1 - p)^gamma * log(p)`` of the true class's probability; with gamma 0 it is cross-entropy.

    Args:
        gamma: float >= 0. How strongly easy samples are discounted. Defaults to 2.
        reduction: How Keras reduces the losses of a batch to one. Defaults to ``"sum_over_batch_size"``.
        name: str. Name of the loss.
        **kwargs: Further arguments of ``keras.losses.Loss``.

    Call arguments:
        y_true: integer class indices, (batch,) or (batch, 1).
        y_pred: probabilities (batch, classes), rows summing to 1.

    Source: Lin et al., ICCV 2017, equation 4, with alpha 1 for every class, as Zhou et al., Entropy 2023, section
    3.4, use it.
    """

    def __init__(self, gamma=2.0, reduction="sum_over_batch_size", name="focal_loss", **kwargs):
        if gamma < 0:
            raise ValueError(f"`gamma` must not be negative. Received: {gamma!r}")
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        """Loss of each sample, float (batch,)."""
        y_pred = tf.convert_to_tensor(y_pred)
        labels = tf.cast(tf.reshape(y_true, (-1,)), tf.int32)
        p = tf.gather(y_pred, labels, axis=-1, batch_dims=1)
        p = tf.clip_by_value(p, EPSILON, 1.0)
        loss = -tf.math.log(p)
        return loss if self.gamma == 0 else tf.pow(1.0 - p, self.gamma) * loss

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}
