from __future__ import annotations

import numpy as np
import pytest
from layer_case import check_layer, trainable_weights

from mer_tf.layers import SplitAttention2D


@pytest.mark.parametrize(("width", "weights"), [(64, 37_120 + 2_144 + 4_224), (128, 147_968 + 8_384 + 16_640)])
def test_parameters(width, weights):
    # 9*w*w + 4w; (w+1)*h + 2h; (h+1)*2w with h = max(w/2, 32)
    layer = SplitAttention2D(width)
    layer.build((None, 7, 7, width))
    assert trainable_weights(layer) == weights


def test_weights_of_the_splits_sum_to_one():
    layer = SplitAttention2D(4, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    layer(x)
    kernel = layer.convs[0].get_weights()
    layer.convs[1].set_weights(kernel)
    half = np.concatenate([x[..., :2], x[..., :2]], axis=-1)  # both splits see the same
    expected = np.maximum(layer.convs[0](half[..., :2]).numpy() / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(layer(half).numpy(), expected, atol=1e-5)


def test_layer(tmp_path):
    assert check_layer(SplitAttention2D(6, seed=1), [(5, 7, 4)], tmp_path).shape == (2, 5, 7, 6)


@pytest.mark.parametrize("options", [{"filters": 0}, {"filters": 4, "radix": 1}, {"filters": 4, "reduction": 0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        SplitAttention2D(**options)


def test_channels_that_cannot_be_split_are_refused():
    with pytest.raises(ValueError, match="multiple of 2"):
        SplitAttention2D(4).build((None, 6, 6, 3))
