"""Spatial attention without weights of its own: it uses those of the classifier."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.adaptive_average_pool import AdaptiveAveragePool2D
from mer_tf.layers.configured import Configured, check_positive, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class ParameterFreeAttention(Configured, keras.layers.Layer):
    """Class activation maps of early features, brought to 0..1 and averaged over the classes.

    The features are averaged to the classifier's PxP bins; the map of a class is the mean over the channels of
    features times that class's weights; each map is scaled to 0..1 within the sample; the mean over the classes is
    the mask. Gradients flow through the weights too.

    Where the features have other channels than the classifier (the network's input), the class's weights are averaged
    over their channels first.

    Args:
        epsilon: float > 0. Added to the range of each map, so that a constant map gives 0, not an undefined number.
            Defaults to 1e-8.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: ``[features, kernel]``: float tensors (batch, height, width, channels) and (P, P, weights' channels,
            classes), the latter from ``ClassWeights``.

    Returns:
        Mask (batch, P, P, 1) in 0..1 of the features' dtype; computed in float32.

    Source: Xia et al., IEEE TIP 2020, 29, variants _a, _c and _f of the code. The code has no epsilon.
    """

    def __init__(self, epsilon=1e-8, **kwargs):
        check_positive(epsilon=epsilon)
        super().__init__(**kwargs)

    def build(self, input_shape):
        features, kernel = (tuple(shape) for shape in input_shape)
        if len(features) != 4 or len(kernel) != 4 or kernel[0] != kernel[1]:
            wanted = "features (batch, height, width, channels) and a kernel (P, P, channels, classes)"
            raise wrong_inputs(wanted, input_shape)
        self.own_channels = features[-1] == kernel[2]
        self.pool = AdaptiveAveragePool2D(kernel[0], dtype="float32", name="pool")
        super().build(input_shape)

    def call(self, inputs):
        features, kernel = (tf.cast(value, tf.float32) for value in inputs)
        pooled = self.pool(features)
        if self.own_channels:
            maps = tf.einsum("bpqc,pqck->bpqk", pooled, kernel) / float(pooled.shape[-1])
        else:
            maps = tf.reduce_mean(pooled, axis=-1, keepdims=True) * tf.reduce_mean(kernel, axis=2)
        low = tf.reduce_min(maps, axis=(1, 2), keepdims=True)
        high = tf.reduce_max(maps, axis=(1, 2), keepdims=True)
        mask = tf.reduce_mean((maps - low) / (high - low + self.epsilon), axis=-1, keepdims=True)
        return tf.cast(mask, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        features, kernel = input_shape
        return (features[0], kernel[0], kernel[1], 1)
