from __future__ import annotations

from typing import ClassVar

import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.layers import BatchNorm
from mer_tf.recipes import get_recipe
from mer_tf.systems.atscnn.atscnn import ATSCNN
from mer_tf.systems.atscnn.card import CARDS
from mer_tf.systems.registry import build_model


class TestATSCNN(ModelCase):
    # One stream, 5x5 convolutions with bias, each with gamma and beta:
    #   1->3: 75+3+6 = 84; 3->5: 375+5+10 = 390; 5->8: 1000+8+16 = 1024; 8->16: 3200+16+32 = 3248: 4 746
    #   CBAM(16), hidden 1, no biases: 2*16*1 + 2*9 = 50
    # head on 8*8*48 = 3072: 3072*1024 + 1024 + 1024*1024 + 1024 + 1024*3 + 3 = 4 199 427
    # 3 * 4 796 + 4 199 427 = 4 213 815
    name = "atscnn"
    golden = 4_213_815
    inputs: ClassVar = {"u": (128, 128, 1), "v": (128, 128, 1), "strain": (128, 128, 1)}

    def test_maps_before_the_head(self, full):
        assert full.get_layer("join").output.shape[1:] == (8, 8, 48)

    def test_batch_normalisation_follows_the_published_framework(self, model):
        norms = [layer for layer in model.layers if isinstance(layer, BatchNorm)]
        assert len(norms) == 12
        assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"attention": "none"}, 4_213_665),  # less 3 * 50
        ({"attention": "channel"}, 4_213_761),  # less 3 * 18
        ({"attention": "spatial"}, 4_213_719),  # less 3 * 32
        ({"activation": "relu"}, 4_213_815),
        ({"streams": ("u", "v")}, 3_160_443),
        ({"streams": ("onset", "apex")}, 3_160_443),
        ({"literal_head": True}, 23_607),  # 3 * 4 796 + 3072*3 + 3
    ],
)
def test_ablations(options, weights):
    assert trainable_weights(ATSCNN(**options)) == weights


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_ablation_cards(card):
    model = without_weights(lambda: build_model(card.name))
    assert model.name == card.name
    assert trainable_weights(model) == card.parameters == card.trainable_parameters
    shapes = {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}
    assert shapes == get_recipe(card.recipe).network_inputs
    assert set(card.published["ATSCNN 2024, LOSO, CASME + CASME II + SAMM"]) == {"uf1", "uar"}


def test_there_are_six_ablations():
    options = [{key: value for key, value in card.options.items() if key != "name"} for card in CARDS]
    assert options == [
        {},
        {"attention": "none"},
        {"attention": "channel"},
        {"attention": "spatial"},
        {"activation": "relu"},
        {"streams": ("u", "v")},
        {"streams": ("onset", "apex")},
    ]


@pytest.mark.parametrize(
    "options",
    [{"streams": ()}, {"streams": ("u", "u")}, {"attention": "all"}, {"activation": "tanh"}, {"size": 100}],
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        ATSCNN(**options)
