"""RCN and its parameter-free variants (Xia et al., IEEE TIP 2020, 29) as one Keras model."""

from __future__ import annotations

import keras

from mer_tf.layers.adaptive_average_pool import AdaptiveAveragePool2D
from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.class_weights import ClassWeights
from mer_tf.layers.configured import check_at_least, check_multiple, check_one_of
from mer_tf.layers.linear_softmax import LinearSoftmax
from mer_tf.layers.nearest_resize import NearestResize2D
from mer_tf.layers.network import Network
from mer_tf.layers.parameter_free_attention import ParameterFreeAttention
from mer_tf.layers.recurrent_conv2d import RecurrentConv2D
from mer_tf.layers.seeded_dropout import SeededDropout
from mer_tf.systems.seeds import Seeds

VARIANTS = ("base", "a", "s", "w", "c", "f")
WIDE = ("w", "c", "f")
DENSE = ("s", "c", "f")


@keras.saving.register_keras_serializable(package="mer_tf")
class RCN(Network):
    """A convolution, a recurrent convolution with shared weights, adaptive pooling and a linear classifier.

    Variants: ``"base"``; ``"a"`` adds attention made of the classifier's weights to the pooled features; ``"s"``
    connects the recurrent passes densely; ``"w"`` starts with three parallel dilated convolutions in place of the
    stem; ``"c"`` is wide and dense, with attention computed on the input; ``"f"`` is wide and dense, with attention
    inside the recurrent block. The additions have no weights of their own.

    Args:
        num_classes: int >= 2. Defaults to 3.
        variant: One of ``"base"``, ``"a"``, ``"s"``, ``"w"``, ``"c"``, ``"f"``. Defaults to ``"base"``.
        filters: int, a multiple of 4. Maps F of every layer; the code's default is 64, its example 32. Defaults to 64.
        pool: int >= 1. Bins P of the adaptive pooling along each side; the code's default is 7, its example 5.
            Defaults to 5.
        replicate_bug: bool. With variant ``"f"`` only: the second wide stream twice and the third never, as the
            published code has it. Defaults to False.
        size: int >= 16. Side of the input map. Defaults to 28.
        dropout: float in 0..1, after the stem (each wide stream) and after the recurrent block. Defaults to 0.5.
        seed: int >= 0 or None. Decides weights and dropout; None leaves both to the global generators.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary with ``"face"``, float tensor (batch, size, size, 3), channels (u, v, strain) in 0..1. Output:
    float32 probabilities (batch, num_classes).

    Parameters, three classes (moving statistics left out), F = 64 and P = 7, F = 64 and P = 5, F = 32 and P = 5:
    base, a, s: 55,747, 51,139, 15,331; w, c, f: 52,675, 48,067, 13,795. The code's dense blocks declare a second
    convolution that is never used; it is left out here.

    Assumption: 28x28 maps, as Dual-ATME 2023 states for all methods; the last maps are then 6x6, wide 5x5, hence P = 5.
    Assumption: 1e-8 is added where attention maps are scaled by their range (the code divides by zero on a constant).
    Assumption: nearest-neighbour resizing takes source row floor(i * n / m), as the code's framework does.
    Assumption: the third wide stream of ``"f"`` is used; the code feeds the second twice (``replicate_bug``).
    """

    def __init__(
        self,
        num_classes=3,
        *,
        variant="base",
        filters=64,
        pool=5,
        replicate_bug=False,
        size=28,
        dropout=0.5,
        seed=None,
        **kwargs,
    ):
        check_one_of(VARIANTS, variant=variant)
        check_multiple(4, filters=filters)
        check_at_least(1, pool=pool)
        if replicate_bug and variant != "f":
            raise ValueError(f"`replicate_bug` belongs to variant 'f'. Received: variant {variant!r}")
        check_at_least(16, size=size)

        seeds = Seeds(seed)
        inputs = {"face": keras.Input((size, size, 3), name="face")}
        face = inputs["face"]
        kernel, bias = ClassWeights(num_classes, pool, filters, seed=seeds.next(), name="classifier")(face)
        start = _wide if variant in WIDE else _stem
        x = start(face, filters, dropout, replicate_bug, seeds)  # 12x12xF, wide 10x10xF
        mask = None
        if variant in ("a", "c", "f"):
            mask = ParameterFreeAttention(name="attention")([face if variant == "c" else x, kernel])  # PxPx1
        if variant in ("c", "f"):
            resized = NearestResize2D(x.shape[1:3], name="attention_resize")(mask)
        if variant == "c":
            x = keras.layers.Multiply(name="attend")([x, resized])
        y = _conv_bn_relu(x, filters, 1, "valid", "recurrent_in", seeds)
        if variant == "f":
            y = keras.layers.Multiply(name="attend")([y, resized])
        x = RecurrentConv2D(
            passes=3 if variant in DENSE else 2,
            dense=variant in DENSE,
            kernel_initializer=_init(None),
            seed=seeds.next(),
            name="recurrent",
        )([x, y])
        x = keras.layers.MaxPooling2D(2, name="recurrent_pool")(x)  # 6x6xF, wide 5x5xF
        x = SeededDropout(dropout, seed=seeds.next(), name="recurrent_dropout")(x)
        x = AdaptiveAveragePool2D(pool, name="pool")(x)  # PxPxF
        if variant == "a":
            x = keras.layers.Multiply(name="attend")([x, mask])
        outputs = LinearSoftmax(name="probabilities")([x, kernel, bias])
        kwargs.setdefault("name", "rcn" if variant == "base" else f"rcn_{variant}")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)


def _init(seeds):
    seed = None if seeds is None else seeds.next()
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal", seed=seed)


def _conv_bn_relu(x, filters, kernel, padding, name, seeds):
    x = keras.layers.Conv2D(filters, kernel, padding=padding, kernel_initializer=_init(seeds), name=f"{name}_conv")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_bn")(x))


def _stem(x, filters, dropout, _, seeds):
    x = _conv_bn_relu(x, filters, 5, "valid", "stem", seeds)  # 24x24
    x = keras.layers.MaxPooling2D(2, name="stem_pool")(x)  # 12x12
    return SeededDropout(dropout, seed=seeds.next(), name="stem_dropout")(x)


def _wide(x, filters, dropout, replicate_bug, seeds):
    streams = []
    for dilation, width in ((1, filters // 2), (2, filters // 4), (3, filters // 4)):
        if replicate_bug and dilation == 3:
            streams.append(streams[1])
            continue
        name = f"wide{dilation}"
        # Strides and dilation do not go together in the framework: every position, of which each third is kept.
        y = keras.layers.ZeroPadding2D(dilation, name=f"{name}_pad")(x)
        y = keras.layers.Conv2D(width, 3, dilation_rate=dilation, kernel_initializer=_init(seeds), name=f"{name}_conv")(
            y
        )
        y = keras.layers.MaxPooling2D(1, strides=3, name=f"{name}_third")(y)  # 28 -> 10
        y = keras.layers.ReLU(name=f"{name}_relu")(y)
        y = BatchNorm(name=f"{name}_bn")(y)
        streams.append(SeededDropout(dropout, seed=seeds.next(), name=f"{name}_dropout")(y))
    return keras.layers.Concatenate(name="wide_join")(streams)
