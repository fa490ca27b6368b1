"""Dropout whose randomness is part of the model's state."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_share


@keras.saving.register_keras_serializable(package="mer_tf")
class SeededDropout(Configured, keras.layers.Layer):
    """Dropout drawn from a counter that is a weight, so that a run can be repeated bit by bit.

    The stock layer keeps its generator outside the weights, in a place that differs between Keras versions and
    survives re-initialisation of a compiled model: a fold trained second would differ from the same fold trained
    alone. Here the two int64 of ``state`` (seed, number of calls) decide every mask; whoever sets the weights sets
    the randomness too.

    Args:
        rate: float in [0, 1). Share of values set to zero; the others are scaled by ``1 / (1 - rate)``.
        seed: int or None. Start of ``state``; None draws it from numpy's global generator, which
            ``keras.utils.set_random_seed`` seeds.
        noise_shape: One entry per axis of the inputs, 1 where the mask is the same along the axis and None where it is
            not: ``(None, 1, 1)`` leaves out whole samples (stochastic depth). Defaults to None, each value for itself.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor of any shape.
        training: bool. Without it, or False, the inputs pass unchanged.

    Source: Srivastava et al., JMLR 2014; for whole samples Huang et al., Stochastic Depth, ECCV 2016, section 3.
    """

    def __init__(self, rate, seed=None, noise_shape=None, **kwargs):
        check_share(rate=rate)
        super().__init__(**kwargs)

    def build(self, input_shape):
        seed = int(np.random.randint(2**31)) if self.seed is None else int(self.seed)

        def start(shape, dtype=None, **_):
            return tf.constant([seed, 0], dtype=dtype)

        # int64, because 32-bit integer variables have no kernels on accelerators.
        self.state = self.add_weight(name="state", shape=(2,), dtype="int64", initializer=start, trainable=False)
        super().build(input_shape)

    def call(self, inputs, training=None):
        if not training or not self.rate:
            return inputs
        seed = tf.convert_to_tensor(self.state)
        self.state.assign_add([0, 1])
        shape = tf.shape(inputs)
        if self.noise_shape is not None:
            shape = [size if noise is None else noise for size, noise in zip(tf.unstack(shape), self.noise_shape)]
        keep = tf.random.stateless_uniform(shape, seed=seed) >= self.rate
        return tf.where(keep, inputs / (1.0 - self.rate), tf.zeros_like(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape
