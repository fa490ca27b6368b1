from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.layers import MaskedCrossEntropy
from mer_tf.systems.geme.geme import GEME


class TestGEME(ModelCase):
    # Two ResNet-18 (tests/layers/test_residual.py) 2 * 11 176 512; gender 512*2 + 2 = 1 026; classes 512*3 + 3 = 1 539
    name = "geme"
    golden = 22_355_589
    inputs: ClassVar = {"dynamic": (224, 224, 3)}
    overfit_rate: ClassVar = 5e-3

    def test_gender_model_shares_the_weights(self, model):
        gender = model.gender_model()
        batch = self.batch(2)
        out = np.asarray(gender(batch))
        assert out.shape == (2, 2)
        np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-5)
        paths = {getattr(weight, "path", weight.name) for weight in model.weights}
        assert {getattr(weight, "path", weight.name) for weight in gender.weights} < paths

    def test_unknown_genders_leave_the_head_alone(self):
        model = self.build(seed=4)  # of its own: training moves statistics
        with tf.GradientTape() as tape:
            model(self.batch(2), training=True)
            (loss,) = model.losses
        assert float(loss) == 0
        head = model.get_layer("gender_probabilities").trainable_variables
        for gradient in tape.gradient(loss, head):
            assert not np.asarray(gradient).any()


@pytest.mark.slow
def test_known_genders_train_the_head():
    model = GEME(gender_input=True, seed=1, size=32, width=8)
    rng = np.random.default_rng(0)
    batch = {
        "dynamic": rng.normal(size=(8, 32, 32, 3)).astype("float32"),
        "gender": np.array([[0], [1]] * 4, "float32"),
    }
    batch["dynamic"][1::2] += 1.0
    model(batch, training=True)
    start = float(model.losses[0])
    assert start > 0
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(batch, np.arange(8) % 3, epochs=6, batch_size=8, verbose=0)
    model(batch, training=True)
    assert float(model.losses[0]) < 0.5 * start
    assert trainable_weights(model) == trainable_weights(without_weights(lambda: GEME(size=32, width=8)))


@pytest.mark.parametrize(
    ("options", "weights"),
    [({"num_classes": 5}, 22_356_615), ({"gender_input": True, "fuse": False}, 22_355_589)],
)
def test_options(options, weights):
    assert trainable_weights(without_weights(lambda: GEME(**options))) == weights


def test_without_fusion_gender_does_not_reach_the_classes():
    batch = {"dynamic": np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")}
    for fuse in (True, False):
        model = GEME(fuse=fuse, seed=0, size=32, width=8)
        start = np.asarray(model(batch))
        stem = model.get_layer("gender_stem_conv")
        stem.set_weights([3 * stem.get_weights()[0][:, ::-1]])
        assert (np.abs(np.asarray(model(batch)) - start).max() > 1e-6) == fuse


def test_masked_cross_entropy_is_the_mean_over_known_labels():
    layer = MaskedCrossEntropy(0.5)
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], "float32")
    passed = np.arange(3, dtype="float32")
    out = layer([passed, probabilities, np.array([[0], [1], [-1]], "float32")])
    np.testing.assert_array_equal(out, passed)
    assert float(layer.losses[0]) == pytest.approx(-0.5 * (np.log(0.9) + np.log(0.8)) / 2, rel=1e-5)
    layer([passed, probabilities, -np.ones((3, 1), "float32")])
    assert float(layer.losses[-1]) == 0


def test_a_certain_but_wrong_head_gives_a_finite_loss():
    layer = MaskedCrossEntropy(1.0)
    layer([np.zeros(1), np.array([[1, 0]], "float32"), np.array([[1]], "float32")])
    assert np.isfinite(float(layer.losses[0]))
    with pytest.raises(ValueError, match="Received"):
        MaskedCrossEntropy(-1)


@pytest.mark.parametrize("options", [{"gender_loss": -1.0}, {"size": 16}, {"width": 0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        GEME(**options)
