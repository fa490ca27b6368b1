"""Results of watching, made by hand: several faces with known events, gaps and refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mer_tf.watch.types import (
    FOUND,
    MACRO,
    MICRO,
    NONE_FOUND,
    NOT_ANALYSED,
    REFUSED,
    CurveSecond,
    Event,
    Face,
    Result,
    Source,
    TrackAnswer,
    TrackSecond,
)

FPS = 30.0
MODEL = {
    "name": "mer",
    "classes": ("negative", "positive", "surprise"),
    "recipe": "onset_apex_28_hars",
    "trained_on": {"synthetic": True, "clips": 30, "datasets": {"synthetic": 30}},
}


@dataclasses.dataclass
class Watched:
    """A result with its seconds."""

    result: Result
    tracks: list[TrackSecond]
    curves: list[CurveSecond]


def quality(track: str, second: float, tier: str = "B", reasons=(), **changes) -> TrackSecond:
    number = int(track[1:])
    values = {
        "track": track,
        "second": second,
        "frame": int(second * FPS) - 1,
        "left": 100.0 * number,
        "top": 120.0,
        "right": 100.0 * number + 90,
        "bottom": 230.0,
        "eye_distance": 12.0 if tier == "D" else 45.0,
        "yaw": None if tier == "D" else 2.0,
        "pitch": None if tier == "D" else 1.0,
        "roll": None if tier == "D" else 0.0,
        "blur": 1.0,
        "light": 120.0,
        "fps": FPS,
        "seen": 1.0,
        "ok": 1.0 if tier in "ABC" else 0.0,
        "tier": tier,
        "reasons": tuple(reasons),
        "detectable": 0.009 if tier in "ABC" else None,
        "points": "68" if tier in "ABC" else "eyes",
    }
    return TrackSecond(**{**values, **changes})


def curve(track: str, second: float, **changes) -> CurveSecond:
    wave = 0.004 + 0.002 * math.sin(second + int(track[1:]))
    values = {
        "track": track,
        "second": second,
        "seen": 1.0,
        "brow_left": wave,
        "brow_right": wave * 0.9,
        "mouth": wave * 0.7,
        "nose": wave * 0.5,
        "noise": 0.002,
        "threshold": 0.010,
        "motion": 20 + 10 * math.sin(second / 7 + int(track[1:])),
        "facing": 80 + 15 * math.sin(second / 11 + int(track[1:])),
        "facing_now": 0.8,
        "turn": 3.0,
        "nod": 2.0,
        "mouth_sd": 0.01,
        "eye_open": 0.3,
        "macro_open": False,
    }
    return CurveSecond(**{**values, **changes})


def event(track: str, number: int, kind: str, apex: float, length: float = 0.4, **changes) -> Event:
    values = {
        "id": f"{track}-e{number:02d}",
        "track": track,
        "kind": kind,
        "onset_s": apex - length / 2,
        "apex_s": apex,
        "offset_s": apex + length / 2,
        "onset_frame": round((apex - length / 2) * FPS),
        "apex_frame": round(apex * FPS),
        "offset_frame": round((apex + length / 2) * FPS),
        "regions": ("brow_left", "mouth"),
        "strength": 0.025,
        "noise": 0.002,
        "confidence": 0.77,
        "tier": "B",
        "flags": ("low_rate",),
        "fps": FPS,
        "eye_distance": 45.0,
    }
    return Event(**{**values, **changes})


def answer(track: str, events, seconds: float, **changes) -> TrackAnswer:
    micro = sum(e.kind == MICRO for e in events)
    macro = sum(e.kind == MACRO for e in events)
    values = {
        "track": track,
        "number": int(track[1:]),
        "first_s": 0.0,
        "last_s": seconds,
        "observed_s": seconds,
        "macro_observed_s": seconds,
        "seen_s": seconds,
        "tier_seconds": {"B": seconds},
        "reason_seconds": {"fps_low": seconds},
        "micro": FOUND if micro else NONE_FOUND,
        "micro_why": "",
        "macro": FOUND if macro else NONE_FOUND,
        "macro_why": "",
        "micro_events": micro,
        "macro_events": macro,
        "not_counted": {},
        "eye_distance": 45.0,
        "detectable": 0.009,
    }
    return TrackAnswer(**{**values, **changes})


def source(seconds: float, **changes) -> Source:
    values = {
        "name": "lesson.webm",
        "kind": "video",
        "width": 640,
        "height": 480,
        "fps": FPS,
        "fps_said": FPS,
        "effective_fps": FPS,
        "frames": int(seconds * FPS),
        "seconds": float(seconds),
        "codec": "VP80",
        "digest": "0123456789abcdef",
    }
    return Source(**{**values, **changes})


def watched(seconds: int = 60, faces: int = 4, *, model: bool = False, complete: bool = True) -> Watched:
    """Face 1 shows events; 2 shows none and is away for a third of the time; the last but one is too small and the last
    one, from four faces on, is not analysed; those between show nothing."""
    tracks, curves, events, answers = [], [], [], []
    for number in range(1, faces + 1):
        name = f"t{number:04d}"
        own: list[Event] = []
        small, crowd = faces >= 4 and number == faces - 1, faces >= 4 and number == faces
        for second in range(1, seconds + 1):
            if number == 2 and seconds // 3 < second <= 2 * seconds // 3:
                continue
            tier, reasons = ("D", ("crowd",)) if crowd else ("D", ("face_small",)) if small else ("B", ("fps_low",))
            tracks.append(quality(name, float(second), tier, reasons))
            if crowd or small:
                empty = {
                    field.name: None
                    for field in dataclasses.fields(CurveSecond)
                    if field.name not in ("track", "second", "seen")
                }
                curves.append(CurveSecond(name, float(second), 1.0, **empty))
            else:
                curves.append(curve(name, float(second)))
        if number == 1:
            asked = {
                "status": "ok",
                "label": "positive",
                "probabilities": (("negative", 0.2), ("positive", 0.71), ("surprise", 0.09)),
                "model": "mer",
            }
            for index, apex in enumerate(np.arange(5.5, seconds - 3, 17)):
                own.append(event(name, index + 1, MICRO, float(apex), **(asked if model else {})))
            own.append(event(name, 40, MACRO, seconds * 0.6, 1.6))
            own.append(event(name, 41, "blink", seconds * 0.3, 0.2))
        events += own
        if crowd:
            why = "more faces than can be analysed"
            answers.append(
                answer(name, [], seconds, micro=NOT_ANALYSED, micro_why=why, macro=NOT_ANALYSED, macro_why=why,
                       observed_s=0.0, macro_observed_s=0.0, tier_seconds={"D": seconds},
                       reason_seconds={"crowd": seconds}, detectable=None)
            )  # fmt: skip
        elif small:
            why = "the face is too small, 12 px between the eyes"
            answers.append(
                answer(name, [], seconds, micro=REFUSED, micro_why=why, macro=REFUSED, macro_why=why, observed_s=0.0,
                       macro_observed_s=0.0, tier_seconds={"D": seconds}, reason_seconds={"face_small": seconds},
                       eye_distance=12.0, detectable=None)
            )  # fmt: skip
        else:
            answers.append(answer(name, own, seconds * (2 / 3 if number == 2 else 1)))
    result = Result(
        source=source(seconds),
        tracks=tuple(answers),
        events=tuple(sorted(events, key=lambda e: e.onset_s)),
        complete=complete,
        stopped="" if complete else f"interrupted after {seconds} s",
        remarks=(),
        settings={"watch": {"floor": 0.01}},
        model=MODEL if model else {},
        cost={"wall_s": seconds / 2, "ratio": 2.0, "peak_mb": 300.0},
    )
    return Watched(result, tracks, curves)


def small(seconds: int, faces: int = 1, **changes) -> Watched:
    """A result of 160x120 px at 10 frames a second, quick to film."""
    seen = watched(seconds, faces)
    facts = source(seconds, width=160, height=120, fps_said=10.0, fps=10.0, **changes)
    near = [dataclasses.replace(q, left=40.0, top=30.0, right=90.0, bottom=90.0) for q in seen.tracks]
    return dataclasses.replace(seen, tracks=near, result=dataclasses.replace(seen.result, source=facts))


def picture(width: int = 320, height: int = 240, seed: int = 0) -> np.ndarray:
    """A picture with detail everywhere: ``(height, width, 3)`` uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 200, (height // 8, width // 8, 3)).astype(np.uint8)
    return np.repeat(np.repeat(coarse, 8, 0), 8, 1)


def face(track: str = "t0001", box=(100.0, 60.0, 180.0, 160.0), **changes) -> Face:
    values = {"track": track, "number": int(track[1:]), "box": box, "eye_distance": 40.0, "tier": "B", "ok": True}
    return Face(**{**values, **changes})


def play(observer, watched_: Watched, *, fps: float = 10.0, late_s: float = 3.0, finish: bool = True) -> None:
    """Tells an observer a result as if it were watched now: events some seconds after their end."""
    result = watched_.result
    observer.started(dataclasses.replace(result.source, fps=None, effective_fps=None, frames=0, seconds=0.0))
    waiting = list(result.events)
    frame = picture(result.source.width, result.source.height)
    seconds = int(result.source.seconds)
    for number in range(int(seconds * fps)):
        time_s = number / fps
        faces = [
            face(q.track, (q.left, q.top, q.right, q.bottom), tier=q.tier, reasons=q.reasons)
            for q in watched_.tracks
            if q.second == math.floor(time_s) + 1
        ]
        observer.frame(number, time_s, frame, faces)
        while waiting and waiting[0].offset_s + late_s <= time_s:
            observer.event(waiting.pop(0))
        if (number + 1) % fps == 0:
            end = float((number + 1) // fps)
            observer.second(
                end,
                [q for q in watched_.tracks if q.second == end],
                [dataclasses.replace(c, macro_open=None) for c in watched_.curves if c.second == end],
            )
    for last in waiting:
        observer.event(last)
    if finish:
        observer.finished(result)
