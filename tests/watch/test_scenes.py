"""Drawn scenes watched and judged: the table of ``tools/scene_table.py``, and what it must say of small scenes."""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib
from types import SimpleNamespace

import cv2
import pytest

from mer_tf.preprocessing.haar import FACE_CASCADE
from mer_tf.synthetic.scene import (
    MACRO_EYES,
    MACRO_FPS,
    MICRO_EYES,
    MICRO_FPS,
    SceneConfig,
    plan_scene,
)
from mer_tf.watch.settings import WatchConfig
from mer_tf.watch.types import REASONS

# The quicker one, where this OpenCV has its cascades (OpenCV 5 does not).
DETECTOR = "haar" if pathlib.Path(cv2.data.haarcascades, FACE_CASCADE).is_file() else "auto"
_TOOL = pathlib.Path(__file__).parents[2] / "tools" / "scene_table.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("scene_table", _TOOL)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "scene_table", module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module


def test_answers_that_are_due_ask_for_what_watch_asks_for():
    config = WatchConfig()
    assert (config.tier_eyes[1], config.tier_eyes[2]) == (MICRO_EYES, MACRO_EYES)
    assert (config.tier_fps[1], config.tier_fps[2]) == (MICRO_FPS, MACRO_FPS)


def test_events_and_answers_are_judged(tool):
    scene = plan_scene(SceneConfig(faces=6, width=1280, height=720, seconds=20))
    micros = [event for event in scene.people[0].events if event.kind == "micro"]

    def event(track, kind, onset, offset, counts=True):
        return SimpleNamespace(track=track, kind=kind, onset_frame=onset, offset_frame=offset, counts=counts)

    def said(track, micro, why="", macro="none_found"):
        return SimpleNamespace(track=track, micro=micro, micro_why=why, macro=macro, macro_why="")

    result = SimpleNamespace(
        events=[
            *(event("a", "micro", one.onset_frame + 1, one.offset_frame) for one in micros),
            event("b", "micro", 300, 310),
            event("c", "blink", 300, 310, counts=False),
            event("x", "micro", 5, 9),
        ],
        tracks=[said("a", "found"), said("b", "found"), said("f", "refused", REASONS["face_small"]),
                said("g", "refused", REASONS["noise"])],
    )  # fmt: skip
    rows = {(row["person"], row["kind"]): row for row in tool.judge(scene, result, {"a": 1, "b": 2, "f": 6, "g": 3})}
    first, still, small = rows[1, "micro"], rows[2, "micro"], rows[6, "micro"]
    assert first["hits"] == first["true"] == len(micros) and first["answer_right"]
    assert (still["true"], still["found"], still["hits"], still["answer_right"]) == (0, 1, 0, False)
    assert small["true"] == 0 and small["answer_right"], "nothing is asked of whom a refusal is due"
    assert not rows[3, "micro"]["answer_right"] and rows[3, "micro"]["given"] == "refused"
    assert rows[5, "micro"]["given"] == "not seen"
    assert rows[0, ""]["found"] == 1
    text = tool.lines([{"group": "people", "name": "n", "seed": 0, "rows": list(rows.values())}])
    assert "p5 (leaving), micro: due found" in text and f"{len(micros)} of " in text


def test_seconds_of_a_turned_head_must_offer_nothing(tool):
    person = plan_scene(SceneConfig(faces=1, roles=("turning",), seconds=20)).people[0]
    assert person.turned == ((8.0, 12.4),)
    rows = [
        SimpleNamespace(track="a", second=float(second), tier="R" if second == 11 else "A") for second in range(1, 21)
    ]
    assert tool.refused_away(person, rows, {"a": 1}) == (2, 1)
    assert tool.refused_away(person, rows, {"a": 2}) == (2, 2)


def test_a_refusal_for_another_reason_is_another_answer(tool):
    scene = plan_scene(SceneConfig(faces=1, repeat=2))
    for why, right in (("duplicate", True), ("face_small", False)):
        result = SimpleNamespace(
            events=[],
            tracks=[
                SimpleNamespace(track="a", micro="refused", micro_why=REASONS[why], macro="none_found", macro_why="")
            ],
        )
        assert tool.judge(scene, result, {"a": 1})[0]["answer_right"] is right


SMALL = SceneConfig(faces=1, roles=("micro",), width=208, height=256, seconds=9, fps=30)


def wrong(played):
    rows = [row for row in played["rows"] if not row["answer_right"]]
    return [(row["role"], row["kind"], row["given"], row["given_why"]) for row in rows]


def test_one_micro_expression_is_found_and_nothing_else(tool, tmp_path):
    played = tool.play(tool.Case("one", "one", SMALL), tmp_path, DETECTOR)
    micro, macro = played["rows"]
    assert micro["true"] == micro["found"] == micro["hits"] == 1
    assert macro["found"] == 0 and not wrong(played)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["still", "resting"])
def test_a_minute_without_an_expression_is_without_an_event(tool, tmp_path, role):
    config = dataclasses.replace(SMALL, roles=(role,), seconds=60)
    played = tool.play(tool.Case("none", role, config), tmp_path, DETECTOR)
    assert [row["found"] for row in played["rows"]] == [0, 0] and not wrong(played)


@pytest.mark.slow
@pytest.mark.dlib
@pytest.mark.parametrize("fps", [30, 60])
def test_repeated_frames_do_not_count(tool, tmp_path, fps):
    config = dataclasses.replace(SMALL, fps=fps, repeat=2)
    played = tool.play(tool.Case("repeat", str(fps), config), tmp_path, "dlib")
    assert played["rows"][0]["due"] == ("refused" if fps == 30 else "found")
    assert not wrong(played)


@pytest.mark.slow
@pytest.mark.dlib
def test_six_people_get_the_answers_that_are_due(tool, tmp_path):
    config = SceneConfig(faces=6, width=1280, height=720, seconds=30)
    played = tool.play(tool.Case("people", "six", config), tmp_path, "dlib")
    rows = [row for row in played["rows"] if row["role"] != "small"]
    true, hits = sum(row["true"] for row in rows), sum(row["hits"] for row in rows)
    assert hits >= 0.7 * true
    assert sum(row["found"] for row in rows if row["role"] == "still") == 0
    assert not wrong(played)
