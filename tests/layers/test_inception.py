from __future__ import annotations

import numpy as np
import pytest
from layer_case import check_layer, trainable_weights

from mer_tf.layers import Inception


@pytest.mark.parametrize(
    ("options", "channels", "weights"),
    [
        ({"filters": 6}, 3, 1_332),  # Dual-Inception, first block
        ({"filters": 16}, 24, 10_336),
        ({"filters": 6, "reduction": 6, "batch_norm": True}, 3, 1_404),  # Dual-ATME
        ({"filters": 12, "reduction": 6, "batch_norm": True}, 24, 3_492),
    ],
)
def test_parameters(options, channels, weights):
    layer = Inception(**options)
    layer.build((None, 8, 8, channels))
    assert trainable_weights(layer) == weights


@pytest.mark.parametrize("options", [{}, {"reduction": 2, "batch_norm": True}])
def test_layer(tmp_path, options):
    out = check_layer(Inception(4, seed=3, **options), [(8, 6, 3)], tmp_path)
    assert out.shape == (2, 8, 6, 16) and out.min() >= 0


def test_branches_stand_side_by_side():
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype("float32")
    layer = Inception(4, seed=1)
    out = layer(x).numpy()
    np.testing.assert_allclose(out[..., :4], np.maximum(layer.one_conv(x).numpy(), 0), atol=1e-6)
    layer.five_conv.set_weights([np.zeros_like(value) for value in layer.five_conv.get_weights()])
    changed = (layer(x).numpy() != out).any((0, 1, 2))
    assert not changed[:8].any() and changed[8:12].any() and not changed[12:].any()


def test_pooling_branch_without_activation():
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    with_relu, without = (Inception(4, pool_activation=flag, seed=1)(x).numpy() for flag in (True, False))
    assert (without[..., 12:] < 0).any()
    np.testing.assert_allclose(np.maximum(without, 0), with_relu, atol=1e-6)


def test_kernels_of_equal_shape_start_different():
    layer = Inception(4, seed=1)
    layer.build((None, 8, 8, 3))
    assert (np.asarray(layer.one_conv.kernel) != np.asarray(layer.pooled_conv.kernel)).any()


@pytest.mark.parametrize("options", [{"filters": 0}, {"filters": 4, "reduction": 0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        Inception(**options)
