"""What is said of several faces: shares, group values with their least number of faces, gaps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from watch_results import curve, event, quality, watched

from mer_tf.watch import together
from mer_tf.watch.page_groups import gather
from mer_tf.watch.together import LEAST, VALUES, Gathering, behaviour, group_value, shares_of, valences
from mer_tf.watch.types import MACRO, MICRO

NAMES = [f"t{number:04d}" for number in range(1, 7)]


def last(seconds: int, names=NAMES, events=(), classes: bool = False, of=curve):
    gathering = Gathering(classes)
    for one in events:
        gathering.event(one)
    found = None
    for second in range(1, seconds + 1):
        found = gathering.second(
            float(second), [quality(name, float(second)) for name in names], [of(name, float(second)) for name in names]
        )
    return found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "facing"),
        ({"facing_now": 0.4}, "other"),
        ({"mouth_sd": 0.04, "nod": 30.0}, "mouth_moving"),
        ({"nod": 21.0, "turn": 40.0}, "head_down"),
        ({"turn": -31.0, "macro_open": True}, "head_turned"),
        ({"macro_open": True}, "macro"),
        ({"seen": 0.59}, "not_visible"),
        ({"turn": None, "nod": None, "facing_now": None}, "not_measured"),
    ],
)
def test_the_first_behaviour_that_holds_counts(changes, found):
    assert behaviour(curve("t0001", 1.0, **changes)) == found


def test_a_value_of_all_faces_needs_five_of_them():
    few, enough = last(20, NAMES[: LEAST - 1]), last(20, NAMES[:LEAST])
    assert (few.facing.n, few.facing.value, few.facing.low, few.value) == (LEAST - 1, None, None, None)
    assert enough.facing.n == LEAST and 0 <= enough.facing.low <= enough.facing.value <= enough.facing.high <= 100
    assert few.shares is not None and enough.value is not None


def test_a_face_without_a_value_is_left_out_and_not_carried_on():
    def of(name, second):
        return curve(name, second, **({"facing": None} if name == NAMES[0] and second > 5 else {"facing": 40.0}))

    found = last(12, of=of)
    assert found.facing.n == len(NAMES) - 1 and found.facing.value == pytest.approx(40.0)


def test_faces_count_by_how_long_they_were_visible():
    def of(name, second):
        if name == NAMES[0]:
            return curve(name, second, facing=100.0, seen=0.5)
        return curve(name, second, facing=0.0)

    assert last(10, of=of).facing.value == pytest.approx(100 * 0.5 / (5 + 0.5))


def test_group_value_is_the_mean_worth_of_a_second_of_a_face(rng):
    """The shares as weights are the mean over all seconds, whatever the shares."""
    for _ in range(20):
        counts = dict(zip(VALUES, rng.integers(0, 50, len(VALUES))))
        every = list(itertools.chain.from_iterable([VALUES[name]] * int(n) for name, n in counts.items()))
        assert group_value(shares_of(counts)) == pytest.approx(100 * np.mean(every), abs=1e-9)


def test_names_of_tracks_change_no_group_value():
    other = dict(zip(NAMES, reversed(NAMES)))
    renamed = last(15, of=lambda name, second: curve(other[name], second))
    assert renamed.motion.value == pytest.approx(last(15).motion.value)
    assert renamed.value == last(15).value


def test_a_macro_expression_told_late_changes_the_seconds_it_was_in():
    early = last(20, events=[event(NAMES[0], 1, MACRO, 10.0, 1.6)], of=lambda n, s: curve(n, s, macro_open=None))
    gathering = Gathering()
    for second in range(1, 21):
        if second == 14:
            gathering.event(event(NAMES[0], 1, MACRO, 10.0, 1.6))
        late = gathering.second(
            float(second),
            [quality(name, float(second)) for name in NAMES],
            [curve(name, float(second), macro_open=None) for name in NAMES],
        )
    # 9.2 to 10.8 s lies in the seconds that end at 10 and 11.
    assert late.shares == early.shares and early.shares["macro"] == pytest.approx(2 / (20 * len(NAMES)))


def test_rates_are_of_the_time_in_which_events_could_be_seen():
    events = [event(name, 1, MICRO, 30.0) for name in NAMES[:3]]
    assert last(60, events=events).micro_rate.value == pytest.approx(3 / len(NAMES))
    assert last(60, events=events).macro_rate.value == 0
    assert last(30, events=events).micro_rate.value is None  # half a minute is no minute
    blind = Gathering()
    for second in range(1, 61):
        told = [quality(name, float(second), "D") for name in NAMES]
        found = blind.second(float(second), told, [curve(name, float(second)) for name in NAMES])
    assert (found.micro_rate.n, found.micro_rate.value) == (0, None)


def asked(name: str, happy: float):
    return event(
        name, 1, MICRO, 5.0, status="ok", label="positive", confidence=1.0,
        probabilities=(("negative", 1 - happy), ("positive", happy)),
    )  # fmt: skip


def test_balance_needs_classes_of_five_faces_and_starts_from_the_middle():
    five = [asked(name, 1.0) for name in NAMES[:5]]
    assert last(10, events=five).balance.value is None  # nobody asked for classes
    assert last(10, events=five[:4], classes=True).balance.value is None
    found = last(10, events=five, classes=True).balance
    assert found.n == 5 and found.value == pytest.approx(50 + 50 * 5 / (5 + together.PRIOR))
    even = last(10, events=[asked(name, 0.5) for name in NAMES], classes=True).balance
    assert even.value == pytest.approx(50) and even.low == even.high == pytest.approx(50)


def test_classes_have_the_sides_of_the_challenge():
    sides = valences()
    assert (sides["happiness"], sides["disgust"], sides["negative"], sides["positive"]) == (1, -1, -1, 1)
    assert "surprise" not in sides


def test_no_value_that_is_no_number():
    with pytest.raises(ValueError, match="finite"):
        last(2, of=lambda name, second: curve(name, second, facing=float("nan")))


def test_memory_is_that_of_the_windows():
    gathering = Gathering()
    for second in range(1, 400):
        gathering.event(event("t0001", second, MACRO, second - 0.5, 0.8))
        gathering.second(float(second), [quality("t0001", float(second))], [curve("t0001", float(second))])
    assert len(gathering._long) == 60 and len(gathering._events) <= 62 and len(gathering._macros) <= 62


def test_a_finished_recording_gives_a_value_for_each_of_its_seconds():
    seen = watched(30, 6)
    found = gather(seen.tracks, seen.curves, seen.result.events, classes=False)
    assert [tick.second for tick in found] == [float(second) for second in range(1, 31)]
    assert {tick.present for tick in found} == {5, 6}  # the second face goes and comes back
