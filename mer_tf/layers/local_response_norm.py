"""Local response normalisation across channels."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_odd, check_positive


@keras.saving.register_keras_serializable(package="mer_tf")
class LocalResponseNorm(Configured, keras.layers.Layer):
    """Divides each value by ``(k + alpha * sum of squares over the n nearest channels) ** beta``.

    Args:
        alpha: float. Defaults to 1e-4. It multiplies the plain sum; frameworks that divide it by ``n`` need
            ``alpha / n`` here.
        beta: float. Defaults to 0.75.
        k: float > 0. Defaults to 2.
        n: int, odd. Number of channels in the window, the value's own in the middle. Defaults to 5.
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, height, width, channels).

    Returns:
        Tensor of the input's shape and dtype; computed in float32.

    Source: Krizhevsky et al., NIPS 2012, section 3.3.
    """

    def __init__(self, alpha=1e-4, beta=0.75, k=2.0, n=5, **kwargs):
        check_odd(n=n)
        check_positive(k=k)
        super().__init__(**kwargs)

    def call(self, inputs):
        out = tf.nn.local_response_normalization(
            tf.cast(inputs, tf.float32), depth_radius=self.n // 2, bias=self.k, alpha=self.alpha, beta=self.beta
        )
        return tf.cast(out, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
