from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers import BatchNorm


def maps(shape=(6, 5, 4, 3), seed=0):
    return np.random.default_rng(seed).normal(2, 3, size=shape).astype("float32")


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (6, 7), (2, 4, 3), (2, 3, 4, 5, 2)])
def test_training_equals_the_formula(shape):
    x, layer = maps(shape), BatchNorm()
    layer.build((None, *shape[1:]))
    layer.set_weights([np.arange(1, shape[-1] + 1), np.full(shape[-1], 0.5), *layer.get_weights()[2:]])
    axes = tuple(range(len(shape) - 1))
    mean, variance = x.mean(axes, dtype="float64"), x.var(axes, dtype="float64")
    expected = (x - mean) / np.sqrt(variance + 1e-5) * np.arange(1, shape[-1] + 1) + 0.5
    np.testing.assert_allclose(layer(x, training=True).numpy(), expected, atol=1e-4)
    count = x.size // shape[-1]
    np.testing.assert_allclose(np.array(layer.moving_mean), 0.1 * mean, rtol=1e-4)
    np.testing.assert_allclose(np.array(layer.moving_variance), 0.9 + 0.1 * variance * count / (count - 1), rtol=1e-4)


def test_values_and_gradients_equal_the_stock_layer():
    x, direction = tf.constant(maps()), tf.constant(maps(seed=1))
    ours, stock = BatchNorm(), keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    results = []
    for layer in (ours, stock):
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = layer(x, training=True)
            loss = tf.reduce_sum(out * direction)
        results.append([out, tape.gradient(loss, x)])
    for one, other in zip(*results):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-4)


def test_gradients_of_gamma_and_beta():
    x, layer = maps(), BatchNorm()
    layer.build((None, 5, 4, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, training=True) * x)
    gamma, beta = tape.gradient(loss, layer.trainable_weights)
    normal = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(gamma.numpy(), (normal * x).sum((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(beta.numpy(), x.sum((0, 1, 2)), rtol=1e-4)


def test_inference_uses_the_moving_statistics_and_leaves_them():
    x, layer = maps(), BatchNorm()
    for _ in range(200):
        layer(x, training=True)
    before = layer.get_weights()
    out = layer(x[:1]).numpy()
    np.testing.assert_allclose(out, (x[:1] - x.mean((0, 1, 2))) / x.std((0, 1, 2)), atol=0.05)
    for one, other in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_one_value_per_channel_is_finite():
    layer = BatchNorm()
    assert np.isfinite(layer(np.ones((1, 4), "float32"), training=True).numpy()).all()
    assert all(np.isfinite(w).all() for w in layer.get_weights())


def test_half_precision_inputs():
    out = BatchNorm(dtype="mixed_bfloat16")(tf.constant(maps()), training=True)
    assert out.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(out, tf.float32).numpy().mean(), 0, atol=0.02)


def test_config_round_trip_and_saving(tmp_path):
    layer = BatchNorm(momentum=0.5, epsilon=1e-3)
    assert BatchNorm.from_config(layer.get_config()).get_config() == layer.get_config()
    inputs = keras.Input((5, 4, 3))
    model = keras.Model(inputs, layer(inputs))
    model(maps(), training=True)
    model.save(tmp_path / "bn.keras")
    loaded = keras.models.load_model(tmp_path / "bn.keras")
    np.testing.assert_allclose(np.asarray(loaded(maps())), np.asarray(model(maps())), atol=1e-6)


@pytest.mark.parametrize("options", [{"momentum": 1.0}, {"epsilon": 0.0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        BatchNorm(**options)


def test_unknown_sizes_are_refused():
    with pytest.raises(ValueError, match="known sizes"):
        BatchNorm().build((None, None, 3))
