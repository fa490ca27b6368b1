"""STSTNet (Liong et al., FG 2019, section II and Table I) as a Keras model."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.batch_norm import BatchNorm, side_by_side
from mer_tf.layers.configured import check_at_least, check_one_of
from mer_tf.layers.network import Network, probabilities
from mer_tf.layers.padded_max_pool import PaddedMaxPool2D
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

ORDERS = ("relu_bn", "bn_relu")
FILTERS = (3, 5, 8)


@keras.saving.register_keras_serializable(package="mer_tf")
class STSTNet(Network):
    """Three streams of one convolution each (3, 5 and 8 maps), all on flow and strain together, and one dense layer.

    Args:
        num_classes: int >= 2. Defaults to 3.
        padding: 1 or 2. Pixels around the maps before the 3x3 convolutions: 1 keeps the size (paper), 2 gives
            30x30 (authors' PyTorch code). Both are pooled to 10x10. Defaults to 1.
        order: ``"relu_bn"`` (code: convolution, ReLU, batch normalisation) or ``"bn_relu"``. Defaults to
            ``"relu_bn"``.
        dense400: bool. The copy of the network that ATSCNN 2024 compares with: no batch normalisation, maximum in place
            of average pooling, and a dense layer with ReLU as wide as the flattened maps (400 at 28x28). Defaults to
            False.
        size: int >= 12. Side of the input map; ATSCNN 2024's runs have 128. Defaults to 28.
        dropout: float in 0..1, in each stream. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float tensor (batch, size, size, 3), channels (u, v, strain) in 0..1. Output:
    float32 probabilities (batch, num_classes).

    Parameters: 1,683 with three classes (moving statistics left out), as the authors' code has; 1,651 without batch
    normalisation; 162,051 with ``dense400``, and 49,815,811 with it at 128x128, printed as 4.98e7 in ATSCNN 2024.

    Assumption: the published 1,670 weights are reproduced by neither text nor code; the code's layers are taken.
    Assumption: "FC 400" in Table I is the flattening only; 1,670 weights leave no room for 400x400 (``dense400``).
    Assumption: convolutions keep the size (paper; the PyTorch code pads by 2), ReLU before batch normalisation (code).
    Assumption: weights and biases start as in the framework of the published code, uniform within 1 / sqrt(fan-in).
    """

    def __init__(
        self,
        num_classes=3,
        *,
        padding=1,
        order="relu_bn",
        dense400=False,
        size=28,
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        check_one_of((1, 2), padding=padding)
        check_one_of(ORDERS, order=order)
        check_at_least(12, size=size)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        padded = keras.layers.ZeroPadding2D(padding, name="pad")(inputs["face"])
        streams = []
        for filters in FILTERS:
            name = f"stream{filters}"
            x = keras.layers.Conv2D(filters, 3, name=f"{name}_conv", **seeds.torch(27))(padded)
            steps = ["relu"] if dense400 else order.split("_")
            for step in steps:
                layer = keras.layers.ReLU(name=f"{name}_relu") if step == "relu" else BatchNorm(name=f"{name}_bn")
                x = layer(x)
            x = PaddedMaxPool2D(3, 3, padding=1, name=f"{name}_pool")(x)  # 10x10
            streams.append(SeededDropout(dropout, seed=seeds.next(), name=f"{name}_dropout")(x))
        x = keras.layers.Concatenate(name="join")(streams)  # 10x10x16
        pool = keras.layers.MaxPooling2D if dense400 else keras.layers.AveragePooling2D
        x = keras.layers.Flatten(name="flatten")(pool(2, name="pool")(x))  # 5x5x16 = 400
        if dense400:
            x = keras.layers.Dense(x.shape[-1], activation="relu", name="dense", **seeds.torch(x.shape[-1]))(x)
        outputs = probabilities(x, num_classes, **seeds.torch(x.shape[-1]))
        kwargs.setdefault("name", "ststnet")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

    def in_training(self, inputs):
        """The same with the three streams as one of 16 maps: kernels that take 3, 5 and 8 waste most of a processor."""

        def layers(part):
            return [self.get_layer(f"stream{filters}_{part}") for filters in FILTERS]

        convs = layers("conv")
        kernel = tf.concat([tf.convert_to_tensor(conv.kernel) for conv in convs], axis=-1)
        bias = tf.concat([tf.convert_to_tensor(conv.bias) for conv in convs], axis=-1)
        x = tf.nn.bias_add(tf.nn.conv2d(self.get_layer("pad")(inputs["face"]), kernel, 1, "VALID"), bias)
        for step in ["relu"] if self.dense400 else self.order.split("_"):
            x = tf.nn.relu(x) if step == "relu" else side_by_side(layers("bn"), x)
        streams = tf.split(layers("pool")[0](x), FILTERS, axis=-1)
        x = tf.concat([drop(part, training=True) for drop, part in zip(layers("dropout"), streams)], axis=-1)
        for name in ("pool", "flatten", *(["dense"] if self.dense400 else []), "probabilities"):
            x = self.get_layer(name)(x)
        return x
