"""BasicNetwork (Chen et al., Information 2020, 11(8) 380, section 3.3, Table 1) as a Keras model."""

from __future__ import annotations

from collections.abc import Callable

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

HEADS = ("flatten", "gap")
POOLING = ("table", "halving")
DROPOUT_PLACES = ("head", "relu")
EPSILON = 1e-3  # of batch normalisation, TensorFlow's default

# Factor on the first width, and whether the pooling of Table 1 halves the maps, of conv1 to conv6.
BLOCKS = ((1, False), (1, True), (1, True), (2, False), (2, True), (2, True))


@keras.saving.register_keras_serializable(package="mer_tf")
class BasicNetwork(Network):
    """Six blocks of 3D convolution, batch normalisation, ReLU and max pooling on a magnified clip.

    Args:
        num_classes: int >= 2. Defaults to 3.
        head: ``"flatten"`` or ``"gap"`` (global average pooling). Defaults to ``"flatten"``.
        pooling: ``"table"``: pool1 and pool4 keep the size, the others halve it; ``"halving"``: every pooling
            halves, with "same" padding. Defaults to ``"table"``.
        channels: 3 (RGB) or 1 (gray). Defaults to 3.
        frames: int >= 16. Defaults to 16.
        size: int >= 16. Side of the frames. Defaults to 64.
        width: int. Filters of conv1 to conv3, half of those of conv4 to conv6. Defaults to 32.
        momentum: float in [0, 1). Momentum of batch normalisation's moving statistics. Defaults to 0.99.
        dropout: float in [0, 1) or None: 0.5 at the head, 0.25 after each ReLU.
        dropout_place: ``"head"`` (before the classifier) or ``"relu"`` (after every ReLU). Defaults to ``"head"``.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"frames"``, float (batch, frames, size, size, channels), each clip standardised to zero
    mean and unit variance. Output: float32 probabilities (batch, num_classes).

    Parameters: 338,307 with three classes (moving statistics left out); 335,427 with global average pooling.

    Assumption: pool1 and pool4 have stride 1 and "same" padding, the only reading that gives every size of Table 1;
    the text has one setting for all (``pooling="halving"``).
    Assumption: three channels (section 4.1); Table 1 lists none.
    Assumption: flatten, dropout 0.5 and one dense layer as head, Glorot-uniform initialisation: the paper is silent.
    Assumption: clips are standardised, and magnified by the factor and in the band of the recipe: the paper gives no
    figures.
    Assumption: the presets' loss, optimiser, rate, batch and epochs: the paper states none of them.
    Assumption: batch normalisation has momentum 0.99 and epsilon 1e-3, the defaults of TensorFlow, which the paper
    used (section 3.4); it prints neither.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        head="flatten",
        pooling="table",
        channels=3,
        frames=16,
        size=64,
        width=32,
        momentum=0.99,
        dropout=None,
        dropout_place="head",
        seed=None,
        _blocks=6,
        _attend: Callable | None = None,
        **kwargs,
    ):
        check_one_of(HEADS, head=head)
        check_one_of(POOLING, pooling=pooling)
        check_one_of(DROPOUT_PLACES, dropout_place=dropout_place)
        check_one_of((1, 3), channels=channels)
        check_at_least(16, frames=frames, size=size)
        check_at_least(1, width=width)
        if dropout is None:
            dropout = 0.5 if dropout_place == "head" else 0.25

        seeds = Seeds(seed)
        inputs = {"frames": keras.Input((frames, size, size, channels), name="frames")}
        x = inputs["frames"]
        for number, (factor, halves) in enumerate(BLOCKS[:_blocks], start=1):
            x = keras.layers.Conv3D(
                width * factor, 3, padding="same", kernel_initializer=seeds.glorot(), name=f"conv{number}"
            )(x)
            x = BatchNorm(momentum, EPSILON, name=f"bn{number}")(x)
            x = keras.layers.ReLU(name=f"relu{number}")(x)
            if dropout_place == "relu":
                x = SeededDropout(dropout, seed=seeds.next(), name=f"dropout{number}")(x)
            if pooling == "table":
                strides, padding = (2, "valid") if halves else (1, "same")
            else:
                strides, padding = 2, "same"
            x = keras.layers.MaxPooling3D(2, strides=strides, padding=padding, name=f"pool{number}")(x)
        if _attend:
            x = _attend(x, seeds)  # 1x4x4x64
        if head == "flatten":
            x = keras.layers.Flatten(name="flatten")(x)
        else:
            x = keras.layers.GlobalAveragePooling3D(name="gap")(x)
        if dropout_place == "head":
            x = SeededDropout(dropout, seed=seeds.next(), name="dropout")(x)
        outputs = probabilities(x, num_classes, seeds.glorot())
        kwargs.setdefault("name", "basic_network")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dropout = dropout
