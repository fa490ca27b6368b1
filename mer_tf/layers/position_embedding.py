"""Learned vectors added to a sequence, one per place."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import Configured, check_positive, wrong_inputs


@keras.saving.register_keras_serializable(package="mer_tf")
class PositionEmbedding(Configured, keras.layers.Layer):
    """Adds a learned (places, width) table to every sample of (batch, places, width).

    Args:
        deviation: float > 0. Standard deviation of the table's first values (truncated normal). Defaults to 0.02.
        seed: int or None. Defaults to None (the global generators).
        **kwargs: Arguments of ``keras.layers.Layer``.

    Source: Dosovitskiy et al., ICLR 2021, section 3.1, without a class token.
    """

    def __init__(self, deviation=0.02, seed=None, **kwargs):
        check_positive(deviation=deviation)
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 3 or None in input_shape[1:]:
            raise wrong_inputs("(batch, places, width), both known", input_shape)
        self.table = self.add_weight(
            name="table",
            shape=tuple(input_shape[1:]),
            initializer=keras.initializers.TruncatedNormal(stddev=self.deviation, seed=self.seed),
        )
        super().build(input_shape)

    def call(self, inputs):
        return inputs + self.table

    def compute_output_shape(self, input_shape):
        return input_shape
