"""The floors as systems: what they look at, and that they go through cross-validation like all others."""

import numpy as np
import pytest

from mer_tf.recipes import get_recipe
from mer_tf.systems.floors.floors import LinearFlowConfig, linear_flow
from mer_tf.systems.registry import get_model_card
from mer_tf.training import MotionData, TrainConfig, run_loso

pytest.importorskip("sklearn")


@pytest.fixture
def make_data(rng):
    """Clips whose class shows as motion in one third of the face; 3, 2 and 1 clips of each class for a subject."""

    def make(recipe="onset_apex_28", subjects=5):
        labels = np.tile([0, 0, 0, 1, 1, 2], subjects)
        recipe = get_recipe(recipe)
        tensors = {
            name: (0.1 * rng.standard_normal((len(labels), *shape))).astype(np.float32)
            for name, shape in recipe.network_inputs.items()
        }
        for row, label in enumerate(labels):
            tensors["face"][row, 9 * label : 9 * label + 9, :, 1] += 1
        return MotionData(
            tensors=tensors,
            labels=labels,
            datasets=["casme2"] * len(labels),
            subjects=[f"sub{k // 6:02}" for k in range(len(labels))],
            clips=[f"EP{k % 6:02}" for k in range(len(labels))],
            recipe=recipe,
            network=True,
            mapping="megc2019",
        )

    return make


def test_each_cell_is_a_mean(rng):
    face = rng.standard_normal((28, 28, 3))
    wanted = face.reshape(7, 4, 7, 4, 3).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(linear_flow(face), wanted)
    odd = rng.standard_normal((5, 7, 2))
    found = linear_flow(odd, LinearFlowConfig(grid=(2, 3)))
    np.testing.assert_allclose(found[:2], odd[:3, :2].mean(axis=(0, 1)))
    assert found.shape == (12,)


@pytest.mark.parametrize("face", [np.zeros((28, 28)), np.full((28, 28, 3), np.nan), np.zeros((6, 28, 3))])
def test_bad_maps(face):
    with pytest.raises(ValueError):
        linear_flow(face)


@pytest.mark.parametrize("recipe", ["onset_apex_28", "onset_apex_28_hars"])
def test_linear_flow_learns_what_can_be_seen(make_data, tmp_path, recipe):
    data = make_data(recipe)
    predictions = run_loso(data, TrainConfig.from_preset("linear_flow"), tmp_path)
    assert [p.prediction for p in predictions] == data.labels.tolist()
    assert all(0 < max(p.probabilities) < 1 for p in predictions)


def test_majority_says_the_same_of_every_clip(make_data, tmp_path):
    data = make_data()
    predictions = run_loso(data, TrainConfig.from_preset("majority"), tmp_path)
    assert {p.prediction for p in predictions} == {0}
    np.testing.assert_allclose([p.probabilities for p in predictions], [[1 / 2, 1 / 3, 1 / 6]] * len(data), atol=1e-6)


def test_no_setting_of_a_floor_is_called_published():
    for name in ("majority", "linear_flow"):
        card = get_model_card(name)
        assert "paper" not in card.presets and card.published == {}
        assert card.source(card.default_preset, "model_options").startswith("assumed")
