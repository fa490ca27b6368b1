"""The motion gate on drawn faces, and what a model says of its training."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mer_tf.preprocessing import ClipPreprocessor
from mer_tf.preprocessing.flow import LiteFlowNetConfig
from mer_tf.preprocessing.gate import motion_magnitude, motion_unit
from mer_tf.recipes import get_recipe
from mer_tf.records import to_example, write_motion_records
from mer_tf.synthetic import SyntheticSubject
from mer_tf.training import TrainConfig
from mer_tf.training.facts import measure_gate, read_clip_facts, still_clip, training_description
from mer_tf.types import Clip

RECIPE = get_recipe("onset_apex_28")
RECIPE = dataclasses.replace(RECIPE, face=dataclasses.replace(RECIPE.face, detector="file"))


def drawn_clip(number, index):
    """Onset, apex and points of a drawn clip with an expression, as the demo draws them."""
    subject = SyntheticSubject(seed=0, number=number)
    plan = subject.plan(index)
    onset, apex = plan.onset - plan.first, plan.apex - plan.first
    images = list(subject.render(plan, frames=range(onset, apex + 1)))
    return [np.ascontiguousarray(image[..., ::-1]) for image in (images[0], images[-1])], subject.points(plan, onset)


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    """Motion of real and of still drawn clips; the still ones are other faces than the gate measures."""

    def measure(clips):
        with ClipPreprocessor(RECIPE, landmark_model=tmp_path_factory.mktemp("none")) as preprocessor:
            made = [preprocessor.process_images(*images, landmarks=points).tensors for images, points in clips]
        return motion_magnitude({"face": np.stack([one["face"] for one in made])}, RECIPE).numpy()

    real = measure([drawn_clip(number, index) for number in (1, 2, 3) for index in (0, 1)])
    return real, measure([still_clip(number) for number in (7, 8)])


def test_still_faces_are_gated_and_drawn_clips_are_not(motions):
    """Measured on 30 drawn clips of the recipe with the puzzle: none gated (0 of 30), all of 10 still ones gated."""
    real, still = motions
    gate = measure_gate(RECIPE, real)
    assert gate["unit"] == "px" and len(gate["noise"]) == 3
    assert (still < gate["floor"]).all() and (real >= gate["floor"]).all()
    assert gate["training"] == {
        "clips": 6,
        "least": pytest.approx(real.min()),
        "low": pytest.approx(np.quantile(real, 0.05)),
        "median": pytest.approx(np.median(real)),
        "gated": 0,
    }


def test_training_clips_cap_the_floor(motions):
    # Were the training clips as still as the noise, the floor would not hide more than some 5 % of them.
    gate = measure_gate(RECIPE, [0.1] * 99 + [0.01])
    assert gate["floor"] == pytest.approx(0.1)
    assert gate["training"]["gated"] == 1


def test_recipes_without_motion_have_no_gate():
    assert motion_unit(get_recipe("apex_224_gray")) == motion_unit(get_recipe("dynamic_image_224")) == ""
    assert "no motion" in measure_gate(get_recipe("apex_224_gray"), [])["reason"]
    assert "prepare them again" in measure_gate(RECIPE, [])["reason"]
    assert motion_unit(get_recipe("onset_apex_224_rgb")) == motion_unit(get_recipe("clip_gray_128")) == "gray levels"


def test_a_recipe_whose_weights_are_not_there_takes_half_of_the_low_quantile(monkeypatch):
    monkeypatch.delenv("MER_LITEFLOWNET_WEIGHTS", raising=False)
    recipe = dataclasses.replace(RECIPE, flow=LiteFlowNetConfig())
    gate = measure_gate(recipe, [1.0] * 20)
    assert gate["floor"] == 0.5 and "liteflownet" in gate["noise_reason"]


def test_the_magnitude_is_the_99th_percentile_of_the_largest_array():
    recipe = get_recipe("onset_apex_28_hars")
    tensors = {name: np.zeros((2, *shape), np.float32) for name, shape in recipe.inputs.items()}
    tensors["face"][0, :20, :20, :2] = 3, 4  # 400 of 12544 pixels
    tensors["puzzle"][1, 0, 0, 0] = 50  # one pixel is no motion
    tensors["puzzle"][1, ..., 2] = 9  # strain is no displacement
    np.testing.assert_allclose(motion_magnitude(tensors, recipe), [5, 0])


def test_of_pictures_the_difference_from_the_first_counts():
    recipe = get_recipe("clip_gray_128")
    frames = np.zeros((2, *recipe.inputs["frames"]), np.float32)
    frames[1, 4, :40, :40] = 10
    np.testing.assert_allclose(motion_magnitude({"frames": frames}, recipe), [0, 10])


def records(folder, count=4, **changes):
    rng = np.random.default_rng(0)
    made = []
    for index in range(count):
        clip = Clip("casme2", f"sub{index % 2}", f"EP{index}", 1, 3, 5 + index, 200.0, "x", "", 1, "megc2019", (), ())
        tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in RECIPE.inputs.items()}
        made.append(to_example(clip, tensors, RECIPE, {"opencv": "4.10.0", **changes}))
    write_motion_records(folder / "motion-0.gz", made)
    return folder


def test_records_tell_spans_versions_and_motion(tmp_path):
    facts = read_clip_facts(records(tmp_path), RECIPE)
    assert [clip.frames for clip in facts] == [5, 6, 7, 8]
    assert {clip.fps for clip in facts} == {200.0}
    assert all(clip.motion > 1 for clip in facts)
    assert facts[0].provenance == {"opencv": "4.10.0"}


def test_what_the_model_will_say(tmp_path):
    passport = tmp_path / "passport.json"
    passport.write_text(
        json.dumps(
            {
                "metrics": {"full": {"uf1": 0.5, "uar": 0.6}},
                "bootstrap": {"uf1": [0.4, 0.7], "uar": [0.5, 0.8]},
                "synthetic": True,
                "partial": False,
                "data_fingerprint": "of the clips",
                "clips": 4,
            }
        )
    )
    folder = tmp_path / "data"
    folder.mkdir()
    config = TrainConfig.from_preset("dual_atme", "paper", epochs=3)
    said = training_description(records(folder), RECIPE, config, "of the arrays", passport)
    assert said["versions"] == {"opencv": "4.10.0"}
    told = said["trained_on"]
    assert told["datasets"] == {"casme2": 4} and told["subjects"] == 2 and told["synthetic"] is True
    assert told["longest"] == {"frames": 8, "seconds": 0.04}
    assert told["data_fingerprint"] == "of the clips"
    assert told["loso"]["uf1"] == 0.5 and told["loso"]["interval"]["uar"] == [0.5, 0.8]
    assert (told["preset"], told["changed"]) == ("paper", {"epochs": 3})
    json.dumps(said, allow_nan=False)
    alone = training_description(folder, RECIPE, config, "of the arrays")["trained_on"]
    assert alone["loso"]["uf1"] is None and alone["loso"]["reason"]
    assert alone["data_fingerprint"] == "of the arrays" and alone["synthetic"] is None
