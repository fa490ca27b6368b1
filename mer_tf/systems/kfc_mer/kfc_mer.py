"""KFC-MER (Su et al., ICME 2021) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_multiple
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D
from mer_tf.layers.residual import conv_bn_relu
from mer_tf.layers.resnest import padded_average_pool, resnest_bottleneck
from mer_tf.layers.sft import SpatialFeatureTransform
from mer_tf.systems.seeds import Seeds

PARTS = 10  # masks of face parts: parsing classes 1 to 6 and 10 to 13


@keras.saving.register_keras_serializable(package="mer_tf")
class KFCMER(Network):
    """Two streams, on flow and on strain, whose early maps are scaled and shifted by what part of the face they show.

    Each stream: three convolutions, pooling, a spatial feature transform conditioned on ten masks of face parts, four
    ResNeSt bottlenecks, pooling. Two dense layers on both streams. Nothing is shared between the streams.

    Args:
        num_classes: int >= 2. Defaults to 3.
        size: int, a multiple of 16. Side of the input maps. Defaults to 224.
        width: int, a multiple of 2. Maps of the stem's last convolution and width of the first bottlenecks; all
            other widths follow. Defaults to 64.
        hidden: int >= 1. Width of the first dense layer. Defaults to 256.
        seed: int >= 0 or None. Decides the weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary of float tensors: ``"flow"`` (batch, size, size, 3), channels (u, v, magnitude); ``"strain"``
    (batch, size, size, 3), channels (exx, eyy, exy); ``"parsing"`` (batch, size, size, 10), all standardised as
    ImageNet. Output: float32 probabilities (batch, num_classes).

    Parameters: 53,238,019 with three classes (moving statistics left out), as the authors' code has.

    Assumption: training settings are not published (only a test script is); those of the preset are chosen.
    Assumption: the masks are scaled to 0..1 and standardised by the first ImageNet channel; the published transform
    only works in its patched form.
    """

    def __init__(self, num_classes=3, *, size=224, width=64, hidden=256, seed=None, **kwargs):
        check_multiple(16, size=size)
        check_multiple(2, width=width)
        check_at_least(1, hidden=hidden)

        seeds = Seeds(seed)
        channels = {"flow": 3, "strain": 3, "parsing": PARTS}
        inputs = {name: keras.Input((size, size, count), name=name) for name, count in channels.items()}
        streams = [_stream(inputs[name], inputs["parsing"], name, width, seeds) for name in ("flow", "strain")]
        x = keras.layers.Concatenate(name="join")(streams)  # 14x14x1024
        x = keras.layers.Flatten(name="flatten")(x)
        x = keras.layers.Dense(hidden, activation="relu", kernel_initializer=seeds.uniform(), name="dense")(x)
        outputs = probabilities(x, num_classes, seeds.uniform())
        kwargs.setdefault("name", "kfc_mer")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _stream(x, parsing, name, width, seeds):
    for number, (filters, stride) in enumerate(((width // 2, 2), (width // 2, 1), (width, 1)), start=1):
        x = conv_bn_relu(x, filters, 3, stride, seeds, f"{name}_stem{number}")  # 112x112x64 in the end
    x = PaddedMaxPool2D(3, 2, padding=1, name=f"{name}_pool")(x)  # 56x56x64
    conditions = _conditions(parsing, name, width, seeds)  # 56x56x32
    x = SpatialFeatureTransform(width // 2, kernel_initializer=seeds.uniform(), seed=seeds.next(), name=f"{name}_sft")(
        [x, conditions]
    )
    x = resnest_bottleneck(x, width, 1, True, seeds, f"{name}_layer1_0")  # 56x56x256
    x = resnest_bottleneck(x, width, 1, False, seeds, f"{name}_layer1_1")
    x = resnest_bottleneck(x, 2 * width, 2, True, seeds, f"{name}_layer2_0")  # 28x28x512
    x = resnest_bottleneck(x, 2 * width, 1, False, seeds, f"{name}_layer2_1")
    return padded_average_pool(x, f"{name}_average")  # 14x14x512


def _conditions(x, name, width, seeds):
    for number, (kernel, stride) in enumerate(((4, 4), (1, 1), (1, 1), (1, 1)), start=1):
        x = keras.layers.Conv2D(
            width, kernel, strides=stride, kernel_initializer=seeds.uniform(), name=f"{name}_condition{number}"
        )(x)
        x = keras.layers.LeakyReLU(0.1, name=f"{name}_condition{number}_relu")(x)
    return keras.layers.Conv2D(width // 2, 1, kernel_initializer=seeds.uniform(), name=f"{name}_condition5")(x)
