"""Blocks on symbolic tensors that Off-TANet, mini-AORCNN and the rivals in their code share.

Source: the published code of Off-TANet (PRICAI 2021) and mini-AORCNN.
Assumption: weights start as in the framework of that code, uniform within 1 / sqrt(fan-in), biases
too.
"""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.network import probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.layers.spatial_self_attention import SpatialSelfAttention


def conv(x, filters, kernel, name, seeds, *, strides=1, dilation=1, activation=None):
    """Convolution with bias; strided ones are padded by the same number on both sides."""
    padding = "same"
    if strides > 1:
        x, padding = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x), "valid"
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding=padding,
        dilation_rate=dilation,
        activation=activation,
        name=name,
        **seeds.torch(kernel**2 * x.shape[-1]),
    )(x)


def conv_bn_relu(x, filters, name, seeds):
    """3x3 convolution, BN, ReLU."""
    x = BatchNorm(name=f"{name}_bn")(conv(x, filters, 3, name, seeds))
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def stem(x, seeds):
    """7x7 convolution with stride 2 to eight channels, ReLU, then BN."""
    return BatchNorm(name="conv1_bn")(conv(x, 8, 7, "conv1", seeds, strides=2, activation="relu"))


def bottleneck_transformer(x, filters, name, seeds):
    """Two self-attentions on top of each other beside a 1x1 shortcut, then 2x2 pooling."""
    shortcut = conv(x, filters, 1, f"{name}_shortcut", seeds)
    for number in (1, 2):
        x = SpatialSelfAttention(filters, seed=seeds.next(), name=f"{name}_attention{number}")(x)
    return add_and_pool(x, shortcut, name)


def add_and_pool(x, shortcut, name):
    """Sum, then 2x2 max pooling."""
    return keras.layers.MaxPooling2D(2, name=f"{name}_pool")(keras.layers.Add(name=f"{name}_add")([x, shortcut]))


def head(x, num_classes, units, dropout, seeds):
    """Flatten, dense layers with ReLU and dropout, classes.

    Args:
        x: symbolic tensor (batch, height, width, channels).
        num_classes: Number of classes.
        units: Widths of the dense layers before the last.
        dropout: Rate after each of them.
        seeds: ``mer_tf.systems.seeds.Seeds``.

    Returns:
        Symbolic tensor (batch, num_classes), float32.
    """
    x = keras.layers.Flatten(name="flatten")(x)
    for number, width in enumerate(units, start=1):
        x = keras.layers.Dense(width, activation="relu", name=f"dense{number}", **seeds.torch(x.shape[-1]))(x)
        if dropout is not None:
            x = SeededDropout(dropout, seed=seeds.next(), name=f"dropout{number}")(x)
    return probabilities(x, num_classes, **seeds.torch(x.shape[-1]))
