from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from layer_case import check_layer

from mer_tf.layers import StochasticDepth


def test_whole_samples_are_left_out():
    out = StochasticDepth(0.25, seed=1)(tf.ones((2000, 3, 4)), training=True).numpy()
    per_sample = out.reshape(2000, -1)
    assert (per_sample == per_sample[:, :1]).all()
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.mean(per_sample[:, 0] == 0) == pytest.approx(0.25, abs=0.04)


def test_inference_passes_everything():
    x = tf.random.stateless_normal((3, 4), seed=(0, 0))
    np.testing.assert_array_equal(StochasticDepth(0.5)(x), x)


def test_the_state_repeats_it():
    layer, x = StochasticDepth(0.5, seed=3), tf.ones((64, 2))
    layer(x)
    start = layer.get_weights()
    first, second = layer(x, training=True).numpy(), layer(x, training=True).numpy()
    assert (first != second).any()
    layer.set_weights(start)
    np.testing.assert_array_equal(layer(x, training=True), first)


def test_layer(tmp_path):
    check_layer(StochasticDepth(0.5, seed=1), [(5, 3)], tmp_path)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_bad_arguments(rate):
    with pytest.raises(ValueError, match="Received"):
        StochasticDepth(rate)
