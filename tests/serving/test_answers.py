"""What an answer says beside the class: no motion, flags, versions, and a model that changed meanwhile."""

from __future__ import annotations

import dataclasses
import json

import cv2
import numpy as np
import pytest

from mer_tf import served
from mer_tf.datasets import read_casme2
from mer_tf.errors import ConfigError
from mer_tf.preprocessing.flow import DISConfig
from mer_tf.recipes import get_recipe
from mer_tf.serving.client import PredictionClient
from mer_tf.serving.clips import predict_clip
from mer_tf.synthetic import read_truth, write_synthetic_dataset

MAJOR = int(cv2.__version__.split(".")[0])  # of this machine: the two stacks differ
CLASSES = ("negative", "positive", "surprise")
FLOOR = 0.25
TRAINING = {
    "versions": {"opencv": f"{MAJOR}.10.0"},
    "gate": {"floor": FLOOR, "unit": "px"},
    "trained_on": {
        "clips": 9,
        "datasets": {"casme2": 9},
        "synthetic": True,
        "longest": {"frames": 8, "seconds": 0.04},
        "loso": {"uf1": 0.512, "uar": 0.6, "interval": {"uf1": [0.4, 0.7], "uar": None}},
    },
}


@pytest.fixture(scope="module")
def small():
    recipe = get_recipe("onset_apex_28")
    return dataclasses.replace(
        recipe,
        crop_size=32,
        flow=DISConfig(),
        face=dataclasses.replace(recipe.face, detector="file"),
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A drawn clip: its facts, its folder and a file of its landmarks."""
    root = tmp_path_factory.mktemp("clip")
    write_synthetic_dataset(root, subjects=1, clips_per_subject=1, frames_per_clip=12, seed=1, workers=1)
    clip = read_casme2(root).clips[0]
    truth = read_truth(root / "truth" / f"{clip.subject}_{clip.clip}.npz")
    np.save(root / "points.npy", truth.points[list(truth.numbers).index(clip.onset)])
    return clip, root / "CASME2_RAW_selected" / clip.subject / clip.clip, root / "points.npy"


@pytest.fixture(scope="module")
def addresses(make_model, small, tmp_path_factory):
    """Servers of one network: with what it knows of its training, and as it was exported before it knew anything."""
    from mer_tf.export import export_saved_model
    from mer_tf.serving.server import MerServer

    root = tmp_path_factory.mktemp("models")
    model = make_model(recipe=small)
    export_saved_model(model, small, CLASSES, root / "new" / "1", model_name="tiny", training=TRAINING)
    export_saved_model(model, small, CLASSES, root / "old" / "1", model_name="tiny")
    with MerServer(root / "new") as new, MerServer(root / "old") as old:
        yield {"new": new.address, "old": old.address}


def flag_names(answer):
    return {flag.partition(":")[0] for flag in answer["flags"]}


def test_a_batch_mixes_still_and_moving_clips(addresses, to_examples):
    moving = np.random.default_rng(0).normal(0, 1, (1, 32, 32, 3)).astype(np.float32)
    tensors = {"face": np.concatenate([moving, 0.01 * moving, moving])}
    with PredictionClient(addresses["new"]) as client, PredictionClient(addresses["old"]) as old:
        named = old.predict_batch(tensors)
        assert "motion" not in named[0]
        for answers in (client.predict_batch(tensors), client.predict_examples(to_examples(tensors))):
            assert [answer["no_motion"] for answer in answers] == [False, True, False]
            assert [answer["class"] for answer in answers] == [named[0]["class"], "no_motion", named[2]["class"]]
            assert answers[1]["motion"] < FLOOR < answers[0]["motion"]
            for answer, without in zip(answers, named):
                assert answer["probabilities"] == pytest.approx(without["probabilities"], abs=1e-6)


def test_versions_that_differ_stop_before_any_work(addresses, clip, monkeypatch):
    _, folder, points = clip
    monkeypatch.setattr("cv2.__version__", f"{MAJOR + 1}.0.0")
    monkeypatch.setattr("mer_tf.preprocessing.images.read_picture", lambda *path: pytest.fail("a frame was read"))
    with pytest.raises(
        ConfigError, match=rf"OpenCV is {MAJOR + 1}\.0\.0 here, {MAJOR}\.10\.0 in training.*--allow-versions"
    ):
        predict_clip(addresses["new"], folder, landmark_model=points)


def test_versions_that_differ_are_told_where_they_are_allowed(addresses, clip, monkeypatch):
    _, folder, points = clip
    monkeypatch.setattr("cv2.__version__", f"{MAJOR + 1}.0.0")
    answer = predict_clip(addresses["new"], folder, landmark_model=points, allow_versions=True)
    assert answer["differences"] == [f"OpenCV is {MAJOR + 1}.0.0 here, {MAJOR}.10.0 in training"]
    monkeypatch.setattr("cv2.__version__", f"{MAJOR}.99.0")
    assert predict_clip(addresses["new"], folder, landmark_model=points)["differences"] == []


def test_flags(addresses, clip):
    facts, folder, points = clip
    answer = predict_clip(addresses["new"], folder, landmark_model=points)
    assert flag_names(answer) == {served.LONG_SPAN, served.GUESSED_APEX, served.UNKNOWN_FPS}
    given = {"onset": facts.onset, "apex": facts.apex, "fps": 1000.0, "landmark_model": points}
    short = facts.apex - facts.onset + 1 <= 8
    answer = predict_clip(addresses["new"], folder, **given)
    assert flag_names(answer) == (set() if short else {served.LONG_SPAN})
    answer = predict_clip(addresses["new"], folder, **{**given, "fps": 10.0})
    assert any("s; the longest training clip has 0.04 s" in flag for flag in answer["flags"])
    assert answer["trained_on"] == TRAINING["trained_on"]
    json.dumps(answer)


def test_a_model_of_an_earlier_version_is_answered_and_flagged(addresses, clip):
    _, folder, points = clip
    answer = predict_clip(addresses["old"], folder, landmark_model=points, fps=200.0)
    assert answer["class"] in CLASSES and answer["motion"] is None and answer["floor"] is None
    assert {served.NO_GATE, served.UNKNOWN_VERSIONS, served.UNKNOWN_TRAINING} <= flag_names(answer)


def test_a_model_replaced_between_describe_and_predict(addresses, clip, monkeypatch):
    """The last check of all: what was prepared by one recipe must not be answered by another."""
    _, folder, points = clip
    answers = PredictionClient._answers
    monkeypatch.setattr(
        PredictionClient,
        "_answers",
        lambda self, outputs, version: answers(self, {**outputs, served.RECIPE_HASH: [b"another"]}, version),
    )
    with pytest.raises(ConfigError, match="answered for another: its model was replaced meanwhile"):
        predict_clip(addresses["new"], folder, landmark_model=points)


def test_mer_predict_says_it_in_a_hundred_columns(addresses, clip, capfd):
    from mer_tf.cli import main

    _, folder, points = clip
    assert main(["predict", str(folder), "--server", addresses["new"], "--landmark-model", str(points)]) == 0
    text = capfd.readouterr().out
    assert "the floor of 0.25" in text and "trained on drawings, 9 clips (casme2 9)" in text and "UF1 0.512" in text
    assert "guessed_apex:" in text
    assert max(map(len, text.splitlines())) <= 100


def test_with_json_whoever_started_it_is_told_as_well(addresses, clip, tmp_path, capfd):
    from mer_tf.cli import main

    _, folder, points = clip
    words = ["--server", addresses["new"], "--landmark-model", str(points), "--json"]
    assert main(["predict", str(folder), *words]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["flags"] and "guessed_apex:" in err and "no_motion:" not in err
    first = sorted(folder.iterdir())[0]
    for number in (1, 2, 3):
        (tmp_path / f"img{number}{first.suffix}").write_bytes(first.read_bytes())
    assert main(["predict", str(tmp_path), *words]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["class"] == "no_motion" and "no_motion: (motion 0" in err
