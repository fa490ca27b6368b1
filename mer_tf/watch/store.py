"""Files of a watched recording: written while it goes on, read back by reports, and gone on with after a stop.

``tracks.csv`` has a row per track and second, ``curves.csv`` too, ``events.csv`` a row per event, and ``summary.json``
the facts of the source, the answers, the settings and how far it came. Columns are the fields of
``mer_tf.watch.types``; an empty cell is a value that does not exist. Rows are added as they become known; the summary
is written anew now and then, and notes how long the tables were at that moment, so that what a killed run left is whole
up to there.
"""

from __future__ import annotations

import collections
import contextlib
import csv
import dataclasses
import io
import json
import math
import os
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from mer_tf import atomic
from mer_tf.errors import BadInputError, MissingFileError
from mer_tf.files import check_regular, read_json
from mer_tf.watch.types import (
    FOUND,
    NONE_FOUND,
    NOT_ANALYSED,
    REASONS,
    REFUSED,
    CurveSecond,
    Event,
    Result,
    Source,
    TrackAnswer,
    TrackSecond,
)

SUMMARY, TRACKS, CURVES, EVENTS = "summary.json", "tracks.csv", "curves.csv", "events.csv"
TABLES: dict[str, type] = {TRACKS: TrackSecond, CURVES: CurveSecond, EVENTS: Event}
FORMAT = 1
LEAST_OBSERVED_S = 1.0  # of good enough seconds, for "none found" to be an answer
_JOIN = "+"
_DIGITS = 5


class Answers:
    """Adds up what the seconds and events of each track say, in the order in which they come."""

    def __init__(self):
        self._tracks: dict[str, _Sum] = {}

    def second(self, row: TrackSecond) -> None:
        self._of(row.track).take(row)

    def event(self, event: Event) -> None:
        self._of(event.track).events[event.kind] += 1

    def _of(self, track: str) -> _Sum:
        return self._tracks.setdefault(track, _Sum())

    def __iter__(self) -> Iterator[TrackAnswer]:
        for name in sorted(self._tracks):
            if self._tracks[name].tiers:
                yield self._tracks[name].answer(name)


class _Sum:
    def __init__(self):
        self.first = self.last = self.seen = self.unlooked = 0.0
        self.tiers: collections.Counter = collections.Counter()
        self.reasons: collections.Counter = collections.Counter()
        self.below: dict[str, collections.Counter] = {"AB": collections.Counter(), "ABC": collections.Counter()}
        self.events: collections.Counter = collections.Counter()
        self._eyes: collections.Counter = collections.Counter()  # rounded, so that memory does not grow
        self._least: collections.Counter = collections.Counter()

    def take(self, row: TrackSecond) -> None:
        length = row.second - (math.ceil(row.second - 1e-9) - 1)
        if not self.tiers:
            self.first = row.second - length
        self.last = row.second
        self.seen += row.seen * length
        self.tiers[row.tier] += length
        for reason in row.reasons:
            self.reasons[reason] += length
            for good, counts in self.below.items():
                if row.tier not in good:
                    counts[reason] += length
        if "crowd" in row.reasons:
            self.unlooked += length
        self._eyes[round(row.eye_distance, 1)] += 1
        if row.detectable is not None:
            self._least[round(row.detectable, 4)] += 1

    def answer(self, name: str) -> TrackAnswer:
        micro_s = self.tiers["A"] + self.tiers["B"]
        macro_s = micro_s + self.tiers["C"]
        micro = self._answer("AB", micro_s, self.events["micro"])
        macro = self._answer("ABC", macro_s, self.events["macro"])
        return TrackAnswer(
            track=name,
            number=int(name.lstrip("t")),
            first_s=self.first,
            last_s=self.last,
            observed_s=micro_s,
            macro_observed_s=macro_s,
            seen_s=self.seen,
            tier_seconds=dict(sorted(self.tiers.items())),
            reason_seconds=dict(self.reasons.most_common()),
            micro=micro[0],
            micro_why=micro[1],
            macro=macro[0],
            macro_why=macro[1],
            micro_events=self.events["micro"],
            macro_events=self.events["macro"],
            not_counted={kind: n for kind, n in sorted(self.events.items()) if kind not in ("micro", "macro")},
            eye_distance=_middle(self._eyes) or 0.0,
            detectable=_middle(self._least),
        )

    def _answer(self, good: str, observed: float, events: int) -> tuple[str, str]:
        if events:
            return FOUND, ""
        if observed >= LEAST_OBSERVED_S:
            return NONE_FOUND, ""
        whole = sum(self.tiers.values())
        if self.unlooked > whole / 2:
            return NOT_ANALYSED, REASONS["crowd"]
        told = [reason for reason, seconds in self.below[good].most_common(3) if seconds >= 0.25 * whole]
        return REFUSED, "; ".join(REASONS[reason] for reason in told) or REASONS["settling"]


def _middle(counts: collections.Counter) -> float | None:
    half, passed = sum(counts.values()) / 2, 0
    for value in sorted(counts):
        passed += counts[value]
        if passed >= half:
            return value
    return None


# ------------------------------------------------------------------------------------------------------ writing


class Writer:
    """Writes the files of one recording; a context manager that closes them.

    Args:
        folder: Is there and held by the caller.
        lengths: Of the tables, in bytes, where a stopped run is gone on with; None to begin.
    """

    def __init__(self, folder: str | os.PathLike, lengths: Mapping[str, int] | None = None):
        self.folder = os.fspath(folder)
        self._files: dict[str, io.BufferedWriter] = {}
        for name, kind in TABLES.items():
            path = os.path.join(self.folder, name)
            if lengths is not None:
                os.truncate(path, lengths[name])
            self._files[name] = file = open(path, "wb" if lengths is None else "ab")  # noqa: SIM115 closed by __exit__
            if lengths is None:
                file.write(_line([field.name for field in dataclasses.fields(kind)]))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *exception) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):  # a full disk was told when the rows were written
                file.close()

    def row(self, row: TrackSecond | CurveSecond | Event) -> None:
        """Adds one row to the table of its kind."""
        name = next(name for name, kind in TABLES.items() if isinstance(row, kind))
        self._files[name].write(_line([_cell(getattr(row, field.name)) for field in dataclasses.fields(row)]))

    def flush(self) -> dict[str, int]:
        """Brings the rows to the files; returns the length of each in bytes."""
        for file in self._files.values():
            file.flush()
        return {name: file.tell() for name, file in self._files.items()}

    def summary(self, result: Result, state: Mapping[str, object] | None) -> None:
        """Writes ``summary.json``; ``state`` is what a stopped run goes on from, None where there is nothing to do."""
        facts: dict[str, Any] = {
            "format": FORMAT,
            "complete": result.complete,
            "stopped": result.stopped,
            "source": dataclasses.asdict(result.source),
            "faces": [dataclasses.asdict(track) for track in result.tracks],
            "events": dict(collections.Counter(event.kind for event in result.events)),
            "remarks": list(result.remarks),
            "settings": dict(result.settings),
            "model": dict(result.model),
            "cost": dict(result.cost),
        }
        if state is not None:
            facts["state"] = {**state, "lengths": self.flush()}
        atomic.write_text(os.path.join(self.folder, SUMMARY), json.dumps(facts, indent=1, allow_nan=False) + "\n")


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{round(value, _DIGITS):.10g}"
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return _JOIN.join(f"{name}={round(number, _DIGITS):g}" for name, number in value)
        if value and any(" " in str(part) for part in value):
            return " ".join(map(str, value))
        return _JOIN.join(map(str, value))
    return str(value)


# ------------------------------------------------------------------------------------------------------ reading


def rows(folder: str | os.PathLike, table: str) -> Iterator[Any]:
    """The rows of a table one after another, as objects of its type; a last line that is cut off is left out.

    Args:
        folder: That ``mer watch`` wrote to.
        table: ``"tracks.csv"``, ``"curves.csv"`` or ``"events.csv"``.

    Raises:
        MissingFileError: There is no such table.
        BadInputError: It is not one of this version's.
    """
    path = os.path.join(folder, table)
    check_regular(path, "table", "watch the recording again")
    kind = TABLES[table]
    types = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        missing = [name for name in names if name not in header]
        if missing:
            raise BadInputError(f"{path} has no column {missing[0]!r}; watch the recording again with this version")
        places = [header.index(name) for name in names]
        for cells in reader:
            if len(cells) != len(header):
                continue
            try:
                values = {name: _value(cells[place], types[name]) for name, place in zip(names, places)}
            except ValueError as error:
                raise BadInputError(f"{path}, line {reader.line_num}: {error}") from error
            yield kind(**values)


def _value(cell: str, kind) -> object:
    if kind is str:
        return cell
    if kind == tuple[tuple[str, float], ...]:
        parts = [part.rpartition("=") for part in cell.split(_JOIN) if part]
        return tuple((name, float(number)) for name, _, number in parts)
    if kind == tuple[str, ...]:
        if " " in cell:
            return (cell,)
        return tuple(cell.split(_JOIN)) if cell else ()
    if not cell:
        return None
    if kind is int:
        return int(cell)
    if kind == bool | None:
        return cell == "yes"
    return float(cell)


def read(folder: str | os.PathLike) -> Result:
    """The result in a folder, whole or of a run that was stopped; its seconds are read with ``rows``.

    Raises:
        MissingFileError, BadInputError: There is none, or it is of another version.
    """
    facts = read_summary(folder)
    fields = {field.name for field in dataclasses.fields(Source)}
    answers = Answers()
    found = list(rows(folder, EVENTS))
    for row in rows(folder, TRACKS):
        answers.second(row)
    for event in found:
        answers.event(event)
    return Result(
        source=Source(**{name: value for name, value in facts["source"].items() if name in fields}),
        tracks=tuple(answers),
        events=tuple(sorted(found, key=lambda event: event.onset_s)),
        complete=facts["complete"],
        stopped=facts["stopped"],
        remarks=tuple(facts["remarks"]),
        settings=facts["settings"],
        model=facts["model"],
        cost=facts["cost"],
    )


def curves(folder: str | os.PathLike) -> Iterator[CurveSecond]:
    """The rows of ``curves.csv`` with ``macro_open`` filled in from the events."""
    macros = collections.defaultdict(list)
    for event in rows(folder, EVENTS):
        if event.kind in ("macro", "macro_long"):
            macros[event.track].append((event.onset_s, event.offset_s))
    for row in rows(folder, CURVES):
        start = math.ceil(row.second - 1e-9) - 1
        shown = any(onset < row.second and offset >= start for onset, offset in macros[row.track])
        yield dataclasses.replace(row, macro_open=shown)


def read_summary(folder: str | os.PathLike) -> dict[str, Any]:
    """``summary.json`` as it stands.

    Raises:
        MissingFileError, BadInputError: There is none, or it is of another version.
    """
    path = os.path.join(folder, SUMMARY)
    if not os.path.isdir(folder):
        raise MissingFileError(f"there is no folder {os.fspath(folder)!r}; make one with 'mer watch SOURCE --out DIR'")
    facts = read_json(path, "summary", "make one with 'mer watch SOURCE --out DIR'")
    wanted = ("format", "complete", "stopped", "source", "remarks", "settings", "model", "cost")
    if not isinstance(facts, dict) or facts.get("format") != FORMAT or any(name not in facts for name in wanted):
        raise BadInputError(f"{path} was not written by this version of 'mer watch'; watch the recording again")
    return facts
