"""DSSN (Khor et al., Dual-stream Shallow Networks, ICIP 2019) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.grouped_conv2d import GroupedConv2D
from mer_tf.layers.local_response_norm import LocalResponseNorm
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

MERGES = ("multiply", "add", "concat")


@keras.saving.register_keras_serializable(package="mer_tf")
class DSSN(Network):
    """The first two convolutions of AlexNet, once on flow magnitude and once on strain, merged for the classes.

    Args:
        num_classes: int >= 2. Defaults to 3.
        streams: names of the inputs, one stream each. One name gives the single-stream SSSN. Defaults to
            ``("magnitude", "strain")``.
        merge: ``"multiply"``, ``"add"`` or ``"concat"``. Defaults to ``"multiply"``.
        size: int >= 35. Side of the input maps. Defaults to 227.
        filters: two even ints: filters of the two convolutions. Defaults to (96, 256).
        dropout: float in [0, 1), before the classifier. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary of float tensors (batch, size, size, 3), ImageNet's RGB means removed, divided by 255. Output:
    float32 probabilities (batch, num_classes).

    Parameters: 857,603 with three classes, 972,805 with five; each stream has 342,400, to start from ImageNet's.

    Source: the authors' code; Krizhevsky et al., NIPS 2012, for the two layers.

    Assumption: the padding that prepares AlexNet's third convolution is kept, as in the code: the outer ring of what
    the classifier sees is zero.
    """

    def __init__(
        self,
        num_classes=3,
        *,
        streams=("magnitude", "strain"),
        merge="multiply",
        size=227,
        filters=(96, 256),
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        streams, filters = tuple(streams), tuple(filters)
        if not streams or len(set(streams)) != len(streams):
            raise ValueError(f"`streams` must be different names, at least one. Received: {streams!r}")
        check_one_of(MERGES, merge=merge)
        check_at_least(35, size=size)
        if len(filters) != 2 or any(count < 2 or count % 2 for count in filters):
            raise ValueError(f"`filters` must be two even numbers. Received: {filters!r}")

        seeds = Seeds(seed)
        inputs = {name: keras.Input((size, size, 3), name=name) for name in streams}
        maps = [_front(inputs[name], name, filters, seeds) for name in streams]  # 15x15x256 each
        if len(maps) == 1:
            x = maps[0]
        else:
            join = {
                "multiply": keras.layers.Multiply,
                "add": keras.layers.Add,
                "concat": keras.layers.Concatenate,
            }[merge]
            x = join(name="merge")(maps)
        x = keras.layers.Flatten(name="flatten")(x)  # 57600
        x = SeededDropout(dropout, seed=seeds.next(), name="dropout")(x)
        outputs = probabilities(x, num_classes, seeds.glorot())
        kwargs.setdefault("name", "dssn")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _front(x, name, filters, seeds):
    x = keras.layers.Conv2D(
        filters[0], 11, strides=4, activation="relu", kernel_initializer=seeds.glorot(), name=f"{name}_conv1"
    )(x)  # 55x55x96
    x = keras.layers.MaxPooling2D(3, strides=2, name=f"{name}_pool1")(x)  # 27x27x96
    x = LocalResponseNorm(name=f"{name}_norm1")(x)
    x = keras.layers.ZeroPadding2D(2, name=f"{name}_pad2")(x)
    x = GroupedConv2D(filters[1], 5, groups=2, kernel_initializer=seeds.glorot(), name=f"{name}_conv2")(x)
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)  # 27x27x256
    x = keras.layers.MaxPooling2D(3, strides=2, name=f"{name}_pool2")(x)  # 13x13x256
    x = LocalResponseNorm(name=f"{name}_norm2")(x)
    return keras.layers.ZeroPadding2D(1, name=f"{name}_pad3")(x)  # 15x15x256
