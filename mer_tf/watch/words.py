"""What every output of watching a recording says in words: answers, notices, limits. Each sentence stands here once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from mer_tf.checks import config_errors, one_of
from mer_tf.watch.together import LEAST
from mer_tf.watch.types import (
    FOUND,
    MICRO,
    NONE_FOUND,
    NOT_ANALYSED,
    REASONS,
    REFUSED,
    Event,
    Result,
    TrackAnswer,
)

CLASSROOM = "classroom"
PRESETS = ("plain", CLASSROOM)
NUMBERS = {"motion": "facial movement", "facing": "facing the target"}

# Regulation (EU) 2024/1689, read for: Article 5(1)(f) and its exception, Article 50(3).
NOTICE = (
    "Research demonstrator, for drawn or consented material. Article 5(1)(f) of Regulation (EU) 2024/1689 (AI Act) "
    "forbids inferring the emotions of people in education and at work from their faces, but for medical or safety "
    "reasons. Article 50(3): whoever uses emotion recognition elsewhere must inform the people it is used on.",
    "Not for minors, grading, attendance, discipline or any decision about a person. The landmark model and most data "
    "sets that models are trained on exclude commercial use. The curves have not been validated against learning, "
    "attention or feeling. This is no legal advice.",
)
NOTICE_LINES = (
    "Research demonstrator: drawn or consented material only. No minors.",
    "EU AI Act Art. 5(1)(f): no emotion inference in schools or at work.",
    "Art. 50(3): inform the people filmed. No decisions about persons.",
    "Landmark model and most training sets: no commercial use.",
)
EMOTION_OFF = "No emotion is inferred: classes are off in this preset unless --emotion asks for them."
LIMITS = (
    "A micro-expression found here is a short facial motion above the noise, in a face that was seen well enough. "
    "It is not an emotion, and no sign of a lie. Blinks, speech, head motion and compression can look like one.",
    "none found, refused and not analysed are three answers: looked at well enough and nothing there; seen, but not "
    "well enough, with the reason; not looked at. Only the first says something about the face.",
    "On laboratory recordings of one large face the best published figure for micro-expressions is about one right "
    "finding in four; precision of trained spotters there is 0.05 to 0.11. On other recordings it is not known.",
    "Laboratory sets show few people, frontal, in even light. Glasses, beards, veils, dark skin in low light and "
    "talking raise errors by amounts that nobody has measured here.",
    "Numbers of faces count tracks and not persons: who leaves the picture and comes back gets a new number.",
    "Not for hiring, grading, discipline, border or police use, diagnosis, lie detection, covert recording or any "
    "decision about a person.",
)
KIND_WORDS = {
    "blink": "blinks",
    "speech": "motions of speech",
    "head_motion": "motions of the head",
    "truncated": "motions cut by a gap",
    "too_short": "motions too short to be told from noise",
    "macro_long": "motions longer than a macro-expression",
}
STATUS_WORDS = {
    "no_motion": "no class: too little motion for the model",
    "not_asked": "",
    "refused": "no class: the model's input cannot be made",
    "abstained": "no class: the model is not sure enough",
}


@dataclasses.dataclass(frozen=True)
class View:
    """How a result is shown.

    Attributes:
        preset: Of ``PRESETS``.
        emotion: Whether classes of a model are shown; in the classroom preset only if they were asked for.
        blur: Whether faces are blurred in every picture.
    """

    preset: str = "plain"
    emotion: bool = True
    blur: bool = False

    def __post_init__(self):
        with config_errors():
            one_of("--preset", self.preset, PRESETS)

    @property
    def classroom(self) -> bool:
        """Whether the notice stands first and what is said of all faces comes before what is said of one."""
        return self.preset == CLASSROOM

    @property
    def number(self) -> str:
        """The score that stands at a box, a key of ``NUMBERS``."""
        return "facing" if self.classroom else "motion"

    @property
    def notice(self) -> tuple[str, ...]:
        """What stands first in every output; empty where nothing must."""
        return (*NOTICE, *(() if self.emotion else (EMOTION_OFF,))) if self.classroom else ()


def make_view(preset: str = "plain", emotion: bool = False, blur: bool = False) -> View:
    """The view that the flags ``--preset``, ``--emotion`` and ``--blur`` describe."""
    return View(preset, emotion or preset != CLASSROOM, blur)


def answer(track: TrackAnswer, kind: str) -> str:
    """What is said of one face about micro- or macro-expressions, as a phrase."""
    micro = kind == MICRO
    said, why = (track.micro, track.micro_why) if micro else (track.macro, track.macro_why)
    seconds = duration(track.observed_s if micro else track.macro_observed_s)
    if said == FOUND:
        return f"{track.micro_events if micro else track.macro_events} found in {seconds}"
    if said == NONE_FOUND:
        return f"none found in {seconds}"
    name = {REFUSED: "refused", NOT_ANALYSED: "not analysed"}[said]
    return f"{name}: {why}" if why else name


def summary(result: Result, kind: str) -> str:
    """What is said of all faces about micro- or macro-expressions, in one sentence; the answers are never added up."""
    micro = kind == MICRO
    of: dict[str, list[TrackAnswer]] = {FOUND: [], NONE_FOUND: [], REFUSED: [], NOT_ANALYSED: []}
    for track in result.tracks:
        of[track.micro if micro else track.macro].append(track)
    if not result.tracks:
        return f"{kind.capitalize()}-expressions: no face was seen, so nothing can be said."
    found = sum(track.micro_events if micro else track.macro_events for track in of[FOUND])
    parts = []
    if of[FOUND]:
        parts.append(f"{found} found in {plural(len(of[FOUND]), 'face')}")
    if of[NONE_FOUND]:
        parts.append(f"none found in {plural(len(of[NONE_FOUND]), 'face')} that could be judged")
    if of[REFUSED]:
        parts.append(f"{plural(len(of[REFUSED]), 'face')} refused")
    if of[NOT_ANALYSED]:
        parts.append(f"{plural(len(of[NOT_ANALYSED]), 'face')} not analysed")
    return f"{kind.capitalize()}-expressions: {'; '.join(parts)}."


def too_few(n: int, what: str = "A value about all faces") -> str:
    """Why there is no value about all faces."""
    return f"{what} needs at least {LEAST} faces that have a value at the same time; here there were at most {n}."


def class_of(event: Event, view: View) -> str:
    """What is said of an event's class: the class, or why there is none; ``""`` where none was asked for."""
    if not view.emotion:
        return ""
    if event.status == "ok":
        best = max((p for _, p in event.probabilities), default=None)
        return event.label if best is None else f"{event.label} ({best:.0%})"
    return STATUS_WORDS.get(event.status, event.status.replace("_", " "))


def model_facts(model: Mapping[str, object]) -> list[str]:
    """Sentences about the model that was asked; one that says so where none was."""
    if not model:
        return ["No model was asked: this result holds motions and no classes."]
    classes = model.get("classes") or ()
    lines = [
        f"Model {model.get('name') or 'without a name'}, recipe {model.get('recipe') or 'not known'}, "
        f"classes: {', '.join(map(str, classes)) if isinstance(classes, Sequence) else classes}."
    ]
    trained = model.get("trained_on")
    trained = trained if isinstance(trained, Mapping) else {}
    synthetic = trained.get("synthetic")
    if synthetic is True:
        lines.append(
            "It was trained on drawings and has never seen a face: its classes are a demonstration of the way."
        )
    elif synthetic is False:
        lines.append("It was trained on recordings, not on drawings.")
    else:
        lines.append("Whether it was trained on recordings or on drawings is not known: the model does not say.")
    if trained.get("clips"):
        sets = trained.get("datasets")
        names = f" ({', '.join(map(str, sets))})" if isinstance(sets, Mapping) and sets else ""
        lines.append(f"Clips it was trained on: {trained['clips']:,}{names}.")
    lines.append(
        "A network answers every clip with a class and a probability; neither was checked on recordings like this one."
    )
    remarks = model.get("remarks")
    lines += [
        f"{str(remark)[:1].upper()}{str(remark)[1:]}." for remark in (remarks if isinstance(remarks, list) else ())
    ]
    return lines


def reasons_in_words(reasons: Sequence[str]) -> str:
    """Reasons by their keys, as one phrase."""
    return "; ".join(REASONS.get(reason, reason.replace("_", " ")) for reason in reasons)


def plural(n: int, what: str) -> str:
    """``"1 face"``, ``"2 faces"``."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def duration(seconds: float) -> str:
    """A length of time in words: ``"4.0 s"``, ``"2 min 5 s"``, ``"1 h 3 min"``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")
