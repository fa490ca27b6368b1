"""Residual blocks on symbolic tensors, for maps (2D) and for clips (3D).

Source: He et al., Deep Residual Learning, CVPR 2016, section 3.3 and table 1 (18 layers, shortcut type B). Strided
layers are padded explicitly by the same number on both sides, as in the framework of the published weights; Keras's
"same" pads one side only when the stride is 2.

Layers are named ``<prefix>stem_conv``, ``<prefix>layer1_0_conv1``, ``<prefix>layer1_0_bn1``, ... and
``<prefix>layer2_0_down_conv`` for the projection, so that weights trained elsewhere can be put in by name.
"""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm

# Filters as a multiple of the first, and stride of the first block, of layer1 to layer4.
RESNET18_STAGES = ((1, 1), (2, 2), (4, 2), (8, 2))

_CONV = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
_PAD = {2: keras.layers.ZeroPadding2D, 3: keras.layers.ZeroPadding3D}
_POOL = {2: keras.layers.MaxPooling2D, 3: keras.layers.MaxPooling3D}


def he_normal(seeds) -> keras.initializers.Initializer:
    """Normal with variance 2 / fan-out, as the published framework starts its residual networks."""
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal", seed=seeds.next())


def convolve(x, filters, kernel, strides, seeds, name, *, use_bias=False):
    """Convolution with symmetric padding ``kernel // 2``.

    Args:
        x: symbolic tensor (batch, height, width, channels) or (batch, frames, height, width, channels).
        filters: int.
        kernel: int or tuple of ints, odd.
        strides: int or tuple of ints.
        seeds: ``mer_tf.systems.seeds.Seeds`` (anything whose ``next()`` is an int or None).
        name: Name of the convolution; padding is ``name + "_pad"``.
        use_bias: bool.

    Returns:
        Symbolic tensor of the same rank.
    """
    rank = len(x.shape) - 2
    kernel, strides = _tuple(kernel, rank), _tuple(strides, rank)
    padding = "same"
    if any(step > 1 for step in strides):
        padding = "valid"
        if any(size > 1 for size in kernel):
            x = _PAD[rank](tuple(size // 2 for size in kernel), name=f"{name}_pad")(x)
    return _CONV[rank](
        filters,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=he_normal(seeds),
        name=name,
    )(x)


def conv_bn_relu(x, filters, kernel, strides, seeds, name, norm=BatchNorm):
    """``convolve``, batch normalisation, ReLU, whose names are ``name`` with ``_conv``, ``_bn`` and ``_relu``."""
    x = norm(name=f"{name}_bn")(convolve(x, filters, kernel, strides, seeds, f"{name}_conv"))
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def basic_block(x, filters, stride, seeds, name, norm=BatchNorm):
    """Basic block: 3x3 convolution, BN, ReLU, 3x3 convolution, BN, plus the shortcut, ReLU.

    The shortcut is a 1x1 convolution with BN when the stride or the number of channels changes (type B), else the
    input. Convolutions have no bias.

    Args:
        x: symbolic tensor, 2D maps or 3D clips.
        filters: int.
        stride: int or tuple, of the first convolution and the projection.
        seeds: As ``convolve``.
        name: Prefix of the layers' names.
        norm: Makes a batch normalisation of that ``name``.

    Returns:
        Symbolic tensor with ``filters`` channels.
    """
    shortcut = x
    y = convolve(x, filters, 3, stride, seeds, f"{name}_conv1")
    y = norm(name=f"{name}_bn1")(y)
    y = keras.layers.ReLU(name=f"{name}_relu1")(y)
    y = convolve(y, filters, 3, 1, seeds, f"{name}_conv2")
    y = norm(name=f"{name}_bn2")(y)
    if any(step > 1 for step in _tuple(stride, len(x.shape) - 2)) or x.shape[-1] != filters:
        shortcut = convolve(x, filters, 1, stride, seeds, f"{name}_down_conv")
        shortcut = norm(name=f"{name}_down_bn")(shortcut)
    y = keras.layers.Add(name=f"{name}_add")([y, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu2")(y)


def resnet_stem(x, filters, seeds, *, kernel=7, strides=2, pool=3, pool_strides=2, prefix="", norm=BatchNorm):
    """First layer of a residual network: convolution, BN, ReLU, max pooling with padding.

    Args:
        x: symbolic tensor, 2D maps or 3D clips.
        filters: int, 64 as published.
        seeds: As ``convolve``.
        kernel: int or tuple.
        strides: int or tuple, of the convolution.
        pool: int. Window of the pooling, padded by ``(pool - 1) // 2``.
        pool_strides: int or tuple.
        prefix: Put before the layers' names.
        norm: Makes a batch normalisation of that ``name``.

    Returns:
        Symbolic tensor.
    """
    x = conv_bn_relu(x, filters, kernel, strides, seeds, f"{prefix}stem", norm)
    rank = len(x.shape) - 2
    if (pool - 1) // 2:
        # Zero is as good as minus infinity here: nothing is negative after ReLU.
        x = _PAD[rank]((pool - 1) // 2, name=f"{prefix}stem_pool_pad")(x)
    return _POOL[rank](pool, strides=pool_strides, name=f"{prefix}stem_pool")(x)


def resnet_stage(x, filters, blocks, stride, seeds, name, norm=BatchNorm):
    """Basic blocks of equal width in a row; the first has the stride.

    Args:
        x: symbolic tensor, 2D maps or 3D clips.
        filters: int.
        blocks: int >= 1, 2 in ResNet-18.
        stride: int or tuple.
        seeds: As ``convolve``.
        name: Prefix, ``"layer1"`` to ``"layer4"`` in ResNet-18.
        norm: Makes a batch normalisation of that ``name``.

    Returns:
        Symbolic tensor.
    """
    for block in range(blocks):
        x = basic_block(x, filters, stride if block == 0 else 1, seeds, f"{name}_{block}", norm)
    return x


def _tuple(value, rank):
    return (value,) * rank if isinstance(value, int) else tuple(value)
