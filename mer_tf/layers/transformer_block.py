"""Pre-norm transformer block."""

from __future__ import annotations

import keras
import tensorflow as tf

from mer_tf.layers.configured import Configured, check_at_least, check_share, wrong_inputs
from mer_tf.layers.nested import build_nested, part_seed
from mer_tf.layers.seeded_dropout import SeededDropout


@keras.saving.register_keras_serializable(package="mer_tf")
class TransformerBlock(Configured, keras.layers.Layer):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``, each branch with stochastic depth.

    Self-attention has ``heads`` heads of ``width / heads`` and biases throughout; the perceptron has one hidden layer
    with exact GELU.

    Args:
        heads: int >= 1, a divisor of the width. Defaults to 4.
        hidden: int >= 1. Width of the perceptron's hidden layer. Defaults to 1024.
        drop_path: float in [0, 1). Rate of stochastic depth. Defaults to 0.
        epsilon: float > 0. Of both layer normalisations. Defaults to 1e-6.
        seed: int or None. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Call arguments:
        inputs: float tensor (batch, places, width), width known.
        training: bool, for stochastic depth.

    Returns:
        Tensor of the input's shape.

    Parameters: with width W, hidden H: ``4*(W*W + W) + 2*2*W + 2*W*H + H + W``.

    Source: Vaswani et al., NeurIPS 2017, section 3.2; order of normalisation as Dosovitskiy et al., ICLR 2021.
    """

    def __init__(self, heads=4, hidden=1024, drop_path=0.0, epsilon=1e-6, seed=None, **kwargs):
        check_at_least(1, heads=heads, hidden=hidden)
        check_share(drop_path=drop_path)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 3 or input_shape[-1] is None or input_shape[-1] % self.heads:
            raise wrong_inputs(f"(batch, places, width) with the width a multiple of {self.heads}", input_shape)
        shape, width, dtype = tuple(input_shape), int(input_shape[-1]), self.dtype_policy
        for part, (name, inputs, outputs) in enumerate(
            (
                ("qkv", width, 3 * width),
                ("project", width, width),
                ("mlp_in", width, self.hidden),
                ("mlp_out", self.hidden, width),
            )
        ):
            start = keras.initializers.TruncatedNormal(stddev=0.02, seed=part_seed(self.seed, part))
            dense = keras.layers.Dense(outputs, kernel_initializer=start, dtype=dtype, name=name)
            setattr(self, name, build_nested(dense, (*shape[:-1], inputs)))
        for part, name in enumerate(("attention", "mlp"), start=4):
            norm = keras.layers.LayerNormalization(epsilon=self.epsilon, dtype=dtype, name=f"{name}_norm")
            setattr(self, f"{name}_norm", build_nested(norm, shape))
            drop = SeededDropout(
                self.drop_path, part_seed(self.seed, part), (None, 1, 1), dtype=dtype, name=f"{name}_drop"
            )
            setattr(self, f"{name}_drop", build_nested(drop, shape))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs + self.attention_drop(self._attend(self.attention_norm(inputs)), training=training)
        y = self.mlp_out(tf.nn.gelu(self.mlp_in(self.mlp_norm(x))))
        return x + self.mlp_drop(y, training=training)

    def _attend(self, x):
        places, width = tf.shape(x)[1], x.shape[-1]
        deep = width // self.heads
        q, k, v = tf.unstack(tf.reshape(self.qkv(x), (-1, places, 3, self.heads, deep)), axis=2)
        scores = tf.einsum("bphd,bqhd->bhpq", q, k) * deep**-0.5
        mixed = tf.einsum("bhpq,bqhd->bphd", tf.nn.softmax(scores), v)
        return self.project(tf.reshape(mixed, (-1, places, width)))

    def compute_output_shape(self, input_shape):
        return input_shape
