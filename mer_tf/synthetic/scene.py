"""Scenes: several drawn people before one camera, for as long as wanted, and what each of them does when.

A scene is planned whole and drawn frame by frame (``mer_tf.synthetic.scene_frames``), so that its length costs time but
no memory. Its truth says when each expression and blink begins, peaks and ends, where each face is, and what a careful
program should answer about each person: ``found``, ``none_found``, or ``refused`` with the reason.

Units: seconds from the first frame; frame numbers from 0; an event's onset and offset frames are the last one at rest
before it and the first at rest after it, both included; lengths of motion are *eye distances*, that is divided by the
distance of the two eye centres; angles are degrees, a positive turn is to the right of the picture.

Source: none. Assumption: every amplitude and duration; a motion rises and falls as a raised cosine.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mer_tf.checks import between, config_errors, number, one_of, whole
from mer_tf.datasets.mappings import get_mapping
from mer_tf.synthetic.face import Face
from mer_tf.synthetic.motion import EMOTIONS

MAX_FACES = 6
RATES = (25, 30, 60, 100, 200)
FOUND, NONE_FOUND, REFUSED = "found", "none_found", "refused"
MICRO, MACRO, BLINK = "micro", "macro", "blink"

# What people may do. A scene of n faces takes the first n unless it says otherwise.
ROLES = {
    "blinking": "shows micro-expressions and blinks",
    "still": "does nothing at all, not even move the head",
    "macro": "shows macro-expressions",
    "turning": "shows micro-expressions, and turns the head away for a while",
    "leaving": "shows micro-expressions, leaves the picture and comes back",
    "small": "shows micro-expressions, but is too small for them to be seen",
    "micro": "shows micro-expressions",
    "resting": "moves the head and blinks, without any expression",
}
_SHOWS = {"macro": MACRO, "still": "", "resting": ""}  # every other role shows micro-expressions
_BLINKS = ("blinking", "resting")

# Classes as in the field's three-class lists; emotions that are in none of them are not shown.
MAPPING, _PEOPLE_OF = "megc2019", "casme2"

# What an answer needs, as ``mer watch`` asks for it: below, a careful program refuses.
MICRO_EYES, MACRO_EYES = 40.0, 20.0  # px between the eye centres
MICRO_FPS, MACRO_FPS = 25.0, 12.0  # frames a second that differ

_FIRST_S, _LAST_S = 3.5, 1.0  # rest at the beginning and at the end
_APART_S = 0.7  # between an event and a blink, a turn or a way out of the picture
_MICRO_S, _MACRO_S, _BLINK_S = (0.28, 0.48), (0.8, 2.0), (0.15, 0.25)
_RISE, _HOLD = (0.35, 0.5), 0.1  # shares of an event
_BLINK_EVERY_S = (3.0, 6.0)
_PERIOD_S = 30.0  # of turning and leaving, and how much of it is spent so
_AWAY = (0.40, 0.62)
MOVE_S = 0.8  # on the way there, and back
_SIZES = (1.0, 0.88, 0.95, 0.82, 0.9, 0.85)  # of the largest face


@dataclasses.dataclass(frozen=True)
class SceneConfig:
    """What is drawn.

    Attributes:
        faces: Number of people, 1 to 6.
        seconds: Length.
        fps: Frames a second.
        width: Of the picture, px.
        height: Of the picture, px.
        roles: Of ``ROLES``, one for each face; the first of them where empty.
        eyes: Between the eyes of the largest face, px, at most; faces are as large as fits up to that.
        small_eyes: Between the eyes of a person with the role ``"small"``, px.
        noise: Standard deviation of the sensor's noise, gray levels. With 0, frames of a still scene are identical.
        repeat: How often each moment is shown: 2 makes a file of 30 frames a second of which only 15 differ.
        head_motion: How far heads move to and fro, eye distances (but a ``"still"`` one, which never moves).
        per_minute: Events of each person who shows any, per minute, at most 12.
        micro_size: Smallest and largest motion of a micro-expression where it moves most.
        macro_size: The same of macro-expressions.
        turn: Degrees by which a ``"turning"`` head turns.
        seed: Same seed, same scene.
    """

    faces: int = 3
    seconds: float = 20.0
    fps: float = 30.0
    width: int = 640
    height: int = 480
    roles: tuple[str, ...] = ()
    eyes: float = 90.0
    small_eyes: float = 26.0
    noise: float = 2.0
    repeat: int = 1
    head_motion: float = 0.01
    per_minute: float = 12.0
    micro_size: tuple[float, float] = (0.03, 0.05)
    macro_size: tuple[float, float] = (0.08, 0.14)
    turn: float = 50.0
    seed: int = 0

    def __post_init__(self):
        with config_errors():
            whole("scene.faces", self.faces, 1)
            between("scene.faces", self.faces, 1, MAX_FACES)
            between("scene.seconds", self.seconds, 0.1, 24 * 3600)
            between("scene.fps", self.fps, 1, 1000)
            whole("scene.width", self.width, 64)
            whole("scene.height", self.height, 64)
            whole("scene.repeat", self.repeat, 1)
            whole("scene.seed", self.seed, 0)
            for name, low, high in (
                ("eyes", 8, 400), ("small_eyes", 8, 400), ("noise", 0, 50), ("head_motion", 0, 0.5),
                ("per_minute", 0, 12), ("turn", -60, 60),
            ):  # fmt: skip
                between(f"scene.{name}", getattr(self, name), low, high)
            for name in ("micro_size", "macro_size"):
                low, high = getattr(self, name)
                number(f"scene.{name}", high, lambda value: value <= 0.2, "two numbers up to 0.2, the smaller first")
                number(f"scene.{name}", low, lambda value, high=high: 0 < value <= high, "above 0, the smaller first")
            roles = tuple(self.roles) or tuple(ROLES)[: self.faces]
            for role in roles:
                one_of("scene.roles", role, ROLES)
            if len(roles) != self.faces:
                raise ValueError(f"scene.roles names {len(roles)} roles for {self.faces} faces; give one for each")
        object.__setattr__(self, "roles", roles)

    @property
    def frames(self) -> int:
        """Number of frames, at least 1."""
        return max(1, round(self.seconds * self.fps))

    @property
    def real_fps(self) -> float:
        """Frames a second that differ from the one before."""
        return self.fps / self.repeat


@dataclasses.dataclass(frozen=True)
class SceneEvent:
    """An expression or a blink.

    Attributes:
        person: Number of the person, from 1.
        kind: ``"micro"``, ``"macro"`` or ``"blink"``.
        onset_frame: Last frame at rest before it.
        apex_frame: Frame of the largest motion.
        offset_frame: First frame at rest after it.
        onset_s: Second of the onset frame.
        apex_s: Of the apex frame.
        offset_s: Of the offset frame.
        seen_onset_frame: First frame with at least a fifth of the largest motion.
        seen_offset_frame: Last such frame.
        label: Class, of the mapping ``MAPPING``; ``""`` for a blink.
        emotion: Emotion; ``""`` for a blink.
        units: Action units.
        size: Largest motion, eye distances; 0 for a blink.
    """

    person: int
    kind: str
    onset_frame: int
    apex_frame: int
    offset_frame: int
    onset_s: float
    apex_s: float
    offset_s: float
    seen_onset_frame: int
    seen_offset_frame: int
    label: str = ""
    emotion: str = ""
    units: tuple[int, ...] = ()
    size: float = 0.0


@dataclasses.dataclass(frozen=True)
class ScenePerson:
    """Somebody in a scene, and what should be answered about them.

    Attributes:
        person: Number, from 1.
        role: Of ``ROLES``.
        centre: Middle between the eyes at rest, px (x, y).
        eyes: Between the eye centres, px.
        events: Expressions and blinks, by onset.
        turned: Seconds (from, to) in which the head is turned away, ways included.
        absent: Seconds (from, to) in which the person is out of the picture or on the way.
        micro: Answer that is due about micro-expressions, of ``found``, ``none_found``, ``refused``.
        micro_why: Reason of a refusal: ``face_small``, ``fps_low`` or ``duplicate``; ``""`` without one.
        macro: As ``micro``, about macro-expressions.
        macro_why: As ``micro_why``.
    """

    person: int
    role: str
    centre: tuple[float, float]
    eyes: float
    events: tuple[SceneEvent, ...]
    turned: tuple[tuple[float, float], ...]
    absent: tuple[tuple[float, float], ...]
    micro: str
    micro_why: str
    macro: str
    macro_why: str

    def count(self, kind: str) -> int:
        """Number of events of a kind."""
        return sum(event.kind == kind for event in self.events)


@dataclasses.dataclass(frozen=True)
class Scene:
    """A planned scene.

    Attributes:
        config: What it was planned from.
        people: By number, from 1.
    """

    config: SceneConfig
    people: tuple[ScenePerson, ...]

    @property
    def events(self) -> tuple[SceneEvent, ...]:
        """Of everybody, by onset and person."""
        return tuple(sorted((e for p in self.people for e in p.events), key=lambda e: (e.onset_frame, e.person)))


def plan_scene(config: SceneConfig | None = None) -> Scene:
    """Decides who sits where and what happens when.

    Args:
        config: What is drawn; the defaults when None.

    Returns:
        The scene; ``mer_tf.synthetic.scene_frames.draw`` gives its frames.
    """
    config = config or SceneConfig()
    places = _places(config)
    people = []
    for index, (role, (centre, eyes)) in enumerate(zip(config.roles, places)):
        rng = np.random.default_rng(np.random.SeedSequence((config.seed, index + 1, 0x5CE)))
        away = _away(config.seconds) if role in ("turning", "leaving") else ()
        taken = [(start - _APART_S, stop + _APART_S) for start, stop in away]
        kind = _SHOWS.get(role, MICRO)
        events = _events(config, index + 1, kind, taken, rng) if kind else []
        if role in _BLINKS:
            taken += [(event.onset_s - _APART_S, event.offset_s + _APART_S) for event in events]
            events += _blinks(config, index + 1, taken, rng)
        events.sort(key=lambda event: event.onset_frame)
        answers = {}
        for kind, least_eyes, least_fps in ((MICRO, MICRO_EYES, MICRO_FPS), (MACRO, MACRO_EYES, MACRO_FPS)):
            why = ""
            if eyes < least_eyes:
                why = "face_small"
            elif config.real_fps < least_fps:
                why = "duplicate" if config.fps >= least_fps else "fps_low"
            shown = any(event.kind == kind for event in events)
            answers[kind] = REFUSED if why else FOUND if shown else NONE_FOUND
            answers[f"{kind}_why"] = why
        people.append(
            ScenePerson(
                person=index + 1, role=role, centre=centre, eyes=eyes, events=tuple(events),
                turned=away if role == "turning" else (), absent=away if role == "leaving" else (), **answers,
            )
        )  # fmt: skip
    return Scene(config, tuple(people))


# Of the drawing of 640x480 px in which a person is drawn: what a place must hold, and the eyes in it.
_ROOM, _TOP = (300.0, 470.0), 196.0
_EYES = 123.0  # px between the eyes of a usual face of the drawing
_FILLED = 0.94  # of its place, so that a head may move


def _places(config: SceneConfig) -> list[tuple[tuple[float, float], float]]:
    """Middle of the eyes and eye distance of everybody, in rows and columns that leave the faces largest."""
    grids = []
    for columns in range(1, config.faces + 1):
        rows = math.ceil(config.faces / columns)
        grids.append((min(config.width / columns / _ROOM[0], config.height / rows / _ROOM[1]), -columns, rows))
    room, columns, rows = max(grids)
    columns = -columns
    largest = min(config.eyes, room * _FILLED * _EYES)
    found = []
    for index, role in enumerate(config.roles):
        row, column = divmod(index, columns)
        across = columns if row < rows - 1 else config.faces - columns * (rows - 1)
        eyes = min(config.small_eyes, largest) if role == "small" else largest * _SIZES[index]
        x = config.width * (column + 0.5) / across
        middle = config.height * (row + 0.5) / rows
        y = middle + (_TOP - _ROOM[1] / 2) * eyes / _EYES
        found.append(((round(x, 1), round(y, 1)), round(eyes, 1)))
    return found


def _away(seconds: float) -> tuple[tuple[float, float], ...]:
    """When somebody turns or leaves: once in half a minute, or once in a shorter scene."""
    period = min(_PERIOD_S, seconds)
    spans = []
    for index in range(max(1, int(seconds / period + 1e-9))):
        spans.append(tuple(round((index + share) * period, 3) for share in _AWAY))
    return tuple(spans)


def _events(config: SceneConfig, person: int, kind: str, taken, rng) -> list[SceneEvent]:
    """Expressions of one person, one in each slot of time that has room for it."""
    if config.per_minute <= 0:
        return []
    slot = 60.0 / config.per_minute
    shortest, longest = _MICRO_S if kind == MICRO else _MACRO_S
    low, high = config.micro_size if kind == MICRO else config.macro_size
    rule = get_mapping(MAPPING).rule(_PEOPLE_OF)
    emotions = [emotion for emotion in EMOTIONS if emotion in rule]
    found = []
    for index in range(max(1, math.ceil((config.seconds - _FIRST_S - _LAST_S) / slot))):
        # Drawn whether or not it has room, so that one event does not depend on another.
        length, at, rise, size = rng.uniform((shortest, 0, _RISE[0], low), (longest, 1, _RISE[1], high))
        emotion = emotions[int(rng.integers(len(emotions)))]
        options = EMOTIONS[emotion][1]
        units = options[int(rng.integers(len(options)))]
        first = _FIRST_S + index * slot
        last = min(first + slot, config.seconds - _LAST_S) - _APART_S - length
        free = [moment for moment in np.arange(first, last, 0.1) if _is_free(moment, moment + length, taken)]
        if not free:
            continue
        onset = round(free[min(int(at * len(free)), len(free) - 1)] * config.fps)
        whole_length = max(2, round(length * config.fps))
        if kind == MICRO:  # never longer than half a second in whole frames
            whole_length = max(2, min(whole_length, math.floor(0.5 * config.fps)))
        found.append(
            _event(config, person, kind, onset, whole_length, rise, label=rule[emotion], emotion=emotion,
                   units=tuple(units), size=round(float(size), 4))
        )  # fmt: skip
    return found


def _blinks(config: SceneConfig, person: int, taken, rng) -> list[SceneEvent]:
    found = []
    moment = 1.0 + rng.uniform(0, 1)
    while moment < config.seconds - 0.5:
        length = rng.uniform(*_BLINK_S)
        if _is_free(moment, moment + length, taken):
            frames = max(2, round(length * config.fps))
            found.append(_event(config, person, BLINK, round(moment * config.fps), frames, 0.45))
        moment += rng.uniform(*_BLINK_EVERY_S)
    return found


def _is_free(start: float, stop: float, taken) -> bool:
    return all(stop <= low or start >= high for low, high in taken)


def _event(config: SceneConfig, person, kind, onset, length, rise, **more) -> SceneEvent:
    apex = onset + min(max(1, round((rise + _HOLD / 2) * length)), length - 1)
    numbers = np.arange(onset, onset + length + 1)
    seen = numbers[course(numbers, onset, apex, onset + length) >= 0.2]
    seconds = {f"{name}_s": round(frame / config.fps, 6) for name, frame in
               (("onset", onset), ("apex", apex), ("offset", onset + length))}  # fmt: skip
    return SceneEvent(
        person=person, kind=kind, onset_frame=onset, apex_frame=apex, offset_frame=onset + length, **seconds,
        seen_onset_frame=int(seen[0]), seen_offset_frame=int(seen[-1]), **more,
    )  # fmt: skip


def course(numbers, onset: float, apex: float, offset: float) -> np.ndarray:
    """How far an event is on at some frames: 0 outside, 1 around the apex, raised cosines between.

    Args:
        numbers: Frame numbers, ``(n,)``.
        onset: Frame at rest before.
        apex: Frame of the largest motion.
        offset: Frame at rest after.

    Returns:
        float64 ``(n,)``, 0 to 1.
    """
    held = _HOLD / 2 * (offset - onset)
    numbers = np.asarray(numbers, np.float64)
    up = (numbers - onset) / max(apex - held - onset, 0.5)
    down = (offset - numbers) / max(offset - apex - held, 0.5)
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(np.minimum(up, down), 0, 1))


def ramp(times, spans) -> np.ndarray:
    """How far somebody is turned or gone at some seconds: 0 before a span, 1 within, smooth ways in between."""
    times = np.asarray(times, np.float64)
    there = np.zeros(len(times))
    for start, stop in spans:
        way = min(MOVE_S, (stop - start) / 2)
        inside = np.clip(np.minimum(times - start, stop - times) / way, 0, 1)
        there = np.maximum(there, 0.5 - 0.5 * np.cos(np.pi * inside))
    return there


def eye_middle(face: Face) -> tuple[np.ndarray, float]:
    """Middle between the eye centres of a drawn face, and their distance; px of its drawing."""
    left, right = face.points[36:42].mean(0), face.points[42:48].mean(0)
    return (left + right) / 2, float(np.hypot(*(right - left)))
