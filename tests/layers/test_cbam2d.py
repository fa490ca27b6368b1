from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers import CBAM2D, CosineConsistency

# Weights by channels: reduction 16, 8, 4 with perceptron biases, and 16 without (spatial 7x7, no bias).
TABLE = {
    16: (147, 180, 246, 130),
    48: (437, 728, 1310, 386),
    64: (678, 1194, 2226, 610),
    128: (2282, 4338, 8450, 2146),
    256: (8562, 16770, 33186, 8290),
    512: (33410, 66210, 131810, 32866),
}


def weights(layer) -> int:
    return int(sum(np.prod(weight.shape) for weight in layer.trainable_weights))


@pytest.mark.parametrize("channels", TABLE)
def test_parameter_table(channels):
    variants = [{"reduction": 16}, {"reduction": 8}, {"reduction": 4}, {"reduction": 16, "mlp_bias": False}]
    for variant, expected in zip(variants, TABLE[channels]):
        layer = CBAM2D(**variant)
        layer.build((None, 7, 7, channels))
        assert weights(layer) == expected, variant


def test_optional_weights_are_counted():
    layer = CBAM2D(conv_bias=True, batch_norm=True)
    layer.build((None, 7, 7, 48))
    assert weights(layer) == 437 + 1 + 2


def by_hand(layer, x):
    """The layer in numpy, channel first, for float64 maps."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    values = {getattr(w, "path", w.name).split(":")[0]: w.numpy() for w in layer.weights}
    get = {"/".join(name.split("/")[-2:]): value for name, value in values.items()}

    def mlp(z):
        hidden = np.maximum(z @ get["squeeze/kernel"] + get["squeeze/bias"], 0)
        return hidden @ get["excite/kernel"] + get["excite/bias"]

    x = x * sigmoid(mlp(x.mean((1, 2))) + mlp(x.max((1, 2))))[:, None, None, :]
    stats = np.stack([x.mean(-1), x.max(-1)], axis=-1)
    if layer.concat_order == "max_mean":
        stats = stats[..., ::-1]
    half = layer.spatial_kernel // 2
    padded = np.pad(stats, ((0, 0), (half, half), (half, half), (0, 0)))
    mask = np.zeros(x.shape[:3])
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            patch = padded[:, i : i + layer.spatial_kernel, j : j + layer.spatial_kernel]
            mask[:, i, j] = np.einsum("bhwc,hwc->b", patch, get["conv/kernel"][..., 0])
    return x * sigmoid(mask)[..., None]


@pytest.mark.parametrize("order", ["max_mean", "mean_max"])
def test_equals_a_numpy_version(order):
    keras.utils.set_random_seed(3)
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 8)).astype("float32")
    layer = CBAM2D(reduction=4, spatial_kernel=3, concat_order=order)
    out = layer(x)
    assert out.shape == x.shape
    np.testing.assert_allclose(out.numpy(), by_hand(layer, x.astype("float64")), atol=1e-5)


def test_zero_weights_halve_the_maps_twice():
    layer = CBAM2D()
    x = tf.ones((1, 4, 4, 16))
    layer(x)
    layer.set_weights([np.zeros(w.shape) for w in layer.weights])
    np.testing.assert_allclose(layer(x).numpy(), 0.25)


def test_ablation_switches():
    x = tf.random.stateless_normal((2, 4, 4, 16), seed=(0, 1))
    channel, spatial = CBAM2D(spatial=False), CBAM2D(channel=False)
    ratio = (channel(x) / x).numpy()
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1, :1, :], ratio.shape), rtol=1e-4)
    ratio = (spatial(x) / x).numpy()
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[..., :1], ratio.shape), rtol=1e-4)


def test_config_round_trip_and_saving(tmp_path):
    layer = CBAM2D(reduction=4, mlp_bias=False, activation="selu", spatial_kernel=3, conv_bias=True, batch_norm=True)
    assert CBAM2D.from_config(layer.get_config()).get_config() == layer.get_config()
    inputs = keras.Input((6, 6, 8))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "cbam.keras")
    loaded = keras.models.load_model(tmp_path / "cbam.keras")
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 8)).astype("float32")
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(model(x)), atol=1e-6)


def test_mixed_precision_computes_in_half_and_keeps_float32_weights():
    layer = CBAM2D(dtype="mixed_bfloat16", batch_norm=True)
    assert layer(tf.ones((1, 4, 4, 16))).dtype == tf.bfloat16
    assert {getattr(w.dtype, "name", w.dtype) for w in layer.weights} == {"float32"}


@pytest.mark.parametrize(
    "options",
    [{"reduction": 0}, {"spatial_kernel": 4}, {"concat_order": "mean"}, {"channel": False, "spatial": False}],
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        CBAM2D(**options)


def test_vectors_are_refused():
    with pytest.raises(ValueError, match="height, width, channels"):
        CBAM2D().build((None, 8))


def consistency(a, b, weight=1.0):
    layer = CosineConsistency(weight)
    out = layer([tf.constant(a, tf.float32), tf.constant(b, tf.float32)])
    return float(layer.losses[0]), out


def test_consistency_is_one_minus_the_cosine():
    maps = np.random.default_rng(0).normal(size=(3, 2, 2, 4))
    assert consistency(maps, 5 * maps)[0] == pytest.approx(0, abs=1e-6)
    assert consistency(maps, -maps)[0] == pytest.approx(2, abs=1e-5)
    assert consistency([[1, 0]], [[0, 1]], weight=0.01)[0] == pytest.approx(0.01)
    np.testing.assert_allclose(consistency(maps, -maps)[1][0], maps, rtol=1e-6)


def test_consistency_of_zero_maps_is_finite():
    assert consistency(np.zeros((1, 4)), np.zeros((1, 4)))[0] == pytest.approx(1)


def test_negative_consistency_weight_is_refused():
    with pytest.raises(ValueError, match="Received"):
        CosineConsistency(-1)
