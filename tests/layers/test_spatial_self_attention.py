from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers.spatial_self_attention import SpatialSelfAttention, position_matrix


def by_hand(layer, x):
    """The published code's loops over samples and channels, with its axes."""
    q, k, v = (
        x @ getattr(layer, f"{name}_kernel").numpy() + getattr(layer, f"{name}_bias").numpy()
        for name in ("query", "key", "value")
    )
    position = position_matrix(x.shape[1])
    out = np.zeros_like(v)
    for sample in range(len(x)):
        for channel in range(layer.filters):
            a, b = q[sample, ..., channel], k[sample, ..., channel]
            logits = a @ b.T + (position if layer.position_bias else a @ position.T)
            weights = np.exp(logits - logits.max())
            out[sample, ..., channel] = weights / weights.sum() * v[sample, ..., channel]
    return out


@pytest.mark.parametrize("position_bias", [False, True])
def test_equals_the_published_formula(position_bias):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 5)).astype("float32")
    layer = SpatialSelfAttention(3, position_bias, seed=1)
    layer.build(x.shape)
    for name in ("query", "key", "value"):
        getattr(layer, f"{name}_bias").assign([0.1, -0.2, 0.3])
    np.testing.assert_allclose(layer(x).numpy(), by_hand(layer, x), rtol=1e-4, atol=1e-6)


def test_positions():
    # 10000^-(floor(i / 2) / 4) is 1, 1, 0.1, 0.1.
    codes = [math.sin(1), math.cos(1), math.sin(0.1), math.cos(0.1)]
    np.testing.assert_allclose(position_matrix(4), np.add.outer(codes, codes), rtol=1e-6)


def test_weights_of_all_places_sum_to_one():
    layer = SpatialSelfAttention(4, seed=0)
    x = np.random.default_rng(0).normal(size=(3, 5, 5, 2)).astype("float32")
    layer.build(x.shape)
    layer.value_kernel.assign(tf.zeros_like(layer.value_kernel))
    layer.value_bias.assign([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(layer(x).numpy().sum((1, 2)), np.tile([1.0, 2, 3, 4], (3, 1)), rtol=1e-5)


def test_heads_side_by_side_are_one_layer():
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype("float32")
    heads = [SpatialSelfAttention(2, seed=seed) for seed in (1, 7)]
    apart = np.concatenate([head(x).numpy() for head in heads], -1)
    joined = SpatialSelfAttention(4)
    joined.build(x.shape)
    joined.set_weights([np.concatenate(pair, -1) for pair in zip(*(head.get_weights() for head in heads))])
    np.testing.assert_allclose(joined(x).numpy(), apart, atol=1e-6)


def test_count_config_saving_and_half_precision(tmp_path):
    layer = SpatialSelfAttention(28, seed=2)
    inputs = keras.Input((14, 14, 28))
    model = keras.Model(inputs, layer(inputs))
    assert sum(int(np.prod(w.shape)) for w in layer.trainable_weights) == 4 * 3 * (28 * 7 + 7)
    model.save(tmp_path / "attention.keras")
    loaded = keras.models.load_model(tmp_path / "attention.keras")
    x = np.random.default_rng(0).normal(size=(2, 14, 14, 28)).astype("float32")
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(model(x)), atol=1e-6)
    half = SpatialSelfAttention(4, dtype="mixed_bfloat16")(tf.ones((1, 4, 4, 3)))
    assert half.dtype == tf.bfloat16


def test_large_logits_stay_finite():
    assert np.isfinite(SpatialSelfAttention(2)(1e4 * tf.ones((1, 4, 4, 3))).numpy()).all()


def test_bad_arguments():
    with pytest.raises(ValueError, match="filters"):
        SpatialSelfAttention(0)
    with pytest.raises(ValueError, match="side, side"):
        SpatialSelfAttention(2).build((None, 4, 5, 3))
