"""``mer watch`` as a user types it, and the model that names what it found."""

from __future__ import annotations

import dataclasses
import functools
import json

import cv2
import numpy as np
import pytest
from drawn_people import Person, draw, film

from mer_tf.cli import main
from mer_tf.errors import ConfigError
from mer_tf.export import export_saved_model
from mer_tf.preprocessing.flow import DISConfig
from mer_tf.recipes import FramesConfig
from mer_tf.synthetic import SyntheticSubject
from mer_tf.watch.clips import EventClip
from mer_tf.watch.settings import WatchConfig
from mer_tf.watch.types import Event
from serving.client import Description
from serving.clips import predict_clip
from serving.server import MerServer
from serving.watching import ModelRecogniser

pytestmark = pytest.mark.dlib

ANY = WatchConfig(min_probability=0.0)
CLASSES = ("negative", "positive", "surprise")
EVENT = Event(
    "t0001-e01", "t0001", "micro", 1.0, 1.1, 1.2, 30, 33, 36, ("mouth",), 0.03, 0.001, 0.8, "B", fps=30.0,
    eye_distance=110.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(recipe):
    return dataclasses.replace(recipe, flow=DISConfig())


@pytest.fixture(scope="module")
def folder_of(make_model, small, tmp_path_factory):
    """Exports a small model of a recipe, with a floor of motion; the same one is made once."""

    def make(recipe=small, floor=None, longest=None):
        path = tmp_path_factory.mktemp("model")
        told = {"clips": 9, "datasets": {"casme2": 9}, "synthetic": True, "longest": longest or {}}
        told["loso"] = {"uf1": None, "uar": None, "interval": {}}
        training = {"versions": {}, "gate": {"floor": floor, "unit": "px", "reason": "none"}, "trained_on": told}
        export_saved_model(
            make_model(recipe=recipe), recipe, CLASSES, path / "1", model_name="tiny_net", training=training
        )
        return str(path)

    return make


@pytest.fixture(scope="module")
def folder(folder_of):
    return folder_of()


@pytest.fixture(scope="module")
def clip():
    """Seven frames of a drawn expression, as the ring of frames gives them."""
    subject = SyntheticSubject(3, 1)
    plan = subject.plan(0, frames=20, emotion="happiness")
    first, apex = plan.onset - plan.first, plan.apex - plan.first
    chosen = sorted({*np.linspace(first, plan.offset - plan.first, 7).round().astype(int), apex})
    frames = [
        cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) for index, frame in enumerate(subject.render(plan)) if index in chosen
    ]
    return EventClip(frames, [30 + index for index in range(len(frames))], chosen.index(apex), 30.0, 121.0)


@functools.lru_cache
def recogniser(address):
    return ModelRecogniser(address, ANY)


def asked(address, clip, event=EVENT, config=ANY):
    one = recogniser(address)
    one._config = config
    return one.classify(event, clip), one.facts


def test_the_recipe_is_that_of_the_model(folder, clip, tmp_path):
    """The answer is what 'mer predict' gives of the same frames, by the folder and by a server."""
    for number, frame in enumerate(clip.frames):
        cv2.imwrite(str(tmp_path / f"img{number}.png"), frame[..., ::-1])
    wanted = predict_clip(folder, tmp_path, onset=0, apex=clip.apex, offset=len(clip.frames) - 1, fps=30.0)
    found, facts = asked(folder, clip)
    assert found.status == "ok" and found.label == wanted["class"] and found.model == "tiny_net"
    assert dict(found.probabilities) == wanted["probabilities"]
    assert (facts["recipe"], facts["classes"]) == ("tiny", list(CLASSES))
    assert any(remark.startswith("no_gate") for remark in facts["remarks"])
    with MerServer(folder) as server:
        served, _ = asked(server.address, clip)
    assert dict(served.probabilities) == pytest.approx(wanted["probabilities"], abs=1e-6)


def test_no_motion_is_no_class(folder_of, clip):
    found, _ = asked(folder_of(floor=100.0), clip)
    assert found.status == "no_motion" and found.label == "" and 0 < found.motion < 100


@pytest.mark.parametrize(
    ("event", "config", "why"),
    [
        ({"tier": "C", "kind": "macro"}, {"min_probability": 0.0}, "too small, or the frames too few"),
        ({"confidence": 0.1}, {"min_probability": 0.0}, "hardly above"),
        ({}, {"min_probability": 0.99}, "the likeliest one"),
    ],
)
def test_a_doubtful_class_is_withheld(folder, clip, event, config, why):
    found, _ = asked(folder, clip, dataclasses.replace(EVENT, **event), WatchConfig(**config))
    assert found.status == "abstained" and not found.label and found.probabilities
    assert any(why in remark for remark in found.remarks)


def test_what_the_recipe_cannot_be_had_of_is_refused(folder, folder_of, clip):
    found, _ = asked(folder, None)
    assert found.status == "refused" and "not at hand" in found.remarks[0]
    small_face = dataclasses.replace(clip, eye_distance=6.0)
    assert "takes a face of 32 px" in asked(folder, small_face)[0].remarks[0]
    fast = folder_of(longest={"frames": 100, "seconds": 0.5})
    found, _ = asked(fast, clip)  # two frames are two frames at any rate; of a sequence see below
    assert found.status == "ok" and any("200 frames a second" in remark for remark in found.remarks)
    nobody = dataclasses.replace(clip, frames=[np.full_like(frame, 128) for frame in clip.frames])
    found, _ = asked(folder, nobody)
    assert found.status == "refused" and "no face" in found.remarks[0]


def test_recipes_that_do_not_suit_are_refused_before_anything_is_watched(small, clip, monkeypatch):
    sequence = dataclasses.replace(
        small,
        frames=FramesConfig("onset_to_offset", 40, "linear"),
        arrays=("flow",),
        puzzle_size=0,
        views=(dataclasses.replace(small.views[0], name="flow", array="flow", content="uv"),),
    )
    files = dataclasses.replace(small, face=dataclasses.replace(small.face, detector="file"))

    class Described:
        def __init__(self, recipe, *unused):
            self.recipe = recipe

        def describe(self):
            longest = {"frames": 100, "seconds": 0.5}
            return Description("net", 1, CLASSES, self.recipe, "0", trained_on={"longest": longest})

    monkeypatch.setattr("serving.clips.client_for", Described)
    found = ModelRecogniser(sequence, ANY).classify(EVENT, clip)
    assert found.status == "refused" and "takes 40 frames and the event has 8" in found.remarks[0]
    short = dataclasses.replace(sequence, frames=FramesConfig("onset_to_offset", 10, "linear"))
    assert "200 frames a second" in ModelRecogniser(short, ANY).classify(EVENT, clip).remarks[0]
    with pytest.raises(ConfigError, match="camera"):
        ModelRecogniser(sequence, ANY, live=True)
    with pytest.raises(ConfigError, match="landmarks from files"):
        ModelRecogniser(files, ANY)


def test_a_server_that_goes_away_loses_the_class_and_not_the_event(folder, clip):
    with MerServer(folder) as server:
        one = ModelRecogniser(server.address, ANY, timeout=1.0)
    found = one.classify(EVENT, clip)
    one.close()
    assert found.status == "refused" and "did not answer" in found.remarks[0]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    people = [Person((90, 90), 48, ((1.2, 0.9, (12,), 0.05),))]
    return str(film(tmp_path_factory.mktemp("video") / "v.avi", draw(people, 4, 15, (180, 180)), 15, "MJPG"))


def test_the_command_tells_and_writes(video, folder, tmp_path, capfd):
    out = tmp_path / "out"
    assert main(["watch", video, "--out", str(out), "--model", folder, "--overlay", "--blur"]) == 0
    said = capfd.readouterr().out
    assert "refused: too few frames a second" in said and "1 found in 4.0 s" in said and "t0001-e01  macro" in said
    assert "abstained" in said  # a class of so few frames
    for name in ("events.csv", "tracks.csv", "curves.csv", "summary.json", "report.html", "overlay.webm"):
        assert (out / name).stat().st_size
    assert main(["watch", video, "--out", str(out), "--model", folder, "--json"]) == 0
    (event,) = json.loads(capfd.readouterr().out)["events"]
    assert event["kind"] == "macro" and set(event["probabilities"]) == set(CLASSES)


def test_what_is_required_and_not_there_fails(video, tmp_path, capfd):
    assert main(["watch", video, "--out", str(tmp_path), "--require", "macro", "--to", "2.5"]) == 0
    assert main(["watch", video, "--out", str(tmp_path), "--require", "micro", "--to", "2.5"]) == 1
    said = capfd.readouterr().err
    assert "cannot show micro-expressions: 15.0 real frames a second" in said and "25 and 40 are needed" in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["absent.mp4"], "is missing"),
        (["97"], "camera 97 is not there"),
        ([__file__], "no video stream"),
        ([".", "--fps", "30"], "no frames in"),
        (["VIDEO", "--model", "absent"], "no model folder"),
        (["VIDEO", "--from", "5", "--to", "2"], "--to must be later"),
        (["VIDEO", "--max-faces", "0"], "max_faces"),
    ],
)
def test_bad_input_is_told_in_a_line(words, why, video, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [video if word == "VIDEO" else word for word in words]
    assert main(["watch", *words, "--out", "out"]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("mer: error")]
    assert why in line
    assert not (tmp_path / "out" / "summary.json").exists()
