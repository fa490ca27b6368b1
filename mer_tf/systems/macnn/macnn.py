"""MACNN (Lai et al. 2020, as in the published code of Off-TANet) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_multiple
from mer_tf.layers.network import Network
from mer_tf.systems.off_tanet.blocks import add_and_pool, conv, head
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class MACNN(Network):
    """Residual VGG with dilated convolutions on flow and strain.

    Args:
        num_classes: int >= 2. Defaults to 3.
        size: int, a multiple of 16. Side of the map: 112 in the code, 128 in ATSCNN 2024. Defaults to 128.
        width: int. Channels of the first block, doubled by each of the next three; smaller ones make the network small
            for tests. Defaults to 32.
        dense_units: int. Width of both dense layers. Defaults to 4096.
        dropout: float in 0..1, after each dense layer. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float (batch, size, size, 3): flow u, v in pixels and strain. Output: float32
    probabilities (batch, num_classes).

    Parameters: 86,302,563 with three classes at 128 (8.63e7 in ATSCNN 2024), 70,573,923 at 112.

    Source: the published code of Zhang, Liu, Zhou, Off-TANet, PRICAI 2021, which ATSCNN 2024 ran.
    Assumption: the re-implementation stands for the paper, which was not at hand.
    """

    def __init__(self, num_classes=3, *, size=128, width=32, dense_units=4096, dropout=0.5, seed=None, **kwargs):
        check_multiple(16, size=size)
        check_at_least(1, width=width, dense_units=dense_units)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        x = inputs["face"]
        for number in range(4):  # 64x64x32, 32x32x64, 16x16x128, 8x8x256
            x = _residual_block(x, width * 2**number, f"block{number + 1}", seeds)
        for rate in (4, 2):
            x = conv(x, width * 8, 3, f"dilated{rate}", seeds, dilation=rate, activation="relu")
        outputs = head(x, num_classes, (dense_units, dense_units), dropout, seeds)
        kwargs.setdefault("name", "macnn")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _residual_block(x, filters, name, seeds):
    shortcut = conv(x, filters, 1, f"{name}_shortcut", seeds)
    x = conv(x, filters, 3, f"{name}_conv1", seeds, activation="relu")
    x = conv(x, filters, 3, f"{name}_conv2", seeds, activation="relu")
    return add_and_pool(x, shortcut, name)
