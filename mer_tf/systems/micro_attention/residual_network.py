"""Residual network of the Micro-Attention paper (Peng et al., FG 2018, macro to micro) as a Keras model."""

from __future__ import annotations

from collections.abc import Callable

import keras

from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.network import Network
from mer_tf.systems.micro_attention.trunk import residual_trunk
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class ResidualNetwork(Network):
    """Pre-activation residual network with ten layers of weights on the apex frame.

    A 7x7 convolution and four blocks of two 3x3 convolutions, with 64, 128, 256 and 512 channels. It is trained on
    macro-expressions first and gives its weights to the networks with attention.

    Args:
        num_classes: int >= 2. Defaults to 3.
        channels: 1 (gray) or 3 (RGB). Defaults to 1.
        size: int >= 32. Side of the picture. Defaults to 224.
        width: int. Channels of the first block; smaller ones make the network small for tests. Defaults to 64.
        seed: int >= 0 or None. Decides the weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"apex"``, float (batch, size, size, channels) in 0..255: batch normalisation on the
    data does the scaling. Output: float32 probabilities (batch, num_classes).

    Parameters: 4,899,333 with three classes (moving statistics left out), 4,900,359 with five; 4.9 M is published.

    Source: Wang et al., Micro-Attention for Micro-Expression Recognition, sections 3 and 4.2, and the published network
    description without its attention layers.
    Assumption: four blocks (network description); "a stack of 10 residual blocks" in the text counts layers of
    weights, and only four blocks have the published size.
    Assumption: the first block's shortcut is the identity, since its size does not change; Figure 2 draws a 1x1
    convolution on every shortcut.
    Assumption: gray pictures (network description); the ImageNet network they start from has RGB, so its first
    convolution is summed over the colours.
    Assumption: batch normalisation has momentum 0.9 and epsilon 1e-5, as in the other models of the package.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        channels=1,
        size=224,
        width=64,
        seed=None,
        _attend: Callable | None = None,
        **kwargs,
    ):
        check_one_of((1, 3), channels=channels)
        check_at_least(32, size=size)
        check_at_least(1, width=width)

        seeds = Seeds(seed)
        inputs = {"apex": keras.Input((size, size, channels), name="apex")}
        outputs = residual_trunk(inputs["apex"], num_classes, width, seeds, _attend or _add)
        kwargs.setdefault("name", "residual_network")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _add(shortcut, first, second, name, seeds):
    return keras.layers.Add(name=f"{name}_add")([shortcut, second])
