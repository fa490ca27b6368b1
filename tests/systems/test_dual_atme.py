from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import pytest
from model_case import ModelCase, ModelFacts, trainable_weights

from mer_tf.errors import ConfigError
from mer_tf.layers import CBAM2D, BatchNorm
from mer_tf.systems.dual_atme.dual_atme import DualATME
from mer_tf.systems.registry import build_model
from mer_tf.training.focal_loss import FocalLoss


class TestDualATME(ModelCase):
    # Inception(in, f), convolutions with bias, each with gamma and beta:
    #   Inception(3, 6):   1x1 24+12; 3x3 (24+12) + (330+12); 5x5 (24+12) + (906+12); pool 24+12           = 1 404
    #   Inception(24, 12): 1x1 300+24; 3x3 (150+12) + (660+24); 5x5 (150+12) + (1812+24); pool 300+24      = 3 492
    # two branches 2 * 4 896 = 9 792; CBAM(48): 2*48*3 + 3 + 48 + 2*9 + 1 = 358
    # head: 4704*1024 + 1024 = 4 817 920; gamma, beta 2 048; 1024*3 + 3 = 3 075
    # 9 792 + 358 + 4 817 920 + 2 048 + 3 075 = 4 833 193
    name = "dual_atme"
    overfit_rate = 1e-2
    golden = 4_833_193
    inputs: ClassVar = {"face": (28, 28, 3), "puzzle": (28, 28, 3)}

    def test_maps_before_the_head(self, model):
        assert model.get_layer("join").output.shape[1:] == (7, 7, 96)

    def test_batch_normalisation_follows_the_published_framework(self, model):
        norms = [layer for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]
        assert len(norms) == 2 * 2 * 6 + 1
        assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}

    def test_consistency_loss_is_added(self, model):
        batch = self.batch()
        model(batch, training=False)
        assert len(model.losses) == 1
        assert 0 < float(model.losses[0]) <= 0.02  # lambda 0.01 times 1 - cos, cos in -1..1

    def test_focal_loss_trains(self):
        keras.utils.set_random_seed(0)
        model = DualATME(dropout=0.0)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=FocalLoss(), run_eagerly=True)
        losses = model.fit(self.batch(8), np.arange(8) % 3, epochs=5, batch_size=8, verbose=0).history["loss"]
        assert losses[-1] < 0.5 * losses[0]

    def test_without_a_seed_the_global_one_decides(self):
        models = []
        for seed in (0, 0, 1):
            keras.utils.set_random_seed(seed)
            models.append(DualATME().get_weights())
        for one, two in zip(models[0], models[1]):
            np.testing.assert_array_equal(one, two)
        assert any((one != two).any() for one, two in zip(models[0], models[2]))


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        # one branch: 4 896 + 2352*1024 + 1024 + 2 048 + 3 075 = 2 419 491; with CBAM 358 more
        ({"branches": "puzzle"}, 2_419_491),
        ({"branches": "face"}, 2_419_849),
        ({"attention": "shared"}, 4_833_193),
        ({"attention": "both"}, 4_833_551),  # a second block: 358 more
        ({"attention": "none"}, 4_832_835),
        ({"consistency": 0.0}, 4_833_193),
    ],
)
def test_ablations(options, weights):
    assert trainable_weights(DualATME(**options)) == weights


def test_without_consistency_no_loss_is_added():
    model = DualATME(consistency=0.0)
    model({name: np.zeros((1, 28, 28, 3), "float32") for name in ("face", "puzzle")})
    assert model.losses == []


@pytest.mark.parametrize(
    "options", [{"branches": "nose"}, {"attention": "all"}, {"consistency": -1.0}, {"dropout": 1.0}]
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        DualATME(**options)


class TestFaceBranch(ModelFacts):
    # Ablation AARS; the count is derived below, at test_ablations.
    name = "dual_atme_aars"
    overfit_rate = 1e-2
    golden = 2_419_849
    inputs: ClassVar = {"face": (28, 28, 3)}

    def test_it_is_the_face_branch_with_attention(self, model):
        assert (model.branches, model.attention) == ("face", "face")

    def test_what_makes_it_this_system_cannot_be_set(self):
        with pytest.raises(ConfigError, match="'dual_atme_aars' is the one with branches 'face'"):
            build_model(self.name, branches="both")


class TestPuzzleBranch(ModelFacts):
    name = "dual_atme_hars"
    overfit_rate = 1e-2
    golden = 2_419_491
    inputs: ClassVar = {"puzzle": (28, 28, 3)}

    def test_it_is_the_puzzle_branch_without_attention(self, model):
        assert (model.branches, model.attention) == ("puzzle", "none")


class TestAttentionBoth(ModelFacts):
    # Ablation "HARS with attention": each branch has a block of its own, 358 weights more.
    name = "dual_atme_attention_both"
    overfit_rate = 1e-2
    golden = 4_833_551
    inputs: ClassVar = {"face": (28, 28, 3), "puzzle": (28, 28, 3)}

    def test_a_block_for_each_branch(self, model):
        assert model.attention == "both"
        first = {name: np.zeros((1, 28, 28, 3), "float32") for name in ("face", "puzzle")}
        blocks = [layer for layer in model.layers if isinstance(layer, CBAM2D)]
        assert len(blocks) == 2 and np.isfinite(np.asarray(model(first))).all()
