"""The overlay video: what is drawn when, that it lasts as long as the recording, and that it is whole or not there."""

from __future__ import annotations

import dataclasses
import os
import resource

import cv2
import numpy as np
import pytest
from watch_results import event, face, picture, play, quality, small, source, watched

from mer_tf.errors import OutputError
from mer_tf.watch import marks, overlay
from mer_tf.watch.overlay import Overlay
from mer_tf.watch.types import MICRO
from mer_tf.watch.words import View, make_view

ORANGE = np.array([0, 140, 255])


def frames_of(path: str) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(path), []
    while True:
        there, frame = capture.read()
        if not there:
            return found
        found.append(frame)


def orange(frame: np.ndarray) -> int:
    """Pixels of the colour of a micro-expression."""
    return int((np.abs(frame.astype(int) - ORANGE).sum(-1) < 60).sum())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A video of 12 s at 10 frames a second with an event at 5.5 s, and the observer that wrote it."""
    folder = tmp_path_factory.mktemp("overlay")
    with Overlay(folder) as made:
        play(made, small(12), late_s=4.0)
    made.check()
    return made


def test_one_second_of_the_video_is_one_of_the_recording(written):
    frames = frames_of(written.path)
    assert written.path.endswith("overlay.webm") and written.frames == len(frames) == 120
    assert frames[0].shape == (120, 160, 3)
    assert cv2.VideoCapture(written.path).get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)


def test_events_are_marked_when_they_were_though_they_are_told_later(written):
    marked = [orange(frame) > 100 for frame in frames_of(written.path)]
    # From 5.3 s to a second after 5.7 s; at 6.4 s a macro-expression begins and takes the box.
    assert all(marked[54:63]) and not any(marked[:52]) and not any(marked[70:])


def test_nothing_is_left_beside_it(written):
    assert os.listdir(os.path.dirname(written.path)) == ["overlay.webm"]


def told(made: Overlay, times, width: int = 64, height: int = 48) -> None:
    made.started(source(1.0, width=width, height=height, fps_said=10.0, fps=None))
    for number, time_s in enumerate(times):
        made.frame(number, time_s, picture(width, height), [])
    made.finished(watched(1, 1).result)
    made.check()


@pytest.mark.parametrize(
    ("times", "count"),
    [
        ([0.0, 0.1, 0.2, 0.3], 4),
        ([k / 40 for k in range(40)], 11),  # more frames than the video has
        ([0.0, 0.1, 0.6, 0.7], 8),  # missing frames: the one before stays
        ([0.0, 0.13, 0.19, 0.31, 0.40], 5),  # uneven times
        ([5.0, 5.1, 3605.0, 3605.1], 13),  # an hour without frames is a second
    ],
)
def test_times_of_frames_decide_how_long_they_are_shown(tmp_path, times, count):
    with Overlay(tmp_path) as made:
        told(made, times)
    assert len(frames_of(made.path)) == count


def test_odd_sizes_and_wide_pictures(tmp_path):
    with Overlay(tmp_path) as made:
        told(made, [0.0, 0.1], 1601, 67)
    assert frames_of(made.path)[0].shape[1] == overlay.MAX_WIDTH
    with Overlay(tmp_path) as made:
        told(made, [0.0, 0.1], 65, 49)
    assert frames_of(made.path)[0].shape[:2] in ((48, 64), (49, 65))


def test_frames_that_wait_are_few(tmp_path):
    with Overlay(tmp_path) as made:
        made.started(source(1.0, fps_said=30.0))
        for number in range(40):
            made.frame(number, number * 0.5, picture(64, 48), [])
        assert len(made._held) <= overlay.WAIT_S / 0.5 + 2


def test_an_interrupted_recording_has_the_video_so_far(tmp_path):
    seen = small(6)
    with Overlay(tmp_path) as made:
        play(made, seen, finish=False)
        made.finished(dataclasses.replace(seen.result, complete=False, stopped="interrupted"))
    made.check()
    assert len(frames_of(made.path)) == 60


def test_what_was_not_finished_is_removed(tmp_path):
    with pytest.raises(RuntimeError, match="elsewhere"), Overlay(tmp_path) as made:
        play(made, small(12), finish=False)
        assert os.listdir(tmp_path)
        raise RuntimeError("an error elsewhere")
    assert not os.listdir(tmp_path)


def test_an_older_video_stays_until_the_new_one_is_whole(tmp_path):
    (tmp_path / "overlay.webm").write_bytes(b"older")
    with pytest.raises(RuntimeError), Overlay(tmp_path) as made:
        play(made, small(12), finish=False)
        raise RuntimeError
    assert (tmp_path / "overlay.webm").read_bytes() == b"older"


def test_a_full_disk_ends_the_video_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(overlay, "_ROOM", 1 << 62)
    with Overlay(tmp_path) as made:
        play(made, small(12))  # raises nothing: the tables go on
    assert not os.listdir(tmp_path)
    with pytest.raises(OSError, match="space"):
        made.check()


def test_a_file_that_may_not_grow_is_not_taken_for_a_video(tmp_path, rng):
    """OpenCV says nothing when its writes fail; the container tells its own length."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Overlay(tmp_path) as made:
        made.started(source(1.0, width=160, height=120))
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
        try:
            for number in range(40):
                made.frame(number, number / 30, rng.integers(0, 255, (120, 160, 3)).astype(np.uint8), [])
            made.finished(watched(1, 1).result)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(OSError, match="space"):
        made.check()
    assert made.frames == 40 and not os.listdir(tmp_path)


def test_a_container_tells_whether_it_is_whole(written, tmp_path):
    with open(written.path, "rb") as file:
        data = file.read()
    cut = tmp_path / "cut.webm"
    for length, whole in ((len(data), True), (len(data) - 1, False), (len(data) // 2, False), (20, False), (0, False)):
        cut.write_bytes(data[:length])
        assert overlay._complete(os.fspath(cut)) is whole


def test_another_format_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(overlay, "_FORMATS", overlay._FORMATS[2:])
    with Overlay(tmp_path) as made:
        told(made, [0.0, 0.1])
    assert made.path.endswith("overlay.avi") and "browsers do not" in made.remarks[0]
    monkeypatch.setattr(overlay, "_FORMATS", ())
    with pytest.raises(OutputError, match="writes no video"):
        Overlay(tmp_path)


# --------------------------------------------------------------------------------------------------- pictures


def drawn(faces, values=None, events=(), moment=None, view=None) -> np.ndarray:
    canvas = np.full((240, 320, 3), 90, np.uint8)
    marks.draw(canvas, faces, values or {}, events, moment or marks.Moment(5.0), view or View())
    return canvas


def test_number_time_and_box_change_the_picture():
    plain = drawn([])
    assert (drawn([], moment=marks.Moment(6.0)) != plain).any()
    boxed = drawn([face()])
    assert (boxed != plain).any() and (drawn([face()], {"t0001": 63.0}) != boxed).any()
    refused = drawn([face(tier="D", reasons=("face_small",))])
    assert (drawn([face(analysed=False)]) != refused).any()


def test_only_accepted_events_are_marked_and_for_a_second_more():
    def at(time_s, **changes):
        one = dataclasses.replace(event("t0001", 1, MICRO, 5.0), **changes)
        return orange(drawn([face()], events=[one], moment=marks.Moment(time_s)))

    assert at(4.7) == 0 and at(5.0) > 200 and at(6.1) > 200 and at(6.3) == 0
    assert at(5.0, kind="blink") == 0


def test_the_notice_stands_over_the_first_seconds_and_a_line_stays():
    early, late, plain = (
        drawn([], moment=marks.Moment(1.0, notice=notice), view=view)
        for notice, view in ((True, make_view("classroom")), (False, make_view("classroom")), (False, View()))
    )
    assert (early[90:150] != plain[90:150]).mean() > 0.5 and (late[200:] != plain[200:]).any()


def test_blurred_faces_are_gone_and_the_rest_is_untouched():
    before = picture()
    after = before.copy()
    marks.blur_faces(after, [(100.0, 60.0, 180.0, 160.0), (-50.0, -50.0, -10.0, -10.0), (300.0, 200.0, 400.0, 300.0)])
    inside = (slice(70, 150), slice(115, 165))
    assert after[inside].std() < 0.35 * before[inside].std()
    assert (after[:30, :50] == before[:30, :50]).all()


def test_a_face_is_blurred_before_it_is_found_and_after_it_is_lost(tmp_path, monkeypatch):
    blurred = []
    monkeypatch.setattr(marks, "blur_faces", lambda picture, boxes: blurred.append(len(boxes)))
    with Overlay(tmp_path, View(blur=True)) as made:
        made.started(source(5.0, width=64, height=48, fps_said=10.0))
        for number in range(60):
            there = [face(box=(10.0, 10.0, 30.0, 30.0))] if 20 <= number < 40 else []
            made.frame(number, number / 10, picture(64, 48), there)
        made.second(1.0, [quality("t0001", 1.0)], [])
        made.finished(watched(1, 1).result)
    assert blurred[:5] == [0] * 5 and blurred[6:54] == [1] * 48 and blurred[56:] == [0] * 4
