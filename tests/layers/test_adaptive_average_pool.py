from __future__ import annotations

import numpy as np
import pytest
from layer_case import check_layer

from mer_tf.layers import AdaptiveAveragePool2D


def by_hand(x, size):
    out = np.zeros((x.shape[0], size, size, x.shape[3]))
    for i in range(size):
        for j in range(size):
            rows = slice(i * x.shape[1] // size, -(-(i + 1) * x.shape[1] // size))
            columns = slice(j * x.shape[2] // size, -(-(j + 1) * x.shape[2] // size))
            out[:, i, j] = x[:, rows, columns].mean((1, 2))
    return out


@pytest.mark.parametrize(("shape", "size"), [((6, 6), 5), ((12, 9), 7), ((5, 5), 7), ((8, 8), 4), ((3, 4), 1)])
def test_bins(shape, size):
    x = np.random.default_rng(1).normal(size=(2, *shape, 3)).astype("float32")
    np.testing.assert_allclose(AdaptiveAveragePool2D(size)(x).numpy(), by_hand(x, size), atol=1e-6)


def test_bins_overlap():
    x = np.arange(6, dtype="float32")[None, :, None, None] * np.ones((1, 6, 6, 1), "float32")
    # bins of 6 rows in 4: 0-1, 1-2, 3-4, 4-5
    np.testing.assert_allclose(AdaptiveAveragePool2D(4)(x).numpy()[0, :, 0, 0], [0.5, 1.5, 3.5, 4.5])


def test_layer(tmp_path):
    assert check_layer(AdaptiveAveragePool2D(5), [(6, 7, 3)], tmp_path).shape == (2, 5, 5, 3)


def test_bad_arguments():
    with pytest.raises(ValueError, match="Received"):
        AdaptiveAveragePool2D(0)
    with pytest.raises(ValueError, match="known sides"):
        AdaptiveAveragePool2D(2).build((None, None, 4, 3))
