from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.systems.mer_ensemble.mer_ensemble import MerEnsemble
from mer_tf.systems.registry import build_model


class TestMerEnsemble(ModelCase):
    # A member: 27*8 + 16 + 72*16 + 32 = 1 416, head 7*7*16*3 + 3 = 2 355; five of them 18 855
    # linear: 7*7*3*3 + 3 = 444
    name = "mer_ensemble"
    golden = 19_299
    inputs: ClassVar = {"face": (28, 28, 3)}
    low = 0.0
    overfit_rate = 1e-2

    def test_the_sum_is_that_of_the_members(self, model):
        import keras

        batch = self.batch(4)
        names = ["member0_probabilities", "member1_probabilities", "linear_probabilities"]
        inner = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
        members = [np.asarray(found) for found in inner(batch)]
        np.testing.assert_allclose(np.mean(members, axis=0), model(batch), rtol=1e-5)
        assert np.abs(members[0] - members[1]).max() > 1e-3  # they do not start alike


@pytest.mark.parametrize(
    ("options", "weights"),
    [({"members": 1, "linear": False}, 3_771), ({"width": 4}, 5 * (27 * 4 + 8 + 36 * 8 + 16 + 1_179) + 444)],
)
def test_options(options, weights):
    assert trainable_weights(without_weights(lambda: MerEnsemble(**options))) == weights


@pytest.mark.parametrize("options", [{"members": 0}, {"size": 30}, {"dropout": 1.0}, {"width": 0}])
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        MerEnsemble(**options)


def test_the_range_of_the_pictures_does_not_matter():
    model = build_model("mer_ensemble", seed=1)
    x = np.random.default_rng(0).uniform(0, 1, (3, 28, 28, 3)).astype("float32")
    np.testing.assert_allclose(model({"face": x}), model({"face": 255 * x}), atol=2e-3)
