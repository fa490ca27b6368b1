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
from mer_tf.datasets.corrections import Correction
from mer_tf.datasets.expected import MEGC_LIST, Expected, five, per_subject, three
from mer_tf.datasets.folders import padded_id
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.types import ClipTable

# Counted from the MEGC2019 organisers' list: negative, positive, surprise of each subject.
MEGC = Expected(
    "CASME II in MEGC2019",
    three(88, 32, 25),
    24,
    per_subject(
        "casme2/sub",
        "01 2,1,0; 02 5,1,3; 03 4,0,1; 04 2,0,0; 05 0,1,5; 06 1,1,2; 07 5,0,0; 08 1,0,0; 09 5,5,0; 11 4,0,0; "
        "12 5,2,4; 13 0,2,0; 14 0,3,0; 15 1,1,1; 16 1,2,0; 17 23,7,1; 19 3,3,5; 20 2,0,0; 21 1,0,0; 22 2,0,0; "
        "23 7,1,0; 24 2,0,1; 25 3,0,2; 26 9,2,0",
    ),
    source=MEGC_LIST,
)
_CLIPS = (9, 13, 7, 5, 19, 5, 9, 3, 14, 14, 10, 12, 8, 4, 3, 4, 36, 3, 16, 11, 2, 2, 12, 10, 7, 17)


def _labels_of(year: int, surprise: int, sadness: int) -> Expected:
    counts = {"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": surprise}
    return Expected(
        f"CASME II, labels of {year}",
        {**counts, "sadness": sadness, "fear": 2},
        26,
        clips_per_subject={f"casme2/sub{subject:02d}": count for subject, count in enumerate(_CLIPS, start=1)},
        source=f"the {year} sheet",
    )


CASME2 = AnnotatedSet(
    name="casme2",
    title="CASME II",
    aliases=("casmeii",),
    kind="micro",
    classes=("others", "disgust", "happiness", "repression", "surprise", "sadness", "fear"),
    fps=200.0,
    peak="annotated",
    counts={
        "native": (_labels_of(2014, 25, 7), _labels_of(2019, 28, 4)),
        "megc2019": (MEGC,),
        "atscnn": (MEGC,),
        "cbamnet": (
            Expected("CASME II by the rule of CBAMNet 2020", three(90, 32, 25), source="the 255-row sheet"),
            Expected("CASME II of 247 clips", three(87, 33, 25), source="the 2014 paper's table"),
        ),
        "casme2_five": (
            Expected(
                "CASME II, five classes",
                {"happiness": 32, "surprise": 25, "disgust": 63, "repression": 27, "others": 99},
                26,
                source="ASTNet 2024",
            ),
        ),
        "objective": (
            Expected("CASME II, objective classes of 2014", five(25, 15, 99, 26, 20), 26, source="the 2014 class file"),
            Expected("CASME II, objective classes of 2019", five(30, 18, 93, 15, 18), source="the 2019 sheet"),
        ),
    },
    variants=("2019", "cropped"),
    emotion_aliases=(("other", "others"),),
    folders={"raw": ("CASME2_RAW_selected", "CASME2-RAW", "CASME2_RAW"), "cropped": ("Cropped",)},
    sheets=("CASME2-coding-20140508.xlsx", "CASME2-coding-20190701.xlsx"),
    sheet_pattern=re.compile(r"casme2-coding-.*\.xlsx", re.IGNORECASE),
    subject_id=padded_id("sub", 2),
    subjects_like="sub01, sub02, ...",
    frame_pattern=re.compile(r"(?:reg_)?img0*(\d{1,9})\.(?:jpe?g|png|bmp)", re.IGNORECASE),
    # Clips that the raw folders are known to hold without a row in the sheet.
    known_extra=frozenset({("sub24", "EP02_07"), ("sub09", "EP02_02f")}),
    objective_sheet=re.compile(r"casme2-objectiveclasses.*\.xlsx", re.IGNORECASE),
    objective_sheets=("CASME2-ObjectiveClasses.xlsx",),
    hint=(
        "CASME II comes from its distributor (Institute of Psychology, Chinese Academy of Sciences) "
        "after a signed licence agreement"
    ),
)
CARDS = (CASME2,)


def read_casme2(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction, ...] = (),
) -> ClipTable:
    """Reads CASME II, or any set in its layout.

    No image is opened. A clip with a fault is left out and listed in the table's ``problems``.

    Args:
        root: Folder that holds the frames folder and the sheet (or the frames folder itself).
        mapping: Label mapping; clips whose emotion it drops are not in the table.
        strict: Raise the first fault of a clip instead of leaving the clip out.
        layout: ``"raw"``, ``"cropped"``, or ``"auto"`` (raw frames where both are there).
        sheet: Coding sheet to use, or None to look for it (the one of 2014 where both are there).
        corrections: Corrections to apply to the sheet. That of 2014 needs none: its one missing apex falls under the
            middle-frame rule, and the numbers 279 and 300 that circulate for that clip are other people's choices.

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
