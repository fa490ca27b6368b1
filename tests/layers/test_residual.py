from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers import FoldTime, UnfoldTime
from mer_tf.layers.residual import RESNET18_STAGES, basic_block, convolve, resnet_stage, resnet_stem
from mer_tf.systems.seeds import Seeds


def weights(model) -> int:
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))


def resnet(shape, width=64, **stem):
    seeds = Seeds(0)
    inputs = keras.Input(shape)
    x = resnet_stem(inputs, width, seeds, **stem)
    for number, (factor, stride) in enumerate(RESNET18_STAGES, start=1):
        x = resnet_stage(x, width * factor, 2, stride, seeds, f"layer{number}")
    return keras.Model(inputs, x)


def test_resnet18_counts():
    # stem 7*7*3*64 + 128; layer1 4 * (9*64*64 + 128); later layers 9*c*2c + 3 * 9*2c*2c + c*2c + 5 * 2*2c
    stem, first = 7 * 7 * 3 * 64 + 128, 4 * (9 * 64 * 64 + 128)
    later = sum(9 * c * 2 * c + 3 * 9 * 4 * c * c + 2 * c * c + 20 * c for c in (64, 128, 256))
    assert stem + first + later == 11_176_512
    model = resnet((64, 64, 3))
    assert weights(model) == 11_176_512
    assert model.output_shape == (None, 2, 2, 512)
    volume = resnet((16, 64, 64, 3), strides=(1, 2, 2))
    assert weights(volume) == 33_205_443 - 3 * 513
    assert volume.output_shape == (None, 1, 2, 2, 512)


@pytest.mark.parametrize("size", [8, 9])
def test_strided_convolution_is_padded_on_both_sides(size):
    x = np.random.default_rng(0).normal(size=(1, size, size, 2)).astype("float32")
    inputs = keras.Input((size, size, 2))
    model = keras.Model(inputs, convolve(inputs, 3, 3, 2, Seeds(0), "conv"))
    kernel = model.get_layer("conv").get_weights()[0]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.einsum("hwc,hwcf->f", padded[0, 2:5, 4:7], kernel)
    np.testing.assert_allclose(np.asarray(model(x))[0, 1, 2], expected, rtol=1e-4, atol=1e-5)
    assert model.output_shape[1] == (size + 1) // 2


def test_block_with_zero_branch_is_relu_of_the_shortcut():
    inputs = keras.Input((4, 4, 4))
    model = keras.Model(inputs, basic_block(inputs, 4, 1, Seeds(0), "b"))
    last = model.get_layer("b_bn2")
    last.set_weights([np.zeros(4), np.zeros(4), *last.get_weights()[2:]])
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype("float32")
    np.testing.assert_allclose(np.asarray(model(x)), np.maximum(x, 0), atol=1e-6)


def test_same_seed_same_network():
    for one, other in zip(resnet((32, 32, 1), width=4).get_weights(), resnet((32, 32, 1), width=4).get_weights()):
        np.testing.assert_array_equal(one, other)


def test_time_folds_and_unfolds(tmp_path):
    x = np.arange(2 * 3 * 4 * 5, dtype="float32").reshape(2, 3, 4, 5)
    folded = FoldTime()(x)
    np.testing.assert_array_equal(folded, x.reshape(6, 4, 5))
    np.testing.assert_array_equal(UnfoldTime(3)(folded), x)
    inputs = keras.Input((3, 4, 5))
    model = keras.Model(inputs, UnfoldTime(3)(keras.layers.Dense(2)(FoldTime()(inputs))))
    assert model.output_shape == (None, 3, 4, 2)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(model(x)), atol=1e-5)
    assert FoldTime().compute_output_shape((2, 3, 4)) == (6, 4)


def test_time_without_frames_is_refused():
    with pytest.raises(ValueError, match="frames"):
        FoldTime().build((None, 4))
    with pytest.raises(ValueError, match="Received: 0"):
        UnfoldTime(0)


def test_folded_gradients_reach_every_frame():
    x = tf.Variable(tf.ones((2, 3, 4, 4, 1)))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(UnfoldTime(3)(FoldTime()(x)) ** 2)
    np.testing.assert_allclose(tape.gradient(y, x), 2.0)
