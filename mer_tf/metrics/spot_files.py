"""Files of intervals: what ``mer watch`` finds, what people annotated, and how the one is laid beside the other.

A CSV with one row per interval; commas, semicolons or tabs. Columns, of which further ones are ignored:

* ``kind``: ``micro`` or ``macro``; rows of other kinds (``blink``, ...) do not count. ``none`` names a video in which
  nothing happens;
* ``onset_frame``, ``apex_frame``, ``offset_frame``: whole numbers, both ends included (also ``onset``, ``apex``,
  ``offset``);
* ``onset_s``, ``apex_s``, ``offset_s``: seconds, the end not included;
* ``label``: class (also ``class``, ``emotion``);
* ``subject``, ``video``: whose recording it is; one video of one person needs neither. Where there is no ``subject``,
  ``track`` stands for it;
* ``fps``, ``video_seconds`` (in the truth): of the video, for errors in milliseconds and false alarms per minute.

Frames count where both files have them, else seconds; an apex may be missing.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mer_tf import atomic
from mer_tf.errors import ConfigError
from mer_tf.files import csv_plain, csv_safe, read_rows
from mer_tf.metrics.spotting import (
    FRAMES,
    KINDS,
    PUBLIC_FAULTS,
    SECONDS,
    THRESHOLD,
    Interval,
    public_scores,
    spotting_scores,
)

NONE = "none"
_EVENTS, _TRACKS, _BOXES = "events.csv", "tracks.csv", "boxes.csv"
WRITTEN = (
    "subject", "video", "kind", "onset_frame", "apex_frame", "offset_frame", "onset_s", "apex_s", "offset_s", "label",
    "fps", "video_seconds",
)  # fmt: skip
_NAMES = {
    "subject": ("subject",),
    "track": ("track",),
    "video": ("video", "video_id"),
    "kind": ("kind", "type"),
    "label": ("label", "class", "emotion"),
    "fps": ("fps",),
    "video_seconds": ("video_seconds",),
    **{f"{end}_frame": (f"{end}_frame", end) for end in ("onset", "apex", "offset")},
    **{f"{end}_s": (f"{end}_s",) for end in ("onset", "apex", "offset")},
}
_ENDS = ("onset", "apex", "offset")
_SPELLINGS = {"micro-expression": "micro", "macro-expression": "macro", "micro expression": "micro",
              "macro expression": "macro", "": NONE}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a file, as it stands.

    Attributes:
        line: Where it ends, from 1.
        subject: ``""`` where there is no such column.
        video: As ``subject``.
        kind: In lower case; ``"none"`` for a video without events.
        frames: Onset, apex, offset; None where one is missing, and as a whole where there are no such columns.
        seconds: As ``frames``.
        label: Class, ``""`` without one.
        fps: Of the video, None where not said.
        video_seconds: As ``fps``.
    """

    line: int
    subject: str
    video: str
    kind: str
    frames: tuple[float | None, ...] | None
    seconds: tuple[float | None, ...] | None
    label: str = ""
    fps: float | None = None
    video_seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class IntervalFile:
    """What a file holds.

    Attributes:
        path: Its path.
        rows: In their order.
        columns: Of the names above, those that it has.
    """

    path: str
    rows: tuple[Row, ...]
    columns: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two files side by side, ready to be scored.

    Attributes:
        found: Found intervals.
        truth: True ones.
        unit: ``"frames"`` or ``"seconds"``.
        videos: Subject and video of every video that one of the files names.
        minutes: Length of all videos together; None unless every one is known.
        fps: Frames a second by subject and video.
        remarks: Full sentences.
    """

    found: tuple[Interval, ...]
    truth: tuple[Interval, ...]
    unit: str
    videos: tuple[tuple[str, str], ...]
    minutes: float | None
    fps: Mapping[tuple[str, str], float]
    remarks: tuple[str, ...]


def read_intervals(path: str | os.PathLike, what: str = "intervals") -> IntervalFile:
    """Reads a file of intervals.

    Args:
        path: CSV with the columns above.
        what: What it is, for messages.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: It has no columns of intervals, or a row is wrong; the message names file and line.
    """
    name = os.fspath(path)
    rows = read_rows(path, what, "give a CSV with a row per interval, such as the events.csv of 'mer watch'")
    line, header = next(rows, (1, []))
    titles = [cell.strip().lower() for cell in header]
    places = {}
    for column, spellings in _NAMES.items():
        found = next((spelling for spelling in spellings if spelling in titles), None)
        if found is not None:
            places[column] = titles.index(found)
    units = [
        unit
        for unit, mark in ((FRAMES, "frame"), (SECONDS, "s"))
        if {f"onset_{mark}", f"offset_{mark}"} <= places.keys()
    ]
    if not units:
        raise ConfigError(
            f"{name} line {line}: {what} needs the columns onset_frame and offset_frame, or onset_s and offset_s. "
            f"Received: {','.join(header)[:200]!r}"
        )
    read = []
    for number, cells in rows:
        if len(cells) != len(header):
            raise ConfigError(f"{name} line {number}: expected {len(header)} values. Received: {len(cells)}")
        values = {column: csv_plain(cells[place]).strip() for column, place in places.items()}
        read.append(_row(values, number, f"{name} line {number}", units, "kind" in places))
    return IntervalFile(name, tuple(read), frozenset(places))


def _row(values: Mapping[str, str], line: int, where: str, units: Sequence[str], has_kind: bool) -> Row:
    kind = values.get("kind", "micro").lower()
    kind = _SPELLINGS.get(kind, "micro" if kind.startswith("micro") else kind)  # SAMM writes "Micro - 1/2"
    ends: dict[str, tuple[float | None, ...] | None] = {}
    for unit, mark in ((FRAMES, "frame"), (SECONDS, "s")):
        if unit not in units:
            ends[unit] = None
            continue
        cells = [values.get(f"{end}_{mark}", "") for end in _ENDS]
        onset, apex, offset = (_number(cell, where, f"{end}_{mark}", unit) for cell, end in zip(cells, _ENDS))
        ends[unit] = (onset, apex, offset)
        if kind not in KINDS:
            continue
        last = apex if offset is None else offset
        if onset is None or last is None:
            raise ConfigError(f"{where}: a {kind} interval has no {'onset' if onset is None else 'offset'}_{mark}")
        if onset > last:
            raise ConfigError(f"{where}: the interval ends before it begins ({cells[0]} to {cells[2]})")
    return Row(
        line=line,
        subject=values.get("subject", values.get("track", "")),
        video=values.get("video", ""),
        kind=kind,
        frames=ends[FRAMES],
        seconds=ends[SECONDS],
        label=values.get("label", ""),
        fps=_number(values.get("fps", ""), where, "fps", SECONDS),
        video_seconds=_number(values.get("video_seconds", ""), where, "video_seconds", SECONDS),
    )


def _number(cell: str, where: str, column: str, unit: str) -> float | None:
    if not cell or cell in ("-", "/"):
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (unit == FRAMES and value != int(value)):
        wanted = "a whole number" if unit == FRAMES else "a number"
        raise ConfigError(f"{where}: {column} must be {wanted}. Received: {cell!r}")
    return int(value) if unit == FRAMES else value


def people_of_tracks(tracks: str | os.PathLike, boxes: str | os.PathLike) -> dict[str, str]:
    """Which person each track is: the one whose true box holds the middle of the track's box in most seconds.

    Args:
        tracks: The ``tracks.csv`` of 'mer watch': columns track, second, left, top, right, bottom.
        boxes: The ``boxes.csv`` of a drawn scene: columns person, second, left, top, right, bottom.

    Returns:
        Track to person; tracks that are in nobody's box are left out.

    Raises:
        MissingFileError, ConfigError: A file is missing or has other columns.
    """
    true = collections.defaultdict(list)
    for person, second, *box in _boxes(boxes, "person"):
        true[round(second)].append((person, box))
    votes: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for track, second, left, top, right, bottom in _boxes(tracks, "track"):
        x, y = (left + right) / 2, (top + bottom) / 2
        for person, (x0, y0, x1, y1) in true[max(1, round(second))]:
            votes[track][person] += x0 <= x <= x1 and y0 <= y <= y1
    best = {track: counts.most_common(1)[0] for track, counts in votes.items() if counts}
    return {track: person for track, (person, seconds) in best.items() if seconds}


def _boxes(path: str | os.PathLike, who: str) -> Iterator[tuple]:
    rows = read_rows(path, "boxes", "give what 'mer watch' or 'mer data synth-scene' wrote")
    _, header = next(rows, (1, []))
    wanted = (who, "second", "left", "top", "right", "bottom")
    missing = [name for name in wanted if name not in header]
    if missing:
        raise ConfigError(f"{os.fspath(path)} has no column {missing[0]!r}")
    places = [header.index(name) for name in wanted]
    for number, cells in rows:
        values = [cells[place] if place < len(cells) else "" for place in places]
        if values[2]:  # out of the picture otherwise
            where = f"{os.fspath(path)} line {number}"
            numbers = [_number(cell, where, name, SECONDS) or 0.0 for cell, name in zip(values[1:], wanted[1:])]
            yield (csv_plain(values[0]), *numbers)


def pair_files(
    found: IntervalFile, truth: IntervalFile, *, unit: str | None = None, tracks: Mapping[str, str] | None = None
) -> Pair:
    """Lays what was found beside the truth.

    Args:
        found: Of ``read_intervals``.
        truth: As ``found``.
        unit: ``"frames"`` or ``"seconds"``; None for frames where both files have them, else seconds.
        tracks: Name of a track in ``found`` to the subject of the truth that it is.

    Raises:
        ConfigError: The files do not tell which video or person of the one is which of the other, or have no unit in
            common.
    """
    remarks: list[str] = []
    both = found.columns & truth.columns
    known = [name for name, mark in ((FRAMES, "frame"), (SECONDS, "s")) if {f"onset_{mark}", f"offset_{mark}"} <= both]
    if unit not in (None, *known) or not known:
        raise ConfigError(
            f"{found.path} and {truth.path} have no {unit or 'unit'} in common; both need onset_frame and "
            "offset_frame, or onset_s and offset_s"
        )
    unit = unit or known[0]
    if ("kind" in found.columns) != ("kind" in truth.columns):
        lacking = truth if "kind" in found.columns else found
        raise ConfigError(f"{lacking.path} has no column kind, which the other file has; write micro or macro in it")
    if "kind" not in found.columns:
        remarks.append("neither file has a column kind: every interval counts as a micro-expression")
    found_rows = _renamed(found, truth, tracks or {}, remarks)
    videos: dict[tuple[str, str], None] = {}
    seconds: dict[tuple[str, str], float] = {}
    rates: dict[tuple[str, str], float] = {}
    intervals: dict[str, list[Interval]] = {"found": [], "truth": []}
    left: dict[str, collections.Counter] = {"found": collections.Counter(), "truth": collections.Counter()}
    no_offset = 0
    for side, rows in (("truth", truth.rows), ("found", found_rows)):
        for row in rows:
            place = (row.subject, row.video)
            videos.setdefault(place)
            if row.video_seconds is not None and side == "truth":
                seconds[place] = row.video_seconds
            if row.fps and side == "truth":
                rates.setdefault(place, row.fps)
            if row.kind not in KINDS:
                left[side][row.kind] += row.kind != NONE
                continue
            onset, apex, offset = (row.frames if unit == FRAMES else row.seconds) or (None, None, None)
            end = apex if offset is None else offset
            no_offset += offset is None
            if onset is not None and end is not None:  # as reading has made sure
                intervals[side].append(Interval(*place, row.kind, onset, end, row.label, apex))
    if no_offset:
        remarks.append(f"{no_offset} intervals without an offset end at their apex")
    for side, kinds in left.items():
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()) if count)
        if told:
            remarks.append(f"not counted in the {'predictions' if side == 'found' else 'truth'}: {told}")
    true_places = {(row.subject, row.video) for row in truth.rows}
    strange = [place for place in videos if place not in true_places]
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        remarks.append(
            f"the truth does not name {_place(strange[0])}{more}: what was found there counts as false alarms"
        )
    whole = sum(seconds.values()) / 60 if true_places and set(videos) <= seconds.keys() else None
    return Pair(
        found=tuple(intervals["found"]), truth=tuple(intervals["truth"]), unit=unit, videos=tuple(videos),
        minutes=whole, fps=rates, remarks=tuple(remarks),
    )  # fmt: skip


def score_files(
    found: str | os.PathLike,
    truth: str | os.PathLike,
    *,
    threshold: float = THRESHOLD,
    unit: str | None = None,
    tracks: Mapping[str, str] | None = None,
    megc: bool = False,
) -> dict:
    """Scores of a file of found intervals beside one of true intervals.

    Args:
        found: CSV of what was found, or a folder with ``events.csv``, such as 'mer watch' writes.
        truth: CSV of what is true, which names every video; or a folder, such as 'mer data synth-scene' writes.
        threshold: Least IoU of a hit, above 0 and up to 1.
        unit: ``"frames"`` or ``"seconds"``; None for frames where both files have them.
        tracks: Name of a track in ``found`` to the subject of ``truth`` that it is. Where None, and ``found`` and
            ``truth`` are folders with ``tracks.csv`` and ``boxes.csv``, they are told by their boxes.
        megc: Whether to add what the public script of the challenges prints.

    Returns:
        As ``spotting_scores``; also ``minutes``, ``remarks``, and under ``megc`` the ``scores`` of that script and its
        ``faults``, with how many ``cases`` each touches and ``what`` it does.

    Raises:
        MissingFileError, ConfigError: A file is missing or wrong, or the two do not go together.

    Example:
        scores = score_files("watched/events.csv", "truth.csv")
        scores["micro"]["f1"], scores["all"]["strs"]
    """
    beside = [os.path.join(folder, name) for folder, name in ((found, _TRACKS), (truth, _BOXES))]
    if tracks is None and all(map(os.path.exists, beside)):
        tracks = people_of_tracks(*beside)
    files = [os.path.join(path, _EVENTS) if os.path.isdir(path) else path for path in (found, truth)]
    pair = pair_files(
        read_intervals(files[0], "predictions"), read_intervals(files[1], "truth"), unit=unit, tracks=tracks
    )
    result = spotting_scores(
        pair.found,
        pair.truth,
        videos=pair.videos,
        minutes=pair.minutes,
        threshold=threshold,
        unit=pair.unit,
        fps=lambda one: pair.fps.get(one.place),
    )
    result |= {"minutes": pair.minutes, "remarks": list(pair.remarks)}
    if megc:
        if pair.unit != FRAMES:
            raise ConfigError("the public script counts frames; both files need onset_frame and offset_frame")
        public = public_scores(pair.found, pair.truth, threshold=threshold)
        faults = {name: {"cases": count, "what": PUBLIC_FAULTS[name]} for name, count in public["faults"].items()}
        result["megc"] = {"scores": public["scores"], "faults": faults}
    return result


def _place(place: tuple[str, str]) -> str:
    subject, video = place
    return " of ".join(text for text in (f"video {video!r}" if video else "", f"subject {subject!r}" if subject else "")
                       if text) or "its video"  # fmt: skip


def _renamed(found: IntervalFile, truth: IntervalFile, tracks: Mapping[str, str], remarks: list[str]) -> list[Row]:
    """The found rows with the subjects and videos of the truth."""
    rows = list(found.rows)
    true = {field: list(dict.fromkeys(getattr(row, field) for row in truth.rows)) for field in ("subject", "video")}
    if tracks:
        unknown = [name for name in tracks.values() if name not in true["subject"]]
        if unknown:
            raise ConfigError(
                f"--tracks: {truth.path} has no subject {unknown[0]!r}; it has {', '.join(true['subject'][:12])}"
            )
        rows = [dataclasses.replace(row, subject=tracks.get(row.subject, row.subject)) for row in rows]
    for field, columns in (("subject", {"subject", "track"}), ("video", {"video"})):
        has = bool(found.columns & columns)
        names = {getattr(row, field) for row in rows}
        if len(true[field]) <= 1 and (not has or (field == "subject" and "subject" not in found.columns)):
            # One person, one video: everything that was found is theirs, however often it was lost and found again.
            only = true[field][0] if true[field] else ""
            rows = [_moved(row, field, only) for row in rows]
        elif not truth.columns & columns:
            if len(names) > 1:
                raise ConfigError(f"{truth.path} has no column {field}, and {found.path} has several; add the column")
            rows = [_moved(row, field, "") for row in rows]
        elif rows and not has:
            raise ConfigError(
                f"{found.path} has no column {field}, and {truth.path} has {len(true[field])}; add the column"
            )
        elif field == "subject" and "subject" not in found.columns and not tracks and not names & set(true[field]):
            raise ConfigError(
                f"{found.path} names tracks ({', '.join(sorted(names)[:4])}) and {truth.path} people "
                f"({', '.join(true[field][:4])}); say who is who with --tracks TRACK=SUBJECT,..."
            )
    return rows


def _moved(row: Row, field: str, name: str) -> Row:
    return dataclasses.replace(row, subject=name) if field == "subject" else dataclasses.replace(row, video=name)


def write_intervals(path: str | os.PathLike, rows: Iterable[Mapping[str, object]]) -> None:
    """Writes a file that ``read_intervals`` reads, whole or not at all.

    Args:
        path: File to write.
        rows: By the names of ``WRITTEN``; what is missing or None is left empty.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(WRITTEN)
    for row in rows:
        cells = ["" if row.get(name) is None else row[name] for name in WRITTEN]
        writer.writerow([csv_safe(cell) if isinstance(cell, str) else _text(cell) for cell in cells])
    atomic.write_text(path, out.getvalue())


def _text(value: object) -> str:
    return f"{round(value, 6):.12g}" if isinstance(value, float) else str(value)
