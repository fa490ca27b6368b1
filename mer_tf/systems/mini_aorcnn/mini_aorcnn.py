"""mini-AORCNN (Zhang, Liu, Qi 2022) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_multiple, check_one_of
from mer_tf.layers.network import Network
from mer_tf.systems.off_tanet.blocks import bottleneck_transformer, conv, conv_bn_relu, head, stem
from mer_tf.systems.seeds import Seeds

VARIANTS = ("mhsa", "res")


@keras.saving.register_keras_serializable(package="mer_tf")
class MiniAORCNN(Network):
    """Small residual network that ends in a bottleneck transformer.

    Args:
        num_classes: int >= 2. Defaults to 3.
        variant: last block: ``"mhsa"`` a bottleneck transformer, ``"res"`` a residual block. The code's single-headed
            variant is the same network as ``"mhsa"``, because every channel attends for itself. Defaults to
            ``"mhsa"``.
        size: int, a multiple of 16. Side of the map: 112 in the code, 128 in ATSCNN 2024. Defaults to 112.
        dropout: float in 0..1, after each dense layer. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float (batch, size, size, 3): flow u, v in pixels and strain. Output: float32
    probabilities (batch, num_classes).

    Parameters: 47,365 with three classes at 128, 39,685 at 112.

    Source: the published code of mini-AORCNN.
    Assumption: the code's layout; neither of the published sizes (39,185 in its README, 46,251 at 128 in ATSCNN 2024)
    follows from it.
    """

    def __init__(self, num_classes=3, *, variant="mhsa", size=112, dropout=0.5, seed=None, **kwargs):
        check_multiple(16, size=size)
        check_one_of(VARIANTS, variant=variant)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        x = stem(inputs["face"], seeds)  # 64x64x8
        x = _residual_block(x, 18, "block1", seeds)  # 32x32x18
        x = _residual_block(x, 28, "block2", seeds)  # 16x16x28
        last = bottleneck_transformer if variant == "mhsa" else _residual_block
        x = last(x, 8, "block3", seeds)  # 8x8x8
        outputs = head(x, num_classes, (64, 64), dropout, seeds)
        kwargs.setdefault("name", "mini_aorcnn")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _residual_block(x, filters, name, seeds):
    shortcut = x
    for number in (1, 2):
        x = conv_bn_relu(x, shortcut.shape[-1], f"{name}_conv{number}", seeds)
    x = conv(keras.layers.Add(name=f"{name}_add")([x, shortcut]), filters, 1, f"{name}_widen", seeds)
    return keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)
