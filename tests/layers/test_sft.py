from __future__ import annotations

import numpy as np
import pytest
from layer_case import check_layer, trainable_weights

from mer_tf.layers import SpatialFeatureTransform


def test_parameters():
    layer = SpatialFeatureTransform(32)
    layer.build([(None, 8, 8, 64), (None, 8, 8, 32)])
    assert trainable_weights(layer) == 2 * (32 * 32 + 32 + 32 * 64 + 64)


def test_zero_weights_leave_the_maps_and_biases_scale_and_shift():
    rng = np.random.default_rng(0)
    x, conditions = (rng.normal(size=(2, 4, 4, n)).astype("float32") for n in (3, 5))
    layer = SpatialFeatureTransform(2)
    layer([x, conditions])
    layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
    np.testing.assert_allclose(layer([x, conditions]).numpy(), x)
    layer.scale_conv.set_weights([np.zeros((1, 1, 2, 3)), np.full(3, 1.0)])
    layer.shift_conv.set_weights([np.zeros((1, 1, 2, 3)), np.full(3, -0.5)])
    np.testing.assert_allclose(layer([x, conditions]).numpy(), 2 * x - 0.5, atol=1e-6)


def test_layer(tmp_path):
    layer = SpatialFeatureTransform(4, seed=1)
    assert check_layer(layer, [(6, 6, 3), (6, 6, 2)], tmp_path, takes_list=True).shape == (2, 6, 6, 3)


def test_bad_arguments():
    for options in ({"hidden": 0}, {"slope": -0.1}):
        with pytest.raises(ValueError, match="Received"):
            SpatialFeatureTransform(**options)
    with pytest.raises(ValueError, match="of one size"):
        SpatialFeatureTransform().build([(None, 4, 4, 2), (None, 5, 4, 3)])
