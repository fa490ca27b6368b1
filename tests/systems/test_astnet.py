from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.recipes import get_recipe
from mer_tf.systems.astnet.astnet import ASTNet
from mer_tf.systems.registry import build_model, get_model_card

SMALL = get_model_card("astnet").small
BACKBONE, LSTM, HEAD = 11_176_512, 2_949_632, 387


class TestASTNet(ModelCase):
    # ResNet-18 11 176 512 (derived in tests/layers/test_residual.py); CBAM(512) 33 410;
    # ConvLSTM 4 * 128 * (9*512 + 9*128 + 1) = 2 949 632; head 128*3 + 3 = 387
    name = "astnet"
    # with five classes 2 * 129 more: 14 160 199
    golden = 14_159_941
    inputs: ClassVar = {"flow": (10, 224, 224, 3)}
    overfit_rate: ClassVar = 5e-3

    def test_maps_are_those_of_the_table(self, full):
        sizes = [tuple(full.get_layer(f"layer{number}_1_relu2").output.shape[1:]) for number in range(1, 5)]
        assert sizes == [(56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]
        assert tuple(full.get_layer("convlstm").output.shape[1:]) == (7, 7, 128)

    def test_every_frame_and_their_order_count(self, model):
        batch = self.batch(1)
        start = np.asarray(model(batch))
        for frame in range(3):
            other = {"flow": batch["flow"].copy()}
            other["flow"][:, frame] = 0
            assert np.abs(np.asarray(model(other)) - start).max() > 1e-7
        assert np.abs(np.asarray(model({"flow": batch["flow"][:, ::-1]})) - start).max() > 1e-7


@pytest.mark.parametrize(
    ("name", "attention", "position", "extra"),
    [
        ("astnet_no_magnification", "none", 5, 0),
        ("astnet_no_attention", "none", 5, 0),
        ("astnet_spatial", "spatial", 5, 2 * 49),
        ("astnet_channel", "channel", 5, 2 * 512 * 32 + 32 + 512),
        ("astnet_cbam_1", "cbam", 1, 678),
        ("astnet_cbam_2", "cbam", 2, 678),
        ("astnet_cbam_3", "cbam", 3, 2_282),
        ("astnet_cbam_4", "cbam", 4, 8_562),
    ],
)
def test_ablations(name, attention, position, extra):
    model = without_weights(lambda: build_model(name))
    card = get_model_card(name)
    assert (model.name, model.attention, model.position) == (name, attention, position)
    assert trainable_weights(model) == BACKBONE + extra + LSTM + HEAD == card.parameters == card.trainable_parameters
    names = [layer.name for layer in model.layers]
    if attention != "none":
        after = "stem_pool" if position == 1 else f"layer{position - 1}_1_relu2"
        assert names[names.index("attention") - 1] == after
    else:
        assert "attention" not in names
    assert get_recipe(card.recipe).network_inputs == {"flow": (10, 224, 224, 3)}
    assert card.recipe == ("flow_10x224" if name == "astnet_no_magnification" else "magnified_flow_10x224")


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"num_classes": 5, "filters": 64}, 12_537_607),
        ({"num_classes": 5, "filters": 256}, 18_290_119),
        ({"channels": 2, "keep_time": False}, 14_159_941 - 49 * 64),
    ],
)
def test_options(options, weights):
    assert trainable_weights(without_weights(lambda: ASTNet(**options))) == weights


@pytest.mark.parametrize("keep_time", [True, False])
def test_the_order_of_attention_is_passed_on(keep_time):
    batch = {"flow": np.random.default_rng(0).normal(size=(1, 3, 32, 32, 3)).astype("float32")}
    first, second = (
        ASTNet(seed=0, order=order, keep_time=keep_time, **SMALL) for order in ("channel_first", "spatial_first")
    )
    assert second.get_layer("attention").order == "spatial_first"
    assert np.abs(np.asarray(first(batch)) - np.asarray(second(batch))).max() > 1e-7


def test_one_channel_mask_per_clip_or_per_frame():
    batch = {"flow": np.random.default_rng(0).normal(size=(1, 3, 32, 32, 3)).astype("float32")}
    frame, clip = (ASTNet(seed=0, keep_time=value, **SMALL) for value in (True, False))
    clip.set_weights(frame.get_weights())
    assert np.abs(np.asarray(frame(batch)) - np.asarray(clip(batch))).max() > 1e-7
    still = {"flow": np.repeat(batch["flow"][:, :1], 3, axis=1)}
    np.testing.assert_allclose(np.asarray(frame(still)), np.asarray(clip(still)), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"attention": "all"},
        {"position": 6},
        {"channels": 1},
        {"filters": 0},
        {"frames": 0},
        {"size": 16},
        {"width": 0},
        {"dropout": 1.0},
        {"reduction": 0},
        {"order": "both"},
    ],
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        ASTNet(**options)
