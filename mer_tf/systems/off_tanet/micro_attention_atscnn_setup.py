"""The stand-in for micro-attention that ATSCNN 2024 compared with, as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_multiple
from mer_tf.layers.network import Network
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D
from mer_tf.layers.spatial_softmax_attention import SpatialSoftmaxAttention
from mer_tf.systems.off_tanet.blocks import conv, conv_bn_relu, head
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class MicroAttentionAtscnnSetup(Network):
    """Three residual blocks with a spatial softmax on flow and strain; not the network of the Micro-Attention paper.

    Args:
        num_classes: int >= 2. Defaults to 3.
        size: int, a multiple of 32. Side of the map: 224 in the code, 128 in ATSCNN 2024. Defaults to 128.
        width: int. Channels of the first convolution; the blocks have 2, 4 and 8 times as many. Smaller ones make the
            network small for tests. Defaults to 32.
        dense_units: int. Width of the dense layer. Defaults to 4096.
        dropout: float in 0..1, after each dense layer. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float (batch, size, size, 3): flow u, v in pixels and strain. Output: float32
    probabilities (batch, num_classes).

    Parameters: 18,781,187 with three classes at 128 (1.88e7 in ATSCNN 2024), 53,384,195 at 224.

    Source: the published code of Zhang, Liu, Zhou, Off-TANet, PRICAI 2021, whose size the ATSCNN paper prints.
    Assumption: the code's layers; the ATSCNN paper prints 82.89 MB of memory traffic for them, here it is 82.91.
    """

    def __init__(self, num_classes=3, *, size=128, width=32, dense_units=4096, dropout=0.5, seed=None, **kwargs):
        check_multiple(32, size=size)
        check_at_least(1, width=width, dense_units=dense_units)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        x = conv(inputs["face"], width, 7, "conv1", seeds, strides=2, activation="relu")  # 64x64x32
        x = PaddedMaxPool2D(3, 2, padding=1, name="pool1")(x)  # 32x32x32
        for number, factor in enumerate((2, 4, 8), start=1):  # 16x16x64, 8x8x128, 4x4x256
            x = _block(x, width * factor, f"block{number}", seeds)
            x = keras.layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
        outputs = head(x, num_classes, (dense_units,), dropout, seeds)
        kwargs.setdefault("name", "micro_attention_atscnn_setup")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _block(x, filters, name, seeds):
    shortcut = conv(x, filters, 1, f"{name}_shortcut", seeds)
    first = conv_bn_relu(x, filters, f"{name}_conv1", seeds)
    second = conv_bn_relu(first, filters, f"{name}_conv2", seeds)
    joined = keras.layers.Concatenate(name=f"{name}_join")([first, second, shortcut])
    logits = conv(joined, 3 * filters, 1, f"{name}_attention_conv", seeds)
    total = keras.layers.Add(name=f"{name}_add")([second, shortcut])
    return SpatialSoftmaxAttention(name=f"{name}_attention")([total, logits])
