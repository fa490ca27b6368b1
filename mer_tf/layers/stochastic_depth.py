"""Stochastic depth: whole samples of a residual branch are left out in training."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mer_tf")
class StochasticDepth(keras.layers.Layer):
    """Sets the branch to zero for a share of the samples and scales the others by ``1 / (1 - rate)``.

    As in ``SeededDropout``, two int64 among the weights (seed, number of calls) decide everything, so that a run can
    be repeated bit by bit.

    Args:
        rate: float in [0, 1). Share of the samples left out.
        seed: int or None. None draws it from numpy's global generator.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, ...).
        training: bool. Without it, or False, the inputs pass unchanged.

    Source: Huang et al., ECCV 2016, section 3.
    """

    def __init__(self, rate, seed=None, **kwargs):
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must lie in [0, 1). Received: {rate!r}")
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed

    def build(self, input_shape):
        seed = int(np.random.randint(2**31)) if self.seed is None else int(self.seed)

        def start(shape, dtype=None, **_):
            return tf.constant([seed, 0], dtype=dtype)

        self.state = self.add_weight(name="state", shape=(2,), dtype="int64", initializer=start, trainable=False)
        super().build(input_shape)

    def call(self, inputs, training=None):
        if not training or not self.rate:
            return inputs
        seed = tf.convert_to_tensor(self.state)
        self.state.assign_add([0, 1])
        shape = tf.concat([tf.shape(inputs)[:1], tf.ones((len(inputs.shape) - 1,), tf.int32)], axis=0)
        keep = tf.random.stateless_uniform(shape, seed=seed) >= self.rate
        return tf.where(keep, inputs / (1.0 - self.rate), tf.zeros_like(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
