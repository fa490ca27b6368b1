"""Checks that every layer must pass."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


def trainable_weights(layer) -> int:
    return int(sum(np.prod(weight.shape, dtype=np.int64) for weight in layer.trainable_weights))


def check_layer(layer, shapes, tmp_path, *, takes_list=False):
    """Config, saving within a model, distinct names of weights, half precision, equal seeds.

    Args:
        layer: A layer that was not built yet, with a seed where it takes one.
        shapes: Shapes of its inputs without the batch.
        tmp_path: Folder to write to.
        takes_list: Whether it is called with a list.

    Returns:
        Output for one batch of two.
    """
    rng = np.random.default_rng(0)
    batch = [rng.normal(size=(2, *shape)).astype("float32") for shape in shapes]
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config

    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, layer(inputs if takes_list else inputs[0]))
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    outputs = np.asarray(model(batch))
    np.testing.assert_allclose(np.asarray(loaded(batch)), outputs, atol=1e-6)
    assert tuple(model.output_shape[1:]) == outputs.shape[1:]

    paths = [getattr(weight, "path", weight.name) for weight in model.weights]
    assert len(set(paths)) == len(paths)

    again = type(layer).from_config(config)
    again(batch if takes_list else batch[0])
    if "seed" in config:
        for one, two in zip(layer.get_weights(), again.get_weights()):
            np.testing.assert_array_equal(one, two)

    half = type(layer).from_config({**config, "dtype": "mixed_bfloat16"})
    low = half([tf.constant(value) for value in batch] if takes_list else tf.constant(batch[0]))
    assert low.dtype == tf.bfloat16
    assert {getattr(weight.dtype, "name", weight.dtype) for weight in half.trainable_weights} <= {"float32"}
    return outputs
