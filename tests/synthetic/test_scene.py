"""Scenes of several drawn people: what is planned, what is drawn, what is written."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json

import cv2
import numpy as np
import pytest

from mer_tf import cli
from mer_tf.errors import ConfigError
from mer_tf.synthetic.scene import ROLES, SceneConfig, course, plan_scene, ramp
from mer_tf.synthetic.scene_files import EVENT_COLUMNS, write_scene
from mer_tf.synthetic.scene_frames import Artist, draw, draw_scene

SMALL = SceneConfig(faces=1, roles=("micro",), seconds=9, fps=25, width=128, height=160, noise=0.0, head_motion=0.0)


def one(role, **more):
    return dataclasses.replace(SMALL, roles=(role,), **more)


@pytest.fixture(scope="module")
def micro():
    scene = plan_scene(SMALL)
    return scene, scene.people[0].events[0]


# ------------------------------------------------------------------------------------------------------------- plan


@pytest.mark.parametrize("fps", [25, 30, 60, 100, 200])
def test_micro_expressions_are_short_and_frames_agree_with_seconds(fps):
    scene = plan_scene(SceneConfig(faces=6, seconds=60, fps=fps))
    micros = [event for event in scene.events if event.kind == "micro"]
    assert len(micros) > 20
    for event in scene.events:
        assert 0 < event.onset_frame < event.apex_frame < event.offset_frame < scene.config.frames
        for name in ("onset", "apex", "offset"):
            assert getattr(event, f"{name}_s") == pytest.approx(getattr(event, f"{name}_frame") / fps, abs=1e-6)
    assert max(event.offset_s - event.onset_s for event in micros) <= 0.5
    assert min(event.offset_s - event.onset_s for event in scene.events if event.kind == "macro") > 0.5


def test_events_keep_away_from_blinks_turns_and_absence():
    scene = plan_scene(SceneConfig(faces=6, seconds=120, seed=3))
    for person in scene.people:
        spans = [*person.turned, *person.absent]
        spans += [(event.onset_s, event.offset_s) for event in person.events if event.kind == "blink"]
        for event in person.events:
            if event.kind != "blink":
                assert all(event.offset_s < start or event.onset_s > stop for start, stop in spans)
    assert sum(len(person.turned) + len(person.absent) for person in scene.people) == 8


def test_answers_that_are_due():
    def due(**more):
        scene = plan_scene(SceneConfig(width=1280, height=720, **more))
        return [(p.role, p.micro, p.micro_why, p.macro, p.macro_why) for p in scene.people]

    assert due(faces=6) == [
        ("blinking", "found", "", "none_found", ""),
        ("still", "none_found", "", "none_found", ""),
        ("macro", "none_found", "", "found", ""),
        ("turning", "found", "", "none_found", ""),
        ("leaving", "found", "", "none_found", ""),
        ("small", "refused", "face_small", "none_found", ""),
    ]
    assert due(faces=1, repeat=2)[0][1:] == ("refused", "duplicate", "none_found", "")
    assert due(faces=1, fps=60, repeat=2)[0][1] == "found"
    assert due(faces=1, fps=15)[0][1:3] == ("refused", "fps_low")
    assert due(faces=1, roles=("small",), small_eyes=15)[0][1:] == ("refused", "face_small") * 2


def test_a_person_does_not_depend_on_the_others():
    alone, two = plan_scene(SceneConfig(faces=1, seconds=30)), plan_scene(SceneConfig(faces=2, seconds=30))
    assert alone.people[0].events == two.people[0].events


@pytest.mark.parametrize("faces", range(1, 7))
@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (480, 640)])
def test_faces_fit_and_do_not_meet(faces, size):
    scene = plan_scene(SceneConfig(faces=faces, width=size[0], height=size[1], head_motion=0.02))
    boxes = []
    for person in scene.people:
        x, y = person.centre
        half = 1.15 * person.eyes
        boxes.append((x - half, y - 1.2 * person.eyes, x + half, y + 1.9 * person.eyes))
    for left, top, right, bottom in boxes:
        assert left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_course_is_at_rest_at_both_ends_and_whole_at_the_apex():
    values = course(np.arange(8, 24), 10, 14, 20)
    assert values[2] == values[12] == 0 and (values[:3] == 0).all() and (values[12:] == 0).all()
    assert values[6] == 1 and (np.diff(values[2:7]) >= 0).all() and (np.diff(values[6:13]) <= 0).all()
    assert ramp([0.9, 1.0, 2.5, 4.0, 4.1], [(1, 4)]).tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"faces": 7}, "faces"),
        ({"faces": 2, "roles": ("still",)}, "roles"),
        ({"roles": ("sleeping",), "faces": 1}, "still"),
        ({"seconds": 0}, "seconds"),
        ({"fps": float("nan")}, "fps"),
        ({"micro_size": (0.05, 0.03)}, "micro_size"),
        ({"repeat": 0}, "repeat"),
        ({"noise": -1}, "noise"),
    ],
)
def test_settings_out_of_range(settings, named):
    with pytest.raises(ConfigError, match=named):
        SceneConfig(**settings)


# ------------------------------------------------------------------------------------------------------------ frames


def frames(scene, start, stop):
    return list(draw(scene, start=start, stop=stop))


def test_motion_is_where_the_truth_says(micro):
    scene, event = micro
    shown = frames(scene, event.onset_frame - 1, event.offset_frame + 2)
    assert shown[0].shape == (160, 128, 3) and shown[0].dtype == np.uint8
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(shown)]
    assert same[0] and same[-1], "at rest up to the onset and from the offset on"
    assert not any(same[1:-2])
    assert np.array_equal(shown[0], shown[-1])
    apart = [float(np.abs(picture.astype(int) - shown[0]).mean()) for picture in shown]
    assert abs(int(np.argmax(apart)) + event.onset_frame - 1 - event.apex_frame) <= 1


def test_true_points_move_by_the_size_of_the_event(micro):
    scene, event = micro
    person = scene.people[0]
    artist = Artist(scene, person)
    states = artist.states(np.array([event.onset_frame, event.apex_frame]))
    rest, apex = artist.points(states, 0), artist.points(states, 1)
    assert np.hypot(*(rest[42:48].mean(0) - rest[36:42].mean(0))) == pytest.approx(person.eyes, rel=1e-6)
    moved = np.linalg.norm(apex - rest, axis=1).max() / person.eyes
    assert 0.3 * event.size < moved <= event.size + 1e-6


def test_any_part_of_a_scene_is_as_in_the_whole():
    scene = plan_scene(one("resting", noise=2.0, head_motion=0.02, repeat=3))
    part = dict(enumerate(frames(scene, 124, 136), start=124))
    for start in (128, 130, 135):
        assert np.array_equal(frames(scene, start, start + 1)[0], part[start])
    same = [np.array_equal(part[number], part[number + 1]) for number in range(126, 134)]
    assert same == [True, True, False] * 2 + [True, True]


def test_a_still_face_changes_by_the_noise_alone():
    quiet = plan_scene(one("still", head_motion=0.02))
    assert np.array_equal(*frames(quiet, 0, 2)[:2])
    first, second = frames(plan_scene(one("still", noise=3.0)), 0, 2)
    spread = np.std(first.astype(float) - second) / np.sqrt(2)
    assert spread == pytest.approx(3.0, rel=0.15)


def test_a_turning_head_turns_to_the_right_and_a_leaving_one_is_gone():
    scene = plan_scene(one("turning"))
    ((start, stop),) = scene.people[0].turned
    artist = Artist(scene, scene.people[0])
    states = artist.states((np.array([0.0, (start + stop) / 2]) * 25).astype(int))
    ahead, turned = artist.points(states, 0), artist.points(states, 1)
    assert states.yaw.tolist() == [0.0, 50.0]
    nose = [(p[30, 0] - p[36, 0]) / (p[45, 0] - p[36, 0]) for p in (ahead, turned)]
    assert nose[0] == pytest.approx(0.5, abs=0.06) and nose[1] > 0.8

    scene = plan_scene(one("leaving"))
    ((start, stop),) = scene.people[0].absent
    there, gone = (frames(scene, number, number + 1)[0] for number in (0, int((start + stop) / 2 * 25)))
    assert there.std(axis=(0, 1)).min() > 25 and gone.std(axis=(0, 1)).max() < 10


def test_long_scenes_are_drawn_one_frame_at_a_time():
    scene, pictures = draw_scene(one("still", seconds=24 * 3600, noise=1.0))
    assert scene.config.frames == 24 * 3600 * 25
    assert next(pictures).shape == next(pictures).shape == (160, 128, 3)


# ------------------------------------------------------------------------------------------------------------- files


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_command_writes_a_recording_and_its_truth(tmp_path, capsys):
    out = tmp_path / "scene"
    arguments = ["data", "synth-scene", str(out), "--roles", "blinking", "--size", "136x168", "--fps", "25"]
    assert cli.main([*arguments, "--seconds", "8", "--format", "frames", "--noise", "0"]) == 0
    assert "p1" in capsys.readouterr().out
    facts = json.loads((out / "truth.json").read_text())
    pictures = sorted((out / "frames").iterdir())
    assert len(pictures) == facts["frames"] == 200
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in facts["settings"].items()}
    scene = plan_scene(SceneConfig(**settings))
    assert np.array_equal(cv2.imread(str(pictures[130])), frames(scene, 130, 131)[0]), "PNG loses nothing"
    events = table(out / "events.csv")
    assert tuple(events[0]) == EVENT_COLUMNS
    assert [int(row["onset_frame"]) for row in events] == [event.onset_frame for event in scene.events]
    assert {row["kind"] for row in events} == {"micro", "blink"}
    assert {row["label"] for row in events} <= {"negative", "positive", "surprise", ""}
    (person,) = table(out / "people.csv")
    assert (person["micro"], person["macro"], person["does"]) == ("found", "none_found", ROLES["blinking"])
    boxes = table(out / "boxes.csv")
    assert len(boxes) == 8
    assert 0 < float(boxes[0]["left"]) < float(person["eyes_x"]) < float(boxes[0]["right"]) < 136


def test_a_new_scene_replaces_an_old_one_and_nothing_else(tmp_path):
    out = tmp_path / "scene"
    config = one("still", seconds=0.4)
    write_scene(out, config, kind="frames")
    summary = write_scene(out, config, kind="mjpg", quality=40)
    assert sorted(path.name for path in out.iterdir()) == [
        "boxes.csv", "events.csv", "people.csv", "scene.avi", "truth.json",
    ]  # fmt: skip
    assert summary.frames == 10
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(ConfigError, match=r"thesis\.tex"):
        write_scene(out, config)
    assert (out / "scene.avi").is_file()


def test_what_a_killed_run_left_is_no_hindrance(tmp_path, monkeypatch):
    out, config = tmp_path / "scene", one("still", seconds=0.4)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *arguments, **options: None)
        with pytest.raises(KeyboardInterrupt):
            write_scene(out, config, kind="frames", progress=_stop)
    assert [path.name[:9] for path in out.iterdir()] == [".writing-"]
    write_scene(out, config, kind="frames")
    assert sorted(path.name for path in out.iterdir())[0] == "boxes.csv"


def _stop(done, total):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--size", "big"], "WIDTHxHEIGHT"),
        (["--format", "mp4"], "vp8"),
        (["--quality", "50"], "mjpg"),
        (["--roles", "still,still", "--faces", "3"], "one for each"),
    ],
)
def test_arguments_that_do_not_fit(tmp_path, capsys, arguments, named):
    assert cli.main(["data", "synth-scene", str(tmp_path / "x"), *arguments]) == 2
    assert named in capsys.readouterr().err


def test_browsers_play_what_is_written_by_default(tmp_path):
    summary = write_scene(tmp_path / "scene", one("still", seconds=0.4))
    reader = cv2.VideoCapture(str(tmp_path / "scene" / summary.recording))
    assert reader.isOpened() and reader.get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    code = int(reader.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode()
    assert summary.recording == "scene.webm" and code == "VP80"
    count = sum(1 for _ in iter(lambda: reader.read()[0], False))
    assert count == 10
