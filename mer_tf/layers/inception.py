"""Inception block: four parallel branches with 1x1, 3x3, 5x5 kernels and pooling."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.batch_norm import BatchNorm
from mer_tf.layers.configured import Configured, check_at_least, wrong_inputs
from mer_tf.layers.nested import build_nested, part_seed, seeded


@keras.saving.register_keras_serializable(package="mer_tf")
class Inception(Configured, keras.layers.Layer):
    """Four branches of ``filters`` maps each, side by side: 1x1; 1x1, 3x3; 1x1, 5x5; 3x3 maximum, 1x1.

    Every convolution has a bias and keeps the size; ReLU follows each.

    Args:
        filters: int >= 1. Maps of each branch.
        reduction: int >= 1 or None. Maps after the 1x1 convolution of branches 2 and 3; None is ``filters``.
        batch_norm: bool. Whether batch normalisation stands before each ReLU. Defaults to False.
        pool_activation: bool. Whether the fourth branch ends with ReLU. Defaults to True.
        kernel_initializer: Random initializer of all kernels. Defaults to ``"glorot_uniform"``.
        seed: int or None. Seed of the initial weights. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels), channels known.
        training: bool, for the batch normalisation.

    Returns:
        Tensor (batch, height, width, 4 * filters).

    Parameters: with C channels, f filters, r reduction: ``(C+1)*f + 2*(C+1)*r + (9*r+1)*f + (25*r+1)*f + (C+1)*f``,
    and with batch normalisation ``8*f + 4*r`` more.

    Source: Szegedy et al., CVPR 2015, figure 2b; without normalisation as Dual-Inception (Zhou et al., FG 2019), with
    it as Dual-ATME (Zhou et al., Entropy 2023, 25(3) 460, section 3.3).
    """

    def __init__(
        self,
        filters,
        reduction=None,
        batch_norm=False,
        pool_activation=True,
        kernel_initializer="glorot_uniform",
        seed=None,
        **kwargs,
    ):
        check_at_least(1, filters=filters)
        if reduction is not None:
            check_at_least(1, reduction=reduction)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise wrong_inputs("(batch, height, width, channels) with channels known", input_shape)
        space, channels = tuple(input_shape[:-1]), int(input_shape[-1])
        reduction = self.reduction or self.filters
        parts = (  # name, input channels, output channels, kernel
            ("one", channels, self.filters, 1),
            ("three_reduce", channels, reduction, 1),
            ("three", reduction, self.filters, 3),
            ("five_reduce", channels, reduction, 1),
            ("five", reduction, self.filters, 5),
            ("pooled", channels, self.filters, 1),
        )
        for part, (name, inputs, outputs, kernel) in enumerate(parts):
            conv = keras.layers.Conv2D(
                outputs,
                kernel,
                padding="same",
                kernel_initializer=seeded(self.kernel_initializer, part_seed(self.seed, part)),
                dtype=self.dtype_policy,
                name=f"{name}_conv",
            )
            setattr(self, f"{name}_conv", build_nested(conv, (*space, inputs)))
            if self.batch_norm:
                norm = BatchNorm(dtype=self.dtype_policy, name=f"{name}_bn")
                setattr(self, f"{name}_bn", build_nested(norm, (*space, outputs)))
        super().build(input_shape)

    def call(self, inputs, training=None):
        def convolve(x, name, activate=True):
            x = getattr(self, f"{name}_conv")(x)
            if self.batch_norm:
                x = getattr(self, f"{name}_bn")(x, training=training)
            return tf.nn.relu(x) if activate else x

        one = convolve(inputs, "one")
        three = convolve(convolve(inputs, "three_reduce"), "three")
        five = convolve(convolve(inputs, "five_reduce"), "five")
        pooled = convolve(tf.nn.max_pool2d(inputs, 3, 1, "SAME"), "pooled", self.pool_activation)
        return tf.concat([one, three, five, pooled], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 4 * self.filters)
