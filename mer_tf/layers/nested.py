"""What layers made of other layers need: names, seeds."""

from __future__ import annotations

import keras
import tensorflow as tf


def build_nested(layer: keras.layers.Layer, input_shape: tuple) -> keras.layers.Layer:
    """Builds an inner layer within its own name scope and returns it.

    Keras 2 names variables by the surrounding scope only; without this all inner kernels would share one name.
    """
    with tf.name_scope(layer.name):
        layer.build(input_shape)
    return layer


def seeded(initializer, seed: int | None) -> keras.initializers.Initializer:
    """A new initializer like ``initializer`` with that seed, so that equal shapes do not start equal.

    Args:
        initializer: Name, configuration or object of a random initializer.
        seed: int, or None for the global generators.
    """
    initializer = keras.initializers.get(initializer)
    return type(initializer).from_config({**initializer.get_config(), "seed": seed})


def part_seed(seed: int | None, part: int) -> int | None:
    """Seed of one part of a layer, from the layer's own."""
    return None if seed is None else (seed + part) % 2**31
