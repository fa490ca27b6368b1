"""The weights of a linear classifier as tensors, for classifiers whose weights are used elsewhere too."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least


@keras.saving.register_keras_serializable(package="mer_tf")
class ClassWeights(Configured, keras.layers.Layer):
    """Owns kernel and bias of a linear classifier on (size, size, channels) maps and hands them out.

    Two branches of one graph can so use the same kernel, and gradients reach it from both. ``LinearSoftmax`` is the
    classifier itself. Always float32.

    Args:
        num_classes: int >= 2.
        size: int >= 1. Side of the maps that are classified.
        channels: int >= 1.
        deviation: float > 0. Standard deviation of the kernel's first values. Defaults to 0.01.
        seed: int or None. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: any tensor of the graph; only ties the layer to it.

    Returns:
        ``[kernel, bias]``: (size, size, channels, num_classes) and (num_classes,), without a batch axis.
    """

    def __init__(self, num_classes, size, channels, deviation=0.01, seed=None, **kwargs):
        check_at_least(2, num_classes=num_classes)
        check_at_least(1, size=size, channels=channels)
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.size, self.size, self.channels, self.num_classes),
            initializer=keras.initializers.RandomNormal(stddev=self.deviation, seed=self.seed),
        )
        self.bias = self.add_weight(name="bias", shape=(self.num_classes,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        return [tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)]

    def compute_output_shape(self, input_shape):
        return [(self.size, self.size, self.channels, self.num_classes), (self.num_classes,)]
