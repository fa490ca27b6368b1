"""MMEW (Ben et al. 2021), micro-expressions: 90 frames a second, faces cut to about 231x231 colour, 36 people recorded.

A folder per emotion, as the release that public code reads, or per subject and emotion, as the distributor's page
says, with the sheet beside::

    ROOT/Micro_Expression/happiness/S03-01-002/1.jpg ...
    ROOT/S03/happiness/S03-01-002/1.jpg ...
    ROOT/MMEW_Micro_Exp.xlsx

A clip's name is subject, number of the emotion, number of the sample. The macro-expressions (``Macro_Expression``) are
not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.corrections import Correction, RowCorrection
from mer_tf.datasets.expected import Expected, three
from mer_tf.datasets.folders import padded_id, subfolders
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.sheets import SheetRow
from mer_tf.datasets.table import Row
from mer_tf.types import ClipTable

_NAME = re.compile(r"s0*(\d{1,3})-(\d{1,2})-(\d{1,3})", re.IGNORECASE)
_subject_id = padded_id("S", 2)


def clip_name(text: str) -> str:
    """Canonical clip name (``S03-01-002``) of any spelling; other text is given back."""
    match = _NAME.fullmatch(text.strip())
    return f"S{int(match[1]):02d}-{int(match[2]):02d}-{int(match[3]):03d}" if match else text.strip()


# Zero-based row, apex, offset.
CORRECTIONS: tuple[RowCorrection, ...] = tuple(
    RowCorrection("mmew", row, 300, (("apex", apex), ("offset", offset)), "the meb package, by row")
    for row, apex, offset in (
        (33, 40, 75), (35, 15, 54), (36, 46, 59), (37, 20, 98), (38, 25, 80), (39, 20, 93), (40, 23, 58), (41, 28, 61),
        (42, 32, 68), (142, 56, 88), (143, 32, 80), (145, 27, 85), (146, 22, 61), (148, 29, 108), (154, 31, 72),
        (156, 38, 106),
    )
)  # fmt: skip
_QUOTED = (
    "as quoted from the 2021 paper, which was not at hand to verify it; the distributor's page says 300 clips in all"
)
_NATIVE = {"surprise": 89, "disgust": 72, "others": 66, "happiness": 36, "fear": 16, "sadness": 13, "anger": 8}
MMEW = AnnotatedSet(
    name="mmew",
    title="MMEW",
    kind="micro",
    classes=tuple(_NATIVE),
    fps=90.0,
    peak="annotated",
    counts={
        "native": (Expected("MMEW", _NATIVE, source=_QUOTED),),
        "megc2019": (Expected("MMEW, three classes", three(109, 36, 89), source=_QUOTED),),
    },
    # Folders of some copies say repression where the sheet says others.
    emotion_aliases=(("repression", "others"), ("other", "others"), ("happy", "happiness"), ("sad", "sadness")),
    folders={"raw": ("Micro_Expression", "Micro-Expression", "MMEW/Micro_Expression", "MMEW_Final/Micro_Expression")},
    top_pattern=re.compile(rf"{'|'.join(_NATIVE)}|repression|happy|sad|other|s\d{{1,3}}", re.IGNORECASE),
    sheets=("MMEW_Micro_Exp.xlsx",),
    sheet_pattern=re.compile(r"mmew_micro_exp.*\.xlsx", re.IGNORECASE),
    from_onset=True,
    subject_id=_subject_id,
    clip_name=clip_name,
    subjects_like="S03-01-002 (in a folder per emotion), ...",
    hint="MMEW comes from its distributor (Shandong University) after a signed licence agreement",
    known_from=(
        "the distributor's page (names of folders and files, 300 clips) and public code that reads the set (columns, "
        "frame rate, wrong rows)"
    ),
)
CARDS = (MMEW,)


def read_mmew(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction | RowCorrection, ...] = CORRECTIONS,
) -> ClipTable:
    """Reads the micro-expressions of MMEW; arguments, result and errors are those of ``read_casme2``."""
    return _Reader(
        MMEW, root, mapping=mapping, strict=strict, layout="auto", sheet=sheet, corrections=corrections
    ).table()


class _Reader(AnnotatedReader):
    def scan_clips(self) -> dict[tuple[str, str], str]:
        self.shown: dict[str, str] = {}  # emotion that the folder of a clip says
        found: dict[str, str] = {}
        for emotion, path in self._emotions():
            for name, folder in self.build.level(path, clip_name, "a folder per clip"):
                other = found.setdefault(name, folder)
                self.shown.setdefault(name, emotion)
                if other != folder:
                    self.build.unread(folder, f"one folder of clip {name}; {other!r} is read")
        # Clip names are unique in the set; the sheet says whose they are.
        people = {clip_name(row.cells["clip"]): self.facts.subject(row.cells["subject"]) for row in self.coding.rows}
        return {(people.get(name) or _said(name), name): folder for name, folder in found.items()}

    def _emotions(self) -> Iterator[tuple[str, str]]:
        """(emotion, folder) of each folder of clips, below the subjects where there are such."""

        def meaning(name: str) -> str | None:
            emotion = self.emotion(name)
            return emotion if emotion in self.facts.emotions else None

        expected = f"one of {', '.join(self.facts.emotions)}"
        if any(map(meaning, subfolders(self.frames_root))):
            yield from self.build.level(self.frames_root, meaning, expected)
            return
        for subject, path in self.build.subjects(self.facts, self.frames_root):
            yield from self.build.level(path, meaning, expected, key=f"{self.facts.name}/{subject}")

    def place(self, subject: str, name: str) -> str:
        return os.path.join(self.frames_root, "EMOTION", name)

    def check_row(self, row: Row, sheet_row: SheetRow) -> None:
        key, said = self.build.key(row.subject, row.clip), _said(row.clip)
        if said not in ("", row.subject):
            message = f"its name says subject {said}; the sheet's {row.subject} is taken"
            self.build.note(message, key=key, severity="warning")
        shown = self.shown.get(row.clip, row.emotion)
        if shown != row.emotion:
            message = f"it lies in the folder of {shown}; the sheet's {row.emotion} is taken"
            self.build.note(message, key=key, severity="warning")


def _said(name: str) -> str:
    match = _NAME.fullmatch(name)
    return f"S{int(match[1]):02d}" if match else ""
