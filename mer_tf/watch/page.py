"""The report of a watched recording: what was found, in whom, in which seconds, and what could not be seen."""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Iterable, Mapping, Sequence

from mer_tf import __version__, atomic
from mer_tf.document import Details, Document, Figure, Row, Section, Table, Text
from mer_tf.report.html import to_html
from mer_tf.report.svg import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE
from mer_tf.watch import drawings, store, together, words
from mer_tf.watch.drawings import UNLOOKED, Line, Times, clock
from mer_tf.watch.types import (
    MACRO,
    MICRO,
    NOT_COUNTED,
    REASONS,
    TIER_NAMES,
    TIERS,
    CurveSecond,
    Event,
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
_KIND_WORDS = {
    "blink": "blinks",
    "speech": "motions of speech",
    "head_motion": "motions of the head",
    "truncated": "motions cut by a gap",
    "macro_long": "motions longer than a macro-expression",
}
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
    facts = _Facts(result, tracks, curves, view)
    groups = [_together(facts), _behaviours(facts)]
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


class _Facts:
    """A result, sorted for drawing."""

    def __init__(self, result: Result, tracks, curves, view: View):
        self.result, self.view = result, view
        source = result.source
        last = max((item.second for item in (*tracks, *curves)), default=0.0)
        start = float(int(source.start_s))
        self.times = Times(start, max(source.start_s + source.seconds, last, start + 1.0))
        self.quality: dict[str, list[TrackSecond]] = collections.defaultdict(list)
        self.curves: dict[str, list[CurveSecond]] = collections.defaultdict(list)
        for item in tracks:
            self.quality[item.track].append(item)
        for item in curves:
            self.curves[item.track].append(item)
        self.events: dict[str, list[Event]] = collections.defaultdict(list)
        for event in result.events:
            self.events[event.track].append(event)
        self.numbers = {answer.track: answer.number for answer in result.tracks}
        self.together = gather(tracks, curves, result.events, classes=view.emotion and bool(result.model))

    def longest(self, most: int) -> list[TrackAnswer]:
        """The faces seen longest, by number."""
        found = sorted(self.result.tracks, key=lambda answer: (-answer.seen_s, answer.number))[:most]
        return sorted(found, key=lambda answer: answer.number)

    def face(self, track: str) -> str:
        return f"face {self.numbers[track]}" if track in self.numbers else track


def gather(
    tracks: Iterable[TrackSecond], curves: Iterable[CurveSecond], events: Iterable[Event], *, classes: bool
) -> list[together.Together]:
    """What holds of all faces in every second of a finished recording."""
    of_time: dict[float, tuple[list[TrackSecond], list[CurveSecond]]] = collections.defaultdict(lambda: ([], []))
    for second in tracks:
        of_time[second.second][0].append(second)
    for curve in curves:
        of_time[curve.second][1].append(curve)
    gathering = together.Gathering(classes)
    for event in events:
        gathering.event(event)
    return [gathering.second(second, *of_time[second]) for second in sorted(of_time)]


# -------------------------------------------------------------------------------------------------------- words


def _intro(facts: _Facts) -> list[object]:
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


def _answers(facts: _Facts) -> Section:
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
        "A minute: of the time in which such an expression could have been found. Between eyes: median distance of their "
        "centres. Least motion: what stands above the noise, in eye distances."
    )
    return Section("Answers", [Table(header, rows, align="lrlrlrrr", caption=caption)])


def _rate(events: int, seconds: float) -> str | None:
    return f"{60 * events / seconds:.2f}" if seconds >= 1 else None


def _timeline(facts: _Facts) -> Section:
    shown = facts.longest(MOST_STRIPS)
    rows = [
        (
            f"face {answer.number}",
            [(s.second, UNLOOKED if "crowd" in s.reasons else s.tier) for s in facts.quality[answer.track]],
            facts.events[answer.track],
        )
        for answer in shown
    ]
    if not rows:
        return Section("Timeline", [Text("No face was seen.")])
    blocks: list[object] = [
        Figure(
            drawings.strips(rows, facts.times, "events of each face above the quality of its seconds"),
            caption="Marks: events at their time, those that do not count are short and gray. Band: what each second was "
            "good enough for; blank where the face was not seen.",
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


def _faces(facts: _Facts) -> list[Section]:
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


def _motion_figure(facts: _Facts, answer: TrackAnswer) -> list[object]:
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
        "Largest motion of each region in each second. Orange and purple: accepted micro- and macro-expressions. Shaded: "
        "seen, but not good enough for micro-expressions. Triangles: beyond the axis."
    )
    return [Figure(picture, caption=caption)]


def _score_figure(facts: _Facts, answer: TrackAnswer) -> list[object]:
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
            caption="Over the last 10 seconds, 0 to 100. Straight ahead is how the face itself looked at first. A gap is a "
            "time without a value.",
        )
    ]


def _refused(facts: _Facts, track: str) -> list[float]:
    return [second.second for second in facts.quality[track] if second.tier not in "AB"]


def _together(facts: _Facts) -> Section:
    ticks, times = facts.together, facts.times
    title = "All faces together"
    charts = [
        ("facing", "facing the target", [("facing", BLUE)], 100.0),
        ("motion", "facial movement", [("motion", GREEN)], 100.0),
    ]
    emotion = facts.view.emotion and bool(facts.result.model)
    if emotion:
        charts.append(("balance", "balance of the classes; 50 is even, or no evidence", [("balance", PURPLE)], 100.0))
    if not emotion or not facts.view.classroom:
        rates = [("micro_rate", ORANGE), ("macro_rate", PURPLE)]
        most = max((getattr(t, name).high or 0.0 for t in ticks for name, _ in rates), default=0.0)
        charts.append(("micro_rate", "events a minute and face", rates, max(2.0, 1.1 * most)))
    blocks: list[object] = []
    for count_of, unit, lines, top in charts:
        spreads = {name: [(t.second, getattr(t, name)) for t in ticks] for name, _ in lines}
        most_faces = max((spread.n for of in spreads.values() for _, spread in of), default=0)
        if all(spread.value is None for of in spreads.values() for _, spread in of):
            blocks.append(Text(words.too_few(most_faces, f"A curve of {unit.partition(';')[0]}")))
            continue
        picture = drawings.curves(
            [
                Line(
                    name.replace("_rate", "-expressions").replace("_", " ") if len(lines) > 1 else f"{unit.partition(';')[0]}, mean of the faces",
                    [(second, spread.value) for second, spread in spreads[name]],
                    colour,
                    band=[(second, spread.low, spread.high) for second, spread in spreads[name]],
                )
                for name, colour in lines
            ],
            times,
            f"{unit}, of all faces",
            top=top,
            digits=0 if top > 10 else 1,
            counts=[(t.second, getattr(t, count_of).n) for t in ticks],
            height=120,
        )
        band = "90 % interval over the faces" if count_of == "balance" else "10th to 90th percentile of the faces"
        over = together.SCORE_WINDOW if top == 100 and count_of != "balance" else together.WINDOW
        blocks.append(
            Figure(
                picture,
                caption=f"{unit[0].upper()}{unit[1:]}, over the last {over:.0f} seconds. Band: {band}. Below: n, the "
                f"faces that have a value; with fewer than {together.LEAST} there is none.",
            )
        )
    blocks += _value_blocks(facts)
    return Section(title, blocks)


def _value_blocks(facts: _Facts) -> list[object]:
    ticks = facts.together
    if all(t.value is None for t in ticks):
        return []
    worth = ", ".join(f"{together.WORDS[name]} {value:g}" for name, value in together.VALUES.items())
    picture = drawings.curves(
        [Line("group value", [(t.second, t.value) for t in ticks], INK)],
        facts.times,
        "group value",
        top=100,
        counts=[(t.second, t.share_faces) for t in ticks],
        height=120,
    )
    caption = (
        f"Group value over the last {together.WINDOW:.0f} seconds: 100 times the mean worth of a second of a face. Worth, by "
        f"convention of this package and no finding: {worth}."
    )
    return [Figure(picture, caption=caption)]


def _behaviours(facts: _Facts) -> Section:
    title = "Behaviours"
    counted = [(track, together.behaviour(second)) for track, seconds in facts.curves.items() for second in seconds]
    counts = collections.Counter(found for _, found in counted)
    faces = len({track for track, found in counted if found in together.VALUES})
    shares = together.shares_of(counts)
    outside = (
        f"Not in the shares: {words.duration(counts[together.NOT_VISIBLE])} in which a face was not visible, "
        f"{words.duration(counts[together.NOT_MEASURED])} in which its pose was not measured (that needs the 68 points of "
        "the landmark model)."
    )
    if shares is None:
        return Section(title, [Text("There is no second whose behaviour was measured."), Text(outside, "note")])
    if facts.view.classroom and faces < together.LEAST:
        return Section(title, [Text(words.too_few(faces, "The shares of the behaviours")), Text(outside, "note")])
    total = sum(counts[name] for name in together.VALUES)
    table = Table(
        ("behaviour", "seconds of faces", "share"),
        [[together.WORDS[name], f"{counts[name]:,}", f"{share:.1%}"] for name, share in shares.items()],
    )
    return Section(
        title,
        [
            Row(
                [
                    Figure(drawings.radar(shares, together.WORDS, "shares of the behaviours"), table),
                    Figure(drawings.bars(shares, together.WORDS, "shares of the behaviours")),
                ]
            ),
            Text(
                f"What the faces did, in {total:,} visible seconds of {words.plural(faces, 'face')} in the whole recording; "
                "of several at once the first counts, in the order of the bars. The shares are of seconds and not of "
                "persons.",
                "note",
            ),
            Text(outside, "note"),
        ],
    )


def _events(facts: _Facts) -> Section:
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
        told = ", ".join(f"{_KIND_WORDS[kind]}: {others[kind]:,}" for kind in NOT_COUNTED if others[kind])
        blocks.append(Text(f"Found and not counted: {told}. They are in events.csv with their kind.", "note"))
    return Section("Events", blocks)


def _quality(facts: _Facts) -> Section:
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


def _recording(facts: _Facts) -> Section:
    source, result = facts.result.source, facts.result
    shutter = {
        "container": "the file's own",
        "assumed": "frame number over frame rate",
        "clock": "this machine's clock",
    }
    rows: list[tuple[str, str | None]] = [
        ("name", source.name),
        ("kind", source.kind + (f", {source.codec}" if source.codec else "")),
        ("size", f"{source.width}x{source.height} px" + (f", turned by {source.rotation}°" if source.rotation else "")),
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
