"""What the three networks of the Micro-Attention paper share: data normalisation, four pre-activation blocks, tail.

Layers of equal name do the same in all three, so that weights move from one to the other by name.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.network import probabilities
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D

WIDTHS = (1, 2, 4, 8)  # of the four blocks, in units of the first


def residual_trunk(x, num_classes: int, width: int, seeds, attend: Callable):
    """Everything from the picture to the probabilities.

    Args:
        x: symbolic tensor (batch, size, size, channels), 0..255.
        num_classes: Number of classes.
        width: Channels of the first block, 64 as published; the blocks have 1, 2, 4 and 8 times as many.
        seeds: ``mer_tf.systems.seeds.Seeds``.
        attend: Called with (shortcut, first convolution after its activation, second convolution, block's name,
            ``seeds``) of each block; gives the block's output. All have one shape.

    Returns:
        Symbolic tensor (batch, num_classes), float32.
    """
    x = BatchNorm(name="data_bn")(x)
    # Fan-out for the first convolution only.
    x = _conv(x, width, 7, 2, "conv1", seeds, mode="fan_out", use_bias=True)  # 112x112x64
    x = _activate(x, "conv1")
    x = PaddedMaxPool2D(3, 2, ceil_mode=True, name="pool")(x)  # 56x56x64
    for number, factor in enumerate(WIDTHS):  # 56x56x64, 28x28x128, 14x14x256, 7x7x512
        filters, name = width * factor, f"block{64 * factor}"
        shortcut, strides = x, 1
        if number:
            x = _activate(x, f"{name}_in")
            shortcut, strides = _conv(x, filters, 1, 2, f"{name}_shortcut", seeds), 2
        first = _activate(_conv(x, filters, 3, strides, f"{name}_conv1", seeds), f"{name}_conv1")
        second = _conv(first, filters, 3, 1, f"{name}_conv2", seeds)
        x = attend(shortcut, first, second, name, seeds)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(_activate(x, "tail"))
    return probabilities(x, num_classes, _he(seeds))


def _he(seeds, mode="fan_in"):
    return keras.initializers.VarianceScaling(2.0, mode=mode, distribution="untruncated_normal", seed=seeds.next())


def _activate(x, name):
    return keras.layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_bn")(x))


def _conv(x, filters, kernel, strides, name, seeds, mode="fan_in", use_bias=False):
    if kernel > 1:
        # The same number on both sides, also where the stride is 2; "same" would pad one side more.
        x = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        use_bias=use_bias,
        kernel_initializer=_he(seeds, mode),
        name=name,
    )(x)
