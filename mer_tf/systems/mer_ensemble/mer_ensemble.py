"""Several small networks and a linear one on onset-apex flow, summed."""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.configured import check_at_least
from mer_tf.layers.median_centre import MedianCentre
from mer_tf.layers.member_mean import MemberMean
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

GRID = 7  # cells along a side of what the linear member sees


@keras.saving.register_keras_serializable(package="mer_tf")
class MerEnsemble(Network):
    """Members that differ in their start and dropout alone, and one that is linear; their probabilities are summed.

    A member: two blocks of 3x3 convolution, batch normalisation, ReLU and 2x2 mean pooling, of ``width`` and twice
    ``width`` maps; pooling to a 7x7 grid, which keeps where on the face something moves; dropout; one dense layer. The
    linear member sees the means of u, v and strain over the grid. All of them see maps around their own median
    (``MedianCentre``).

    Args:
        num_classes: int >= 2. Defaults to 3.
        members: int >= 1. Number of convolutional members. Defaults to 5.
        linear: bool. Whether there is a linear member. Defaults to True.
        width: int >= 1. Maps of a member's first convolution. Defaults to 8.
        size: int, a multiple of 28. Side of the input map. Defaults to 28.
        dropout: float in 0..1, before each dense layer. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float tensor (batch, size, size, 3), channels (u, v, strain) in any range.
    Output: float32 probabilities (batch, num_classes); in training the members' geometric mean (``MemberMean``), so
    that each learns by its own cross-entropy.

    Source: none; a choice of this package, after what public work on sets of few clips suggests: small networks,
    several of them summed, and a linear one that is hard to beat.
    """

    def __init__(self, num_classes=3, *, members=5, linear=True, width=8, size=28, dropout=0.5, seed=None, **kwargs):
        check_at_least(1, members=members, width=width, size=size)
        if size % (4 * GRID):
            raise ValueError(f"`size` must be a multiple of {4 * GRID}. Received: {size!r}")
        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        centred = MedianCentre(name="centre")(inputs["face"])
        found = []
        for member in range(members):
            x = centred
            for block, maps in enumerate((width, 2 * width), 1):
                name = f"member{member}_{block}"
                x = keras.layers.Conv2D(
                    maps, 3, padding="same", use_bias=False, kernel_initializer=seeds.glorot(), name=f"{name}_conv"
                )(x)
                x = keras.layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_bn")(x))
                x = keras.layers.AveragePooling2D(2, name=f"{name}_pool")(x)
            found.append(self._head(x, f"member{member}", num_classes, dropout, seeds))
        if linear:
            found.append(self._head(centred, "linear", num_classes, dropout, seeds))
        outputs = MemberMean(name="mean")(found)
        kwargs.setdefault("name", "mer_ensemble")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

    @staticmethod
    def _head(x, name, num_classes, dropout, seeds):
        if x.shape[1] > GRID:
            x = keras.layers.AveragePooling2D(x.shape[1] // GRID, name=f"{name}_grid")(x)
        x = keras.layers.Flatten(name=f"{name}_flatten")(x)
        x = SeededDropout(dropout, seed=seeds.next(), name=f"{name}_dropout")(x)
        return probabilities(x, num_classes, seeds.glorot(), name=f"{name}_probabilities")
