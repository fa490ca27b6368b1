"""The stand-in for Dual-Inception that ATSCNN 2024 compared with, as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_multiple
from mer_tf.layers.network import Network
from mer_tf.systems.off_tanet.blocks import conv, head
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class DualInceptionAtscnnSetup(Network):
    """Two Inception streams, on u and on v, fed 128x128 maps.

    Args:
        num_classes: int >= 2. Defaults to 3.
        size: int, a multiple of 4. Side of the maps: 28 in the code, 128 in ATSCNN 2024. Defaults to 128.
        dense_units: int. Width of the dense layer. Defaults to 1024.
        seed: int >= 0 or None. Decides weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"u"`` and ``"v"``, each float (batch, size, size, 1), flow in pixels. Output: float32
    probabilities (batch, num_classes).

    Parameters: 134,245,067 with three classes at 128 (1.34e8 in ATSCNN 2024).

    Source: the published code of Zhang, Liu, Zhou, Off-TANet, PRICAI 2021, whose size ATSCNN 2024 prints at 128.
    """

    def __init__(self, num_classes=3, *, size=128, dense_units=1024, seed=None, **kwargs):
        check_multiple(4, size=size)
        check_at_least(1, dense_units=dense_units)

        seeds = Seeds(seed)
        inputs = {name: keras.Input((size, size, 1), name=name) for name in ("u", "v")}
        maps = []
        for name in inputs:
            x = _inception(inputs[name], 6, f"{name}_inception1", seeds)  # 64x64x24
            maps.append(_inception(x, 16, f"{name}_inception2", seeds))  # 32x32x64
        x = keras.layers.Concatenate(name="join")(maps)
        outputs = head(x, num_classes, (dense_units,), None, seeds)
        kwargs.setdefault("name", "dual_inception_atscnn_setup")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _inception(x, filters, name, seeds):
    five = conv(x, filters, 1, f"{name}_5x5_reduce", seeds, activation="relu")
    five = conv(five, filters, 5, f"{name}_5x5", seeds, activation="relu")
    three = conv(x, filters, 1, f"{name}_3x3_reduce", seeds, activation="relu")
    three = conv(three, filters, 3, f"{name}_3x3", seeds, activation="relu")
    pool = keras.layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_around")(x)
    pool = conv(pool, filters, 1, f"{name}_around_conv", seeds, activation="relu")
    one = conv(x, filters, 1, f"{name}_1x1", seeds)  # without activation
    x = keras.layers.Concatenate(name=f"{name}_join")([five, three, pool, one])
    return keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)
