from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from layer_case import check_layer, trainable_weights

from mer_tf.layers import ChannelStatistics, PositionEmbedding, TransformerBlock


def test_parameters():
    layer = TransformerBlock(heads=4, hidden=1024)
    layer.build((None, 196, 512))
    assert trainable_weights(layer) == 4 * (512 * 512 + 512) + 2 * 1024 + 2 * 512 * 1024 + 1024 + 512


def test_zero_branches_pass_the_input():
    layer = TransformerBlock(heads=2, hidden=8, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    layer(x)
    for dense in (layer.project, layer.mlp_out):
        dense.set_weights([np.zeros_like(value) for value in dense.get_weights()])
    np.testing.assert_allclose(layer(x).numpy(), x)


def test_attention_equals_a_numpy_version():
    layer = TransformerBlock(heads=2, hidden=8, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    layer(x)
    layer.mlp_out.set_weights([np.zeros_like(value) for value in layer.mlp_out.get_weights()])
    layer.qkv.set_weights([30 * value for value in layer.qkv.get_weights()])  # so that the softmax is not flat
    norm = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    qkv = norm @ layer.qkv.get_weights()[0]
    mixed = np.zeros_like(x)
    for head in range(2):
        q, k, v = (qkv[..., 4 * part + 2 * head : 4 * part + 2 * head + 2] for part in range(3))
        scores = np.exp(q @ k.transpose(0, 2, 1) / np.sqrt(2))
        mixed[..., 2 * head : 2 * head + 2] = scores / scores.sum(-1, keepdims=True) @ v
    np.testing.assert_allclose(layer(x).numpy(), x + mixed @ layer.project.get_weights()[0], atol=1e-5)


def test_order_of_places_does_not_matter_without_positions():
    layer = TransformerBlock(heads=2, hidden=8, seed=1)
    x = np.random.default_rng(0).normal(size=(1, 5, 4)).astype("float32")
    np.testing.assert_allclose(layer(x[:, ::-1]).numpy(), layer(x).numpy()[:, ::-1], atol=1e-5)


def test_layer(tmp_path):
    layer = TransformerBlock(heads=2, hidden=8, drop_path=0.5, seed=1)
    assert check_layer(layer, [(5, 4)], tmp_path).shape == (2, 5, 4)


def test_position_embedding(tmp_path):
    layer = PositionEmbedding(seed=2)
    assert check_layer(layer, [(5, 4)], tmp_path).shape == (2, 5, 4)
    zero = layer(tf.zeros((3, 5, 4))).numpy()
    np.testing.assert_array_equal(zero[0], zero[2])
    assert trainable_weights(layer) == 20


def test_channel_statistics(tmp_path):
    out = check_layer(ChannelStatistics(), [(3, 4, 5)], tmp_path)
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    np.testing.assert_allclose(out, np.stack([x.mean(-1), x.max(-1)], axis=-1), atol=1e-6)


@pytest.mark.parametrize("options", [{"heads": 0}, {"hidden": 0}, {"drop_path": 1.0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        TransformerBlock(**options)


def test_width_must_fit_the_heads():
    with pytest.raises(ValueError, match="multiple of 4"):
        TransformerBlock(heads=4).build((None, 5, 6))
