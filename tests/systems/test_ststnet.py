from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.ststnet.ststnet import STSTNet


class TestSTSTNet(ModelCase):
    # Convolutions 3x3 on 3 channels with bias: 27*3+3 + 27*5+5 + 27*8+8 = 448; gamma, beta 2*16 = 32
    # head on 5*5*16 = 400: 400*3 + 3 = 1 203; 448 + 32 + 1 203 = 1 683
    name = "ststnet"
    golden = 1_683
    inputs: ClassVar = {"face": (28, 28, 3)}
    low = 0.0
    overfit_rate = 1e-2

    def test_order_of_the_code(self, model):
        names = [layer.name for layer in model.layers if layer.name.startswith("stream5")]
        assert names == ["stream5_conv", "stream5_relu", "stream5_bn", "stream5_pool", "stream5_dropout"]

    def test_maps(self, model):
        assert model.get_layer("stream8_conv").output.shape[1:] == (28, 28, 8)
        assert model.get_layer("join").output.shape[1:] == (10, 10, 16)


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"padding": 2}, 1_683),
        ({"order": "bn_relu"}, 1_683),
        ({"dense400": True}, 162_051),  # 448 + 400*400 + 400 + 1 203
        # 128 -> 43 -> 21: 21*21*16 = 7056; 448 + 7056*7056 + 7056 + 7056*3 + 3: 4.98e7 in ATSCNN 2024
        ({"dense400": True, "size": 128}, 49_815_811),
    ],
)
def test_options(options, weights):
    model = without_weights(lambda: STSTNet(**options))
    assert trainable_weights(model) == weights


def test_both_paddings_meet_at_ten():
    model = without_weights(lambda: STSTNet(padding=2))
    assert model.get_layer("stream3_conv").output.shape[1:3] == (30, 30)
    assert model.get_layer("join").output.shape[1:3] == (10, 10)


@pytest.mark.parametrize("options", [{"padding": 0}, {"order": "bn"}, {"size": 8}, {"dropout": 1.0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        STSTNet(**options)


@pytest.mark.parametrize("options", [{}, {"padding": 2, "order": "bn_relu"}, {"dense400": True, "size": 14}])
def test_streams_computed_as_one_give_the_same_and_learn_the_same(options):
    size = options.get("size", 28)
    face = np.random.default_rng(0).uniform(0, 1, (6, size, size, 3)).astype("float32")
    found = []
    for way in ("call", "in_training"):
        model = STSTNet(seed=1, **options)
        with tf.GradientTape() as tape:
            out = model({"face": face}, training=True) if way == "call" else model.in_training({"face": face})
            loss = tf.reduce_sum(out[:, 0])
        gradients = tape.gradient(loss, model.trainable_variables)
        found.append([out.numpy(), *(gradient.numpy() for gradient in gradients), *model.get_weights()])
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, atol=1e-5)
