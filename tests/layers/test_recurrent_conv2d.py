from __future__ import annotations

import numpy as np
import pytest
from layer_case import check_layer, trainable_weights

from mer_tf.layers import RecurrentConv2D


def pair(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, 6, 6, 4)).astype("float32") for _ in range(2)]


def once(layer, value):
    return np.maximum(layer.norm(layer.conv(value)).numpy(), 0)


def test_one_set_of_weights_whatever_the_passes():
    counts = set()
    for passes in (1, 2, 5):
        layer = RecurrentConv2D(passes)
        layer(pair())
        counts.add(trainable_weights(layer))
    assert counts == {9 * 4 * 4 + 4 + 8}


def test_two_passes():
    x, y = pair()
    layer = RecurrentConv2D(2, seed=1)
    out = layer([x, y]).numpy()
    np.testing.assert_allclose(out, once(layer, x + once(layer, x + y)), atol=1e-5)


def test_three_dense_passes():
    x, y = pair()
    layer = RecurrentConv2D(3, dense=True, seed=1)
    out = layer([x, y]).numpy()
    z = once(layer, x + y)
    e = once(layer, x + y + z)
    np.testing.assert_allclose(out, once(layer, x + y + z + e), rtol=1e-4, atol=1e-4)


def test_moving_statistics_move_once_per_pass():
    layer = RecurrentConv2D(2, seed=1)
    x = np.zeros((4, 6, 6, 4), "float32")
    layer([x, x])
    layer.conv.set_weights([np.zeros((3, 3, 4, 4)), np.ones(4)])  # every pass has mean 1
    layer([x, x], training=True)
    np.testing.assert_allclose(np.asarray(layer.norm.moving_mean), 1 - 0.9**2, rtol=1e-6)


def test_layer(tmp_path):
    out = check_layer(RecurrentConv2D(3, dense=True, seed=2), [(6, 6, 4)] * 2, tmp_path, takes_list=True)
    assert out.shape == (2, 6, 6, 4)


def test_bad_arguments():
    with pytest.raises(ValueError, match="Received"):
        RecurrentConv2D(0)
    with pytest.raises(ValueError, match="one shape"):
        RecurrentConv2D().build([(None, 4, 4, 2), (None, 4, 4, 3)])
