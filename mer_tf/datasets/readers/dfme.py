"""DFME (Zhao et al. 2023), micro-expressions: 200, 300 and 500 frames a second, colour, 656 people with clips.

The parts of the release, as public code reads them, each with a sheet beside it or in ``full_release_annotation``::

    ROOT/train_data/sub0003_01/00000.png ...    ROOT/training_full_with_AU.xlsx
    ROOT/test_data_A/...                        ROOT/testA_full_with_AU.xlsx
    ROOT/test_data_B/...                        ROOT/testB_full_with_AU.xlsx

Nobody is in two parts. The frame rate of a clip is read from a column ``FPS`` where the sheet has one.
"""

from __future__ import annotations

import dataclasses
import os
import re

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.expected import Expected, three
from mer_tf.datasets.folders import find_folders, find_frames, padded_id
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.sheets import frame_number
from mer_tf.errors import AnnotationError, ConfigError, DatasetNotFoundError, EmptySplitError
from mer_tf.types import ClipTable, Problem

PARTS = {
    "train": ("train_data", "training_full_with_AU.xlsx", r"(?:dfme_)?train.*\.xlsx"),
    "test_a": ("test_data_A", "testA_full_with_AU.xlsx", r"(?:dfme_)?test_?(?:data_?)?a(?![a-z]).*\.xlsx"),
    "test_b": ("test_data_B", "testB_full_with_AU.xlsx", r"(?:dfme_)?test_?(?:data_?)?b(?![a-z]).*\.xlsx"),
}
_RATES = (200, 300, 500)
_CLIP = re.compile(r"sub\d{1,5}_\w+", re.IGNORECASE)
_QUOTED = (
    "as quoted from the 2023 paper, which was not at hand to verify it; the whole set, of which CCAC 2024 gave 2629 "
    "clips of 259 people"
)
_NATIVE = {
    "disgust": 2528, "surprise": 1270, "happiness": 992, "sadness": 976, "fear": 892, "anger": 519, "contempt": 349,
}  # fmt: skip
DFME = AnnotatedSet(
    name="dfme",
    title="DFME",
    kind="micro",
    classes=tuple(_NATIVE),
    fps=200.0,  # of most of its clips
    peak="annotated",
    counts={
        "native": (Expected("DFME", _NATIVE, 656, source=_QUOTED),),
        "megc2019": (Expected("DFME, three classes", three(5264, 992, 1270), source=_QUOTED),),
    },
    emotion_aliases=(("happy", "happiness"), ("sad", "sadness")),
    folders={"raw": tuple(frames for frames, _, _ in PARTS.values())},
    top_pattern=_CLIP,
    sheets=tuple(sheet for _, sheet, _ in PARTS.values()),
    sheet_pattern=re.compile("|".join(pattern for _, _, pattern in PARTS.values()), re.IGNORECASE),
    sheet_folders=("full_release_annotation", "annotation"),
    subject_id=padded_id("sub", 4),
    subjects_like="sub0003_01, ...",
    hint=(
        "DFME comes from its distributor (University of Science and Technology of China) after a signed licence "
        "agreement"
    ),
    known_from=(
        "public code alone (folders, columns) and the organisers' page of CCAC 2024 (parts, frame rates, 7526 clips of "
        "656 people)"
    ),
)
CARDS = (DFME,)


def read_dfme(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    part: str = "all",
    sheet: str | os.PathLike | None = None,
) -> ClipTable:
    """Reads DFME, every part that is there or one of them.

    Args:
        root: Folder that holds ``train_data``, ``test_data_A`` or ``test_data_B``, and the sheets; or one of these.
        mapping: Label mapping.
        strict: Raise the first fault of a clip, or of a part that is there, instead of leaving it out.
        part: ``"train"``, ``"test_a"``, ``"test_b"``, or ``"all"``.
        sheet: Annotation sheet of a single part, or None to look for it.

    Returns:
        The clips, sorted by subject and clip. A part that is there and cannot be read makes the table partial.

    Raises:
        ConfigError: An unknown part, or a sheet without a part.
        DatasetNotFoundError, AnnotationError, EmptySplitError, UnknownNameError, ClipError: See ``read_casme2``.
    """
    if part not in ("all", *PARTS):
        raise ConfigError(f"part must be 'all' or one of {', '.join(PARTS)}. Received: {part!r}")
    if sheet is not None and part == "all":
        raise ConfigError(f"a sheet of DFME is that of one part; give part, one of {', '.join(PARTS)}, too")
    root = os.path.abspath(os.fspath(root))
    find_frames(DFME, root, "auto")  # says what is expected where there is nothing
    # A folder of clips under a name of its own is one part, unless told which that for training.
    there = [name for name in PARTS if any(find_folders(root, PARTS[name][:1]))] or ["train"]
    wanted = (part,) if part != "all" else there
    problems = [
        Problem("info", "note", "", f"part {name} ({PARTS[name][0]!r}) is not there")
        for name in PARTS
        if part == "all" and name not in there
    ]
    tables, failed = [], None
    for name in wanted:
        facts = _facts(name, alone=len(wanted) == 1)
        try:
            reader = _Reader(facts, root, mapping=mapping, strict=strict, layout="auto", sheet=sheet, corrections=())
            tables.append(reader.table())
        except (DatasetNotFoundError, AnnotationError, EmptySplitError) as error:
            if strict or len(wanted) == 1:
                raise
            failed = failed or error
            problems.append(Problem("warning", "extra", "", f"part {name} is not read: {error}"))
    if failed and not tables:
        raise failed
    clips = {(clip.subject, clip.clip): clip for table in reversed(tables) for clip in table.clips}
    twice = sum(len(table.clips) for table in tables) - len(clips)
    if twice:
        message = f"{twice} clips stand in two parts; the first counts, in the order {', '.join(there)}"
        problems.append(Problem("warning", "extra", "", message))
    return dataclasses.replace(
        tables[0],
        clips=tuple(clips[key] for key in sorted(clips)),
        # What is said of the set, not of a part, is said once.
        problems=tuple(dict.fromkeys([*(one for table in tables for one in table.problems), *problems])),
        partial=bool(failed or twice) or any(table.partial for table in tables),
    )


def _facts(name: str, *, alone: bool) -> AnnotatedSet:
    """The card as it is of one part; a sheet of any name belongs to a part that is alone."""
    frames, sheet, pattern = PARTS[name]
    return dataclasses.replace(
        DFME,
        folders={name: (frames,)},
        sheets=(sheet,),
        sheet_pattern=re.compile(pattern, re.IGNORECASE),
        any_sheet=alone,
    )


class _Reader(AnnotatedReader):
    def scan_clips(self) -> dict[tuple[str, str], str]:
        self.unrated = 0
        people = {row.cells["clip"]: self.facts.subject(row.cells["subject"]) for row in self.coding.rows}
        found = self.build.level(self.frames_root, str.strip, "a folder per clip")
        return {(people.get(name) or _said(name), name): folder for name, folder in found}

    def place(self, subject: str, name: str) -> str:
        return os.path.join(self.frames_root, name)

    def fps(self, cells: dict[str, str]) -> float | None:
        try:
            rate = frame_number(cells.get("fps", ""))
        except ValueError:
            rate = None
        self.unrated += rate not in _RATES
        return float(rate) if rate in _RATES else None

    def revision(self) -> str:
        if self.unrated:
            self.build.note(
                f"{self.unrated} rows name no frame rate of the set ({', '.join(map(str, _RATES))}); "
                f"{self.facts.fps:.0f} is assumed for them, which matters to recipes that speak of seconds"
            )
        return f"sheet {os.path.basename(self.coding.path)!r} has {len(self.coding.rows)} rows"


def _said(name: str) -> str:
    return DFME.subject_id(name.partition("_")[0]) or ""
