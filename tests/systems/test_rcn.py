from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_case import ModelCase, ModelFacts, trainable_weights, without_weights

from mer_tf.layers import RecurrentConv2D
from mer_tf.systems.rcn.rcn import RCN
from mer_tf.systems.registry import get_model_card

FACE = {"face": (28, 28, 3)}
SMALL = get_model_card("rcn").small


class TestRCN(ModelCase):
    # F = 64, P = 5. Stem 5x5 on 3: 75*64 + 64 + 128 = 4 992; 1x1: 64*64 + 64 + 128 = 4 288;
    # recurrent 3x3, once: 9*64*64 + 64 + 128 = 37 056; head 25*64*3 + 3 = 4 803
    # 4 992 + 4 288 + 37 056 + 4 803 = 51 139
    name = "rcn"
    golden = 51_139
    inputs: ClassVar = FACE
    low = 0.0
    overfit_rate = 1e-2

    def test_maps(self, full):
        assert full.get_layer("stem_pool").output.shape[1:] == (12, 12, 64)
        assert full.get_layer("recurrent_pool").output.shape[1:] == (6, 6, 64)


class TestRCNa(ModelFacts):
    name = "rcn_a"
    golden = 51_139  # the attention has no weights
    inputs: ClassVar = FACE
    low = 0.0
    overfit_rate = 1e-2

    def test_the_classifier_learns_through_the_attention_too(self):
        model = RCN(variant="a", dropout=0.0, seed=1, **SMALL)
        batch, _ = self.separable()
        attention = keras.Model(model.inputs, model.get_layer("attention").output)
        with tf.GradientTape() as tape:
            mask = attention(batch)
            loss = tf.reduce_sum(mask * tf.range(5.0)[None, :, None, None])
        gradients = tape.gradient(loss, attention.trainable_weights)
        shapes = [tuple(weight.shape) for weight in attention.trainable_weights]
        assert np.abs(np.asarray(gradients[shapes.index((5, 5, 8, 3))])).max() > 0


class TestRCNs(ModelFacts):
    name = "rcn_s"
    golden = 51_139  # the unused second convolution of the code is left out
    inputs: ClassVar = FACE
    low = 0.0
    overfit_rate = 1e-2

    def test_three_dense_passes(self, model):
        layer = next(layer for layer in model.layers if isinstance(layer, RecurrentConv2D))
        assert (layer.passes, layer.dense) == (3, True)


class TestRCNw(ModelFacts):
    # Wide stem: 27*32+32+64 + 2*(27*16+16+32) = 1 920 in place of 4 992: 51 139 - 3 072 = 48 067
    name = "rcn_w"
    golden = 48_067
    inputs: ClassVar = FACE
    low = 0.0
    overfit_rate = 1e-2

    def test_maps(self, full):
        assert full.get_layer("wide_join").output.shape[1:] == (10, 10, 64)
        assert full.get_layer("recurrent_pool").output.shape[1:] == (5, 5, 64)


class TestRCNc(ModelFacts):
    name = "rcn_c"
    golden = 48_067
    inputs: ClassVar = FACE
    low = 0.0
    overfit_rate = 1e-2

    def test_attention_of_the_input_reaches_the_wide_maps(self, full):
        assert full.get_layer("attention").output.shape[1:] == (5, 5, 1)
        assert full.get_layer("attention_resize").output.shape[1:] == (10, 10, 1)


class TestRCNf(ModelFacts):
    name = "rcn_f"
    golden = 48_067
    inputs: ClassVar = FACE
    low = 0.0
    overfit_rate = 1e-2


@pytest.mark.parametrize(
    ("variants", "filters", "pool", "weights"),
    [
        ("base a s", 64, 7, 55_747),  # head 49*64*3 + 3 = 9 411: 4 608 more
        ("base a s", 32, 5, 15_331),  # 2 496 + 1 120 + 9 312 + 2 403
        ("w c f", 64, 7, 52_675),
        ("w c f", 32, 5, 13_795),
    ],
)
def test_columns_of_the_table(variants, filters, pool, weights):
    for variant in variants.split():
        model = without_weights(lambda v=variant: RCN(variant=v, filters=filters, pool=pool))
        assert trainable_weights(model) == weights, variant


def test_replicated_bug_leaves_the_third_stream_out():
    model = without_weights(lambda: RCN(variant="f", replicate_bug=True))
    assert trainable_weights(model) == 48_067 - (27 * 16 + 16 + 32)
    assert model.get_layer("wide_join").output.shape[1:] == (10, 10, 64)


def test_wide_streams_are_strided_dilated_convolutions():
    model = RCN(variant="w", filters=8, dropout=0.0, seed=0)
    part = keras.Model(model.inputs, model.get_layer("wide3_third").output)
    face = np.random.default_rng(0).normal(size=(1, 28, 28, 3)).astype("float32")
    out = np.asarray(part({"face": face}))
    kernel, bias = (np.asarray(w) for w in model.get_layer("wide3_conv").get_weights())
    padded = np.pad(face, ((0, 0), (3, 3), (3, 3), (0, 0)))
    for row, column in ((0, 0), (4, 7), (9, 9)):
        patch = padded[0, 3 * row : 3 * row + 7 : 3, 3 * column : 3 * column + 7 : 3]
        np.testing.assert_allclose(out[0, row, column], np.einsum("hwc,hwcf->f", patch, kernel) + bias, atol=1e-5)


def test_a_constant_map_is_finite():
    for variant in "acf":
        model = RCN(variant=variant, filters=8, seed=0)
        assert np.isfinite(np.asarray(model({"face": np.full((2, 28, 28, 3), 0.5, "float32")}))).all()


@pytest.mark.parametrize(
    "options",
    [{"variant": "p"}, {"filters": 6}, {"pool": 0}, {"variant": "w", "replicate_bug": True}, {"size": 8}],
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        RCN(**options)
