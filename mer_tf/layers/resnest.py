"""Residual bottleneck with split attention, on symbolic tensors.

Source: Zhang et al., ResNeSt, CVPR workshops 2022, with radix 2, one cardinal group, average pooling where the block
halves the map (after the split attention) and on the shortcut.
"""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.residual import convolve, he_normal
from mer_tf.layers.split_attention2d import SplitAttention2D


def padded_average_pool(x, name):
    """Average over 3x3 with stride 2 and one pixel of zeros around, which count in the mean."""
    x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return keras.layers.AveragePooling2D(3, strides=2, name=name)(x)


def resnest_bottleneck(x, width, stride, project, seeds, name):
    """1x1 convolution, split attention 3x3, 1x1 convolution to ``4 * width``, plus the shortcut, ReLU.

    Args:
        x: symbolic tensor (batch, height, width, channels).
        width: int, even.
        stride: 1 or 2.
        project: bool. Whether the shortcut is a 1x1 convolution (after 2x2 averaging with stride 2) or the input.
        seeds: ``mer_tf.systems.seeds.Seeds``.
        name: Prefix of the layers' names.

    Returns:
        Symbolic tensor with ``4 * width`` channels.
    """
    y = convolve(x, width, 1, 1, seeds, f"{name}_conv1")
    y = keras.layers.ReLU(name=f"{name}_relu1")(BatchNorm(name=f"{name}_bn1")(y))
    y = SplitAttention2D(width, kernel_initializer=he_normal(seeds), seed=seeds.next(), name=f"{name}_split")(y)
    if stride == 2:
        y = padded_average_pool(y, f"{name}_average")
    y = BatchNorm(name=f"{name}_bn3")(convolve(y, 4 * width, 1, 1, seeds, f"{name}_conv3"))
    shortcut = x
    if project:
        if stride == 2:
            shortcut = keras.layers.AveragePooling2D(2, name=f"{name}_down_average")(shortcut)
        shortcut = convolve(shortcut, 4 * width, 1, 1, seeds, f"{name}_down_conv")
        shortcut = BatchNorm(name=f"{name}_down_bn")(shortcut)
    y = keras.layers.Add(name=f"{name}_add")([y, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu")(y)
