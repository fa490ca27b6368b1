"""The stand-in for STSTNet that ATSCNN 2024 compared with, as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_multiple
from mer_tf.layers.network import Network
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D
from mer_tf.systems.off_tanet.blocks import conv, head
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class STSTNetAtscnnSetup(Network):
    """Three shallow streams on flow and strain with a wide dense layer; not the published STSTNet.

    Args:
        num_classes: int >= 2. Defaults to 3.
        size: int, a multiple of 4. Side of the map: 28 in the code, 128 in ATSCNN 2024. Defaults to 128.
        seed: int >= 0 or None. Decides weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    The dense layer is as wide as what it is given: 400 at 28, 7056 at 128.

    Inputs: dictionary with ``"face"``, float (batch, size, size, 3): flow u, v in pixels and strain. Output: float32
    probabilities (batch, num_classes).

    Parameters: 49,815,811 with three classes at 128 (4.98e7 in ATSCNN 2024).

    Source: the published code of Zhang, Liu, Zhou, Off-TANet, PRICAI 2021, whose size ATSCNN 2024 prints at 128.
    Assumption: at 128 the dense layer grows with the map, which gives the size that ATSCNN 2024 prints.
    """

    def __init__(self, num_classes=3, *, size=128, seed=None, **kwargs):
        check_multiple(4, size=size)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        streams = []
        for filters in (3, 5, 8):
            x = conv(inputs["face"], filters, 3, f"stream{filters}_conv", seeds)
            streams.append(PaddedMaxPool2D(3, 3, padding=1, name=f"stream{filters}_pool")(x))  # 43x43
        x = keras.layers.Concatenate(name="join")(streams)
        x = keras.layers.MaxPooling2D(2, name="pool")(x)  # 21x21x16
        units = x.shape[1] * x.shape[2] * x.shape[3]
        outputs = head(x, num_classes, (units,), None, seeds)
        kwargs.setdefault("name", "ststnet_atscnn_setup")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
