"""SubNetwork1 to SubNetwork4 (Chen et al., Information 2020, 11(8) 380, section 3.2, Figure 9) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.network import Network
from mer_tf.systems.cbamnet.blocks import check, classify, convolutional_blocks
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class SubNetwork(Network):
    """The first blocks of ``BasicNetwork`` with the same head: how deep the network should be (section 4.3).

    Args:
        num_classes: int >= 2. Defaults to 3.
        number: int in 1..4. The network keeps conv1 to pool(number + 1). Defaults to 4.
        head: ``"flatten"`` or ``"gap"`` (global average pooling). Defaults to ``"flatten"``.
        pooling: ``"table"``: pool1 and pool4 keep the size, the others halve it; ``"halving"``: every pooling
            halves, with "same" padding. Defaults to ``"table"``.
        channels: 3 (RGB) or 1 (gray). Defaults to 3.
        frames: int >= 16. Defaults to 16.
        size: int >= 16. Side of the frames. Defaults to 64.
        width: int. Filters of conv1 to conv3, half of those of conv4 to conv6. Defaults to 32.
        dropout: float in [0, 1) or None: 0.5 at the head, 0.25 after each ReLU.
        dropout_place: ``"head"`` (before the classifier) or ``"relu"`` (after every ReLU). Defaults to ``"head"``.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"frames"``, float (batch, frames, size, size, channels), each clip standardised to zero
    mean and unit variance. Output: float32 probabilities (batch, num_classes).

    Parameters with three classes, ``number`` 1 to 4: 816,867, 156,483, 310,275, 249,027 (moving statistics left out);
    with global average pooling 30,531, 58,275, 113,859, 224,643.

    Assumption: pool1 and pool4 have stride 1 and "same" padding, the only reading that gives every size of Table 1;
    the text has one setting for all (``pooling="halving"``).
    Assumption: three channels (section 4.1); Table 1 lists none.
    Assumption: flatten, dropout 0.5 and one dense layer as head, Glorot-uniform initialisation: the paper is silent.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        number=4,
        head="flatten",
        pooling="table",
        channels=3,
        frames=16,
        size=64,
        width=32,
        dropout=None,
        dropout_place="head",
        seed=None,
        **kwargs,
    ):
        if number not in (1, 2, 3, 4):
            raise ValueError(f"`number` must be 1, 2, 3 or 4. Received: {number!r}")
        dropout = check(num_classes, head, pooling, channels, frames, size, width, dropout, dropout_place)

        seeds = Seeds(seed)
        inputs = {"frames": keras.Input((frames, size, size, channels), name="frames")}
        x = convolutional_blocks(
            inputs["frames"],
            number + 1,
            pooling=pooling,
            width=width,
            dropout=dropout,
            dropout_place=dropout_place,
            seeds=seeds,
        )
        outputs = classify(x, num_classes, head=head, dropout=dropout, dropout_place=dropout_place, seeds=seeds)
        kwargs.setdefault("name", f"sub_network_{number}")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
