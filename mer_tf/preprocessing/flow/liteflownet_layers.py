"""Layers of LiteFlowNet that Keras does not have: cost volume, warp, grouped upsampling, local averaging of flow.

All tensors are (batch, height, width, channels) float32; flow is (u, v), x to the right and y down.

Source: Hui, Tang and Loy, LiteFlowNet, CVPR 2018, sections 3.1 to 3.3.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mer_tf.layers.configured import Configured
from mer_tf.numerics import set_keras

set_keras()

RADIUS = 3  # of the cost volume: 7 x 7 = 49 displacements


@keras.saving.register_keras_serializable(package="mer_tf")
def leaky_relu(x):
    """Leaky ReLU of slope 0.1; a function, because the argument of the stock layer differs between Keras versions."""
    return tf.nn.leaky_relu(x, 0.1)


@keras.saving.register_keras_serializable(package="mer_tf")
class CentredFrames(Configured, keras.layers.Layer):
    """RGB frames 0..255 as BGR 0..1 less the mean, enlarged to sides that are multiples of 32.

    Args:
        means: three floats, of B, G and R in 0..1.
        **kwargs: Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, means, **kwargs):
        super().__init__(**kwargs)
        self.means = tuple(means)

    def call(self, inputs):
        frames = tf.cast(inputs, self.compute_dtype)[..., ::-1] / 255.0
        size = (tf.shape(frames)[1:3] + 31) // 32 * 32
        return tf.image.resize(frames, size) - tf.constant(self.means, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        sides = [None if side is None else -(-side // 32) * 32 for side in input_shape[1:3]]
        return (input_shape[0], *sides, 3)


@keras.saving.register_keras_serializable(package="mer_tf")
class Warp(Configured, keras.layers.Layer):
    """Samples features where the flow points to: bilinear, zeros outside.

    Args:
        scale: float. Multiplies the flow; the result is in pixels of the features.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: (features, flow) of one height and width.
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        features, flow = inputs
        shape = tf.shape(features)
        batch, height, width, channels = shape[0], shape[1], shape[2], features.shape[-1]
        right, bottom = tf.cast(width - 1, flow.dtype), tf.cast(height - 1, flow.dtype)
        x = flow[..., 0] * self.scale + tf.range(right + 1)
        y = flow[..., 1] * self.scale + tf.range(bottom + 1)[:, None]
        left, top = tf.floor(x), tf.floor(y)
        # The four pixels around each place, side by side in a new axis.
        columns = tf.stack([left, left + 1, left, left + 1], axis=1)
        rows = tf.stack([top, top, top + 1, top + 1], axis=1)
        right_share, lower_share = x - left, y - top
        left_share, upper_share = 1 - right_share, 1 - lower_share
        weights = tf.stack([left_share, right_share, left_share, right_share], axis=1)
        weights *= tf.stack([upper_share, upper_share, lower_share, lower_share], axis=1)
        weights *= tf.cast((columns >= 0) & (columns <= right) & (rows >= 0) & (rows <= bottom), flow.dtype)
        index = tf.cast(tf.clip_by_value(rows, 0, bottom), tf.int32) * width
        index += tf.cast(tf.clip_by_value(columns, 0, right), tf.int32)
        pixels = tf.reshape(features, (batch, height * width, channels))
        values = tf.gather(pixels, tf.reshape(index, (batch, 4 * height * width)), batch_dims=1)
        values = tf.reshape(values, (batch, 4, height, width, channels))
        return tf.reduce_sum(values * weights[..., None], axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable(package="mer_tf")
class CostVolume(Configured, keras.layers.Layer):
    """How well two feature maps agree under each displacement of up to three steps in x and y.

    Channel ``7 (dy + 3) + dx + 3`` is the mean over channels of ``first(x, y) second(x + s dx, y + s dy)`` with the
    stride s; outside is zero.

    Args:
        stride: int. Only every stride-th row and column is compared, and displacements are multiples of it.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: (first, second) of one shape (batch, height, width, channels).

    Output: (batch, ceil(height / stride), ceil(width / stride), 49).
    """

    def __init__(self, stride=1, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        # Displacements are multiples of the stride, so both maps can be thinned before they are compared.
        first, second = (features[:, :: self.stride, :: self.stride] for features in inputs)
        size = tf.shape(second)
        padded = tf.pad(second, ((0, 0), (RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)))
        side = 2 * RADIUS + 1

        def cost(place):
            moved = tf.slice(padded, tf.stack([0, place // side, place % side, 0]), size)
            return tf.reduce_mean(first * moved, axis=-1)

        # A loop in the graph: 49 copies of its body, and of its gradient, would take long to compile.
        costs = tf.map_fn(cost, tf.range(side**2), fn_output_signature=first.dtype)
        return tf.ensure_shape(tf.transpose(costs, (1, 2, 3, 0)), (None, None, None, side**2))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape[0]
        sides = [None if side is None else -(-side // self.stride) for side in (height, width)]
        return (batch, *sides, (2 * RADIUS + 1) ** 2)


@keras.saving.register_keras_serializable(package="mer_tf")
class GroupedUpsample(keras.layers.Layer):
    """Doubles height and width of every channel with a 4x4 kernel of its own (transposed convolution, no bias).

    Starts as bilinear enlargement.
    """

    def build(self, input_shape):
        channels = input_shape[-1]

        def bilinear(shape, dtype=None, **_):
            line = np.array([0.25, 0.75, 0.75, 0.25])
            return tf.constant(np.broadcast_to(np.outer(line, line)[..., None, None], shape), dtype=dtype)

        self.kernel = self.add_weight(name="kernel", shape=(4, 4, channels, 1), initializer=bilinear)
        super().build(input_shape)

    def call(self, inputs):
        shape = tf.shape(inputs)
        size = tf.stack([shape[0], 2 * shape[1], 2 * shape[2], shape[3]])
        # The gradient of a strided depthwise convolution with regard to its input is its transpose.
        result = tf.nn.depthwise_conv2d_backprop_input(size, self.kernel, inputs, (1, 2, 2, 1), "SAME")
        return tf.ensure_shape(result, (None, None, None, inputs.shape[-1]))

    def compute_output_shape(self, input_shape):
        sides = [None if side is None else 2 * side for side in input_shape[1:3]]
        return (input_shape[0], *sides, input_shape[-1])


@keras.saving.register_keras_serializable(package="mer_tf")
class BrightnessError(keras.layers.Layer):
    """Root of the channel-summed squared difference of two frames; passes no gradient.

    Call arguments:
        inputs: (first, second) of one shape.

    Output: (batch, height, width, 1).
    """

    def call(self, inputs):
        first, second = inputs
        return tf.stop_gradient(tf.sqrt(tf.reduce_sum(tf.square(first - second), axis=-1, keepdims=True)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], 1)


@keras.saving.register_keras_serializable(package="mer_tf")
class Centred(keras.layers.Layer):
    """Takes from every channel its mean over the picture."""

    def call(self, inputs):
        return inputs - tf.reduce_mean(inputs, axis=(1, 2), keepdims=True)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="mer_tf")
class WeightedPatches(Configured, keras.layers.Layer):
    """Patches of flow around every pixel, weighted by how near the pixels of the patch are in the learned sense.

    Args:
        window: int, odd. Side of the patch.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: (distances (batch, height, width, window^2), flow (batch, height, width, 2)).

    Output: weighted u and v, each (batch, height, width, window^2), and one over the sum of the weights
    (batch, height, width, 1). The weights are exp(-d^2), scaled so that the largest is 1. Zero outside the picture.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        distances, flow = inputs
        nearness = -tf.square(distances)
        weights = tf.exp(nearness - tf.reduce_max(nearness, axis=-1, keepdims=True))
        # A convolution with one kernel per place of the window copies the neighbours, row by row: u's, then v's.
        count = self.window**2
        kernels = np.eye(count, dtype=np.float32).reshape(self.window, self.window, 1, count)
        kernels = tf.constant(np.repeat(kernels, 2, axis=2), flow.dtype)
        patches = tf.nn.depthwise_conv2d(flow, kernels, (1, 1, 1, 1), "SAME")
        divisor = 1.0 / tf.reduce_sum(weights, axis=-1, keepdims=True)
        return weights * patches[..., :count], weights * patches[..., count:], divisor

    def compute_output_shape(self, input_shape):
        distances = tuple(input_shape[0])
        return distances, distances, (*distances[:-1], 1)


@keras.saving.register_keras_serializable(package="mer_tf")
class FullSizeFlow(Configured, keras.layers.Layer):
    """Flow of the finest level as pixels of the frames the network was given.

    Args:
        scale: float. Pixels of the enlarged frame per unit of the network's flow.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: (flow (batch, h, w, 2), enlarged frames, frames as given).

    Output: (batch, height, width, 2) of the frames as given.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        flow, enlarged, frames = inputs
        size, inner = tf.shape(frames)[1:3], tf.shape(enlarged)[1:3]
        # A field that is resized has its vectors resized too: u by the ratio of widths, v by that of heights.
        ratio = tf.cast(size, flow.dtype) / tf.cast(inner, flow.dtype)
        return tf.image.resize(flow * self.scale, size) * ratio[::-1]

    def compute_output_shape(self, input_shape):
        return (*input_shape[2][:-1], 2)
