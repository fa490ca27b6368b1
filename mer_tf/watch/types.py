"""What watching a recording yields, and how somebody is told while it goes on.

Units: seconds of the recording (its own time stamps, from 0), frame numbers of the file from 0, pixels of the picture
as it is shown (a rotation that the file asks for is done), and *eye distances*: lengths divided by the distance of the
two eye centres, some 63 mm on an adult. A value that does not exist is None, never 0 and never carried on from before.

Three answers are never mixed: ``none_found`` (looked, good enough, nothing there), ``refused`` (seen, but not good
enough, with the reason) and ``not_analysed`` (nobody looked, because there were more faces than the budget allows).

The files of a result hold the same fields under the same names; see ``mer_tf.watch.store``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

FOUND, NONE_FOUND, REFUSED, NOT_ANALYSED = "found", "none_found", "refused", "not_analysed"
ANSWERS = (FOUND, NONE_FOUND, REFUSED, NOT_ANALYSED)

# What a second of a track is good for, best first: micro-expressions; those of 0.17 s and more; macro-expressions; a
# box and a time; nothing.
TIERS = ("A", "B", "C", "D", "R")
TIER_NAMES = {"A": "micro", "B": "micro, low rate", "C": "macro", "D": "presence", "R": "refused"}

# Accepted events, and what was found and is told, but not counted.
MICRO, MACRO = "micro", "macro"
NOT_COUNTED = ("blink", "speech", "head_motion", "truncated", "macro_long", "too_short")
KINDS = (MICRO, MACRO, *NOT_COUNTED)

REASONS = {
    "fps_low": "too few frames a second",
    "fps_jitter": "irregular time between frames",
    "gap": "frames are missing",
    "duplicate": "frames are repeated, so that fewer are real than the file says",
    "face_small": "the face is too small",
    "pose": "the head is turned away",
    "blur": "the face is blurred",
    "fast_head": "the head moves too fast",
    "occluded": "the face is covered or its points are not plausible",
    "light": "the light changes",
    "noise": "the picture is too noisy for so small a motion",
    "edge": "the face is cut by the edge of the picture",
    "crowd": "more faces than can be analysed",
    "settling": "the face was not seen long enough yet",
}

REGIONS = ("brow_left", "brow_right", "mouth", "nose")  # left and right of the picture


@dataclasses.dataclass(frozen=True)
class Source:
    """Facts of a recording: what its header says and what was measured.

    Attributes:
        name: File or folder name without its path, or ``"camera 0"``.
        kind: ``"video"``, ``"folder"`` or ``"camera"``.
        width: Of the picture as shown, pixels.
        height: Of the picture as shown, pixels.
        fps: Measured, 1 / median time between frames; None before it is known.
        fps_said: By the header, or by ``--fps``; None where nothing says it.
        effective_fps: ``fps`` without repeated frames; None before it is known.
        frames: Frames read.
        seconds: From the first frame to the end of the last one read.
        duplicates: Share of frames that repeat the one before, 0 to 1.
        rotation: Degrees clockwise that the file asks for and that were applied; 0, 90, 180 or 270.
        variable_rate: Whether the time between frames varies (90th percentile of the deviation above 0.55).
        time_source: ``"container"``, ``"assumed"`` (frame number over rate) or ``"clock"``.
        codec: Four letters, ``""`` for folders and cameras.
        said_frames: Frames that the header promises; None where it does not.
        damage: Why reading ended before the end of the file, or ``""``.
        dropped: Frames that a camera delivered and nobody took.
        start_s: Second of the file at which watching began (``--from``).
        stop_s: Second at which it was to end (``--to``); None for the end.
        digest: Of the file's size and first bytes, so that a result can be matched without its path; ``""`` for a
            camera.
    """

    name: str
    kind: str
    width: int
    height: int
    fps: float | None = None
    fps_said: float | None = None
    effective_fps: float | None = None
    frames: int = 0
    seconds: float = 0.0
    duplicates: float = 0.0
    rotation: int = 0
    variable_rate: bool = False
    time_source: str = "container"
    codec: str = ""
    said_frames: int | None = None
    damage: str = ""
    dropped: int = 0
    start_s: float = 0.0
    stop_s: float | None = None
    digest: str = ""


@dataclasses.dataclass(frozen=True)
class Face:
    """A tracked face in one frame, for pictures.

    Attributes:
        track: ``"t0001"``, counted up within a recording, never used again.
        number: 1 for the first track; the number to show at the box.
        box: Left, top, right, bottom in pixels; may reach outside the picture.
        eye_distance: Between the eye centres, pixels.
        tier: Of ``TIERS``, of the last whole second; ``"D"`` before.
        reasons: Keys of ``REASONS`` that hold now.
        ok: Whether this frame is fit for motion.
        analysed: False where there are more faces than the budget allows.
        points: ``(n, 2)`` float32, the tracked points; None where there are none.
        open_event: Whether the motion is above the threshold now.
    """

    track: str
    number: int
    box: tuple[float, float, float, float]
    eye_distance: float
    tier: str = "D"
    reasons: tuple[str, ...] = ()
    ok: bool = False
    analysed: bool = True
    points: np.ndarray | None = None
    open_event: bool = False


@dataclasses.dataclass(frozen=True)
class TrackSecond:
    """Quality of a track in one second.

    Attributes:
        track: Its name.
        second: End of the second, seconds of the recording.
        frame: Last frame of the second.
        left: Box of the last frame in which it was seen, pixels.
        top: As ``left``.
        right: As ``left``.
        bottom: As ``left``.
        eye_distance: Median over the second, pixels.
        yaw: Degrees, positive to the right of the picture; None where no 68 points were found.
        pitch: Degrees, positive downwards; None as ``yaw``.
        roll: Degrees, positive clockwise.
        blur: Variance of the Laplacian in the face over the track's running median, 1 is usual.
        light: Median gray level of the face, 0 to 255.
        fps: Measured over the last 5 s, without repeated frames; None before.
        seen: Share of the second's frames in which the track was there with a valid pose, 0 to 1.
        ok: Share of the second's frames that are fit for motion, 0 to 1.
        tier: Of ``TIERS``.
        reasons: Keys of ``REASONS`` for anything below tier A or for frames left out.
        detectable: Smallest motion above the noise, eye distances; None before it is known.
        points: ``"68"`` where the landmark model measured pose, lids and lips, ``"eyes"`` where only eyes were found.
    """

    track: str
    second: float
    frame: int
    left: float
    top: float
    right: float
    bottom: float
    eye_distance: float
    yaw: float | None
    pitch: float | None
    roll: float | None
    blur: float | None
    light: float | None
    fps: float | None
    seen: float
    ok: float
    tier: str
    reasons: tuple[str, ...]
    detectable: float | None
    points: str


@dataclasses.dataclass(frozen=True)
class CurveSecond:
    """Values of a track in one second; None where there is no value, to be drawn as a gap.

    Attributes:
        track: Its name.
        second: End of the second.
        seen: Share of the second's frames in which the face was there, 0 to 1.
        brow_left: Largest filtered motion of the region in the second, eye distances.
        brow_right: As ``brow_left``.
        mouth: As ``brow_left``.
        nose: As ``brow_left``.
        noise: Standard deviation of the filtered curves in quiet windows, eye distances.
        threshold: What a curve must exceed, eye distances.
        motion: "Facial movement" over 10 s, 0 to 100.
        facing: "Facing the target" over 10 s, 0 to 100.
        facing_now: The same over this second alone, 0 to 1.
        turn: Median yaw of the second minus the track's own straight-ahead, degrees.
        nod: Median pitch of the second minus the track's own straight-ahead, degrees, positive downwards.
        mouth_sd: Standard deviation of the mouth opening over the second, eye distances.
        eye_open: Median opening of the lids over the second, height over width.
        macro_open: Whether a macro-expression was going on; known late, so always None while streaming, and filled in
            by ``mer_tf.watch.store.read``.
    """

    track: str
    second: float
    seen: float
    brow_left: float | None = None
    brow_right: float | None = None
    mouth: float | None = None
    nose: float | None = None
    noise: float | None = None
    threshold: float | None = None
    motion: float | None = None
    facing: float | None = None
    facing_now: float | None = None
    turn: float | None = None
    nod: float | None = None
    mouth_sd: float | None = None
    eye_open: float | None = None
    macro_open: bool | None = None


@dataclasses.dataclass(frozen=True)
class Event:
    """A motion found in a track.

    Attributes:
        id: ``"t0001-e03"``.
        track: Name of the track.
        kind: Of ``KINDS``; only ``"micro"`` and ``"macro"`` count.
        onset_s: Seconds of the recording.
        apex_s: As ``onset_s``.
        offset_s: As ``onset_s``.
        onset_frame: Frame of the file, from 0.
        apex_frame: As ``onset_frame``.
        offset_frame: As ``onset_frame``; included.
        regions: Of ``REGIONS``, those above the threshold, the strongest first.
        strength: Peak, eye distances.
        noise: Standard deviation of the quiet curve, eye distances.
        confidence: 0 to 1, of the spotting; says nothing about the class.
        tier: Of the track at the apex.
        flags: Such as ``"low_rate"``, ``"eyes_only"``.
        fps: Median over the event.
        eye_distance: Median over the event, pixels.
        status: Of the recognition: ``"ok"`` (a class stands in ``label``), ``"no_motion"`` (the model's motion gate
            answers), ``"not_asked"`` (no model was named, or the event does not count), ``"refused"`` (the recipe
            cannot be had; ``remarks`` say why) or ``"abstained"`` (the model was asked and its answer is withheld).
        label: Class, ``""`` without one.
        probabilities: Class name and probability, in the model's order; empty where no model was asked.
        motion: What the motion gate measured, in the unit of the model's recipe; None where it was not asked.
        model: Name of the model that was asked, ``""`` without one.
        remarks: Full sentences.
    """

    id: str
    track: str
    kind: str
    onset_s: float
    apex_s: float
    offset_s: float
    onset_frame: int
    apex_frame: int
    offset_frame: int
    regions: tuple[str, ...]
    strength: float
    noise: float
    confidence: float
    tier: str
    flags: tuple[str, ...] = ()
    fps: float | None = None
    eye_distance: float | None = None
    status: str = "not_asked"
    label: str = ""
    probabilities: tuple[tuple[str, float], ...] = ()
    motion: float | None = None
    model: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it is an accepted event, micro or macro."""
        return self.kind in (MICRO, MACRO)


@dataclasses.dataclass(frozen=True)
class TrackAnswer:
    """What is said about a track as a whole; micro- and macro-expressions are answered apart.

    Attributes:
        track: Its name.
        number: The number at its box.
        first_s: First time seen.
        last_s: Last time seen.
        observed_s: Seconds in which micro-expressions could have been found (tiers A and B).
        macro_observed_s: Seconds in which macro-expressions could have been found (tiers A to C).
        seen_s: Seconds in which the face was seen.
        tier_seconds: Seconds in each tier, by its letter.
        reason_seconds: Seconds in which a reason held, by its key.
        micro: Answer of ``ANSWERS`` about micro-expressions.
        micro_why: Sentence, for ``refused`` and ``not_analysed``.
        macro: Answer about macro-expressions.
        macro_why: As ``micro_why``.
        micro_events: Accepted ones.
        macro_events: Accepted ones.
        not_counted: Of the other kinds, by kind.
        eye_distance: Median, pixels.
        detectable: Median of the smallest motion above the noise, eye distances; None where never known.
    """

    track: str
    number: int
    first_s: float
    last_s: float
    observed_s: float
    macro_observed_s: float
    seen_s: float
    tier_seconds: Mapping[str, float]
    reason_seconds: Mapping[str, float]
    micro: str
    micro_why: str
    macro: str
    macro_why: str
    micro_events: int
    macro_events: int
    not_counted: Mapping[str, int]
    eye_distance: float
    detectable: float | None


@dataclasses.dataclass(frozen=True)
class Result:
    """A recording watched, whole or in part.

    Attributes:
        source: Its facts.
        tracks: Answers, by number.
        events: By onset, those that do not count too.
        complete: False where it was interrupted or damaged; ``stopped`` says why.
        stopped: Sentence, ``""`` where complete.
        remarks: Full sentences about the whole.
        settings: What it was watched with, as written to ``summary.json``.
        model: Facts of the model that was asked: ``name``, ``classes``, ``recipe``, ``provenance``; empty without one.
        cost: ``wall_s``, ``cpu_s`` (of this run, of all cores), ``ratio`` (seconds of recording per second of work),
            ``peak_mb``.
    """

    source: Source
    tracks: tuple[TrackAnswer, ...]
    events: tuple[Event, ...]
    complete: bool
    stopped: str
    remarks: tuple[str, ...]
    settings: Mapping[str, object]
    model: Mapping[str, object]
    cost: Mapping[str, float]


class Observer(Protocol):
    """Somebody who is told while a recording is watched, in the thread that watches and in this order.

    ``started`` comes before the first frame, ``frame`` for each frame read, ``event`` and ``second`` as they become
    known (an event at the latest 4 s after its offset, a second at the latest 4 s after its end, since what follows a
    moment helps to judge it), ``finished`` in the end, also after an interruption. Events are told after the frames
    that they are in: who marks frames keeps them as long.
    """

    def started(self, source: Source) -> None: ...

    def frame(self, number: int, time_s: float, picture: np.ndarray, faces: Sequence[Face]) -> None:
        """One frame; ``picture`` is ``(height, width, 3)`` uint8 BGR, not to be changed or kept without a copy."""

    def second(self, time_s: float, tracks: Sequence[TrackSecond], curves: Sequence[CurveSecond]) -> None: ...

    def event(self, event: Event) -> None: ...

    def finished(self, result: Result) -> None: ...


class Behind(Protocol):
    """What a source that is read live knows of its delay.

    Attributes:
        dropped: Frames that nobody took in time.
        zero: Second 0 of the recording by ``time.monotonic``; None where a file is read as fast as it goes.
    """

    dropped: int
    zero: float | None


@runtime_checkable
class Follower(Protocol):
    """An observer that wants to know, before ``started``, how far behind the source it is."""

    def follow(self, behind: Behind) -> None: ...


class Quiet:
    """An observer that does nothing; subclasses do what they like."""

    def started(self, source: Source) -> None:
        pass

    def frame(self, number: int, time_s: float, picture: np.ndarray, faces: Sequence[Face]) -> None:
        pass

    def second(self, time_s: float, tracks: Sequence[TrackSecond], curves: Sequence[CurveSecond]) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def finished(self, result: Result) -> None:
        pass
