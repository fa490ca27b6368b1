from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers import LocalResponseNorm


def test_equals_the_formula():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 7)) * 50
    expected = np.zeros_like(x)
    for channel in range(7):
        near = x[..., max(0, channel - 2) : channel + 3]
        expected[..., channel] = x[..., channel] / (2 + 1e-4 * (near**2).sum(-1)) ** 0.75
    np.testing.assert_allclose(LocalResponseNorm()(tf.constant(x, tf.float32)), expected, rtol=1e-4)


def test_half_precision_passes():
    layer = LocalResponseNorm(dtype="mixed_bfloat16")
    assert layer(tf.ones((1, 2, 2, 8))).dtype == tf.bfloat16
    assert layer.count_params() == 0


def test_config_round_trip():
    layer = LocalResponseNorm(alpha=1e-3, beta=0.5, k=1.0, n=3)
    assert LocalResponseNorm.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("options", [{"n": 4}, {"n": 0}, {"k": 0.0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        LocalResponseNorm(**options)
