from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_case import check_layer

from mer_tf.layers import SeededDropout


def test_share_and_scale():
    out = SeededDropout(0.25, seed=1)(tf.ones((200, 200)), training=True).numpy()
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.mean(out == 0) == pytest.approx(0.25, abs=0.01)


def test_whole_samples_are_left_out():
    out = SeededDropout(0.25, seed=1, noise_shape=(None, 1, 1))(tf.ones((2000, 3, 4)), training=True).numpy()
    per_sample = out.reshape(2000, -1)
    assert (per_sample == per_sample[:, :1]).all()
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.mean(per_sample[:, 0] == 0) == pytest.approx(0.25, abs=0.04)


def test_layer(tmp_path):
    check_layer(SeededDropout(0.5, seed=1, noise_shape=(None, 1)), [(3,)], tmp_path)


def test_inference_passes_everything():
    x = tf.random.stateless_normal((3, 4), seed=(0, 0))
    layer = SeededDropout(0.5)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=False), x)


def test_each_call_draws_anew_and_the_state_repeats_it():
    layer, x = SeededDropout(0.5, seed=3), tf.ones((8, 8))
    start = layer(x) is not None and layer.get_weights()
    first, second = layer(x, training=True).numpy(), layer(x, training=True).numpy()
    assert (first != second).any()
    layer.set_weights(start)
    np.testing.assert_array_equal(layer(x, training=True), first)
    np.testing.assert_array_equal(layer(x, training=True), second)


def test_state_repeats_inside_a_traced_function():
    layer, x = SeededDropout(0.5, seed=3), tf.ones((8, 8))
    layer.build((8, 8))
    start = layer.get_weights()
    call = tf.function(lambda: layer(x, training=True))
    first, second = call().numpy(), call().numpy()
    assert (first != second).any()
    layer.set_weights(start)
    np.testing.assert_array_equal(call().numpy(), first)


def test_global_seed_decides_an_unseeded_layer():
    outs = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        outs.append(SeededDropout(0.5)(tf.ones((8, 8)), training=True).numpy())
    np.testing.assert_array_equal(outs[0], outs[1])
    assert (outs[0] != outs[2]).any()


def test_no_trainable_weights_and_config():
    layer = SeededDropout(0.5, seed=1, name="d")
    layer.build((2, 2))
    assert layer.trainable_weights == []
    assert SeededDropout.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_bad_rate(rate):
    with pytest.raises(ValueError, match="Received"):
        SeededDropout(rate)
