"""ATSCNN (Zhao et al., Journal of Image and Graphics 2024, 29(1) 111-122) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.cbam2d import CBAM2D
from mer_tf.layers.configured import check_multiple, check_one_of
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

ATTENTION = ("cbam", "channel", "spatial", "none")
ACTIVATIONS = ("selu", "relu")


@keras.saving.register_keras_serializable(package="mer_tf")
class ATSCNN(Network):
    """One convolutional stream for each input map, each closed by attention, joined for the classes.

    The full system has three streams, on u, v and optical strain; ablations 5 and 6 have two.

    Args:
        num_classes: int >= 2. Defaults to 3.
        streams: names of the one-channel inputs, one stream each. Defaults to ``("u", "v", "strain")``; ablation 5
            is ``("u", "v")``, ablation 6 ``("onset", "apex")`` with gray frames.
        attention: ``"cbam"``, ``"channel"``, ``"spatial"`` or ``"none"`` (ablations 1 to 3). Defaults to ``"cbam"``.
        activation: ``"selu"`` or ``"relu"`` (ablation 4), also inside the attention. Defaults to ``"selu"``.
        literal_head: bool. One dense layer, as the abstract says, instead of 1024-1024-classes. Defaults to False.
        size: int, a multiple of 16. Side of the input maps. Defaults to 128.
        dropout: float in 0..1, after each of the two dense layers. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary of float tensors (batch, size, size, 1), one for each of ``streams``: flow in pixels and
    strain, or gray frames in 0..1. Output: float32 probabilities (batch, num_classes).

    Parameters: 4,213,815 with three classes (moving statistics left out); 4.21e6 is published.

    Assumption: kernels, pooling, attention width and dense layers are the one layout that reproduces the published
    weights, operations and memory; the paper's architecture section is not in the stored text.
    Assumption: flow enters in pixels and strain as computed, neither scaled to a range; whether the paper scales them
    is in the part that is not legible.
    Assumption: dropout 0.5, LeCun-normal initialisation (SELU's own) and the order batch normalisation, activation
    are chosen.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        streams=("u", "v", "strain"),
        attention="cbam",
        activation="selu",
        literal_head=False,
        size=128,
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        streams = tuple(streams)
        if not streams or len(set(streams)) != len(streams):
            raise ValueError(f"`streams` must be different names, at least one. Received: {streams!r}")
        check_one_of(ATTENTION, attention=attention)
        check_one_of(ACTIVATIONS, activation=activation)
        check_multiple(16, size=size)

        seeds = Seeds(seed)
        inputs = {name: keras.Input((size, size, 1), name=name) for name in streams}
        maps = [_stream(inputs[name], name, attention, activation, seeds) for name in streams]
        x = keras.layers.Concatenate(name="join")(maps) if len(maps) > 1 else maps[0]  # 8x8x48
        x = keras.layers.Flatten(name="flatten")(x)
        if not literal_head:
            for number in (1, 2):
                x = keras.layers.Dense(
                    1024, activation=activation, kernel_initializer=_init(seeds), name=f"dense{number}"
                )(x)
                x = SeededDropout(dropout, seed=seeds.next(), name=f"dropout{number}")(x)
        outputs = probabilities(x, num_classes, _init(seeds))
        kwargs.setdefault("name", "atscnn")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _init(seeds):
    return keras.initializers.LecunNormal(seed=seeds.next())


def _stream(x, name, attention, activation, seeds):
    for number, filters in enumerate((3, 5, 8, 16), start=1):  # 64x64x3, 32x32x5, 16x16x8, 8x8x16
        stage = f"{name}_{number}"
        x = keras.layers.Conv2D(filters, 5, padding="same", kernel_initializer=_init(seeds), name=f"{stage}_conv")(x)
        x = BatchNorm(momentum=0.9, epsilon=1e-5, name=f"{stage}_bn")(x)
        x = keras.layers.Activation(activation, name=f"{stage}_activation")(x)
        x = keras.layers.MaxPooling2D(2, name=f"{stage}_pool")(x)
    if attention == "none":
        return x
    return CBAM2D(
        reduction=16,
        mlp_bias=False,
        activation=activation,
        spatial_kernel=3,
        conv_bias=False,
        concat_order="mean_max",
        channel=attention in ("cbam", "channel"),
        spatial=attention in ("cbam", "spatial"),
        seed=seeds.next(),
        name=f"{name}_cbam",
    )(x)
