"""SMIC (Li et al. 2013): high-speed (HS, 100 frames a second), visual (VIS) and near-infrared (NIR) cameras (25).

The original release has no sheet: subject, class and index come from the path, and a clip runs from its first to its
last frame. The apex is not annotated::

    ROOT/SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01/reg_image090823.bmp ...
    ROOT/SMIC_all_raw/HS/...

SMIC-E has long clips around the same expressions, with a sheet of onsets and offsets::

    ROOT/HS_long/SMIC_HS_E/s20/s20_ne_01/image17581039.jpg ...
    ROOT/SMIC-HS-E_annotation.xlsx

Frame numbers are camera counters. Subjects and clips are padded on reading (``s1_ne_01`` is ``s01_ne_01``), as in the
challenge organisers' list, because the releases spell them differently. The people of all cameras are the same, under
the same ids.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.expected import MEGC_LIST, Expected, per_subject, three
from mer_tf.datasets.folders import FramesSet, find_frames, fold, padded_id, subfolders
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.sheets import SheetRow, frame_number
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import FrameOrderError
from mer_tf.frames import scan_frames
from mer_tf.types import ClipTable

EMOTIONS = ("negative", "positive", "surprise")
TOKENS = {"ne": "negative", "po": "positive", "sur": "surprise"}
_CLIP = re.compile(r"s0*(\d{1,3})_(ne|po|sur)_0*(\d{1,3})", re.IGNORECASE)
_BESIDE = ("non_micro",)  # beside the folder "micro": clips without an expression
_HINT = "SMIC comes from its distributor (University of Oulu) after a signed licence agreement"

_subject_id = padded_id("s", 2)


def clip_name(text: str) -> str:
    """Padded clip name (``s01_ne_01``) of any spelling; other text is given back."""
    match = _CLIP.fullmatch(text.strip())
    return f"s{int(match[1]):02d}_{match[2].lower()}_{int(match[3]):02d}" if match else text


# Counted from the MEGC2019 organisers' list: negative, positive, surprise of each subject.
MEGC = Expected(
    "SMIC-HS",
    three(70, 51, 43),
    16,
    per_subject(
        "smic_hs/s",
        "01 3,2,1; 02 0,1,5; 03 22,11,6; 04 10,4,5; 05 1,0,1; 06 2,0,2; 08 9,4,0; 09 0,1,3; 11 3,3,1; 12 0,8,1; "
        "13 0,10,0; 14 3,2,5; 15 1,1,2; 18 2,0,5; 19 0,1,1; 20 14,3,5",
    ),
    source=MEGC_LIST,
)


def _counts(*expected: Expected) -> dict[str, tuple[Expected, ...]]:
    return dict.fromkeys(("native", "megc2019", "cbamnet"), expected)


def _facts(part: str, fps: float, *expected: Expected, listed_as: str = "") -> FramesSet:
    return FramesSet(
        name=f"smic_{part.lower()}",
        title=f"SMIC-{part}",
        listed_as=listed_as,
        kind="micro",
        classes=EMOTIONS,
        fps=fps,
        peak="none",
        counts=_counts(*expected),
        variants=("cropped",),
        folders={
            "raw": (f"SMIC_all_raw/{part}", f"SMIC_raw/{part}"),
            "cropped": (f"SMIC_all_cropped/{part}", f"SMIC_cropped/{part}"),
            "plain": (part, f"SMIC_{part}"),
        },
        subject_id=_subject_id,
        clip_name=clip_name,
        subjects_like="s1, s2, ...",
        people="" if part == "HS" else "smic_hs",
        hint=_HINT,
    )


def _slow(part: str) -> FramesSet:
    return _facts(
        part,
        25.0,
        Expected(f"SMIC-{part}, sheet", three(24, 28, 19), 8, source="a sheet in circulation"),
        Expected(f"SMIC-{part}, paper", three(23, 28, 20), 8, source="the paper, as usually quoted"),
    )


SMIC_HS = _facts("HS", 100.0, MEGC, listed_as="smic")
SMIC_VIS = _slow("VIS")
SMIC_NIR = _slow("NIR")
SMIC_E = AnnotatedSet(
    name="smic_e",
    title="SMIC-E",
    aliases=("smicehs", "smichse"),
    kind="micro",
    classes=EMOTIONS,
    fps=100.0,
    peak="none",
    counts=_counts(Expected("SMIC-E-HS", three(66, 51, 40), 16, source="the distributor's sheet")),
    folders={"long": ("HS_long/SMIC_HS_E", "SMIC_HS_E")},
    sheets=("SMIC-HS-E_annotation.xlsx", "SMIC-HS-E_annotation_2019.xlsx"),
    sheet_pattern=re.compile(r"smic[-_]?hs[-_]?e_annotation.*\.xlsx", re.IGNORECASE),
    sheet_title="HS",
    required=("subject", "clip", "onset", "offset", "emotion"),
    frame_fields=("onset", "offset"),
    subject_id=_subject_id,
    subjects_like="s1, s2, ...",
    clip_name=clip_name,
    people="smic_hs",
    hint=_HINT,
)
CARDS = (SMIC_HS, SMIC_VIS, SMIC_NIR, SMIC_E)


def read_smic_hs(
    root: str | os.PathLike, *, mapping: str | LabelMapping = "megc2019", strict: bool = False, layout: str = "auto"
) -> ClipTable:
    """Reads the short clips of SMIC's high-speed camera.

    Args:
        root: Folder that holds ``SMIC_all_raw`` or ``SMIC_all_cropped``, one of these, or ``HS`` in it.
        mapping: Label mapping.
        strict: Raise the first fault of a clip instead of leaving the clip out.
        layout: ``"raw"``, ``"cropped"``, ``"plain"`` (a folder ``HS`` of its own), or ``"auto"``, which takes the first
            of these that is there.

    Returns:
        The clips, sorted by subject and clip; their apex is None.

    Raises:
        DatasetNotFoundError: No such folder, or no frames folder in it.
        EmptySplitError: No usable clip.
        UnknownNameError: No such mapping, or none for this set.
        ClipError: Under ``strict``, the first fault of a clip.
    """
    return _read(SMIC_HS, root, mapping, strict, layout)


def read_smic_vis(
    root: str | os.PathLike, *, mapping: str | LabelMapping = "megc2019", strict: bool = False, layout: str = "auto"
) -> ClipTable:
    """Reads the clips of SMIC's visual camera (folder ``VIS``); all else is that of ``read_smic_hs``."""
    return _read(SMIC_VIS, root, mapping, strict, layout)


def read_smic_nir(
    root: str | os.PathLike, *, mapping: str | LabelMapping = "megc2019", strict: bool = False, layout: str = "auto"
) -> ClipTable:
    """Reads the clips of SMIC's near-infrared camera (folder ``NIR``); all else is that of ``read_smic_hs``."""
    return _read(SMIC_NIR, root, mapping, strict, layout)


def read_smic_e(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    sheet: str | os.PathLike | None = None,
) -> ClipTable:
    """Reads the long clips of SMIC-E-HS: onset and offset of the first event of each clip.

    Further events of a clip are named among the problems and are no clips of their own; a pair of numbers outside
    the clip is ignored and named.

    Args:
        root: Folder that holds ``HS_long`` or ``SMIC_HS_E``, and the sheet.
        mapping: Label mapping.
        strict: Raise the first fault of a clip instead of leaving the clip out.
        sheet: Annotation sheet, or None to look for it.

    Returns:
        The clips, sorted by subject and clip; their apex is None.

    Raises:
        DatasetNotFoundError: No such folder, no frames folder, no sheet, or an unreadable one.
        AnnotationError, EmptySplitError, UnknownNameError, ClipError: See ``read_casme2``.
    """
    return _LongReader(SMIC_E, root, mapping=mapping, strict=strict, layout="auto", sheet=sheet, corrections=()).table()


class _LongReader(AnnotatedReader):
    def check_row(self, row: Row, sheet_row: SheetRow) -> None:
        key, cells = self.build.key(row.subject, row.clip), sheet_row.cells
        first, last = (self._number(cells, field) for field in ("first", "last"))
        if first is not None and last is not None and not first <= row.onset <= row.offset <= last:
            raise FrameOrderError(
                f"onset {row.onset} to offset {row.offset} lie outside FirstF {first} to LastF {last}; "
                f"correct row {sheet_row.number} of the sheet",
                key,
            )
        for event in ("2", "3"):
            onset, offset = (self._number(cells, field + event) for field in ("onset", "offset"))
            if not onset and not offset:
                continue
            inside = None not in (onset, offset, first, last) and first <= onset <= offset <= last
            if inside:
                order = ", before the first one" if offset < row.onset else ""
                self.build.note(f"event {event} at {onset} to {offset}{order} is not a clip of its own", key=key)
            else:
                self.build.note(
                    f"event {event} at {onset} to {offset} lies outside the clip ({first} to {last}); ignored", key=key
                )

    def revision(self) -> str:
        apex = " Its apex column is not the distributor's and is not used." if "apex" in self.coding.columns else ""
        return f"sheet {os.path.basename(self.coding.path)!r}: the apex is not annotated.{apex}"

    @staticmethod
    def _number(cells: dict[str, str], field: str) -> int | None:
        try:
            return frame_number(cells.get(field, ""))
        except ValueError:
            return None


def _read(facts: FramesSet, root, mapping, strict: bool, layout: str) -> ClipTable:
    build = TableBuilder(facts, mapping, strict=strict)
    root = os.path.abspath(os.fspath(root))
    frames_root, layout = find_frames(facts, root, layout)
    folders = 0
    for subject, path in build.subjects(facts, frames_root):
        key = f"{facts.name}/{subject}"
        for emotion, below in _classes(build, path, key):
            for name, folder in build.level(below, clip_name, "a folder per clip", key=key):
                folders += 1
                with build.faults():
                    _clip(build, facts, subject, emotion, name, folder)
    build.note("the apex is not annotated in this set; where one is needed the middle frame stands in")
    build.read_from(facts, root, layout, frames_root)
    return build.table(context=f"under {frames_root!r}: {folders} clip folders")


def _classes(build: TableBuilder, path: str, key: str) -> Iterator[tuple[str, str]]:
    """(emotion, folder) of a subject: in its folder ``micro``, or directly where there is no level of that name."""

    def meaning(*known: str):
        return lambda name: fold(name) if fold(name) in known else None

    levels, expected = [path], f"one of {', '.join(EMOTIONS)}"
    if any(map(meaning("micro"), subfolders(path))):
        levels = [folder for _, folder in build.level(path, meaning("micro"), "'micro'", beside=_BESIDE, key=key)]
    else:
        expected += ", or 'micro' with these inside"
    for level in levels:
        yield from build.level(level, meaning(*EMOTIONS), expected, beside=_BESIDE, key=key)


def _clip(build: TableBuilder, facts: FramesSet, subject: str, emotion: str, name: str, folder: str) -> None:
    match = _CLIP.fullmatch(name)
    key = build.key(subject, name)
    if not match:
        build.unread(folder, "a clip name such as s1_ne_01", key)
        return
    build.first_of_name(subject, name, f"folder {folder!r}")
    said = (facts.subject_id(f"s{match[1]}"), TOKENS[match[2].lower()])
    if said != (subject, emotion):
        message = f"its name says {said[0]}, {said[1]}; the folders {subject}, {emotion} are taken"
        build.note(message, key=key, severity="warning")
    row = Row(subject, name, emotion)
    label = build.label(row)
    if label is not None:
        build.add(row, label, scan_frames(folder, facts.frame_pattern, key), folder)
