"""Dual-ATME (Zhou et al., Entropy 2023, 25(3) 460, sections 3.2 to 3.4) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.cosine_consistency import CosineConsistency
from mer_tf.layers.inception import Inception
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

BRANCHES = ("both", "face", "puzzle")
ATTENTION = ("face", "shared", "both", "none")


@keras.saving.register_keras_serializable(package="mer_tf")
class DualATME(Network):
    """Two Inception branches, one on the whole face and one on the puzzle of its active regions.

    Each branch is two Inception blocks with pooling; CBAM follows on the face branch; the joined maps go through
    one dense layer to the classes. The cosine consistency of the two branches is added to the losses, so a plain
    ``fit`` trains with it.

    Args:
        num_classes: int >= 2. Defaults to 3.
        branches: ``"both"``, or ``"face"`` / ``"puzzle"`` for the ablations with one branch.
        attention: Where CBAM is: ``"face"``, ``"shared"`` (one block for both branches), ``"both"`` (one block for
            each) or ``"none"``. None takes ``"none"`` when there is only the puzzle branch and ``"face"`` otherwise.
        consistency: float >= 0. Weight of the cosine consistency loss; used with both branches. Defaults to 0.01.
        dropout: float in 0..1. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary of float tensors (batch, 28, 28, 3), channels (u, v, strain) in -1..1: ``"face"`` and
    ``"puzzle"``. Output: float32 probabilities (batch, num_classes).

    Parameters: 4,833,193 with three classes (moving statistics left out), as the authors' code has.

    Assumption: CBAM is on the face branch only (text, section 3.3); the code applies it to both and remarks that
    this lowers the result. The weight count is the same.
    Assumption: the row of Table 1 with attention in the lower branch too gives each branch a block of its own, as
    section 3.3.2 reads (``attention="both"``); the one block of the code is ``"shared"``.
    Assumption: channel attention has one hidden layer, 48-3-48 (code; the text says two), and the spatial kernel is
    3 (code; the text is silent).
    Assumption: the cosine takes the maps as they are. Section 3.3.3 first normalises them "from -1 to 1" without saying
    how or over what; here the cosine's own division by the norms is all the scaling. Different clips are not pushed
    apart: section 3.1 speaks of it, the loss of section 3.3.3 has no such term.
    Assumption: weights start as in the framework of the published code, uniform within 1 / sqrt(fan-in).

    Example:
        >>> import tensorflow as tf
        >>> model = DualATME()
        >>> model({"face": tf.zeros((1, 28, 28, 3)), "puzzle": tf.zeros((1, 28, 28, 3))}).shape
        TensorShape([1, 3])
    """

    def __init__(
        self, num_classes=3, *, branches="both", attention=None, consistency=0.01, dropout=0.5, seed=None, **kwargs
    ):
        check_one_of(BRANCHES, branches=branches)
        if attention is None:
            attention = "none" if branches == "puzzle" else "face"
        check_one_of(ATTENTION, attention=attention)
        check_at_least(0, consistency=consistency)

        seeds = Seeds(seed)
        names = ("face", "puzzle") if branches == "both" else (branches,)
        inputs = {name: keras.Input((28, 28, 3), name=name) for name in names}
        maps = {name: _branch(inputs[name], name, seeds) for name in names}  # 7x7x48 each
        if attention == "shared":
            cbam = _cbam("cbam", seeds)
            maps = {name: cbam(x) for name, x in maps.items()}
        elif attention == "both":
            maps = {name: _cbam(f"{name}_cbam", seeds)(x) for name, x in maps.items()}
        elif attention == "face" and "face" in maps:
            maps["face"] = _cbam("cbam", seeds)(maps["face"])
        if branches == "both":
            pair = [maps["face"], maps["puzzle"]]
            if consistency:
                pair = CosineConsistency(consistency, name="consistency")(pair)
            x = keras.layers.Concatenate(name="join")(pair)  # 7x7x96, face first
        else:
            x = maps[branches]
        x = keras.layers.Flatten(name="flatten")(x)
        x = keras.layers.Dense(1024, kernel_initializer=seeds.uniform(), name="dense")(x)
        x = BatchNorm(name="dense_bn")(x)
        x = keras.layers.ReLU(name="dense_relu")(x)
        x = SeededDropout(dropout, seed=seeds.next(), name="dropout")(x)
        outputs = probabilities(x, num_classes, seeds.uniform())
        kwargs.setdefault("name", "dual_atme")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.attention = attention


def _cbam(name, seeds):
    return CBAM2D(
        reduction=16,
        spatial_kernel=3,
        mlp_bias=True,
        conv_bias=True,
        concat_order="mean_max",
        seed=seeds.next(),
        name=name,
    )


def _branch(x, name, seeds):
    for number, filters in ((1, 6), (2, 12)):  # 14x14x24, 7x7x48
        x = Inception(
            filters,
            reduction=6,
            batch_norm=True,
            kernel_initializer=seeds.uniform(),
            seed=seeds.next(),
            name=f"{name}_inception{number}",
        )(x)
        x = keras.layers.MaxPooling2D(2, name=f"{name}_pool{number}")(x)
    return x
