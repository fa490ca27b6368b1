"""Attention units of residual blocks: micro-attention, complex attention, spatial softmax."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.layers.complex_attention import ComplexAttentionUnit
from mer_tf.layers.micro_attention import MicroAttentionUnit
from mer_tf.layers.spatial_softmax_attention import SpatialSoftmaxAttention


def maps(count, channels=4, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, 5, 6, channels)).astype("float32") for _ in range(count)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("squash", [True, False])
def test_micro_attention_equals_its_equation(squash):
    shortcut, first, second = maps(3)
    layer = MicroAttentionUnit(sigmoid=squash, seed=3)
    out = layer([shortcut, first, second]).numpy()
    mask = (np.concatenate([shortcut, first, second], -1) @ layer.kernel.numpy()).mean(-1, keepdims=True)
    total = shortcut + second
    np.testing.assert_allclose(out, total * (1 + (sigmoid(mask) if squash else mask)), rtol=1e-4, atol=1e-5)


def test_micro_attention_counts_and_keeps_the_mean_fixed():
    layer = MicroAttentionUnit()
    layer.build([(None, 7, 7, 64)] * 3)
    assert [int(np.prod(w.shape)) for w in layer.trainable_weights] == [3 * 64 * 64]
    assert [int(np.prod(w.shape)) for w in layer.non_trainable_weights] == [64]
    np.testing.assert_allclose(layer.average.numpy(), 1 / 64)
    layer(tf.zeros((3, 1, 7, 7, 64)))


def test_micro_attention_without_logits_adds_half():
    total = maps(1)[0]
    layer = MicroAttentionUnit()
    layer.build([(None, 5, 6, 4)] * 3)
    layer.kernel.assign(tf.zeros_like(layer.kernel))
    np.testing.assert_allclose(layer([total, total, 0 * total]).numpy(), 1.5 * total, rtol=1e-6)


@pytest.mark.parametrize("after", [False, True])
def test_complex_attention_equals_its_formula(after):
    shortcut, last = maps(2)
    layer = ComplexAttentionUnit(after_addition=after, seed=3)
    out = layer([shortcut, last], training=False).numpy()

    def convolve(x, kernel):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        taps = ((i, j) for i in range(3) for j in range(3))
        return sum(padded[:, i : i + 5, j : j + 6] @ np.asarray(kernel)[i, j] for i, j in taps)

    hidden = np.maximum(convolve(last, layer.conv1.kernel) / np.sqrt(1 + 1e-5), 0)  # statistics still 0 and 1
    mask = sigmoid(convolve(hidden, layer.conv2.kernel))
    expected = (shortcut + last) * (1 + mask) if after else shortcut + last * (1 + mask)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


def test_complex_attention_counts():
    layer = ComplexAttentionUnit()
    layer.build([(None, 7, 7, 16)] * 2)
    assert sum(int(np.prod(w.shape)) for w in layer.trainable_weights) == 18 * 16 * 16
    names = [getattr(w, "path", w.name) for w in layer.weights]
    assert len(set(names)) == 4


def test_spatial_softmax_equals_its_formula():
    x, logits = maps(2)
    mean = logits.mean(-1).reshape(2, -1)
    mask = np.exp(mean) / np.exp(mean).sum(1, keepdims=True)
    out = SpatialSoftmaxAttention()([x, logits]).numpy()
    np.testing.assert_allclose(out, x * (1 + mask.reshape(2, 5, 6, 1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "count"), [(MicroAttentionUnit(), 3), (ComplexAttentionUnit(), 2), (SpatialSoftmaxAttention(), 2)]
)
def test_config_saving_and_half_precision(layer, count, tmp_path):
    again = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    assert {k: v for k, v in again.get_config().items() if k != "dtype"} == {
        k: v for k, v in layer.get_config().items() if k != "dtype"
    }
    out = again([tf.constant(x) for x in maps(count)])
    assert out.dtype == tf.bfloat16
    assert all(getattr(w.dtype, "name", w.dtype) == "float32" for w in again.weights)

    inputs = [keras.Input((5, 6, 4)) for _ in range(count)]
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "unit.keras")
    loaded = keras.models.load_model(tmp_path / "unit.keras")
    np.testing.assert_allclose(np.asarray(loaded(maps(count))), np.asarray(model(maps(count))), atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (MicroAttentionUnit(), [(None, 5, 5, 4)] * 2),
        (MicroAttentionUnit(), [(None, 5, 5, 4), (None, 5, 5, 4), (None, 5, 5, 8)]),
        (MicroAttentionUnit(), [(None, 4)] * 3),
        (ComplexAttentionUnit(), [(None, 5, 5, 4), (None, 3, 5, 4)]),
        (SpatialSoftmaxAttention(), [(None, 5, 5, 4), (None, 3, 5, 4)]),
        (SpatialSoftmaxAttention(), [(None, 5, 4), (None, 5, 4)]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer, shapes):
    with pytest.raises(ValueError, match="Received"):
        type(layer)().build(shapes)
