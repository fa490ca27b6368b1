"""Off-TANet (Zhang, Liu, Zhou, PRICAI 2021) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.configured import check_multiple, check_one_of
from mer_tf.layers.network import Network
from mer_tf.layers.spatial_self_attention import SpatialSelfAttention
from mer_tf.systems.off_tanet.blocks import (
    add_and_pool,
    bottleneck_transformer,
    conv,
    conv_bn_relu,
    head,
    stem,
)
from mer_tf.systems.seeds import Seeds

VARIANTS = ("ta", "sa", "cbam", "res", "bot")


@keras.saving.register_keras_serializable(package="mer_tf")
class OffTANet(Network):
    """Small residual network whose last block has channel, spatial and self-attention one after the other.

    Args:
        num_classes: int >= 2. Defaults to 3.
        variant: last block: ``"ta"`` all three attentions, ``"sa"`` self-attention only, ``"cbam"`` channel and spatial
            attention, ``"res"`` a residual block without attention, ``"bot"`` a bottleneck transformer. Defaults to
            ``"ta"``.
        size: int, a multiple of 16. Side of the map: 112 in the code, 128 in ATSCNN 2024. Defaults to 128.
        dropout: float in 0..1, after each dense layer. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float (batch, size, size, 3): flow u, v in pixels and strain. Output: float32
    probabilities (batch, num_classes).

    Parameters: 67,083 with three classes at 128, 59,403 at 112, both as published.

    Source: Zhang, Liu, Zhou, Off-TANet, PRICAI 2021, and its published code.
    Assumption: in variant ``"sa"`` the code makes a convolution (2,040 weights) that it never uses; here it is left
    out, so the variant has 55,549 weights at 112 where the code counts 57,589.
    Assumption: the code's heads of self-attention, each with some of the channels, are one layer here. The ATSCNN paper
    counts 7.33 MB of memory traffic, here it is 7.10; weights and operations are the same.
    Assumption: strain is that of its definition; the code derives it from u_x and u_y, which is a matter of the
    recipe.
    """

    def __init__(self, num_classes=3, *, variant="ta", size=128, dropout=0.5, seed=None, **kwargs):
        check_multiple(16, size=size)
        check_one_of(VARIANTS, variant=variant)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        x = stem(inputs["face"], seeds)  # 64x64x8
        x = _residual_block(x, 18, "block1", seeds)  # 32x32x18
        x = _residual_block(x, 28, "block2", seeds)  # 16x16x28
        if variant == "res":
            x = _residual_block(x, 8, "block3", seeds)
        elif variant == "bot":
            x = bottleneck_transformer(x, 8, "block3", seeds)
        else:
            x = _attention_block(x, 8, variant, "block3", seeds)  # 8x8x8
        outputs = head(x, num_classes, (64, 64), dropout, seeds)
        kwargs.setdefault("name", "off_tanet")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _residual_block(x, filters, name, seeds):
    shortcut = conv(x, filters, 1, f"{name}_shortcut", seeds)
    for number in (1, 2):
        x = conv_bn_relu(x, filters, f"{name}_conv{number}", seeds)
    return add_and_pool(x, shortcut, name)


def _attention_block(x, filters, variant, name, seeds):
    width = x.shape[-1]
    shortcut = conv(x, filters, 1, f"{name}_shortcut", seeds)
    x = conv_bn_relu(x, width, f"{name}_conv1", seeds)
    if variant in ("ta", "cbam"):
        x = CBAM2D(
            reduction=width,  # one hidden unit
            mlp_bias=False,
            spatial_kernel=3,
            concat_order="mean_max",
            seed=seeds.next(),
            name=f"{name}_cbam",
        )(x)
    if variant in ("ta", "sa"):
        attended = width if variant == "ta" else filters
        x = SpatialSelfAttention(attended, seed=seeds.next(), name=f"{name}_attention")(x)
    if variant in ("ta", "cbam"):
        x = conv_bn_relu(x, filters, f"{name}_conv2", seeds)
    return add_and_pool(x, shortcut, name)
