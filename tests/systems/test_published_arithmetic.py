"""STSTNet's forward pass as its authors' PyTorch code has it, worked out here in numpy, and how weights start."""

from __future__ import annotations

import numpy as np
import pytest

from mer_tf.systems.registry import build_model, get_model_card
from mer_tf.systems.seeds import Seeds
from mer_tf.training import TrainConfig


def convolved(x, kernel, bias, padding):
    """Correlation of (batch, side, side, channels) with a (3, 3, channels, maps) kernel, zeros around the map."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    side = x.shape[1] - 2
    parts = [x[:, i : i + side, j : j + side] @ kernel[i, j] for i in range(3) for j in range(3)]
    return sum(parts) + bias


def largest(x):
    """Maximum over 3x3 with stride 3, one place of minus infinity around the map."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    places = range(0, x.shape[1] - 2, 3)
    rows = [[x[:, i : i + 3, j : j + 3].max(axis=(1, 2)) for j in places] for i in places]
    return np.moveaxis(np.array(rows), 2, 0)


@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("training", [False, True])
def test_ststnet_in_numpy(padding, training):
    model = build_model("ststnet", 3, padding=padding, dropout=0.0, seed=3)
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.2, value.shape) if value.dtype.kind == "f" else value for value in model.get_weights()]
    model.set_weights(weights)
    x = rng.uniform(0, 1, (5, 28, 28, 3)).astype(np.float32)
    streams = []
    for filters in (3, 5, 8):
        conv, norm = (model.get_layer(f"stream{filters}_{part}") for part in ("conv", "bn"))
        norm.moving_variance.assign(np.abs(norm.moving_variance) + 0.5)
        y = np.maximum(convolved(x, *(np.array(value, np.float64) for value in conv.weights), padding), 0)
        mean, variance = np.array(norm.moving_mean), np.array(norm.moving_variance)
        if training:
            mean, variance = y.mean(axis=(0, 1, 2)), y.var(axis=(0, 1, 2))
            count = y.size // filters
            kept = (
                0.9 * np.array(norm.moving_mean) + 0.1 * mean,
                0.9 * np.array(norm.moving_variance) + 0.1 * variance * count / (count - 1),  # unbiased
            )
            streams.append((norm, kept))
        y = (y - mean) / np.sqrt(variance + 1e-5) * np.array(norm.gamma) + np.array(norm.beta)
        streams.append(largest(y))
    x10 = np.concatenate([part for part in streams if isinstance(part, np.ndarray)], axis=-1)
    assert x10.shape == (5, 10, 10, 16)
    flat = x10.reshape(5, 5, 2, 5, 2, 16).mean(axis=(2, 4)).reshape(5, -1)
    kernel, bias = (np.array(value, np.float64) for value in model.get_layer("probabilities").weights)
    logits = flat @ kernel + bias
    expected = np.exp(logits - logits.max(1, keepdims=True))
    found = model({"face": x}, training=training)
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=2e-5)
    for norm, (mean, variance) in (part for part in streams if isinstance(part, tuple)):
        np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-4)
        np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-4)


@pytest.mark.parametrize("fan_in", [27, 400])
def test_layers_start_uniformly_within_the_root_of_the_fan_in(fan_in):
    start = Seeds(5).torch(fan_in)
    kernel = np.array(start["kernel_initializer"]((fan_in, 400)))
    bias = np.array(start["bias_initializer"]((4000,)))
    bound = fan_in**-0.5
    for values in (kernel, bias):
        assert np.abs(values).max() <= bound
        assert np.std(values) == pytest.approx(bound / 3**0.5, rel=0.03)
        assert abs(values.mean()) < 0.05 * bound
    # The kernel starts as without a bias, so that seeds keep their meaning.
    np.testing.assert_array_equal(kernel, Seeds(5).uniform()((fan_in, 400)))


def test_biases_of_ststnet_start_within_the_bound():
    model = build_model("ststnet", 3, seed=1)
    for filters in (3, 5, 8):
        bias = np.array(model.get_layer(f"stream{filters}_conv").bias)
        assert bias.all() and np.abs(bias).max() <= 27**-0.5
    assert np.abs(model.get_layer("probabilities").bias).max() <= 400**-0.5


def test_presets_of_the_two_published_codes():
    card = get_model_card("ststnet")
    code, matlab = (TrainConfig.from_preset("ststnet", preset) for preset in ("code", "matlab"))
    assert (code.epochs, code.order, code.last_batch, code.model_options) == (800, "by_class", "small", {"padding": 2})
    assert (matlab.epochs, matlab.order, matlab.last_batch, matlab.weight_decay) == (500, "once", "drop", 1e-4)
    assert card.source("code", "order").startswith("code")
