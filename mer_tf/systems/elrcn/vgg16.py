"""VGG-16 on the frames of a clip, and what follows it in both ELRCN networks."""

from __future__ import annotations

import keras

from mer_tf.layers.fold_time import FoldTime
from mer_tf.layers.network import probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.layers.unfold_time import UnfoldTime

BLOCKS = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))  # width in units of the first block, number of convolutions
TEMPORAL_UNITS = 128


def vgg16_features(clip, filters, dense_units, dropout, seeds, prefix="", *, train_convolutions=True, train_dense=True):
    """VGG-16 up to its second dense layer, on every frame.

    Args:
        clip: symbolic tensor (batch, frames, size, size, channels).
        filters: Channels of the first block, 64 as published.
        dense_units: Width of both dense layers, 4096 as published.
        dropout: Rate after each dense layer.
        seeds: ``mer_tf.systems.seeds.Seeds``.
        prefix: Put before the layers' names, which are those of Keras's own VGG-16.
        train_convolutions: False keeps the convolutions as they are.
        train_dense: False keeps the dense layers as they are.

    Returns:
        Symbolic tensor (batch * frames, dense_units).
    """
    x = FoldTime(name=f"{prefix}frames")(clip)
    for block, (factor, count) in enumerate(BLOCKS, start=1):  # 112x112x64 ... 7x7x512
        for number in range(1, count + 1):
            conv = keras.layers.Conv2D(
                filters * factor,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=_he(seeds),
                name=f"{prefix}block{block}_conv{number}",
            )
            conv.trainable = train_convolutions
            x = conv(x)
        x = keras.layers.MaxPooling2D(2, name=f"{prefix}block{block}_pool")(x)
    x = keras.layers.Flatten(name=f"{prefix}flatten")(x)  # 25 088
    for number in (1, 2):
        dense = keras.layers.Dense(
            dense_units, activation="relu", kernel_initializer=_he(seeds), name=f"{prefix}fc{number}"
        )
        dense.trainable = train_dense
        x = SeededDropout(dropout, seed=seeds.next(), name=f"{prefix}dropout{number}")(dense(x))
    return x


def elrcn_head(features, num_classes, frames, lstm_units, sigmoid, stage, seeds):
    """Classes from the features of all frames.

    Args:
        features: symbolic tensor (batch * frames, width).
        num_classes: Number of classes.
        frames: Frames of a clip.
        lstm_units: Width of the LSTM, 3000 as published.
        sigmoid: Sigmoid in place of softmax at the end of the temporal module.
        stage: ``"spatial"`` gives the mean of the frames' own probabilities, everything else the temporal module's.
        seeds: ``mer_tf.systems.seeds.Seeds``.

    Returns:
        Symbolic tensor (batch, num_classes), float32.
    """
    if stage == "spatial":
        x = probabilities(features, num_classes, seeds.glorot(), "frame_classes")
        x = UnfoldTime(frames, name="clips")(x)
        return keras.layers.GlobalAveragePooling1D(dtype="float32", name="probabilities")(x)
    x = UnfoldTime(frames, name="clips")(features)
    x = keras.layers.LSTM(
        lstm_units,
        kernel_initializer=seeds.glorot(),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seeds.next()),
        name="lstm",
    )(x)
    x = keras.layers.Dense(TEMPORAL_UNITS, activation="relu", kernel_initializer=seeds.glorot(), name="temporal_dense")(
        x
    )
    return keras.layers.Dense(
        num_classes,
        activation="sigmoid" if sigmoid else "softmax",
        kernel_initializer=seeds.glorot(),
        dtype="float32",
        name="probabilities",
    )(x)


def parameters(channels, num_classes, size=224, filters=64, dense_units=4096, lstm_units=3000) -> int:
    """Weights of an ELRCN network, without building it.

    Args:
        channels: Channels of each stream's frames, one entry per VGG-16.
        num_classes: Number of classes.
        size: Side of the frames.
        filters: As ``vgg16_features``.
        dense_units: As ``vgg16_features``.
        lstm_units: As ``elrcn_head``.
    """
    spatial = 0
    for before in channels:
        for factor, count in BLOCKS:
            for _ in range(count):
                spatial += 9 * before * filters * factor + filters * factor
                before = filters * factor
        flat = (size // 32) ** 2 * before
        spatial += (flat + 1) * dense_units + (dense_units + 1) * dense_units
    lstm = 4 * lstm_units * (len(channels) * dense_units + lstm_units + 1)
    return spatial + lstm + (lstm_units + 1) * TEMPORAL_UNITS + (TEMPORAL_UNITS + 1) * num_classes


def _he(seeds):
    return keras.initializers.HeNormal(seed=seeds.next())
