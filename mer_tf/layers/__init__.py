"""Layers shared by the models: attention, normalisation, loss layers, repeatable dropout."""

from mer_tf.layers.adaptive_average_pool import AdaptiveAveragePool2D
from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.cbam3d import CBAM3D
from mer_tf.layers.channel_statistics import ChannelStatistics
from mer_tf.layers.class_weights import ClassWeights
from mer_tf.layers.complex_attention import ComplexAttentionUnit
from mer_tf.layers.cosine_consistency import CosineConsistency
from mer_tf.layers.fold_time import FoldTime
from mer_tf.layers.grouped_conv2d import GroupedConv2D
from mer_tf.layers.inception import Inception
from mer_tf.layers.linear_softmax import LinearSoftmax
from mer_tf.layers.local_response_norm import LocalResponseNorm
from mer_tf.layers.masked_cross_entropy import MaskedCrossEntropy
from mer_tf.layers.median_centre import MedianCentre
from mer_tf.layers.member_mean import MemberMean
from mer_tf.layers.micro_attention import MicroAttentionUnit
from mer_tf.layers.nearest_resize import NearestResize2D
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D
from mer_tf.layers.parameter_free_attention import ParameterFreeAttention
from mer_tf.layers.position_embedding import PositionEmbedding
from mer_tf.layers.recurrent_conv2d import RecurrentConv2D
from mer_tf.layers.reflection_padding import ReflectionPadding
from mer_tf.layers.resample_time import ResampleTime
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.layers.sft import SpatialFeatureTransform
from mer_tf.layers.spatial_self_attention import SpatialSelfAttention
from mer_tf.layers.spatial_softmax_attention import SpatialSoftmaxAttention
from mer_tf.layers.split_attention2d import SplitAttention2D
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
    "ComplexAttentionUnit",
    "CosineConsistency",
    "FoldTime",
    "GroupedConv2D",
    "Inception",
    "LinearSoftmax",
    "LocalResponseNorm",
    "MaskedCrossEntropy",
    "MedianCentre",
    "MemberMean",
    "MicroAttentionUnit",
    "NearestResize2D",
    "PaddedMaxPool2D",
    "ParameterFreeAttention",
    "PositionEmbedding",
    "RecurrentConv2D",
    "ReflectionPadding",
    "ResampleTime",
    "SeededDropout",
    "SpatialFeatureTransform",
    "SpatialSelfAttention",
    "SpatialSoftmaxAttention",
    "SplitAttention2D",
    "TransformerBlock",
    "UnfoldTime",
]

set_keras()  # before any layer is made
