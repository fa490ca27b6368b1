"""Sets with an annotation sheet: rows of the sheet joined with clip folders ``ROOT/.../SUBJECT/CLIP/frame``.

A set is described by facts (``AnnotatedSet``); what only one distributor does is a hook in that set's module.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence

from mer_tf.datasets.aus import objective_class, objective_name, parse_aus
from mer_tf.datasets.corrections import Correction, RowCorrection, correct, correct_row
from mer_tf.datasets.folders import FramesSet, entries, find_file, find_frames, fold, subfolders
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.sheets import SheetRow, frame_number, read_sheet
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import AnnotationError, ClipError, DatasetNotFoundError, FrameOrderError
from mer_tf.frames import Frames, scan_frames
from mer_tf.types import ClipTable

_SHEET = re.compile(r".*\.xlsx", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnnotatedSet(FramesSet):
    """Card of a set that comes with a sheet.

    Attributes:
        sheet_pattern: Fits the file name of the sheet.
        required: Columns the sheet must have.
        emotion_aliases: Other spellings of an emotion.
        frame_fields: Columns read as frame numbers.
        sheet_title: Worksheet to prefer, or ``""``.
        known_extra: Clips known to have a folder and no row.
        objective_sheet: Fits the file name of a separate sheet of objective classes, or None.
        objective_sheets: Published names of that sheet.
        any_sheet: Whether a single xlsx file of another name is taken for the sheet.
        sheet_folders: Names of folders beside the frames in which the sheet may lie.
        from_onset: Whether the frame files of a clip may be numbered from a start of their own, so that the annotated
            numbers say only how far onset, apex and offset lie apart.
    """

    sheet_pattern: re.Pattern
    required: tuple[str, ...] = ("subject", "clip", "onset", "apex", "offset", "emotion")
    emotion_aliases: tuple[tuple[str, str], ...] = ()
    frame_fields: tuple[str, ...] = ("onset", "apex", "offset")
    sheet_title: str = ""
    known_extra: frozenset[tuple[str, str]] = frozenset()
    objective_sheet: re.Pattern | None = None
    objective_sheets: tuple[str, ...] = ()
    any_sheet: bool = False
    sheet_folders: tuple[str, ...] = ()
    from_onset: bool = False


class AnnotatedReader:
    """Reads one set; the arguments are those of the readers.

    Args:
        facts: The set.
        root: Folder that holds frames and sheet, or the frames folder itself.
        mapping: Label mapping or its name.
        strict: Raise the first fault of a clip.
        layout: ``"auto"`` or a key of ``facts.folders``.
        sheet: Annotation sheet, or None to look for it.
        corrections: Corrections of the sheet.

    Raises:
        DatasetNotFoundError: No such folder, no frames folder, no sheet, or an unreadable one.
        AnnotationError: The sheet lacks a column.
        UnknownNameError: No such mapping, or none for this set.
    """

    def __init__(
        self,
        facts: AnnotatedSet,
        root: str | os.PathLike,
        *,
        mapping: str | LabelMapping,
        strict: bool,
        layout: str,
        sheet: str | os.PathLike | None,
        corrections: tuple[Correction | RowCorrection, ...],
    ):
        self.facts = facts
        self.build = TableBuilder(facts, mapping, strict=strict)
        self.root = root = os.path.abspath(os.fspath(root))
        self.frames_root, self.layout = find_frames(facts, root, layout)
        self.places = _sheet_folders(facts, root, self.frames_root)
        path = os.fspath(sheet) if sheet is not None else self._find_sheet()
        self.coding = read_sheet(path, facts.required, title=facts.sheet_title)
        self.corrections = corrections
        self.folders = self.scan_clips()
        self.objective = self._objective_classes() if self.build.rule.field == "objective" else {}
        self.by_rule = self.renumbered = 0

    def table(self) -> ClipTable:
        """Reads every row.

        Raises:
            EmptySplitError: No usable clip is left.
            ClipError: Under ``strict``, the first fault of a clip.
        """
        build = self.build
        for index, row in enumerate(self.coding.rows):
            with build.faults():
                self.read_row(index, row)
        self.report()
        context = (
            f"under {self.frames_root!r}: {len(self.coding.rows)} rows in {os.path.basename(self.coding.path)!r}, "
            f"{len(self.folders)} clip folders"
        )
        return build.table(context=context)

    def read_row(self, index: int, sheet_row: SheetRow) -> None:
        """Reads one row; a fault is raised as ``ClipError``."""
        facts, build, cells = self.facts, self.build, sheet_row.cells
        number = sheet_row.number
        subject, name = facts.subject(cells["subject"]), cells["clip"]
        if subject is None or not name or name in (".", "..") or any(sign in name for sign in "/\\\0"):
            raise ClipError(
                f"row {number} of the sheet names subject {cells['subject']!r} and clip {name!r}; expected a subject "
                f"such as {facts.subjects_like.split(',')[0]} and a folder name",
                f"{facts.name}/{cells['subject'] or '?'}/{cells['clip'] or '?'}",
            )
        name = self.clip_of(cells)
        key = build.key(subject, name)
        build.first_of_name(subject, name, f"row {number} of the sheet")

        values: dict = {"emotion": self.emotion(cells["emotion"]), "apex": None}
        for field in facts.frame_fields:
            try:
                values[field] = frame_number(cells.get(field, ""))
            except ValueError as error:
                raise FrameOrderError(
                    f"{error} (column {field}, row {number} of the sheet); correct the cell", key
                ) from None
        values, problems = correct(values, self.corrections, facts.name, subject, name)
        build.problems += problems
        folder = self.folders.get((subject, name))
        frames = self.scan(folder, key) if folder is not None else None
        values, problems = correct_row(
            values,
            self.corrections,
            facts.name,
            key,
            index,
            len(self.coding.rows),
            None if frames is None or frames.fault else frames.numbers,
        )
        build.problems += problems
        if facts.from_onset and frames is not None:
            values = self.to_files(values, frames)

        if values["emotion"] not in facts.emotions:
            raise ClipError(
                f"emotion {cells['emotion']!r} in row {number} of the sheet is unknown; "
                f"known: {', '.join(facts.emotions)}",
                key,
            )
        row = Row(
            subject,
            name,
            values["emotion"],
            values["onset"],
            values["apex"],
            values["offset"],
            cells.get("aus", ""),
            self.objective_of(subject, name, cells),
            fps=self.fps(cells),
        )
        label = build.label(row)
        if label is None:
            return
        if row.onset is None or row.offset is None:
            raise FrameOrderError(
                f"{'onset' if row.onset is None else 'offset'} is not annotated in row {number} of the sheet", key
            )
        if build.excluded(row):
            return
        self.check_order(row, number)
        self.check_row(row, sheet_row)
        build.expected += 1
        if frames is None:
            build.no_folder(row, self.place(subject, name))
            return
        build.add(row, label, self.cut(frames, row), folder)

    def check_order(self, row: Row, number: int) -> None:
        """Raises unless onset <= apex <= offset.

        Assumption: a clip whose apex lies outside is left out, not given its middle frame as an apex: a wrong cell
        says that one of the three numbers is wrong, not which one. Known wrong cells are mended by corrections first.
        """
        if not row.onset <= (row.onset if row.apex is None else row.apex) <= row.offset:
            raise FrameOrderError(
                f"onset {row.onset} <= apex {row.apex} <= offset {row.offset} does not hold; "
                f"correct row {number} of the sheet",
                self.build.key(row.subject, row.clip),
            )

    def emotion(self, text: str) -> str:
        """Emotion of a cell in this package's spelling."""
        text = " ".join(text.split()).casefold()
        return dict(self.facts.emotion_aliases).get(text, text)

    def clip_of(self, cells: dict[str, str]) -> str:
        """Hook: canonical clip name of a row."""
        return self.facts.clip_name(cells["clip"])

    def scan(self, folder: str, key: str) -> Frames:
        """Hook: the frames in the folder of a clip."""
        return scan_frames(folder, self.facts.frame_pattern, key)

    def place(self, subject: str, name: str) -> str:
        """Hook: where the folder of a clip should be, for messages."""
        return os.path.join(self.frames_root, subject, name)

    def cut(self, frames: Frames, row: Row) -> Frames:
        """Hook: the frames of a folder that are the clip's."""
        return frames

    def fps(self, cells: dict[str, str]) -> float | None:
        """Hook: frames per second of a row; None for the set's."""
        return None

    def to_files(self, values: dict, frames: Frames) -> dict:
        """The annotated numbers as the files bear them, where the folder holds as many frames as are annotated.

        Assumption: such a folder holds the frames from onset to offset and nothing else, whatever their first number.
        """
        onset, offset, numbers = values["onset"], values["offset"], frames.numbers
        if None in (onset, offset) or not numbers or numbers[0] == onset:
            return values
        if not len(numbers) == numbers[-1] - numbers[0] + 1 == offset - onset + 1:
            return values
        self.renumbered += 1
        apex = None if values["apex"] is None else values["apex"] + numbers[0] - onset
        return {**values, "onset": numbers[0], "apex": apex, "offset": numbers[-1]}

    def check_row(self, row: Row, sheet_row: SheetRow) -> None:
        """Hook: further checks of a row that is going to be used."""

    def objective_of(self, subject: str, name: str, cells: dict[str, str]) -> str:
        """Objective class of a row: the published column, else the rule on its action units."""
        if self.build.rule.field != "objective" or self.build.rule.entries is not None:
            return ""
        published = cells.get("objective", "") or self.objective.get((subject, name), "")
        found = objective_name(published)
        if found is None and published:
            self.build.note(
                f"objective class {published!r} is unknown; expected 1 to 7 or I to VII",
                key=self.build.key(subject, name),
                severity="warning",
            )
        if found is None:
            found = objective_class(cells.get("aus", ""))
            self.by_rule += found is not None
        return found or ""

    def report(self) -> None:
        """Notes on the whole set, after the rows."""
        build = self.build
        for (subject, name), folder in sorted(self.folders.items()):
            if (subject, name) not in build.seen:
                known = (
                    " (known: the distributor's sheet lacks it)" if (subject, name) in self.facts.known_extra else ""
                )
                message = f"folder {folder!r} has no row in the sheet{known}"
                build.note(message, key=build.key(subject, name), kind="extra")
        odd = sorted({row.cells["aus"] for row in self.coding.rows if parse_aus(row.cells.get("aus", "")).unparsed})
        if odd:
            build.note(
                f"action units outside the grammar, kept as text: {', '.join(map(repr, odd[:5]))}"
                + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
            )
        if self.by_rule:
            build.note(
                f"{self.by_rule} rows have no published objective class; the rule on their action units is used, which "
                "does not reproduce the published column everywhere",
                severity="warning",
            )
        for merged in [self.coding.merged] if self.coding.merged else []:
            more = f" and {len(merged) - 3} more" if len(merged) > 3 else ""
            build.note(
                f"merged cells {', '.join(merged[:3])}{more} of the sheet are read as the same value in each of their "
                "rows",
                severity="warning",
            )
        for read, other, count in self.coding.rivals:
            twice = f"two columns {read!r}, which" if read == other else f"columns {read!r} and {other!r}, which"
            first = "the first of them" if read == other else repr(read)
            build.note(f"the sheet has {twice} differ in {count} rows; {first} is read", severity="warning")
        if self.renumbered:
            build.note(
                f"{self.renumbered} clips have frame files numbered from another start than in the sheet; their first "
                "file is taken for the onset"
            )
        revision = self.revision()
        if revision:
            build.note(revision, kind="source")
        build.read_from(self.facts, self.root, self.layout, self.frames_root)

    def revision(self) -> str:
        """Hook: which revision of the annotation was found, and why."""
        return ""

    def _find_sheet(self) -> str:
        facts = self.facts
        # The earlier revision comes first on the card: the published results use its labels.
        names = [name for name in facts.sheets if name.endswith(".xlsx")]
        path = self._one_of(names, facts.sheet_pattern)
        searched = list(dict.fromkeys(folder for folders in self.places for folder in folders))
        if facts.any_sheet and not path:
            sheets = ([file for name, file in entries(one)[1].items() if _SHEET.fullmatch(name)] for one in searched)
            path = next((found[0] for found in sheets if len(found) == 1), "")
        if path:
            return path
        raise DatasetNotFoundError(
            f"{facts.name}: no annotation sheet in {' or '.join(map(repr, searched))}; "
            f"expected {' or '.join(facts.sheets)}. {facts.hint}"
        )

    def _one_of(self, names: Sequence[str], pattern: re.Pattern) -> str:
        """The sheet that is meant, or ``""``; others that fit are named."""
        try:
            path, others = find_file(self.places, names, pattern)
        except AnnotationError as error:
            raise AnnotationError(f"{self.facts.name}: {error}") from None
        for other in others:
            message = f"sheet {other!r} is not read: {os.path.basename(path)!r} is"
            self.build.note(message, severity="warning", kind="extra")
        return path

    def scan_clips(self) -> dict[tuple[str, str], str]:
        """Hook: the folder of each (subject, clip)."""
        clips: dict[tuple[str, str], str] = {}
        for subject, path in self.build.subjects(self.facts, self.frames_root):
            for clip, folder in self.build.level(path, self.facts.clip_name, "a folder per clip", key=subject):
                clips.setdefault((subject, clip), folder)
        return clips

    def _objective_classes(self) -> dict[tuple[str, str], str]:
        if "objective" in self.coding.columns or self.facts.objective_sheet is None:
            return {}
        path = self._one_of(self.facts.objective_sheets, self.facts.objective_sheet)
        if not path:
            return {}
        classes: dict[tuple[str, str], str] = {}
        for row in read_sheet(path, ("subject", "clip", "objective")).rows:
            subject = self.facts.subject(row.cells["subject"])
            if subject is not None:
                classes.setdefault((subject, self.facts.clip_name(row.cells["clip"])), row.cells["objective"])
        self.build.note(f"objective classes are taken from {os.path.basename(path)!r}", kind="source")
        return classes


def _sheet_folders(facts: AnnotatedSet, root: str, frames_root: str) -> list[list[str]]:
    """Where a sheet may lie: the root and from the frames folder upwards to it; then beside a root that is a frames
    folder (or a part of its path)."""
    own = set(map(fold, facts.sheet_folders))

    def with_own(places: list[str]) -> list[str]:
        for place in places if own else ():  # grows meanwhile: an archive may be unpacked into a folder of its own name
            places += [inner for name, inner in subfolders(place).items() if fold(name) in own]
        return places

    folders, path = [root], frames_root
    while path.startswith(root + os.sep):
        folders.append(path)
        path = os.path.dirname(path)
    named = {fold(part) for names in facts.folders.values() for name in names for part in name.split("/")}
    if frames_root == root or fold(os.path.basename(root)) in named:
        return [with_own(folders), with_own([os.path.dirname(root)])]
    return [with_own(folders)]
