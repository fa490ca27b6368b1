"""Dual-Inception (Zhou, Mao and Xue, FG 2019) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.inception import Inception
from mer_tf.layers.network import Network, probabilities
from mer_tf.systems.seeds import Seeds


@keras.saving.register_keras_serializable(package="mer_tf")
class DualInception(Network):
    """Two Inception blocks with pooling on each of horizontal and vertical flow; two dense layers on both.

    Args:
        num_classes: int >= 2. Defaults to 3.
        channels: 1 or 3. Channels of each input: 3 as the authors' flow pictures, 1 as the re-implementation.
            Defaults to 3.
        pool_activation: bool. ReLU at the end of the pooling branches; the re-implementation has none there.
            Defaults to True.
        filters: Maps of each Inception branch, first and second block. Defaults to ``(6, 16)``.
        hidden: int >= 1. Width of the dense layer. Defaults to 1024.
        size: int >= 4. Side of the input maps; ATSCNN 2024's runs have 128. Defaults to 28.
        seed: int >= 0 or None. Decides the weights; None leaves them to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary of float tensors (batch, size, size, channels) in 0..1: ``"u"`` and ``"v"``. Output: float32
    probabilities (batch, num_classes).

    Parameters: 6,449,963 with three classes, 6,449,867 with one channel; 134,245,067 with one channel at 128x128,
    printed as 1.34e8 in ATSCNN 2024.

    Assumption: flow runs from onset to apex, as in Dual-ATME 2023 and ATSCNN 2024; the paper speaks of onset and
    middle frames.
    Assumption: no normalisation and no dropout, as in the authors' code.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        channels=3,
        pool_activation=True,
        filters=(6, 16),
        hidden=1024,
        size=28,
        seed=None,
        **kwargs,
    ):
        filters = tuple(filters)
        check_one_of((1, 3), channels=channels)
        if len(filters) != 2 or min(filters) < 1:
            raise ValueError(f"`filters` must be two positive numbers. Received: {filters!r}")
        check_at_least(1, hidden=hidden)
        check_at_least(4, size=size)

        seeds = Seeds(seed)
        inputs = {name: keras.Input((size, size, channels), name=name) for name in ("u", "v")}
        streams = []
        for name, x in inputs.items():
            for number, width in enumerate(filters, start=1):  # 14x14x24, 7x7x64
                x = Inception(
                    width, pool_activation=pool_activation, seed=seeds.next(), name=f"{name}_inception{number}"
                )(x)
                x = keras.layers.MaxPooling2D(2, name=f"{name}_pool{number}")(x)
            streams.append(keras.layers.Flatten(name=f"{name}_flatten")(x))
        x = keras.layers.Concatenate(name="join")(streams)  # 6272
        x = keras.layers.Dense(hidden, activation="relu", kernel_initializer=seeds.glorot(), name="dense")(x)
        outputs = probabilities(x, num_classes, seeds.glorot())
        kwargs.setdefault("name", "dual_inception")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
