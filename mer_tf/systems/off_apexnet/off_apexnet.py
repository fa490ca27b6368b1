"""OFF-ApexNet (Gan et al., Signal Processing: Image Communication 2019, arXiv 1805.08699) as a Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import check_at_least, check_multiple, check_one_of
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

ACTIVATIONS = ("relu", "none")


@keras.saving.register_keras_serializable(package="mer_tf")
class OFFApexNet(Network):
    """Two convolutional streams on u and v, joined by two dense layers.

    Args:
        num_classes: int >= 2. Defaults to 3.
        activation: ``"relu"`` or ``"none"`` after the convolutions. Defaults to ``"relu"``.
        meb: bool. The form of the meb toolbox: one stream on both components, 3x3 kernels, one dense layer.
            Defaults to False.
        size: int, a multiple of 4. Side of the maps. Defaults to 28.
        units: int. Width of the dense layers. Defaults to 1024.
        dropout: float in [0, 1), after each dense layer but the last. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary of float tensors (batch, 28, 28, 1), flow in 0..1: ``"u"`` and ``"v"``. Output: float32
    probabilities (batch, num_classes).

    Parameters: 2,664,475 with three classes, as the re-implementation beside Off-TANet has; 2.77 M is published in
    the STSTNet paper. With ``meb`` 807,909.

    Assumption: ReLU follows the convolutions (paper); the re-implementation has none there.
    Assumption: weights and biases start as in the framework of that code, uniform within 1 / sqrt(fan-in).
    """

    def __init__(
        self,
        num_classes=3,
        *,
        activation="relu",
        meb=False,
        size=28,
        units=1024,
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        check_one_of(ACTIVATIONS, activation=activation)
        check_multiple(4, size=size)
        check_at_least(1, units=units)

        seeds = Seeds(seed)
        inputs = {name: keras.Input((size, size, 1), name=name) for name in ("u", "v")}
        if meb:
            x = keras.layers.Concatenate(name="components")(list(inputs.values()))
            x = keras.layers.Flatten(name="flatten")(_stream(x, "uv", 3, activation, seeds))
        else:
            maps = [_stream(tensor, name, 5, activation, seeds) for name, tensor in inputs.items()]
            x = keras.layers.Concatenate(name="join")(
                [keras.layers.Flatten(name=f"{name}_flatten")(one) for name, one in zip(inputs, maps)]
            )  # 1568
        for number in (1,) if meb else (1, 2):
            x = keras.layers.Dense(units, activation="relu", name=f"dense{number}", **seeds.torch(x.shape[-1]))(x)
            x = SeededDropout(dropout, seed=seeds.next(), name=f"dropout{number}")(x)
        outputs = probabilities(x, num_classes, **seeds.torch(x.shape[-1]))
        kwargs.setdefault("name", "off_apexnet")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _stream(x, name, kernel, activation, seeds):
    for number, filters in enumerate((6, 16), start=1):  # 14x14x6, 7x7x16
        x = keras.layers.Conv2D(
            filters,
            kernel,
            padding="same",
            activation="relu" if activation == "relu" else None,
            name=f"{name}_conv{number}",
            **seeds.torch(kernel**2 * x.shape[-1]),
        )(x)
        x = keras.layers.MaxPooling2D(2, name=f"{name}_pool{number}")(x)
    return x
