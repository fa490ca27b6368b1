"""CASME II (Yan et al. 2014): 200 frames a second, 640x480 colour, 26 subjects.

Folders as the distributor ships them, beside the coding sheet::

    ROOT/CASME2_RAW_selected/sub01/EP02_01f/img46.jpg ...
    ROOT/Cropped/sub01/EP02_01f/reg_img46.jpg ...
    ROOT/CASME2-coding-20140508.xlsx
    ROOT/CASME2-ObjectiveClasses.xlsx

Frame numbers are absolute, taken from the file names, and sorted as numbers. The labels of 2014 and of 2019 differ;
which sheet was read is said among the table's problems.
"""

from __future__ import annotations

import collections
import os
import re

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.corrections import CASME2 as CORRECTIONS
from mer_tf.datasets.corrections import Correction
from mer_tf.datasets.folders import padded_id
from mer_tf.datasets.mappings import NATIVE_CLASSES, LabelMapping
from mer_tf.types import ClipTable

DATASET = "casme2"
FPS = 200.0

subject_id = padded_id("sub", 2)

CASME2 = AnnotatedSet(
    name=DATASET,
    fps=FPS,
    emotions=NATIVE_CLASSES[DATASET],
    emotion_aliases=(("other", "others"),),
    folders={"raw": ("CASME2_RAW_selected", "CASME2-RAW", "CASME2_RAW"), "cropped": ("Cropped",)},
    sheets=("CASME2-coding-20140508.xlsx", "CASME2-coding-20190701.xlsx"),
    sheet_pattern=re.compile(r"casme2-coding-.*\.xlsx", re.IGNORECASE),
    subject_id=subject_id,
    subjects_like="sub01, sub02, ...",
    frame_pattern=re.compile(r"(?:reg_)?img0*(\d{1,9})\.(?:jpe?g|png|bmp)", re.IGNORECASE),
    # Clips that the raw folders are known to hold without a row in the sheet.
    known_extra=frozenset({("sub24", "EP02_07"), ("sub09", "EP02_02f")}),
    objective_sheet=re.compile(r"casme2-objectiveclasses.*\.xlsx", re.IGNORECASE),
    hint=(
        "CASME II comes from its distributor (Institute of Psychology, Chinese Academy of Sciences) "
        "after a signed licence agreement"
    ),
)


def read_casme2(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
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
        sheet: Coding sheet to use, or None to look for it (the one of 2014 where both are there).
        corrections: Corrections to apply to the sheet.

    Returns:
        The clips the mapping keeps, sorted by subject and clip.

    Raises:
        DatasetNotFoundError: No such folder, no frames folder, no sheet, or an unreadable one.
        AnnotationError: The sheet lacks a column.
        EmptySplitError: No usable clip is left.
        UnknownNameError: No such mapping, or none for this set.
        ClipError: Under ``strict``, the first fault of a clip.
    """
    return _Reader(
        CASME2, root, mapping=mapping, strict=strict, layout=layout, sheet=sheet, corrections=corrections
    ).table()


class _Reader(AnnotatedReader):
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
