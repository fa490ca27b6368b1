"""SubNetwork1 to SubNetwork4 (Chen et al., Information 2020, 11(8) 380, section 4.2, Figure 9) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_one_of
from mer_tf.systems.cbamnet.basic_network import BasicNetwork


@keras.saving.register_keras_serializable(package="mer_tf")
class SubNetwork(BasicNetwork):
    """The first blocks of ``BasicNetwork`` with the same head: how deep the network should be (section 4.2).

    Args:
        num_classes: int >= 2. Defaults to 3.
        number: int in 1..4. The network keeps conv1 to pool(number + 1). Defaults to 4.
        **kwargs: Options of ``BasicNetwork``, and arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"frames"``, float (batch, frames, size, size, channels), each clip standardised to zero
    mean and unit variance. Output: float32 probabilities (batch, num_classes).

    Parameters with three classes, ``number`` 1 to 4: 816,867, 156,483, 310,275, 249,027 (moving statistics left out);
    with global average pooling 30,531, 58,275, 113,859, 224,643.
    """

    def __init__(self, num_classes=3, *, number=4, **kwargs):
        check_one_of((1, 2, 3, 4), number=number)
        kwargs.setdefault("name", f"sub_network_{number}")
        super().__init__(num_classes, _blocks=number + 1, **kwargs)
