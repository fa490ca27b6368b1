"""Residual network with complex attention (the Micro-Attention paper, Table 2) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.complex_attention import ComplexAttentionUnit
from mer_tf.systems.micro_attention.residual_network import ResidualNetwork


@keras.saving.register_keras_serializable(package="mer_tf")
class ComplexAttention(ResidualNetwork):
    """The residual network of the Micro-Attention paper with an attention branch at every block's last convolution.

    Args:
        num_classes: int >= 2. Defaults to 3.
        after_addition: bool. Whether the mask multiplies the sum of branch and shortcut, not the branch alone. Defaults
            to False.
        **kwargs: Options of ``ResidualNetwork``, and arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"apex"``, float (batch, size, size, channels) in 0..255: batch normalisation on the
    data does the scaling. Output: float32 probabilities (batch, num_classes).

    Parameters: 11,166,213 with three classes (moving statistics left out), 11,167,239 with five; 11.2 M is
    published.

    Source: Peng, Wang, Chen, FG 2018, as quoted by Wang et al., Micro-Attention for Micro-Expression Recognition,
    section 4 and Table 3.
    Assumption: two 3x3 convolutions per block, the only number that fits the published size; where the mask
    multiplies is chosen. See ``ComplexAttentionUnit``.
    """

    def __init__(self, num_classes=3, *, after_addition=False, **kwargs):
        def attend(shortcut, first, second, name, seeds):
            unit = ComplexAttentionUnit(after_addition, seed=seeds.next(), name=f"{name}_attention")
            return unit([shortcut, second])

        kwargs.setdefault("name", "complex_attention")
        super().__init__(num_classes, _attend=attend, **kwargs)
