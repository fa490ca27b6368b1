"""The report of a watched recording: what was found, in whom, in which seconds, and what could not be seen."""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Mapping, Sequence

from mer_tf import __version__, atomic
from mer_tf.document import Details, Document, Figure, Section, Table, Text
from mer_tf.report.html import to_html
from mer_tf.report.svg import BLUE, GREEN, MUTED, ORANGE, PURPLE
from mer_tf.watch import drawings, store, words
from mer_tf.watch.drawings import UNLOOKED, Line, clock
from mer_tf.watch.page_groups import Facts, behaviours_section, together_section
from mer_tf.watch.types import (
    MACRO,
    MICRO,
    NOT_COUNTED,
    REASONS,
    TIER_NAMES,
    TIERS,
    CurveSecond,
    Result,
    TrackAnswer,
    TrackSecond,
)
from mer_tf.watch.words import View

NAME = "report.html"
MOST_EVENTS = 300  # rows of the table
MOST_STRIPS = 40  # faces in the drawing of all
MOST_FACES = 12  # faces with curves of their own
_TOPS = (0.04, 0.08, 0.1, 0.2, 0.4, 0.8, 1.0)  # eye distances, ends of axes whose quarters are round
_REGION_WORDS = {"brow_left": "left brow", "brow_right": "right brow", "mouth": "mouth", "nose": "nose"}


def build_page(
    result: Result, tracks: Sequence[TrackSecond], curves: Sequence[CurveSecond], view: View | None = None
) -> Document:
    """The report, to be rendered by ``mer_tf.report.html.to_html``.

    Args:
        result: Answers and events.
        tracks: Quality, second by second.
        curves: Values, second by second, with ``macro_open`` filled in.
        view: How it is shown.

    Returns:
        The page; the same result gives the same page.
    """
    view = view or View()
    facts = Facts(result, tracks, curves, view)
    groups = [together_section(facts), behaviours_section(facts)]
    faces = [_timeline(facts), *_faces(facts)]
    middle = [*groups, *faces] if view.classroom else [*faces, *groups]
    sections = [
        _answers(facts),
        *middle,
        _events(facts),
        _quality(facts),
        _recording(facts),
        Section("The model", [Text(line) for line in words.model_facts(result.model)]),
        Section("What this does not say", [Text(line, "item") for line in words.LIMITS]),
    ]
    footer = f"mer-tf {__version__}. Times are those of the recording. Left and right are those of the picture."
    return Document(f"What {result.source.name} shows", _intro(facts), sections, footer, contents=True)


def write_page(folder: str | os.PathLike, view: View | None = None) -> str:
    """Writes ``report.html`` beside the tables that it is made of, whole or not at all; returns its path.

    Raises:
        MissingFileError, BadInputError: The folder holds no result of ``mer watch``.
        OSError: It cannot be written.
    """
    result = store.read(folder)
    page = build_page(result, list(store.rows(folder, store.TRACKS)), list(store.curves(folder)), view)
    path = os.path.join(folder, NAME)
    atomic.write_text(path, to_html(page))
    return path


# -------------------------------------------------------------------------------------------------------- words


def _intro(facts: Facts) -> list[object]:
    result, view = facts.result, facts.view
    blocks: list[object] = [Text(text, "warning") for text in view.notice]
    if not result.complete:
        blocks.append(Text(f"Not the whole recording: {result.stopped}", "warning"))
    blocks += [Text(words.summary(result, kind)) for kind in (MICRO, MACRO)]
    source = result.source
    rate = "" if source.fps is None else f", {source.fps:.1f} frames a second"
    blocks.append(
        Text(
            f"{words.duration(source.seconds)} of {source.name} were watched{rate}, {source.width}x{source.height} px. "
            "A motion is no emotion, and no sign of a lie; what this page does not say stands at its end.",
            "note",
        )
    )
    blocks += [Text(text, "note") for text in result.remarks]
    return blocks


def _answers(facts: Facts) -> Section:
    rows = [
        [
            f"face {answer.number}",
            words.duration(answer.seen_s),
            words.answer(answer, MICRO),
            _rate(answer.micro_events, answer.observed_s),
            words.answer(answer, MACRO),
            _rate(answer.macro_events, answer.macro_observed_s),
            f"{answer.eye_distance:.0f} px",
            None if answer.detectable is None else f"{answer.detectable:.4f}",
        ]
        for answer in facts.result.tracks
    ]
    if not rows:
        return Section("Answers", [Text("No face was seen, so that there is no answer about any.")])
    header = (
        "", "seen", "micro-expressions", "a minute", "macro-expressions", "a minute", "between eyes", "least motion",
    )  # fmt: skip
    caption = (
        "A minute: of the time in which such an expression could have been found. Between eyes: median distance of "
        "their centres. Least motion: what stands above the noise, in eye distances."
    )
    return Section("Answers", [Table(header, rows, align="lrlrlrrr", caption=caption)])


def _rate(events: int, seconds: float) -> str | None:
    return f"{60 * events / seconds:.2f}" if seconds >= 1 else None


def _timeline(facts: Facts) -> Section:
    shown = facts.longest(MOST_STRIPS)
    rows = [
        (
            f"face {answer.number}",
            [(s.second, UNLOOKED if "crowd" in s.reasons else s.tier) for s in facts.quality[answer.track] if s.seen],
            facts.events[answer.track],
        )
        for answer in shown
    ]
    if not rows:
        return Section("Timeline", [Text("No face was seen.")])
    blocks: list[object] = [
        Figure(
            drawings.strips(rows, facts.times, "events of each face above the quality of its seconds"),
            caption="Marks: events at their time, those that do not count are short and gray. Band: what each "
            "second was good enough for; blank where the face was not seen.",
        )
    ]
    if facts.times.step > 1:
        blocks.append(
            Text(
                f"Each column of the drawings on this page stands for {facts.times.step} seconds: of curves the range "
                "of their values is drawn, of qualities the shares, and every event has its mark. A gap shorter than "
                "a column is not visible.",
                "note",
            )
        )
    left = len(facts.result.tracks) - len(shown)
    if left:
        blocks.append(Text(f"{words.plural(left, 'face')} seen for a shorter time are in the tables only.", "note"))
    return Section("Timeline", blocks)


def _faces(facts: Facts) -> list[Section]:
    sections = []
    shown = [answer for answer in facts.longest(MOST_FACES) if facts.curves[answer.track]]
    for answer in shown:
        blocks: list[object] = [
            Text(f"Micro-expressions: {words.answer(answer, MICRO)}. Macro-expressions: {words.answer(answer, MACRO)}.")
        ]
        blocks += _motion_figure(facts, answer)
        blocks += _score_figure(facts, answer)
        sections.append(Section(f"Face {answer.number} ({answer.track})", blocks, 3))
    left = sum(bool(facts.curves[answer.track]) for answer in facts.result.tracks) - len(shown)
    if left > 0 and sections:
        sections[-1].blocks.append(  # type: ignore[attr-defined]
            Text(f"The curves of {words.plural(left, 'further face')} are in curves.csv.", "note")
        )
    return sections


def _motion_figure(facts: Facts, answer: TrackAnswer) -> list[object]:
    seconds = facts.curves[answer.track]
    events = [event for event in facts.events[answer.track] if event.counts]
    colours = {"brow_left": BLUE, "brow_right": GREEN, "mouth": PURPLE, "nose": MUTED}
    lines = [
        Line(_REGION_WORDS[name], [(second.second, getattr(second, name)) for second in seconds], colour, peaks=True)
        for name, colour in colours.items()
    ]
    limits = [(second.second, second.threshold) for second in seconds]
    if all(value is None for line in lines for _, value in line.points):
        return [Text("No second was good enough for a curve of motion: there is no value, which is not a value of 0.")]
    lines.append(Line("threshold", limits, ORANGE, dashed=True))
    known = sorted(value for _, value in limits if value is not None)
    wanted = max(
        1.5 * (known[int(0.95 * (len(known) - 1))] if known else 0.0),
        1.2 * max((event.strength for event in events), default=0.0),
    )
    top = next((top for top in _TOPS if top >= wanted), _TOPS[-1])
    picture = drawings.curves(
        lines,
        facts.times,
        f"motion of the regions of face {answer.number}",
        top=top,
        unit="eye distances",
        digits=3,
        events=events,
        refused=_refused(facts, answer.track),
        height=170,
    )
    caption = (
        "Largest motion of each region in each second. Orange and purple: accepted micro- and macro-expressions. "
        "Shaded: seen, but not good enough for micro-expressions. Triangles: beyond the axis."
    )
    return [Figure(picture, caption=caption)]


def _score_figure(facts: Facts, answer: TrackAnswer) -> list[object]:
    seconds = facts.curves[answer.track]
    lines = [
        Line(words.NUMBERS[name], [(second.second, getattr(second, name)) for second in seconds], colour)
        for name, colour in (("motion", BLUE), ("facing", GREEN))
    ]
    if all(value is None for line in lines for _, value in line.points):
        return []
    picture = drawings.curves(lines, facts.times, f"scores of face {answer.number}", top=100, height=110)
    return [
        Figure(
            picture,
            caption="Over the last 10 seconds, 0 to 100. Straight ahead is how the face itself looked at first. A "
            "gap is a time without a value.",
        )
    ]


def _refused(facts: Facts, track: str) -> list[float]:
    return [second.second for second in facts.quality[track] if second.seen and second.tier not in "AB"]


def _events(facts: Facts) -> Section:
    view = facts.view
    accepted = [event for event in facts.result.events if event.counts]
    asked = view.emotion and any(event.status != "not_asked" for event in accepted)
    blocks: list[object] = []
    if accepted:
        rows = [
            [
                clock(event.apex_s, 2),
                facts.face(event.track),
                event.kind,
                f"{event.onset_s:.2f} to {event.offset_s:.2f} s",
                f"{event.offset_s - event.onset_s:.2f} s",
                ", ".join(_REGION_WORDS.get(region, region) for region in event.regions),
                f"{event.strength:.3f}",
                f"{event.confidence:.2f}",
                event.tier,
                *([words.class_of(event, view)] if asked else []),
                ", ".join(flag.replace("_", " ") for flag in event.flags),
            ]
            for event in accepted[:MOST_EVENTS]
        ]
        header = (
            "apex", "", "kind", "onset to offset", "length", "where", "strength", "confidence", "tier",
            *(["class"] if asked else []), "remarks",
        )  # fmt: skip
        side = "l" if asked else ""
        caption = (
            "Strength in eye distances. Confidence is that of the finding, from 0 to 1, and says nothing about a class."
        )
        blocks.append(Table(header, rows, align=f"rllrrlrrl{side}l", caption=caption))
        if len(accepted) > MOST_EVENTS:
            blocks.append(Text(f"The first {MOST_EVENTS} of {len(accepted):,}; all are in events.csv.", "note"))
    else:
        blocks.append(
            Text("No micro- or macro-expression was accepted. The answers above say of which faces that holds.")
        )
    others = collections.Counter(event.kind for event in facts.result.events if not event.counts)
    if others:
        told = ", ".join(f"{words.KIND_WORDS[kind]}: {others[kind]:,}" for kind in NOT_COUNTED if others[kind])
        blocks.append(Text(f"Found and not counted: {told}. They are in events.csv with their kind.", "note"))
    return Section("Events", blocks)


def _quality(facts: Facts) -> Section:
    shown = facts.longest(MOST_FACES)
    blocks: list[object] = [
        Text(
            "Every second of every face is judged: "
            + ", ".join(f"{tier} {TIER_NAMES[tier]}" for tier in TIERS)
            + ". A and "
            "B show micro-expressions (B only those of 0.17 s and more), C macro-expressions, D a box and a time, R "
            "nothing."
        )
    ]
    if shown:
        tiers = [
            [f"face {answer.number}", *(_seconds(answer.tier_seconds.get(tier, 0.0)) for tier in TIERS)]
            for answer in shown
        ]
        blocks.append(Table(("seconds in tier", *TIERS), tiers, align="l" + "r" * len(TIERS)))
    reasons = [reason for reason in REASONS if any(answer.reason_seconds.get(reason) for answer in shown)]
    if reasons:
        rows = [
            [REASONS[reason], *(_seconds(answer.reason_seconds.get(reason, 0.0)) for answer in shown)]
            for reason in reasons
        ]
        header = ("seconds in which", *(f"face {answer.number}" for answer in shown))
        caption = (
            "Several reasons can hold in one second. A reason need not refuse a second: it may only cost it a tier."
        )
        blocks.append(Table(header, rows, align="l" + "r" * len(shown), caption=caption))
    left = len(facts.result.tracks) - len(shown)
    if left:
        blocks.append(Text(f"The seconds of {words.plural(left, 'further face')} are in tracks.csv.", "note"))
    return Section("What the recording was good enough for", blocks)


def _seconds(value: float) -> str | None:
    return f"{value:.0f}" if value else None


def _recording(facts: Facts) -> Section:
    source, result = facts.result.source, facts.result
    turned = f", turned by {source.rotation}°" if source.rotation else ""
    shutter = {
        "container": "the file's own",
        "assumed": "frame number over frame rate",
        "clock": "this machine's clock",
    }
    rows: list[tuple[str, str | None]] = [
        ("name", source.name),
        ("kind", source.kind + (f", {source.codec}" if source.codec else "")),
        ("size", f"{source.width}x{source.height} px{turned}"),
        ("frames read", f"{source.frames:,}" + (f" of {source.said_frames:,}" if source.said_frames else "")),
        ("length", words.duration(source.seconds)),
        ("frames a second, measured", None if source.fps is None else f"{source.fps:.2f}"),
        ("frames a second, as said", None if source.fps_said is None else f"{source.fps_said:.2f}"),
        ("without repeated frames", None if source.effective_fps is None else f"{source.effective_fps:.2f}"),
        ("frames that repeat the one before", f"{source.duplicates:.1%}"),
        ("time between frames", "varies" if source.variable_rate else "steady"),
        ("time stamps", shutter.get(source.time_source, source.time_source)),
        *([("frames dropped", f"{source.dropped:,}")] if source.kind == "camera" or source.dropped else []),
        *([("watched from", clock(source.start_s, 1))] if source.start_s else []),
        *([("watched to", clock(source.stop_s, 1))] if source.stop_s is not None else []),
        *([("damage", source.damage)] if source.damage else []),
        *([("fingerprint", source.digest)] if source.digest else []),
    ]
    cost = result.cost
    if cost.get("wall_s"):
        told = f"{words.duration(cost['wall_s'])}"
        if cost.get("ratio"):
            told += f", {cost['ratio']:.2f} seconds of recording per second"
        if cost.get("peak_mb"):
            told += f", {cost['peak_mb']:,.0f} MB at most"
        rows.append(("watching took", told))
    settings = [[name, value] for name, value in _flat(result.settings)]
    blocks: list[object] = [Table(("", ""), [list(row) for row in rows], align="ll")]
    if settings:
        blocks.append(Details("Settings", [Table(("setting", "value"), settings, align="ll")]))
    return Section("The recording", blocks)


def _flat(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, default=str)))
    return found
