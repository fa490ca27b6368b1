"""Parts that the networks of Chen et al. (Information 2020, 11(8) 380, Table 1) have in common."""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.seeded_dropout import SeededDropout

HEADS = ("flatten", "gap")
POOLING = ("table", "halving")
DROPOUT_PLACES = ("head", "relu")

# Factor on the first width, and whether the pooling of Table 1 halves the maps, of conv1 to conv6.
BLOCKS = ((1, False), (1, True), (1, True), (2, False), (2, True), (2, True))


def check(num_classes, head, pooling, channels, frames, size, width, dropout, dropout_place):
    """Refuses bad options; returns the rate of dropout, which has a default for each place."""
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be at least 2. Received: {num_classes!r}")
    for name, value, known in (
        ("head", head, HEADS),
        ("pooling", pooling, POOLING),
        ("dropout_place", dropout_place, DROPOUT_PLACES),
        ("channels", channels, (1, 3)),
    ):
        if value not in known:
            raise ValueError(f"`{name}` must be one of {known}. Received: {value!r}")
    if frames < 16 or size < 16:
        raise ValueError(f"`frames` and `size` must be at least 16. Received: {frames!r}, {size!r}")
    if width < 1:
        raise ValueError(f"`width` must be at least 1. Received: {width!r}")
    if dropout is None:
        dropout = 0.5 if dropout_place == "head" else 0.25
    if not 0 <= dropout < 1:
        raise ValueError(f"`dropout` must lie in [0, 1). Received: {dropout!r}")
    return dropout


def convolutional_blocks(x, count, *, pooling, width, dropout, dropout_place, seeds):
    """The first ``count`` blocks of Table 1: 3x3x3 convolution, BN, ReLU, 2x2x2 max pooling.

    Args:
        x: symbolic tensor (batch, frames, height, width, channels).
        count: int in 1..6.
        pooling: ``"table"`` or ``"halving"``.
        width: int. Filters of conv1 to conv3; conv4 to conv6 have twice as many.
        dropout: float, used where ``dropout_place`` is ``"relu"``.
        dropout_place: ``"head"`` or ``"relu"``.
        seeds: ``mer_tf.systems.seeds.Seeds``.

    Returns:
        Symbolic tensor after the last pooling.
    """
    for number, (factor, halves) in enumerate(BLOCKS[:count], start=1):
        x = keras.layers.Conv3D(
            width * factor, 3, padding="same", kernel_initializer=seeds.glorot(), name=f"conv{number}"
        )(x)
        x = BatchNorm(name=f"bn{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
        if dropout_place == "relu":
            x = SeededDropout(dropout, seed=seeds.next(), name=f"dropout{number}")(x)
        if pooling == "table":
            strides, padding = (2, "valid") if halves else (1, "same")
        else:
            strides, padding = 2, "same"
        x = keras.layers.MaxPooling3D(2, strides=strides, padding=padding, name=f"pool{number}")(x)
    return x


def classify(x, num_classes, *, head, dropout, dropout_place, seeds):
    """Head: flatten (or global average pooling), dropout, dense layer with softmax."""
    if head == "flatten":
        x = keras.layers.Flatten(name="flatten")(x)
    else:
        x = keras.layers.GlobalAveragePooling3D(name="gap")(x)
    if dropout_place == "head":
        x = SeededDropout(dropout, seed=seeds.next(), name="dropout")(x)
    return keras.layers.Dense(
        num_classes, activation="softmax", kernel_initializer=seeds.glorot(), dtype="float32", name="probabilities"
    )(x)
