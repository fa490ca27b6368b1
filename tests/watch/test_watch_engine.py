"""A drawn scene watched from end to end."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
import os
import pathlib

import cv2
import numpy as np
import pytest
from drawn_people import Person, draw, film

from mer_tf.errors import ConfigError, MissingPackageError
from mer_tf.preprocessing.haar import FACE_CASCADE
from mer_tf.watch import engine, store
from mer_tf.watch.clips import Recognition
from mer_tf.watch.engine import watch
from mer_tf.watch.settings import WatchConfig
from mer_tf.watch.source import Frame, Recording
from mer_tf.watch.types import CurveSecond, Event, Quiet, Source, TrackSecond

pytestmark = pytest.mark.dlib
needs_cascades = pytest.mark.skipif(
    not pathlib.Path(cv2.data.haarcascades, FACE_CASCADE).is_file(), reason="this OpenCV comes without cascades"
)
FACES = functools.lru_cache(engine.Faces)  # the models are loaded once


@pytest.fixture(autouse=True, scope="module")
def loaded_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "Faces", FACES)
        yield


FPS, SECONDS, SIZE = 30, 5, (480, 270)
SHORT_S = 5
EVENTS = ((1.3, 0.35, (1, 2), 0.03), (3.0, 0.3, (12,), 0.03))
MACRO = (1.5, 1.2, (12,), 0.05)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """One with two micro-expressions and a blink, one still with a blink and a macro-expression, one too small."""
    people = [
        Person((120, 135), 62, EVENTS, (2.3,), sway=0.02),
        Person((300, 135), 45, (MACRO,), (3.4,), subject=2),
        Person((420, 60), 17, subject=3),
    ]
    return film(tmp_path_factory.mktemp("scene") / "scene.avi", draw(people, SECONDS, FPS, SIZE), FPS, "MJPG")


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """One face at few frames a second, with a macro-expression: quick to watch."""
    people = [Person((90, 90), 48, ((1.2, 0.9, (12,), 0.05),))]
    frames = draw(people, SHORT_S, 15, (180, 180))
    return film(tmp_path_factory.mktemp("short") / "short.avi", frames, 15, "MJPG")


@pytest.fixture(scope="module")
def seen(short, tmp_path_factory):
    out = tmp_path_factory.mktemp("seen")
    return watch(short, out), out


@pytest.fixture(scope="module")
def watched(scene, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return watch(scene, out), out


def overlap(event, onset, length):
    inter = min(event.offset_s, onset + length) - max(event.onset_s, onset)
    return max(inter, 0) / (max(event.offset_s, onset + length) - min(event.onset_s, onset))


def test_what_is_there_is_found_and_nothing_else(watched):
    result, _ = watched
    assert result.complete and len(result.tracks) == 3
    mover, other, small = result.tracks
    found = [event for event in result.events if event.track == mover.track and event.counts]
    assert [event.kind for event in found] == ["micro", "micro"]
    for event, (onset, length, units, _) in zip(found, EVENTS):
        assert overlap(event, onset, length) >= 0.5
        assert event.onset_frame == pytest.approx(FPS * event.onset_s, abs=1)
        assert event.regions[0].startswith("brow" if units == (1, 2) else "mouth")
        assert "low_rate" in event.flags and event.tier == "B"
    assert (mover.micro, mover.macro, mover.micro_events) == ("found", "none_found", 2)
    macro = [event for event in result.events if event.track == other.track and event.counts]
    assert [event.kind for event in macro] == ["macro"] and overlap(macro[0], *MACRO[:2]) >= 0.5
    assert (other.micro, other.macro) == ("none_found", "found")
    assert small.micro == small.macro == "refused" and "too small" in small.micro_why
    assert small.tier_seconds.keys() == {"D"}


def test_every_second_of_every_face_has_a_row(watched):
    result, out = watched
    tracks, curves = list(store.rows(out, store.TRACKS)), list(store.rows(out, store.CURVES))
    wanted = [(second, track.track) for second in range(1, SECONDS + 1) for track in result.tracks]
    assert sorted((row.second, row.track) for row in tracks) == sorted(wanted)
    assert sorted((row.second, row.track) for row in curves) == sorted(wanted)
    assert all(isinstance(row, TrackSecond) and row.seen == 1 for row in tracks)
    assert all(isinstance(row, CurveSecond) for row in curves)
    first = next(row for row in tracks if row.track == "t0001")
    assert first.points == "68" and abs(first.yaw) < 15 and abs(first.eye_distance - 62) < 6
    shown = {row.second: row for row in curves if row.track == "t0001"}
    assert shown[2].brow_left > 1.5 * shown[2].threshold > 0 and shown[1].brow_left < shown[1].threshold


def test_what_is_written_is_what_is_told(watched):
    result, out = watched
    assert store.read(out) == dataclasses.replace(
        result,
        events=tuple(_rounded(event) for event in result.events),
        tracks=store.read(out).tracks,
        settings=json.loads(json.dumps(result.settings)),
    )
    for told, read in zip(result.tracks, store.read(out).tracks):
        assert (told.micro, told.observed_s, told.micro_events) == (read.micro, read.observed_s, read.micro_events)
    macros = {row.second for row in store.curves(out) if row.macro_open}
    assert macros == {2, 3}
    with open(os.path.join(out, store.EVENTS), encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == [field.name for field in dataclasses.fields(Event)]


def _rounded(event):
    return dataclasses.replace(
        event, **{name: round(value, 5) for name, value in vars(event).items() if isinstance(value, float)}
    )


def test_the_same_bytes_give_the_same_tables(short, seen, tmp_path):
    watch(short, tmp_path)
    for table in store.TABLES:
        with open(os.path.join(seen[1], table), "rb") as one, open(os.path.join(tmp_path, table), "rb") as other:
            assert one.read() == other.read()


class Listener(Quiet):
    def __init__(self, stop_at=None):
        self.calls, self.faces, self.stop_at = [], [], stop_at

    def started(self, source):
        self.calls.append("started")

    def frame(self, number, time_s, picture, faces):
        if self.stop_at is not None and time_s >= self.stop_at:
            raise KeyboardInterrupt
        assert picture.shape == (180, 180, 3)
        self.faces.append(len(faces))

    def second(self, time_s, tracks, curves):
        self.calls.append(time_s)

    def event(self, event):
        self.calls.append(event.id)

    def finished(self, result):
        self.calls.append("finished")


def test_observers_hear_it_in_order(short):
    one = Listener()
    result = watch(short, observers=[one])
    assert one.calls[0] == "started" and one.calls[-1] == "finished"
    assert [call for call in one.calls if isinstance(call, float)] == [1, 2, 3, 4, 5]
    assert {call for call in one.calls if isinstance(call, str)} - {"started", "finished"} == {
        event.id for event in result.events
    }
    assert len(one.faces) == 15 * SHORT_S and one.faces[-1] == 1
    first = one.calls.index("t0001-e01")
    assert 3.0 in one.calls[:first] and 4.0 not in one.calls[:first]  # told soon after its end


def test_a_stopped_run_leaves_what_it_found_and_goes_on(short, seen, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        watch(short, tmp_path, observers=[Listener(stop_at=4.0)])
    left = store.read(tmp_path)
    assert not left.complete and "interrupted at 4.0" in left.stopped
    assert {row.second for row in store.rows(tmp_path, store.TRACKS)} == {1}
    # A line that was cut off while it was written is no part of what stands.
    with open(tmp_path / store.TRACKS, "a", encoding="utf-8") as file:
        file.write("t0001,2.0,59,113.40")
    new = Listener()
    result = watch(short, tmp_path, observers=[new])
    assert result.complete and [event.kind for event in result.events] == ["macro"]
    # Frames are read again from the beginning here: whoever sees them hears what belongs to them.
    assert [call for call in new.calls if isinstance(call, float)] == [1, 2, 3, 4, 5] and "t0001-e01" in new.calls
    for table in (store.TRACKS, store.EVENTS):
        assert _identity(store.rows(tmp_path, table)) == _identity(store.rows(seen[1], table))
    assert watch(short, tmp_path).events == store.read(tmp_path).events  # and is not watched again


def _identity(rows):
    return sorted((row.track, getattr(row, "second", None), getattr(row, "id", None), row.tier) for row in rows)


def test_other_settings_do_not_replace_a_result_unasked(short, seen):
    with pytest.raises(ConfigError, match="max_faces"):
        watch(short, seen[1], config=WatchConfig(max_faces=1))


def test_more_faces_than_the_budget_are_not_analysed(scene):
    result = watch(scene, config=WatchConfig(max_faces=1), stop_s=2.5)
    answers = {track.track: track.micro for track in result.tracks}
    assert answers == {"t0001": "found", "t0002": "not_analysed", "t0003": "not_analysed"}


def test_a_full_disk_loses_nothing_that_was_written(short, tmp_path, monkeypatch):
    row = store.Writer.row

    def full(self, one):
        if isinstance(one, TrackSecond) and one.second > 2:
            raise OSError(28, "No space left on device")
        row(self, one)

    monkeypatch.setattr(store.Writer, "row", full)
    with pytest.raises(OSError, match="No space"):
        watch(short, tmp_path)
    left = store.read(tmp_path)
    assert not left.complete and "No space" in left.stopped
    assert {one.second for one in store.rows(tmp_path, store.TRACKS)} == {1, 2}


class Model:
    """Answers, and keeps what it was asked."""

    def __init__(self):
        self.facts = {"name": "model", "version": 1, "recipe_hash": "0", "classes": ["a", "b"]}
        self.asked = []

    def classify(self, event, clip):
        self.asked.append((event, clip))
        return Recognition("ok", "a", (("a", 0.75), ("b", 0.25)), 0.5, "model")


def test_a_model_gets_the_frames_with_the_head_held_still(tmp_path):
    """A head that sways by a tenth of the distance of its eyes: less than a fiftieth of that is left."""
    people = [Person((120, 120), 62, ((2.0, 0.4, (1, 2), 0.04),), sway=0.1)]
    path = film(tmp_path / "v.avi", draw(people, 5, FPS, (240, 240), noise=1.0), FPS, "MJPG")
    model = Model()
    result = watch(path, tmp_path / "out", recogniser=model)
    ((event, clip),) = model.asked
    assert overlap(event, 2.0, 0.4) >= 0.5
    assert (clip.numbers[0], clip.numbers[clip.apex], clip.numbers[-1]) == (
        event.onset_frame, event.apex_frame, event.offset_frame,
    )  # fmt: skip
    import cv2

    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip.frames]
    nose = np.array([[gray[0].shape[1] / 2, gray[0].shape[0] * 0.46]])
    height, width = gray[0].shape
    middle = slice(int(0.4 * height), int(0.55 * height)), slice(int(0.4 * width), int(0.6 * width))
    shift = cv2.phaseCorrelate(gray[0][middle].astype(np.float64), gray[-1][middle].astype(np.float64))[0]
    assert np.hypot(*shift) < 0.02 * 0.1 * 62 * 5, nose
    (read,) = [one for one in store.read(tmp_path / "out").events if one.counts]
    assert (read.status, read.label, read.probabilities) == ("ok", "a", (("a", 0.75), ("b", 0.25)))
    assert result.model == model.facts


def test_no_face_is_said(tmp_path):
    rng = np.random.default_rng(0)
    frames = (rng.integers(0, 255, (60, 80, 3), np.uint8) for _ in range(40))
    result = watch(film(tmp_path / "v.avi", frames, 20, "MJPG"), tmp_path / "out")
    assert result.complete and not result.tracks and "no face was found" in result.remarks
    assert store.read(tmp_path / "out").tracks == ()


def test_repeated_frames_are_refused_whatever_the_header_says(tmp_path):
    people = [Person((120, 120), 62, ((1.2, 0.4, (1, 2), 0.04),))]
    frames = [frame for frame in draw(people, 3, 15, (240, 240)) for _ in range(2)]
    result = watch(film(tmp_path / "v.avi", frames, 30, "FFV1"))
    (track,) = result.tracks
    assert track.micro == "refused" and "repeated" in track.micro_why and not track.micro_events
    assert track.tier_seconds["C"] > 1.5
    assert abs(result.source.effective_fps - 15) < 1 and result.source.duplicates == pytest.approx(0.5, abs=0.02)


@pytest.mark.slow
def test_who_leaves_and_comes_back_is_somebody_new_and_nothing_is_found_in_the_cut(tmp_path):
    people = [Person((120, 120), 62, there=(0, 2)), Person((120, 120), 62, there=(6, 9), subject=1)]
    result = watch(film(tmp_path / "v.avi", draw(people, 9, 15, (240, 240)), 15, "MJPG"))
    first, second = result.tracks
    assert first.last_s <= 6 and first.seen_s == pytest.approx(2, abs=0.8)
    assert second.first_s >= 5 and second.seen_s == pytest.approx(2.5, abs=0.8)
    assert not [event for event in result.events if event.counts]


@needs_cascades
@pytest.mark.slow
def test_haar_finds_faces_and_says_what_is_not_measured(scene):
    result = watch(scene, config=WatchConfig(detector="haar"), stop_s=3)
    track = next(track for track in result.tracks if track.eye_distance > 50)
    (event,) = [one for one in result.events if one.track == track.track and one.counts]
    assert overlap(event, *EVENTS[0][:2]) >= 0.5 and "eyes_only" in event.flags


@pytest.mark.slow
def test_an_uneven_rate_with_dropped_frames_shifts_nothing(tmp_path, monkeypatch):
    """A fifth of the frames comes late by half a step, one in twenty is lost: events stand where they are."""
    people = [Person((90, 90), 50, ((1.5, 0.4, (1, 2), 0.04), (3.2, 0.4, (12,), 0.04)))]
    rng = np.random.default_rng(3)
    kept, index = [], 0
    for number, picture in enumerate(draw(people, 5, 60, (180, 180))):
        if number == index:
            kept.append(Frame(len(kept), number / 60, picture))
            index += rng.choice((2, 3, 4), p=(0.75, 0.2, 0.05))

    class Uneven(Recording):
        def read(self):
            yield from kept

    facts = Source("uneven", "video", 180, 180, fps_said=30.0)
    monkeypatch.setattr(engine, "open_source", lambda *unused, **options: Uneven(facts))
    result = watch("uneven")
    found = [event for event in result.events if event.counts]
    assert [overlap(event, onset, 0.4) >= 0.5 for event, onset in zip(found, (1.5, 3.2))] == [True, True]
    assert len(found) == 2 and abs(result.source.fps - 30) < 2


def test_a_dlib_that_cannot_be_loaded_is_no_reason_for_less(monkeypatch):
    """Ctrl-C while it is loaded comes out as an ImportError, and must not end in the lesser detector."""
    import sys

    monkeypatch.setitem(sys.modules, "dlib", None)
    monkeypatch.setattr("mer_tf.watch.finding.importlib.util.find_spec", lambda name: object())
    with pytest.raises(MissingPackageError):
        FACES.__wrapped__("auto")


@needs_cascades
def test_without_dlib_opencvs_cascades_find_faces(monkeypatch):
    monkeypatch.setattr("mer_tf.watch.finding.importlib.util.find_spec", lambda name: None)
    assert FACES.__wrapped__("auto").detector == "haar"
