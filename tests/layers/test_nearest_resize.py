from __future__ import annotations

import numpy as np
import pytest
from layer_case import check_layer

from mer_tf.layers import NearestResize2D


def test_rows_are_repeated_from_the_corner():
    x = np.arange(7, dtype="float32")[None, :, None, None] * np.ones((1, 7, 2, 1), "float32")
    out = NearestResize2D((10, 1))(x).numpy()
    assert out.shape == (1, 10, 1, 1)
    np.testing.assert_array_equal(out[0, :, 0, 0], [0, 0, 1, 2, 2, 3, 4, 4, 5, 6])


def test_layer(tmp_path):
    assert check_layer(NearestResize2D((10, 4)), [(5, 8, 2)], tmp_path).shape == (2, 10, 4, 2)


@pytest.mark.parametrize("size", [(0, 3), (2,)])
def test_bad_arguments(size):
    with pytest.raises(ValueError, match="Received"):
        NearestResize2D(size)
