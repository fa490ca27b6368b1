"""Layers shared by the models: attention blocks and loss layers."""

from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.cosine_consistency import CosineConsistency

__all__ = ["CBAM2D", "CosineConsistency"]
