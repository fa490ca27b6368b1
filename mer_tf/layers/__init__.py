"""Layers shared by the models: attention, normalisation, loss layers, repeatable dropout."""

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.cbam3d import CBAM3D
from mer_tf.layers.cosine_consistency import CosineConsistency
from mer_tf.layers.fold_time import FoldTime
from mer_tf.layers.local_response_norm import LocalResponseNorm
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.layers.unfold_time import UnfoldTime

__all__ = [
    "CBAM2D",
    "CBAM3D",
    "BatchNorm",
    "CosineConsistency",
    "FoldTime",
    "LocalResponseNorm",
    "SeededDropout",
    "UnfoldTime",
]
