"""Residual network with micro-attention (the Micro-Attention paper) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.micro_attention import MicroAttentionUnit
from mer_tf.systems.micro_attention.residual_network import ResidualNetwork


@keras.saving.register_keras_serializable(package="mer_tf")
class MicroAttention(ResidualNetwork):
    """The residual network of the Micro-Attention paper with a micro-attention unit in every block.

    Args:
        num_classes: int >= 2. Defaults to 3.
        sigmoid: bool. Whether the attention map goes through a sigmoid. Defaults to True.
        **kwargs: Options of ``ResidualNetwork``, and arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"apex"``, float (batch, size, size, channels) in 0..255: batch normalisation on the
    data does the scaling. Output: float32 probabilities (batch, num_classes).

    Parameters: 5,943,813 trained and 960 fixed with three classes (moving statistics left out), 5,944,839 and 960
    with five; 5.9 M is published.

    Source: Wang et al., Micro-Attention for Micro-Expression Recognition, section 3, equation 1, and the published
    network description.
    Assumption: a sigmoid and 3C -> C channels in the unit (network description); equation 1 has neither. With a
    sigmoid the map is 0.5 where nothing is learned, while the text has it fade to zero.
    """

    def __init__(self, num_classes=3, *, sigmoid=True, **kwargs):
        def attend(shortcut, first, second, name, seeds):
            unit = MicroAttentionUnit(sigmoid, seed=seeds.next(), name=f"{name}_attention")
            return unit([shortcut, first, second])

        kwargs.setdefault("name", "micro_attention")
        super().__init__(num_classes, _attend=attend, **kwargs)
