"""From curves to intervals, on curves that are made of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mer_tf.watch import spot
from mer_tf.watch.motion import CURVES
from mer_tf.watch.settings import WatchConfig

CONFIG = WatchConfig()


def bump(times, onset, length, hold=0.2):
    """A raised cosine up, a plateau of that share of the length, and down again."""
    rise = length * (1 - hold) / 2
    away = np.minimum(times - onset, onset + length - times)
    return np.where(away <= 0, 0.0, 0.5 - 0.5 * np.cos(np.pi * np.clip(away / rise, 0, 1)))


def buffer_of(seconds, fps, rng, noise=0.0005, **changes):
    times = np.arange(round(seconds * fps)) / fps
    n = len(times)
    fields = {
        "times": times,
        "frames": np.arange(n),
        "motion": rng.normal(0, noise, (n, len(CURVES), 2)),
        "nose": np.zeros((n, 2)),
        "ok": np.ones(n, bool),
        "eyes": np.full(n, 0.95),
        "lids": np.full(n, np.nan),
        "yaw": np.full(n, np.nan),
        "pitch": np.full(n, np.nan),
        "segment": np.zeros(n, int),
        "stretch": np.zeros((n, 3)),
        "lever": np.ones((len(CURVES), 2)),
        **changes,
    }
    return spot.Buffer(**fields)


def show(buffer, curve, onset, length, size, direction=(0.0, -1.0)):
    """Adds an event to a curve."""
    buffer.motion[:, CURVES.index(curve)] += size * bump(buffer.times, onset, length)[:, None] * np.array(direction)


def found(buffer, fps, config=CONFIG):
    parts = spot.stretches(buffer, 1 / fps, config)
    peaks = [spot.peaks(part, 0, buffer.times[-1] + 1 / fps)[1] for part in parts]
    level = spot.Noise().level(np.concatenate([np.empty((0, len(CURVES))), *peaks]))
    return [one for part in parts for one in spot.events(part, level, buffer, config, np.inf, last=True)]


def overlap(one, onset, offset):
    inter = min(one.offset, offset) - max(one.onset, onset)
    return max(inter, 0) / (max(one.offset, offset) - min(one.onset, onset))


@pytest.mark.parametrize("fps", [30, 100, 200])
@pytest.mark.parametrize("length", [0.25, 0.4])
def test_a_micro_expression_is_found_with_its_ends(rng, fps, length):
    buffer = buffer_of(8, fps, rng)
    show(buffer, "brow_left_inner", 3.0, length, 0.03)
    (one,) = found(buffer, fps)
    assert one.kind == "micro" and one.regions == ("brow_left",)
    assert overlap(one, 3.0, 3.0 + length) >= 0.7
    assert abs(one.apex - (3.0 + length / 2)) <= max(2 / fps, 0.03)
    assert 0.02 < one.strength < 0.035


def test_a_long_one_is_macro_and_a_change_that_stays_counts_as_neither(rng):
    buffer = buffer_of(14, 30, rng)
    show(buffer, "mouth_left", 2.0, 1.5, 0.05)
    buffer.motion[buffer.times > 9.0, CURVES.index("upper_lip"), 1] += 0.05
    kinds = [one.kind for one in found(buffer, 30)]
    assert kinds[0] == "macro" and set(kinds[1:]) == {"macro_long"}


@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.001, 0.002, 0.004, 0.01])
@pytest.mark.parametrize("fps", [30, 200])
def test_noise_alone_is_no_event(rng, noise, fps):
    """Ten minutes of it in pieces; each piece knows only its own noise, which is harder than the truth."""
    events = 0
    for _ in range(20 if fps == 30 else 5):
        events += len(found(buffer_of(30, fps, rng, noise), fps))
    assert events <= 1


def test_slow_drift_is_no_event(rng):
    buffer = buffer_of(60, 30, rng, 0.001)
    buffer.motion += 0.03 * np.sin(2 * np.pi * buffer.times / 40)[:, None, None]
    assert not [one for one in found(buffer, 30) if one.kind in ("micro", "macro")]


def test_the_floor_holds_however_quiet_the_camera_is(rng):
    buffer = buffer_of(8, 100, rng, 1e-5)
    show(buffer, "brow_left_inner", 3.0, 0.3, 0.8 * CONFIG.floor)
    assert not found(buffer, 100)


def test_a_blink_moves_the_brows_and_is_told_apart_by_the_lids(rng):
    buffer = buffer_of(8, 30, rng)
    show(buffer, "brow_left_inner", 3.0, 0.3, 0.03)
    show(buffer, "brow_right_inner", 5.0, 0.3, 0.03)
    buffer.lids[::2] = 0.3
    closed = np.abs(buffer.times - 3.15) < 0.08
    buffer.lids[closed] = 0.1
    assert [one.kind for one in found(buffer, 30)] == ["blink", "micro"]
    # A mouth that moves at the same time is an expression, whatever the lids do.
    show(buffer, "mouth_left", 3.0, 0.3, 0.03)
    assert [one.kind for one in found(buffer, 30)] == ["micro", "micro"]


def test_without_lids_the_look_of_the_eyes_tells_a_blink(rng):
    buffer = buffer_of(8, 30, rng)
    show(buffer, "brow_left_inner", 3.0, 0.3, 0.03)
    buffer.eyes[np.abs(buffer.times - 3.15) < 0.06] = 0.3
    assert [one.kind for one in found(buffer, 30)] == ["blink"]


def test_what_the_head_leaves_behind_is_told_apart(rng):
    buffer = buffer_of(8, 30, rng)
    show(buffer, "nose_left", 3.0, 0.4, 0.03)
    buffer.nose[:, 1] += 0.5 * bump(buffer.times, 3.0, 0.4)
    assert [one.kind for one in found(buffer, 30)] in ([], ["head_motion"])
    buffer.nose[:, 1] *= 0.1
    assert [one.kind for one in found(buffer, 30)] == ["micro"]


def test_a_quick_stretch_of_the_face_is_given_back_and_a_slow_one_is_the_heads(rng):
    """Brows that rise stretch the affine fit of the head: what the fit took away from them comes back."""
    buffer = buffer_of(10, 30, rng)
    lever = np.zeros((len(CURVES), 2))
    lever[CURVES.index("brow_left_inner"), 1] = -0.7
    buffer.lever = lever
    buffer.stretch[:, 0] = 0.05 * bump(buffer.times, 3.0, 0.4) + 0.05 * np.sin(2 * np.pi * 0.2 * buffer.times)
    (one,) = [one for one in found(buffer, 30) if one.kind != "truncated"]  # at the ends a median lags
    assert one.kind == "micro" and one.regions == ("brow_left",) and 0.02 < one.strength < 0.045


def test_speech_is_the_mouth_again_and_again(rng):
    buffer = buffer_of(10, 30, rng)
    for onset in (3.0, 3.45, 3.9, 4.35):
        show(buffer, "lower_lip", onset, 0.3, 0.06, (0.0, 1.0))
    show(buffer, "brow_left_inner", 7.0, 0.3, 0.03)
    kinds = [one.kind for one in found(buffer, 30)]
    assert kinds[-1] == "micro" and set(kinds[:-1]) == {"speech"}


def test_an_event_that_is_cut_is_not_micro(rng):
    buffer = buffer_of(8, 30, rng)
    show(buffer, "brow_left_inner", 3.0, 0.4, 0.03)
    buffer.segment[buffer.times >= 3.25] = 1
    assert {one.kind for one in found(buffer, 30)} <= {"truncated"}
    buffer.segment[:] = 0
    assert [one.kind for one in found(buffer, 30)] == ["micro"]


def test_two_close_events_are_two(rng):
    buffer = buffer_of(8, 100, rng)
    show(buffer, "brow_left_inner", 3.0, 0.4, 0.03)
    show(buffer, "brow_left_inner", 3.45, 0.4, 0.03)
    first, second = found(buffer, 100)
    assert overlap(first, 3.0, 3.4) >= 0.6 and overlap(second, 3.45, 3.85) >= 0.6


def test_frames_left_out_for_a_moment_are_bridged_and_longer_gaps_cut(rng):
    buffer = buffer_of(8, 30, rng)
    buffer.ok[60:66] = False
    assert len(spot.stretches(buffer, 1 / 30, CONFIG)) == 1
    buffer.ok[60:75] = False
    assert len(spot.stretches(buffer, 1 / 30, CONFIG)) == 2
