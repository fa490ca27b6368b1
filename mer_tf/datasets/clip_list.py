"""Clips of a user: a CSV file with one row per clip (``--dataset csv --data clips.csv``).

Columns, in any order and any case; others are ignored:

* ``subject``: the person; folds are cut between people;
* ``path``: folder of the clip's numbered frames, absolute or from the folder of the CSV file;
* ``emotion`` or ``label``: what the clip shows. Emotions go through the label mapping (``--mapping``); labels are the
  classes themselves, by name or number;
* ``dataset`` (optional): the set; one person stands in one set only. A published set keeps its rules;
* ``clip`` (optional): name of the clip, unique for the subject; else the name of the folder;
* ``onset``, ``apex``, ``offset`` (optional): frame numbers, as in the file names; an empty onset or offset is the first
  or last frame, and the recipe finds an apex that is not given;
* ``fps`` (optional): frames per second, which some recipes need;
* ``aus`` (optional): action units, kept as text.

Text is UTF-8 with or without a mark at its beginning, or UTF-16; cells are separated by commas, semicolons or tabs.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re

from mer_tf.datasets.card import DatasetCard
from mer_tf.datasets.mappings import LabelMapping, get_mapping
from mer_tf.datasets.own_mapping import own_name
from mer_tf.datasets.people import People
from mer_tf.datasets.registry import CARDS, dataset_name
from mer_tf.datasets.sheets import frame_number
from mer_tf.datasets.spelling import clean
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import AnnotationError, ClipError, EmptySplitError, FrameOrderError, ImageError
from mer_tf.files import read_rows
from mer_tf.frames import scan_frames
from mer_tf.types import ClipTable, Problem

NAME = "csv"
REQUIRED = ("subject", "path")
OPTIONAL = ("emotion", "label", "dataset", "clip", "onset", "apex", "offset", "fps", "aus")
HINT = "a CSV file with the columns subject, path, emotion or label, and more: see docs/own.md"
_EMOTIONS = "column emotion of the list"
_LABELS = "column label of the list"  # source of a mapping
_FRAMES = ("onset", "apex", "offset")
_FILM = re.compile(r".+\.(avi|mp4|mov|mkv|wmv|webm|mpe?g)", re.IGNORECASE)
_MARKS = set("/\\\0")


@dataclasses.dataclass(frozen=True)
class _Line:
    number: int
    cells: dict[str, str]

    @property
    def emotion(self) -> str:
        return " ".join(self.cells.get("emotion", "").split()).casefold()


def card_of(name: str, emotions: tuple[str, ...] = (), apex: bool = True) -> DatasetCard:
    """A card for clips of a list: that of the published set of that name, else one that knows only the emotions."""
    known = CARDS.get(name)
    if known is not None:
        return dataclasses.replace(known, classes=emotions, more_emotions=(), counts=None)
    return DatasetCard(
        name=name,
        title=name,
        kind="micro",
        classes=emotions,
        fps=0.0,
        subject_id=lambda text: text.strip() or None,
        peak="annotated" if apex else "none",
        counts=None,
        hint=HINT,
    )


CSV = card_of(NAME)


def read_csv(path: str | os.PathLike, *, mapping: str | LabelMapping | None = None, strict: bool = False) -> ClipTable:
    """Reads a list of clips.

    Args:
        path: CSV file; see the module's text for its columns.
        mapping: Label mapping, its name or its file. None or ``"native"`` takes the labels of the column ``label``, or
            the emotions where there is none, as the classes: numbers in their order, else names in alphabetical order.
        strict: Raise the first fault of a clip instead of leaving the clip out.

    Returns:
        The clips, sorted by set, subject and name; the table's own name is ``"csv"``.

    Raises:
        MissingFileError, BadInputError: The file cannot be read.
        AnnotationError: A column is absent.
        ConfigError: The classes cannot be a mapping's, or two subjects may be one person.
        UnknownNameError: No such mapping, or it has no rule for a set of the list.
        EmptySplitError: No usable clip.
        ClipError: Under ``strict``, the first fault of a clip.
    """
    path = os.path.abspath(os.fspath(path))
    columns, lines = _lines(path)
    rule = _rule(mapping, columns, lines, path)
    builders: dict[str, TableBuilder] = {}
    people = People()
    problems: list[Problem] = []
    spoiled = TableBuilder(CSV, dataclasses.replace(rule, others={}), strict=strict)  # rows of no set
    for line in lines:
        name = _set_of(line)
        with (builders.get(name) or spoiled).faults():
            if name is None:
                cell = line.cells["dataset"]
                raise ClipError(f"row {line.number} names dataset {cell!r}; expected Latin letters or digits", NAME)
            if name not in builders:
                emotions = tuple(sorted({other.emotion for other in lines if _set_of(other) == name} - {""}))
                apex = any(other.cells.get("apex") for other in lines)
                builders[name] = TableBuilder(card_of(name, emotions, apex), rule, strict=strict)
                builders[name].annotation, builders[name].warn_of_dropped = "the list", True
        if name is not None:
            with builders[name].faults():
                _read(builders[name], line, people, os.path.dirname(path), columns)
    tables, empty = [], None
    for build in builders.values():
        try:
            tables.append(build.table(context=f"in {path!r} ({len(lines)} rows)"))
        except EmptySplitError as error:
            empty = error
            problems += build.problems
    if not tables:
        raise empty or EmptySplitError(f"list of clips {path!r} has no usable row")
    if note := people.note():
        problems.append(Problem("warning", "note", "", note))
    problems += spoiled.problems
    ignored = [name for name in columns if name not in (*REQUIRED, *OPTIONAL)]
    if ignored:
        problems.append(Problem("info", "extra", "", f"columns that are not read: {', '.join(ignored)}"))
    problems.append(Problem("info", "source", "", f"list of clips {path!r}, {len(lines)} rows"))
    clips = sorted(
        (clip for table in tables for clip in table.clips), key=lambda clip: (clip.dataset, clip.subject, clip.clip)
    )
    return ClipTable(
        NAME,
        rule.name,
        rule.classes,
        tuple(clips),
        (*(problem for table in tables for problem in table.problems), *problems),
        partial=any(table.partial for table in tables) or any(problem.dropped for problem in problems),
    )


def _lines(path: str) -> tuple[list[str], list[_Line]]:
    rows = read_rows(path, "list of clips", HINT, error=AnnotationError)
    _, header = next(rows, (0, []))
    columns = [clean(name).casefold() for name in header]
    wanted = [name for name in REQUIRED if name not in columns]
    if not {"emotion", "label"} & set(columns):
        wanted.append("emotion or label")
    twice = [name for name in (*REQUIRED, *OPTIONAL) if columns.count(name) > 1]
    if wanted or twice:
        fault = f"lacks the column {', '.join(wanted)}" if wanted else f"has the column {twice[0]} twice"
        found = ", ".join(map(repr, header[:20])) or "none"
        raise AnnotationError(f"list of clips {path!r} {fault}. Columns found: {found}. Expected: {HINT}")
    lines = []
    for number, cells in rows:
        if any(cell.strip() for cell in cells):
            cells = [*(cell.strip() for cell in cells), *[""] * len(columns)]
            lines.append(_Line(number, dict(zip(columns, cells))))
    return columns, lines


def _rule(mapping, columns: list[str], lines: list[_Line], path: str) -> LabelMapping:
    """The mapping asked for, or one whose classes are the labels or emotions of the list."""
    if mapping not in (None, "native"):
        return get_mapping(mapping)
    column = "label" if "label" in columns else "emotion"
    found = {line.cells["label"] if column == "label" else line.emotion for line in lines} - {""}
    numbers = all(re.fullmatch(r"\d{1,9}", value) for value in found)
    classes = tuple(sorted(found, key=int)) if numbers else tuple(sorted(found))
    name = own_name(f"{os.path.basename(path).removesuffix('.csv')}_{column}", classes, {})
    rules = {value: value for value in classes}
    source = _LABELS if column == "label" else _EMOTIONS
    return LabelMapping(name, classes, dict.fromkeys(CARDS, rules), source=source, others=rules)


def _set_of(line: _Line) -> str | None:
    """Name of the set of a row in the form of a card's; None for a cell that gives none."""
    cell = line.cells.get("dataset", "")
    name = dataset_name(cell) if cell else NAME
    return name if name in CARDS else re.sub(r"[^a-z0-9]+", "_", clean(name).casefold()).strip("_") or None


def _read(build: TableBuilder, line: _Line, people: People, folder: str, columns: list[str]) -> None:
    cells, number = line.cells, line.number
    path = os.path.normpath(os.path.join(folder, cells["path"])) if cells["path"] else ""
    name = cells.get("clip", "") or os.path.basename(path)
    build.expected += 1
    if not cells["subject"] or not name or not path or (_MARKS & set(cells["subject"] + name)) or name in (".", ".."):
        raise ClipError(
            f"row {number} of the list gives subject {cells['subject']!r}, clip {name!r} and path {cells['path']!r}; "
            "each is needed, and names without slashes",
            f"{build.dataset}/{cells['subject'] or '?'}/{name or '?'}",
        )
    subject = build.card.subject(cells["subject"]) or cells["subject"] if build.dataset in CARDS else cells["subject"]
    subject = people.add(build.dataset, subject)[1]
    name = build.card.clip_name(name)
    key = build.key(subject, name)
    build.first_of_name(subject, name, f"row {number} of the list")
    values = {}
    for field in _FRAMES:
        try:
            values[field] = frame_number(cells.get(field, ""))
        except ValueError as error:
            said = f"{error} (column {field}, row {number} of the list); correct the cell"
            raise FrameOrderError(said, key) from None
    row = Row(subject, name, line.emotion, **values, aus=cells.get("aus", ""), fps=_fps(cells.get("fps", ""), key))
    label = _label(build, row, line, columns, key)
    if label is None or build.excluded(row):
        return
    order = [value for value in values.values() if value is not None]
    if order != sorted(order):
        raise FrameOrderError(
            f"onset {row.onset} <= apex {row.apex} <= offset {row.offset} does not hold; correct row {number} of the "
            "list",
            key,
        )
    if os.path.isfile(path):
        how = ", for example with ffmpeg -i FILE FOLDER/img%05d.png" if _FILM.fullmatch(path) else ""
        raise ImageError(f"path {path!r} is a file; give a folder of numbered frames{how}", key)
    if not os.path.isdir(path):
        build.no_folder(row, path)
        return
    build.add(row, label, scan_frames(path, None, key), path)


def _label(build: TableBuilder, row: Row, line: _Line, columns: list[str], key: str) -> int | None:
    """Class index: of the emotion under the mapping, or of the label where the list has no emotion for the clip."""
    rule, cell = build.rule, line.cells.get("label", "")
    by_label = rule.source == _LABELS or not row.emotion
    if not by_label:
        return build.label(row)
    if not cell:
        raise ClipError(f"row {line.number} of the list has no {' and no '.join(_asked(columns))}", key)
    names = {name.casefold(): index for index, name in enumerate(rule.classes)}
    if cell.casefold() in names:
        return names[cell.casefold()]
    if cell.isascii() and cell.isdigit() and int(cell) < len(rule.classes):
        return int(cell)
    raise ClipError(
        f"label {cell!r} in row {line.number} of the list is no class of mapping {rule.name!r} "
        f"({', '.join(rule.classes)}, or their numbers from 0)",
        key,
    )


def _asked(columns: list[str]) -> list[str]:
    return [name for name in ("label", "emotion") if name in columns]


def _fps(text: str, key: str) -> float:
    try:
        value = float(text.replace(",", ".")) if text else 0.0
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ClipError(f"fps {text!r} is no number of frames per second", key)
    return value
