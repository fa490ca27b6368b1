"""Learned motion magnification network (Oh et al., ECCV 2018) as a Keras model."""

from __future__ import annotations

import keras
import numpy as np

from mer_tf.layers.configured import check_at_least, check_multiple, check_one_of
from mer_tf.layers.network import Network
from mer_tf.layers.reflection_padding import ReflectionPadding

MULTIPLIERS = ("factor_minus_one", "factor")


@keras.saving.register_keras_serializable(package="mer_tf")
class MotionMagnifier(Network):
    """Encoder of texture and shape, manipulator of the shape's change, decoder.

    Args:
        width: even int >= 2. Channels of the encoder; the first convolution has half, the decoder twice as many.
            Defaults to 32, the published width.
        decoder_blocks: int >= 1. Residual blocks of the decoder. Defaults to 9, as published.
        manipulator_kernel: odd int. Kernel of the manipulator's first convolution. Defaults to 7.
        shape_conv: bool. A convolution before the residual blocks of the shape head. Defaults to False.
        texture_conv: bool. A convolution after the texture's enlargement. Defaults to True.
        multiplier: ``"factor_minus_one"`` (factor 1 leaves the motion as it is) or ``"factor"``. Defaults to the
            former.
        seed: int >= 0 or None. Decides the weights.
        **kwargs: Arguments of ``keras.Model``, for example ``name``.

    Inputs: dictionary ``reference`` and ``frame`` (batch, height, width, 3) float32 in -1..1, height and width
    multiples of 4 and at least 8; ``factor`` (batch, 1) float32. Output: float32 (batch, height, width, 3), not
    clipped.

    Attributes ``encoder`` (frame -> texture at a quarter, shape at half the size), ``manipulator`` (shape of the
    reference, shape of the frame, factor -> shape) and ``decoder`` (texture, shape -> image) are models of their own
    that share the weights.

    Parameters: 918,928 by default (encoder 145,200, manipulator 77,824, decoder 695,904). The layout of another
    public implementation, ``manipulator_kernel=3, shape_conv=True, texture_conv=False``, has 877,968. No convolution
    has a bias.

    Source: Oh et al., section 3 and their published code.

    Assumption: the paper's formula adds to the shape of the reference with the factor itself; the published code adds
    to the shape of the frame with the factor less one, which makes factor 1 the identity. The code is followed;
    ``multiplier="factor"`` is the reading of the other implementation.
    Assumption: initialisation is Glorot-uniform, but the last convolution of each residual block starts at a tenth of
    it, and the manipulator's pair of convolutions starts as a projection of the change on half of its directions
    (each direction and its negative, so that the ReLU between them loses nothing). So the untrained network is close
    to first-order magnification, and short trainings converge.

    Example:
        >>> from mer_tf.preprocessing.magnify.network import MotionMagnifier
        >>> MotionMagnifier().count_params()
        918928
    """

    def __init__(
        self,
        width=32,
        decoder_blocks=9,
        manipulator_kernel=7,
        shape_conv=False,
        texture_conv=True,
        multiplier="factor_minus_one",
        seed=None,
        **kwargs,
    ):
        check_multiple(2, width=width)
        check_at_least(1, decoder_blocks=decoder_blocks)
        check_one_of((1, 3, 5, 7), manipulator_kernel=manipulator_kernel)
        if seed is not None:
            check_at_least(0, seed=seed)
        check_one_of(MULTIPLIERS, multiplier=multiplier)

        # Without a seed numpy's global generator decides, which keras.utils.set_random_seed seeds.
        seeds = np.random.default_rng(np.random.randint(2**31) if seed is None else seed)
        encoder = _encoder(width, shape_conv, seeds)
        manipulator = _manipulator(width, manipulator_kernel, multiplier, seeds)
        decoder = _decoder(width, decoder_blocks, texture_conv, seeds)
        reference = keras.Input((None, None, 3), name="reference")
        frame = keras.Input((None, None, 3), name="frame")
        factor = keras.Input((1,), name="factor")
        _, shape_reference = encoder(reference)
        texture, shape = encoder(frame)
        shape = manipulator([shape_reference, shape, factor])
        outputs = decoder([texture, shape])
        kwargs.setdefault("name", "motion_magnifier")
        super().__init__(inputs={"reference": reference, "frame": frame, "factor": factor}, outputs=outputs, **kwargs)

        self.encoder, self.manipulator, self.decoder = encoder, manipulator, decoder


def _next(seeds):
    return int(seeds.integers(1, 2**31))


def _conv(x, filters, kernel, seeds, name, *, stride=1, activation=None, scale=1.0):
    x = ReflectionPadding(kernel // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        activation=activation,
        use_bias=False,
        # Scale 1 is Glorot's; the variance goes with the square.
        kernel_initializer=keras.initializers.VarianceScaling(scale**2, "fan_avg", "uniform", seed=_next(seeds)),
        name=name,
    )(x)


def _block(x, filters, seeds, name):
    y = _conv(x, filters, 3, seeds, f"{name}_conv1", activation="relu")
    y = _conv(y, filters, 3, seeds, f"{name}_conv2", scale=0.1)
    return keras.layers.Add(name=f"{name}_add")([x, y])


def _encoder(width, shape_conv, seeds):
    image = keras.Input((None, None, 3), name="image")
    x = _conv(image, width // 2, 7, seeds, "encoder_conv1", activation="relu")  # H x W x 16
    x = _conv(x, width, 3, seeds, "encoder_conv2", stride=2, activation="relu")  # H/2 x W/2 x 32
    for number in (1, 2, 3):
        x = _block(x, width, seeds, f"encoder_block{number}")
    texture = _conv(x, width, 3, seeds, "texture_conv", stride=2, activation="relu")  # H/4 x W/4 x 32
    shape = _conv(x, width, 3, seeds, "shape_conv", activation="relu") if shape_conv else x
    for number in (1, 2):
        texture = _block(texture, width, seeds, f"texture_block{number}")
        shape = _block(shape, width, seeds, f"shape_block{number}")
    return keras.Model(image, [texture, shape], name="encoder")


def _manipulator(width, kernel, multiplier, seeds):
    reference = keras.Input((None, None, width), name="shape_reference")
    frame = keras.Input((None, None, width), name="shape_frame")
    factor = keras.Input((1,), name="shape_factor")
    change = keras.layers.Subtract(name="change")([frame, reference])
    change = _conv(change, width, kernel, seeds, "change_conv1", activation="relu", scale=0.1)
    # (batch, 1) -> (batch, 1, 1, 1): one number for each frame
    offset = -1.0 if multiplier == "factor_minus_one" else 0.0
    times = keras.layers.Rescaling(1.0, offset=offset, name="times")(factor)
    times = keras.layers.Reshape((1, 1, 1), name="times_shape")(times)
    change = keras.layers.Multiply(name="amplify")([change, times])
    change = _conv(change, width, 3, seeds, "change_conv2", scale=0.1)
    change = _block(change, width, seeds, "change_block")
    outputs = keras.layers.Add(name="new_shape")([frame, change])
    model = keras.Model([reference, frame, factor], outputs, name="manipulator")
    _start_as_projection(model, width, seeds)
    return model


def _start_as_projection(manipulator, width, seeds):
    """Adds P and -P to the middle of the first kernel and their transposes to the second's, P a random projection.

    ``P' relu(P x) - P' relu(-P x) = P' P x``: see Balduzzi et al., ICML 2017, on weights that look linear.
    """
    directions, _ = np.linalg.qr(np.random.default_rng(_next(seeds)).standard_normal((width, width)))
    both = np.concatenate([directions[:, : width // 2], -directions[:, : width // 2]], axis=1)  # in x out
    for name, start in (("change_conv1", both), ("change_conv2", both.T)):
        layer = manipulator.get_layer(name)
        (kernel,) = layer.get_weights()
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] += start
        layer.set_weights([kernel])


def _decoder(width, blocks, texture_conv, seeds):
    texture = keras.Input((None, None, width), name="texture")
    shape = keras.Input((None, None, width), name="shape")
    x = keras.layers.UpSampling2D(2, name="texture_enlarge")(texture)
    if texture_conv:
        x = _conv(x, width, 3, seeds, "texture_enlarged_conv", activation="relu")
    x = keras.layers.Concatenate(name="join")([x, shape])  # H/2 x W/2 x 64
    for number in range(1, blocks + 1):
        x = _block(x, 2 * width, seeds, f"decoder_block{number}")
    x = keras.layers.UpSampling2D(2, name="enlarge")(x)
    x = _conv(x, width, 3, seeds, "image_conv1", activation="relu")
    x = _conv(x, 3, 7, seeds, "image_conv2")
    return keras.Model([texture, shape], x, name="decoder")
