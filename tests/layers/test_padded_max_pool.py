from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers.padded_max_pool import PaddedMaxPool2D


def by_hand(x, pool, strides, padding, ceil):
    """Maximum over those places of each window that exist."""
    room = x.shape[1] + 2 * padding - pool
    windows = (-(-room // strides) if ceil else room // strides) + 1
    starts = [i * strides - padding for i in range(windows)]
    out = [[x[:, max(i, 0) : i + pool, max(j, 0) : j + pool].max((1, 2)) for j in starts] for i in starts]
    return np.stack([np.stack(row, 1) for row in out], 1)


@pytest.mark.parametrize(
    ("side", "pool", "strides", "padding", "ceil", "out"),
    [
        (112, 3, 2, 0, True, 56),  # the published network: one column more than floor gives
        (113, 3, 2, 0, True, 56),
        (112, 3, 2, 0, False, 55),
        (64, 3, 2, 1, False, 32),
        (128, 3, 3, 1, False, 43),
        (7, 2, 2, 0, True, 4),
        (5, 3, 2, 1, True, 3),
        (3, 3, 2, 0, True, 1),
    ],
)
def test_equals_maxima_by_hand(side, pool, strides, padding, ceil, out):
    # All negative: a border of zeros would win.
    x = np.random.default_rng(0).uniform(-2, -1, (2, side, side, 3)).astype("float32")
    layer = PaddedMaxPool2D(pool, strides, padding, ceil)
    y = layer(x)
    assert y.shape == layer.compute_output_shape(x.shape) == (2, out, out, 3)
    np.testing.assert_array_equal(y.numpy(), by_hand(x, pool, strides, padding, ceil))


def test_no_window_lies_wholly_in_the_padding():
    # (5 + 2 - 3) / 3, rounded up, plus one: three windows, of which the third would start at the right padding.
    y = PaddedMaxPool2D(3, 3, 1, True)(np.full((1, 5, 5, 1), -1.0, "float32"))
    assert y.shape == (1, 2, 2, 1) and np.isfinite(y.numpy()).all()


def test_half_precision_and_unequal_sides():
    y = PaddedMaxPool2D(3, 2, ceil_mode=True, dtype="mixed_bfloat16")(-tf.ones((1, 8, 5, 2)))
    assert y.dtype == tf.bfloat16 and y.shape == (1, 4, 2, 2)
    assert (y.numpy().astype("float32") == -1).all()


def test_gradient_reaches_the_maximum_only():
    x = tf.Variable(np.arange(16, dtype="float32").reshape(1, 4, 4, 1))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(PaddedMaxPool2D(3, 2, ceil_mode=True)(x))
    expected = np.zeros((4, 4))
    expected[2:, 2:] = [[1, 1], [1, 1]]  # windows from (0, 0), (0, 2), (2, 0), (2, 2)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy()[0, ..., 0], expected)


def test_config_and_saving(tmp_path):
    layer = PaddedMaxPool2D(3, 2, 1, True)
    assert PaddedMaxPool2D.from_config(layer.get_config()).get_config() == layer.get_config()
    inputs = keras.Input((9, 9, 2))
    keras.Model(inputs, layer(inputs)).save(tmp_path / "pool.keras")
    assert keras.models.load_model(tmp_path / "pool.keras").output_shape == (None, 5, 5, 2)


@pytest.mark.parametrize("options", [(0, 1), (3, 0), (3, 4), (3, 2, 2), (3, 2, -1)])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        PaddedMaxPool2D(*options)


@pytest.mark.parametrize("shape", [(None, 8, 8), (None, None, 8, 1), (None, 2, 8, 1)])
def test_bad_shapes(shape):
    with pytest.raises(ValueError, match="Received"):
        PaddedMaxPool2D(3, 2).build(shape)
