"""CASME II (Yan et al. 2014): 200 frames a second, 640x480 colour, 26 subjects.

Folders as the distributor ships them, beside the coding sheet::

    ROOT/CASME2_RAW_selected/sub01/EP02_01f/img46.jpg ...
    ROOT/Cropped/sub01/EP02_01f/reg_img46.jpg ...
    ROOT/CASME2-coding-20140508.xlsx

Frame numbers are absolute, taken from the file names, and sorted as numbers.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import re

from mer_tf.datasets.corrections import CASME2 as CORRECTIONS
from mer_tf.datasets.corrections import Correction, correct
from mer_tf.datasets.mappings import LabelMapping, get_mapping
from mer_tf.datasets.sheets import Sheet, frame_number, read_sheet
from mer_tf.errors import ClipError, DatasetNotFoundError, EmptySplitError, FrameOrderError, ImageError
from mer_tf.preprocessing.clip import NEAREST_FRAMES, nearest_frame, needed_frames
from mer_tf.types import Clip, ClipTable, Problem

DATASET = "casme2"
FPS = 200.0
EMOTIONS = ("others", "disgust", "happiness", "repression", "surprise", "sadness", "fear")
SHEETS = ("CASME2-coding-20140508.xlsx", "CASME2-coding-20190701.xlsx")
FOLDERS = {
    "raw": ("CASME2_RAW_selected", "CASME2-RAW", "CASME2_RAW"),
    "cropped": ("Cropped",),
}
REQUIRED = ("subject", "clip", "onset", "apex", "offset", "emotion")

_SHEET = re.compile(r"casme2-coding-.*\.xlsx", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:sub)?0*(\d{1,3})(?:\.0+)?", re.IGNORECASE)
_FRAME = re.compile(r"(?:reg_)?img0*(\d{1,9})\.(?:jpe?g|png|bmp)", re.IGNORECASE)
# Clips that the raw folders are known to hold without a row in the sheet.
_KNOWN_EXTRA = {("sub24", "EP02_07"), ("sub09", "EP02_02f")}

_HINT = (
    "CASME II comes from its distributor (Institute of Psychology, Chinese Academy of Sciences) "
    "after a signed licence agreement"
)


def read_casme2(
    root: str | os.PathLike,
    *,
    mapping: str = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction, ...] = CORRECTIONS,
) -> ClipTable:
    """Reads CASME II, or any set in its layout.

    No image is opened. A clip with a fault is left out and listed in the table's ``problems``.

    Args:
        root: Folder that holds the frames folder and the sheet (or the frames folder itself).
        mapping: Label mapping; clips whose emotion it drops are not in the table.
        strict: Raise the first fault of a clip instead of leaving the clip out.
        layout: ``"raw"``, ``"cropped"``, or ``"auto"`` (raw frames where both are there).
        sheet: Coding sheet to use, or None to look for it.
        corrections: Corrections to apply to the sheet.

    Returns:
        The clips the mapping keeps, sorted by subject and clip.

    Raises:
        DatasetNotFoundError: No such folder, no frames folder, no sheet, or an unreadable one.
        AnnotationError: The sheet lacks a column.
        EmptySplitError: No usable clip is left.
        UnknownNameError: No such mapping.
        ClipError: Under ``strict``, the first fault of a clip.
    """
    root = os.path.abspath(os.fspath(root))
    rule = get_mapping(mapping)
    frames_root, layout = _find_frames(root, layout)
    coding = read_sheet(sheet if sheet is not None else _find_sheet(root, frames_root), REQUIRED)
    folders = _scan_clips(frames_root)
    return _Reader(rule, strict, corrections, frames_root, layout, coding, folders).table()


def subject_id(text: str) -> str | None:
    """Canonical subject id (``sub01``) of ``1``, ``01``, ``sub1`` or ``sub01``; None for anything else."""
    match = _SUBJECT.fullmatch(text.strip())
    return f"sub{int(match[1]):02d}" if match else None


class _Reader:
    def __init__(
        self,
        rule: LabelMapping,
        strict: bool,
        corrections: tuple[Correction, ...],
        frames_root: str,
        layout: str,
        coding: Sheet,
        folders: dict[tuple[str, str], str],
    ):
        self.rule, self.strict, self.corrections = rule, strict, corrections
        self.frames_root, self.layout, self.coding, self.folders = frames_root, layout, coding, folders
        self.problems: list[Problem] = []
        self.named: set[tuple[str, str]] = set()
        self.missing: list[tuple[str, str]] = []  # clip key, folder tried
        self.expected = 0
        self.unmapped: collections.Counter[str] = collections.Counter()

    def table(self) -> ClipTable:
        clips = []
        for row in self.coding.rows:
            problems_before = len(self.problems)
            try:
                clip = self.read_row(row.number, row.cells)
            except ClipError as error:
                if self.strict:
                    raise
                del self.problems[problems_before:]  # what was mended of a clip that is left out is of no interest
                self.problems.append(Problem("warning", "skipped", error.clip, str(error), dropped=True))
                continue
            if clip is not None:
                clips.append(clip)
        self.report_missing()
        self.report_rest()
        if not clips:
            raise EmptySplitError(
                f"{DATASET}: no usable clip under {self.frames_root!r} with mapping {self.rule.name!r}: "
                f"{len(self.coding.rows)} rows in {os.path.basename(self.coding.path)!r}, {len(self.folders)} clip "
                f"folders, {sum(problem.dropped for problem in self.problems)} clips left out"
                + next((f"; the first: {p.message}" for p in self.problems if p.dropped), "")
            )
        clips.sort(key=lambda clip: (clip.subject, clip.clip))
        return ClipTable(DATASET, self.rule.name, self.rule.classes, tuple(clips), tuple(self.problems))

    def read_row(self, number: int, cells: dict[str, str]) -> Clip | None:
        """The clip of a row; None where it is left out without being a fault."""
        where = f"{DATASET}/{cells['subject'] or '?'}/{cells['clip'] or '?'}"
        subject, name = subject_id(cells["subject"]), cells["clip"]
        if subject is None or not name or name in (".", "..") or any(sign in name for sign in "/\\\0"):
            raise ClipError(
                f"row {number} of the sheet names subject {cells['subject']!r} and clip {name!r}; expected a subject "
                "such as 01 and a folder name",
                where,
            )
        key = f"{DATASET}/{subject}/{name}"
        if (subject, name) in self.named:
            raise ClipError(f"row {number} of the sheet repeats a clip; the first row counts", key)
        self.named.add((subject, name))

        values: dict = {"emotion": " ".join(cells["emotion"].split()).casefold()}
        if values["emotion"] == "other":
            values["emotion"] = "others"
        for field in ("onset", "apex", "offset"):
            try:
                values[field] = frame_number(cells[field])
            except ValueError as error:
                raise FrameOrderError(
                    f"{error} (column {field}, row {number} of the sheet); correct the cell", key
                ) from None
        values, notes = correct(values, self.corrections, DATASET, subject, name)
        self.problems += notes
        emotion, onset, apex, offset = (values[field] for field in ("emotion", "onset", "apex", "offset"))

        if emotion not in EMOTIONS:
            raise ClipError(
                f"emotion {cells['emotion']!r} in row {number} of the sheet is unknown; known: {', '.join(EMOTIONS)}",
                key,
            )
        label = self.rule.label(DATASET, emotion)
        if label is None:
            self.unmapped[emotion] += 1
            return None
        if onset is None or offset is None:
            raise FrameOrderError(
                f"{'onset' if onset is None else 'offset'} is not annotated in row {number} of the sheet", key
            )
        if self.excluded(subject, name, key, emotion, onset, apex, offset):
            return None
        if not onset <= (onset if apex is None else apex) <= offset:
            raise FrameOrderError(
                f"onset {onset} <= apex {apex} <= offset {offset} does not hold; correct row {number} of the sheet",
                key,
            )
        self.expected += 1
        folder = self.folders.get((subject, name))
        if folder is None:
            tried = os.path.join(self.frames_root, subject, name)
            if self.strict:
                raise ImageError(f"the sheet names this clip and there is no folder {tried!r}", key)
            self.missing.append((key, tried))
            return None
        clip = Clip(
            dataset=DATASET,
            subject=subject,
            clip=name,
            onset=onset,
            apex=apex,
            offset=offset,
            fps=FPS,
            emotion=emotion,
            aus=cells.get("aus", ""),
            label=label,
            mapping=self.rule.name,
            frames=(),
            frame_numbers=(),
        )
        return self.with_frames(clip, folder)

    def excluded(self, subject, name, key, emotion, onset, apex, offset) -> bool:
        exclusion = self.rule.exclusion(DATASET, subject, name)
        if exclusion is None:
            return False
        if exclusion.agrees(emotion, onset, apex, offset):
            message = f"{key}: left out of mapping {self.rule.name!r} because {exclusion.reason} ({exclusion.source})"
            self.problems.append(Problem("info", "skipped", key, message, dropped=True))
            return True
        message = f"{key}: mapping {self.rule.name!r} leaves out a clip of this name, and this row differs; kept"
        self.problems.append(Problem("info", "note", key, message))
        return False

    def with_frames(self, clip: Clip, folder: str) -> Clip:
        """The clip with its frame files, its frame numbers brought to files that are there."""
        frames, doubles = _scan_frames(folder)
        if not frames:
            raise ImageError(f"folder {folder!r} holds no frame file (img1.jpg, reg_img1.jpg, ...)", clip.key)
        numbers = tuple(number for number, _ in frames)
        for number in doubles:
            self.note("warning", "note", clip, f"two files bear frame number {number}; the first by name is used")
        changes = {}
        for field in ("onset", "apex", "offset"):
            wanted = getattr(clip, field)
            if wanted is None:
                continue
            near = nearest_frame(numbers, wanted)
            if near is None:
                raise ImageError(
                    f"{field} frame {wanted} has no file, nor has one within {NEAREST_FRAMES} of it "
                    f"(files run from {numbers[0]} to {numbers[-1]})",
                    clip.key,
                )
            if near != wanted:
                changes[field] = near
                self.note(
                    "warning",
                    "missing",
                    clip,
                    f"{field} frame {wanted} has no file; frame {near} is used "
                    f"(files run from {numbers[0]} to {numbers[-1]})",
                )
        clip = dataclasses.replace(clip, frames=tuple(path for _, path in frames), frame_numbers=numbers, **changes)
        _, apex, rule = needed_frames(clip)
        if clip.apex is None:
            self.note("warning", "missing", clip, f"the apex is not annotated; frame {apex} is used ({rule} frame)")
        gaps = clip.offset - clip.onset + 1 - sum(clip.onset <= number <= clip.offset for number in numbers)
        if gaps:
            self.note("warning", "missing", clip, f"{gaps} frames between onset and offset have no file")
        return clip

    def note(self, severity: str, kind: str, clip: Clip, message: str) -> None:
        self.problems.append(Problem(severity, kind, clip.key, f"{clip.key}: {message}"))

    def report_missing(self) -> None:
        for key, tried in self.missing:
            message = (
                f"{key}: no folder {tried!r} for a clip of the sheet "
                f"({len(self.missing)} of {self.expected} clip folders are missing)"
            )
            self.problems.append(Problem("warning", "missing", key, message, dropped=True))

    def report_rest(self) -> None:
        for (subject, name), folder in sorted(self.folders.items()):
            if (subject, name) not in self.named:
                key = f"{DATASET}/{subject}/{name}"
                known = " (known: the distributor's sheet lacks it)" if (subject, name) in _KNOWN_EXTRA else ""
                self.problems.append(
                    Problem("info", "extra", key, f"{key}: folder {folder!r} has no row in the sheet{known}")
                )
        for emotion, count in sorted(self.unmapped.items()):
            self.problems.append(
                Problem("info", "note", "", f"mapping {self.rule.name!r} drops {count} clips of emotion {emotion!r}")
            )
        self.problems.append(Problem("info", "note", "", self.revision()))
        self.problems.append(Problem("info", "note", "", f"{self.layout} frames under {self.frames_root!r} are used"))

    def revision(self) -> str:
        emotions = collections.Counter(row.cells["emotion"].strip().casefold() for row in self.coding.rows)
        counts = (emotions["surprise"], emotions["sadness"])
        file = os.path.basename(self.coding.path)
        told = {(25, 7): "2014", (28, 4): "2019"}.get(counts)
        if told:
            why = f"its rows have {counts[0]} surprise and {counts[1]} sadness"
        else:
            told = "2019" if "2019" in file or "objective" in self.coding.columns else "2014"
            why = "by its name and columns"
        return f"sheet {file!r} is read as the labels of {told} ({why})"


def _find_frames(root: str, layout: str) -> tuple[str, str]:
    if layout not in ("auto", *FOLDERS):
        raise ValueError(f"layout must be 'auto', 'raw' or 'cropped'. Received: {layout!r}")
    layouts = tuple(FOLDERS) if layout == "auto" else (layout,)
    expected = ", ".join(name for kind in layouts for name in FOLDERS[kind])
    if not os.path.isdir(root):
        raise DatasetNotFoundError(
            f"{DATASET}: no folder {root!r}; expected one with {expected} and {' or '.join(SHEETS)}. {_HINT}"
        )
    here = _folders(root)
    by_name = {name.casefold(): path for name, path in here.items()}
    for kind in layouts:
        for name in FOLDERS[kind]:
            path = by_name.get(name.casefold())
            if path is None:
                continue
            inner = _folders(path)
            if any(subject_id(entry) for entry in inner):
                return path, kind
            for entry, below in inner.items():  # an archive unpacked into a folder of its own name
                if entry.casefold() == name.casefold() and any(subject_id(each) for each in _folders(below)):
                    return below, kind
    if any(subject_id(entry) for entry in here):
        name = os.path.basename(root).casefold()
        kind = "cropped" if name in (folder.casefold() for folder in FOLDERS["cropped"]) else "raw"
        if kind in layouts:
            return root, kind
    raise DatasetNotFoundError(
        f"{DATASET}: {root!r} has no frames folder; expected {expected} with sub01, sub02, ... inside. "
        f"Found: {', '.join(sorted(here)[:8]) or 'no folder'}. {_HINT}"
    )


def _find_sheet(root: str, frames_root: str) -> str:
    searched = [root]
    if frames_root == root:
        searched.append(os.path.dirname(root))
    for folder in searched:
        with os.scandir(folder) as entries:
            found = sorted(entry.name for entry in entries if _SHEET.fullmatch(entry.name) and entry.is_file())
        if found:
            # The labels of 2014 come first by name: every published result on 25 surprise clips uses them.
            return os.path.join(folder, found[0])
    raise DatasetNotFoundError(
        f"{DATASET}: no coding sheet in {' or '.join(map(repr, searched))}; expected {' or '.join(SHEETS)}. {_HINT}"
    )


def _folders(path: str) -> dict[str, str]:
    with os.scandir(path) as entries:
        return {entry.name: entry.path for entry in entries if entry.is_dir()}


def _scan_clips(frames_root: str) -> dict[tuple[str, str], str]:
    clips: dict[tuple[str, str], str] = {}
    for name, path in sorted(_folders(frames_root).items()):
        subject = subject_id(name)
        if subject is not None:
            for clip, folder in _folders(path).items():
                clips.setdefault((subject, clip), folder)
    return clips


def _scan_frames(folder: str) -> tuple[list[tuple[int, str]], list[int]]:
    """Numbered frame files in numeric order, and the numbers that more than one file bears."""
    frames: dict[int, str] = {}
    doubles = []
    with os.scandir(folder) as entries:
        for name, path in sorted((entry.name, entry.path) for entry in entries):
            match = _FRAME.fullmatch(name)
            if match:
                number = int(match[1])
                if number in frames:
                    doubles.append(number)
                else:
                    frames[number] = path
    return sorted(frames.items()), doubles
