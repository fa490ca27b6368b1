from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from model_case import ModelCase, trainable_weights, without_weights

from mer_tf.layers import ResampleTime
from mer_tf.systems.microexpstcnn.microexpstcnn import MicroExpSTCNN
from mer_tf.systems.registry import get_model_card

SMALL = get_model_card("microexpstcnn").small


class TestMicroExpSTCNN(ModelCase):
    # conv 15*3*3*3*32 + 32 = 12 992; 1*20*20*32*128 + 128 = 1 638 528; 128*3 + 3 = 387
    name = "microexpstcnn"
    golden = 1_651_907
    inputs: ClassVar = {"frames": (16, 64, 64, 3)}
    overfit_rate: ClassVar = 5e-3

    def test_maps_are_those_of_the_table(self, full):
        assert tuple(full.get_layer("conv").output.shape[1:]) == (2, 62, 62, 32)
        assert tuple(full.get_layer("pool").output.shape[1:]) == (1, 20, 20, 32)


class TestMicroExpSTCNN18(ModelCase):
    # conv 15*3*3*32 + 32 = 4 352; the rest as above
    name = "microexpstcnn_18"
    golden = 1_643_267
    inputs: ClassVar = {"frames": (18, 64, 64, 1)}
    overfit_rate: ClassVar = 5e-3

    def test_maps_are_those_of_the_table(self, full):
        assert tuple(full.get_layer("conv").output.shape[1:]) == (4, 62, 62, 32)
        assert tuple(full.get_layer("pool").output.shape[1:]) == (1, 20, 20, 32)


@pytest.mark.parametrize(
    ("options", "weights", "pooled"),
    [
        ({"frames": 96, "channels": 1}, 44_241_667, (27, 20, 20, 32)),
        ({"frames": 16, "channels": 1}, 1_643_267, (1, 20, 20, 32)),
        ({"frames": 16, "channels": 1, "time": "same"}, 8_196_867, (5, 20, 20, 32)),
        ({"frames": 16, "channels": 1, "time": "resample"}, 1_643_267, (1, 20, 20, 32)),
        ({"frames": 16, "third_dropout": True}, 1_651_907, (1, 20, 20, 32)),
        ({"frames": 15}, 1_651_907, (1, 20, 20, 32)),
    ],
)
def test_forms(options, weights, pooled):
    model = without_weights(lambda: MicroExpSTCNN(**options))
    assert trainable_weights(model) == weights
    assert tuple(model.get_layer("pool").output.shape[1:]) == pooled


def test_third_dropout_changes_training_only():
    plain, third = (MicroExpSTCNN(seed=0, dropout=0.5, third_dropout=value, **SMALL) for value in (False, True))
    batch = {"frames": np.random.default_rng(0).normal(size=(4, 16, 17, 17, 3)).astype("float32")}
    np.testing.assert_array_equal(np.asarray(plain(batch)), np.asarray(third(batch)))
    assert "dropout3" in [layer.name for layer in third.layers]


@pytest.mark.parametrize(
    ("frames", "expected"), [(3, [0, 2, 4]), (5, [0, 1, 2, 3, 4]), (9, np.arange(9) / 2), (1, [0])]
)
def test_frames_are_interpolated_evenly(frames, expected):
    clip = np.arange(5, dtype="float32").reshape(1, 5, 1, 1, 1)
    out = np.asarray(ResampleTime(frames)(clip))
    assert out.shape == (1, frames, 1, 1, 1)
    np.testing.assert_allclose(out.ravel(), expected, atol=1e-6)


def test_resampling_refuses_no_frames_and_pictures():
    with pytest.raises(ValueError, match="Received: 0"):
        ResampleTime(0)
    with pytest.raises(ValueError, match="frames"):
        ResampleTime(4).build((None, 5, 5, 3))


@pytest.mark.parametrize(
    "options",
    [
        {"frames": 14},
        {"frames": 1, "time": "resample"},
        {"time": "stretch"},
        {"channels": 2},
        {"size": 4},
        {"filters": 0},
        {"dropout": -0.1},
    ],
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        MicroExpSTCNN(**options)
