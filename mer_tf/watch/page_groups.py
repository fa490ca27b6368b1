"""The parts of the report about several faces, and what it is drawn from."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from mer_tf.document import Figure, Row, Section, Table, Text
from mer_tf.report.svg import BLUE, GREEN, INK, ORANGE, PURPLE
from mer_tf.watch import drawings, together, words
from mer_tf.watch.drawings import Line, Times
from mer_tf.watch.types import CurveSecond, Event, Result, TrackAnswer, TrackSecond
from mer_tf.watch.words import View


class Facts:
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


def together_section(facts: Facts) -> Section:
    """Curves of all faces, where enough of them have a value, and what is lacking where not."""
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
    lacking: list[tuple[int, str]] = []
    for count_of, unit, lines, top in charts:
        spreads = {name: [(t.second, getattr(t, name)) for t in ticks] for name, _ in lines}
        most_faces = max((spread.n for of in spreads.values() for _, spread in of), default=0)
        if all(spread.value is None for of in spreads.values() for _, spread in of):
            lacking.append((most_faces, unit.partition(";")[0]))
            continue
        picture = drawings.curves(
            [
                Line(
                    name.replace("_rate", "-expressions").replace("_", " ")
                    if len(lines) > 1
                    else f"{unit.partition(';')[0]}, mean of the faces",
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
    if lacking:
        named = ", ".join(f"{unit} ({most})" for most, unit in lacking)
        also = ""
        if any(unit.startswith("events") for _, unit in lacking):
            least = together.VISIBLE * together.WINDOW
            also = f" Events a minute also need {least:.0f} good enough seconds of a face within a minute."
        blocks.append(
            Text(
                f"No curve of: {named}. A value about all faces needs at least {together.LEAST} faces that have one "
                f"at the same time; in brackets stands how many there were at most.{also}"
            )
        )
    blocks += _value_blocks(facts)
    return Section(title, blocks)


def _value_blocks(facts: Facts) -> list[object]:
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
        f"Group value over the last {together.WINDOW:.0f} seconds: 100 times the mean worth of a second of a face. "
        f"Worth, by convention of this package and no finding: {worth}."
    )
    return [Figure(picture, caption=caption)]


def behaviours_section(facts: Facts) -> Section:
    """Shares of the behaviours in the whole recording."""
    title = "Behaviours"
    counted = [(track, together.behaviour(second)) for track, seconds in facts.curves.items() for second in seconds]
    counts = collections.Counter(found for _, found in counted)
    faces = len({track for track, found in counted if found in together.VALUES})
    shares = together.shares_of(counts)
    outside = (
        f"Not in the shares: {words.duration(counts[together.NOT_VISIBLE])} in which a face was not visible, "
        f"{words.duration(counts[together.NOT_MEASURED])} in which its pose was not measured (that needs the 68 "
        "points of the landmark model)."
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
                f"What the faces did, in {total:,} visible seconds of {words.plural(faces, 'face')} in the whole "
                "recording; of several at once the first counts, in the order of the bars. The shares are of "
                "seconds and not of persons.",
                "note",
            ),
            Text(outside, "note"),
        ],
    )
