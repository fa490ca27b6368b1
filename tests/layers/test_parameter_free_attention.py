from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers import AdaptiveAveragePool2D, ClassWeights, LinearSoftmax, ParameterFreeAttention


def data(channels=4):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 6, 6, channels)).astype("float32")
    return features, rng.normal(size=(5, 5, 4, 3)).astype("float32")


def by_hand(features, kernel):
    pooled = AdaptiveAveragePool2D(5)(features).numpy().astype("float64")
    maps = []
    for k in range(kernel.shape[-1]):
        weights = kernel[..., k]
        if pooled.shape[-1] != weights.shape[-1]:
            weights = weights.mean(-1, keepdims=True)
        value = (weights * pooled).mean(-1)
        low, high = value.min((1, 2), keepdims=True), value.max((1, 2), keepdims=True)
        maps.append((value - low) / (high - low))
    return np.mean(maps, axis=0)[..., None]


@pytest.mark.parametrize("channels", [4, 3])
def test_equals_a_numpy_version(channels):
    features, kernel = data(channels)
    mask = ParameterFreeAttention()([features, kernel]).numpy()
    assert mask.shape == (2, 5, 5, 1) and mask.min() >= 0 and mask.max() <= 1
    np.testing.assert_allclose(mask, by_hand(features, kernel), atol=1e-5)


def test_it_has_no_weights_and_a_config():
    layer = ParameterFreeAttention(epsilon=1e-6)
    layer(list(data()))
    assert layer.weights == []
    assert ParameterFreeAttention.from_config(layer.get_config()).get_config() == layer.get_config()


def test_constant_maps_are_finite():
    features, kernel = data()
    mask = ParameterFreeAttention()([np.zeros_like(features), kernel]).numpy()
    np.testing.assert_array_equal(mask, 0)


def test_gradients_reach_kernel_and_features():
    features, kernel = (tf.constant(value) for value in data())
    with tf.GradientTape() as tape:
        tape.watch([features, kernel])
        loss = tf.reduce_sum(tf.square(ParameterFreeAttention()([features, kernel])))
    for gradient in tape.gradient(loss, [features, kernel]):
        assert np.isfinite(gradient.numpy()).all() and np.abs(gradient.numpy()).max() > 0


def test_half_precision():
    features, kernel = (tf.constant(value) for value in data())
    assert ParameterFreeAttention(dtype="mixed_bfloat16")([features, kernel]).dtype == tf.bfloat16


def test_class_weights_and_classifier():
    features, _ = data()
    features = features[:, :5, :5]
    owner = ClassWeights(3, 5, 4, seed=1)
    kernel, bias = owner(features)
    assert kernel.shape == (5, 5, 4, 3) and bias.shape == (3,) and len(owner.trainable_weights) == 2
    assert np.asarray(kernel).std() == pytest.approx(0.01, rel=0.2)
    out = LinearSoftmax()([features, kernel, bias]).numpy()
    logits = features.reshape(2, -1) @ np.asarray(kernel).reshape(-1, 3)
    np.testing.assert_allclose(out, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-4)
    assert ClassWeights.from_config(owner.get_config()).get_config() == owner.get_config()


def test_class_weights_stay_float32():
    owner = ClassWeights(3, 5, 4, dtype="mixed_bfloat16")
    kernel, bias = owner(tf.zeros((1, 2)))
    assert kernel.dtype == bias.dtype == tf.float32


def test_bad_arguments():
    with pytest.raises(ValueError, match="Received"):
        ParameterFreeAttention(epsilon=0.0)
    with pytest.raises(ValueError, match="kernel"):
        ParameterFreeAttention().build([(None, 6, 6, 4), (5, 4, 4, 3)])
    with pytest.raises(ValueError, match="num_classes"):
        ClassWeights(1, 5, 4)
