"""Layers shared by the models: attention, normalisation, loss layers, repeatable dropout."""

from mer_tf.layers.adaptive_average_pool import AdaptiveAveragePool2D
from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.cbam3d import CBAM3D
from mer_tf.layers.channel_statistics import ChannelStatistics
from mer_tf.layers.class_weights import ClassWeights
from mer_tf.layers.cosine_consistency import CosineConsistency
from mer_tf.layers.fold_time import FoldTime
from mer_tf.layers.grouped_conv2d import GroupedConv2D
from mer_tf.layers.inception import Inception
from mer_tf.layers.linear_softmax import LinearSoftmax
from mer_tf.layers.local_response_norm import LocalResponseNorm
from mer_tf.layers.masked_cross_entropy import MaskedCrossEntropy
from mer_tf.layers.nearest_resize import NearestResize2D
from mer_tf.layers.parameter_free_attention import ParameterFreeAttention
from mer_tf.layers.position_embedding import PositionEmbedding
from mer_tf.layers.recurrent_conv2d import RecurrentConv2D
from mer_tf.layers.resample_time import ResampleTime
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.layers.sft import SpatialFeatureTransform
from mer_tf.layers.split_attention2d import SplitAttention2D
from mer_tf.layers.stochastic_depth import StochasticDepth
from mer_tf.layers.transformer_block import TransformerBlock
from mer_tf.layers.unfold_time import UnfoldTime
from mer_tf.numerics import set_keras

__all__ = [
    "CBAM2D",
    "CBAM3D",
    "AdaptiveAveragePool2D",
    "BatchNorm",
    "ChannelStatistics",
    "ClassWeights",
    "CosineConsistency",
    "FoldTime",
    "GroupedConv2D",
    "Inception",
    "LinearSoftmax",
    "LocalResponseNorm",
    "MaskedCrossEntropy",
    "NearestResize2D",
    "ParameterFreeAttention",
    "PositionEmbedding",
    "RecurrentConv2D",
    "ResampleTime",
    "SeededDropout",
    "SpatialFeatureTransform",
    "SplitAttention2D",
    "StochasticDepth",
    "TransformerBlock",
    "UnfoldTime",
]

set_keras()  # before any layer is made
