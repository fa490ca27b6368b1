"""Attention branch at the last convolution of a residual block (the rival of the Micro-Attention paper's unit)."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class ComplexAttentionUnit(Configured, keras.layers.Layer):
    """Weights a residual branch by a mask of its own shape from two 3x3 convolutions.

    With shortcut ``s`` and the block's last convolution ``u``: ``a = sigmoid(conv3x3(ReLU(BN(conv3x3(u)))))``; the
    output is ``s + u * (1 + a)``.

    Args:
        after_addition: bool. True weights the sum instead: ``(s + u) * (1 + a)``. Defaults to False.
        seed: int or None. Seed of the initial weights. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: list of two float tensors (batch, height, width, C): shortcut, last convolution.
        training: bool. Whether batch normalisation uses the batch's own statistics.

    Returns:
        Tensor of one input's shape and dtype.

    Parameters: ``18 * C * C``; the convolutions have no bias and the normalisation neither scale nor offset.

    Source: Peng, Wang, Chen, FG 2018, as quoted by Micro-Attention; the published size, 11.2 M with four such units,
    admits
    two 3x3 convolutions and neither one nor three.
    Assumption: the mask multiplies the residual branch; where it acts is not known.
    Assumption: the normalisation has no weights of its own (in Caffe they are a layer apart), which is the reading
    under which the published size follows from the convolutions alone.
    """

    def __init__(self, after_addition=False, seed=None, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 2 or tuple(input_shape[0]) != tuple(input_shape[1]) or len(input_shape[0]) != 4:
            raise wrong_inputs("two tensors (batch, height, width, channels) of one shape", input_shape)
        shape = tuple(input_shape[0])
        policy = self.dtype_policy
        for number in (1, 2):
            conv = keras.layers.Conv2D(
                int(shape[-1]),
                3,
                padding="same",
                use_bias=False,
                kernel_initializer=keras.initializers.HeNormal(seed=None if self.seed is None else self.seed + number),
                dtype=policy,
                name=f"conv{number}",
            )
            with tf.name_scope(conv.name):  # Keras 2 names weights by the scope only
                conv.build(shape)
            setattr(self, conv.name, conv)
        self.norm = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, center=False, scale=False, dtype=policy, name="norm"
        )
        with tf.name_scope("norm"):
            self.norm.build(shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        shortcut, last = inputs
        mask = tf.sigmoid(self.conv2(tf.nn.relu(self.norm(self.conv1(last), training=training))))
        if self.after_addition:
            return (shortcut + last) * (1.0 + mask)
        return shortcut + last * (1.0 + mask)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
