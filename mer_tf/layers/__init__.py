"""Layers shared by the models: attention, normalisation, loss layers, repeatable dropout."""

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.cosine_consistency import CosineConsistency
from mer_tf.layers.seeded_dropout import SeededDropout

__all__ = ["CBAM2D", "BatchNorm", "CosineConsistency", "SeededDropout"]
