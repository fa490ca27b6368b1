"""MicroExpSTCNN (Reddy et al., IJCNN 2019, Table I and section IV-B) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.network import Network
from mer_tf.layers.resample_time import ResampleTime
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

TIME = ("clamp", "same", "resample")
DEPTH = 15  # of the kernel, in frames


@keras.saving.register_keras_serializable(package="mer_tf")
class MicroExpSTCNN(Network):
    """One 3D convolution 15 frames deep, one pooling, two dense layers.

    Args:
        num_classes: int >= 2. Defaults to 3.
        frames: int. 96 (CAS(ME)^2) or 18 (SMIC) as published, 16 in Chen et al. 2020. Defaults to 16.
        channels: 3 (RGB) or 1 (gray, as published). Defaults to 3.
        time: What is done when fewer than three steps are left after the convolution: ``"clamp"`` pools over as many
            as there are; ``"same"`` pads the convolution in time, whatever the length; ``"resample"`` interpolates
            shorter clips to 18 frames first. Defaults to ``"clamp"``.
        third_dropout: bool. Dropout after the last dense layer as well. Defaults to False.
        size: int >= 5. Side of the frames. Defaults to 64.
        filters: int. Filters of the convolution. Defaults to 32.
        units: int. Width of the first dense layer. Defaults to 128.
        dropout: float in [0, 1). Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"frames"``, float (batch, frames, size, size, channels), mean removed and scaled.
    Output: float32 probabilities (batch, num_classes).

    Parameters with three classes: 1,651,907 (16 frames, RGB); gray 1,643,267 (16 or 18 frames), 44,241,667 (96),
    8,196,867 (16 with ``time="same"``).

    Source: layer table and the authors' scripts for CAS(ME)^2 and SMIC.

    Assumption: 16 frames are impossible as published (two steps are left for a pooling three deep); the pooling is
    two deep then, which gives the flattened size of the SMIC script.
    Assumption: no dropout after the last dense layer, as in the code; the table has one.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        frames=16,
        channels=3,
        time="clamp",
        third_dropout=False,
        size=64,
        filters=32,
        units=128,
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        check_one_of(TIME, time=time)
        shortest = {"clamp": DEPTH, "same": 3, "resample": 2}[time]
        if frames < shortest:
            raise ValueError(f"`frames` must be at least {shortest} with time {time!r}. Received: {frames!r}")
        check_one_of((1, 3), channels=channels)
        check_at_least(5, size=size)
        check_at_least(1, filters=filters, units=units)

        seeds = Seeds(seed)
        inputs = {"frames": keras.Input((frames, size, size, channels), name="frames")}
        x = inputs["frames"]
        if time == "same":
            x = keras.layers.ZeroPadding3D((DEPTH // 2, 0, 0), name="pad")(x)
        elif time == "resample" and frames < 18:
            x = ResampleTime(18, name="resample")(x)
        x = keras.layers.Conv3D(
            filters, (DEPTH, 3, 3), activation="relu", kernel_initializer=seeds.glorot(), name="conv"
        )(x)
        x = keras.layers.MaxPooling3D((min(3, x.shape[1]), 3, 3), name="pool")(x)
        x = SeededDropout(dropout, seed=seeds.next(), name="dropout1")(x)
        x = keras.layers.Flatten(name="flatten")(x)
        normal = keras.initializers.RandomNormal(stddev=0.05, seed=seeds.next())
        x = keras.layers.Dense(units, activation="relu", kernel_initializer=normal, name="dense")(x)
        x = SeededDropout(dropout, seed=seeds.next(), name="dropout2")(x)
        x = keras.layers.Dense(num_classes, kernel_initializer=seeds.glorot(), dtype="float32", name="logits")(x)
        if third_dropout:
            x = SeededDropout(dropout, seed=seeds.next(), dtype="float32", name="dropout3")(x)
        outputs = keras.layers.Softmax(dtype="float32", name="probabilities")(x)
        kwargs.setdefault("name", "microexpstcnn")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
