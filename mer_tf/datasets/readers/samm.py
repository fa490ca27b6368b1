"""SAMM (Davison et al. 2016, labels v2): 200 frames a second, 2040x1088 gray, 29 subjects with clips.

Folders as the distributor ships them, with the sheet beside or inside::

    ROOT/SAMM/006/006_1_2/006_05562.jpg ...
    ROOT/SAMM_Micro_FACS_Codes_v2.xlsx

The frame number is the integer after the last underscore. The sheet begins with 13 rows of explanation; its header is
searched. ``Duration`` is offset - onset + 1 and serves as a check of the two.
"""

from __future__ import annotations

import os
import re

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.corrections import Correction
from mer_tf.datasets.expected import MEGC_LIST, Expected, five, per_subject, three
from mer_tf.datasets.folders import padded_id
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.datasets.sheets import SheetRow, frame_number
from mer_tf.datasets.table import Row
from mer_tf.types import ClipTable

# Counted from the MEGC2019 organisers' list: negative, positive, surprise of each subject.
MEGC = Expected(
    "SAMM in MEGC2019",
    three(92, 26, 15),
    28,
    per_subject(
        "samm/",
        "006 9,0,2; 007 1,5,2; 009 3,0,1; 010 4,0,0; 011 13,7,0; 012 2,0,1; 013 6,0,0; 014 2,7,1; 015 2,0,1; "
        "016 2,1,2; 017 3,0,1; 018 2,0,1; 019 0,1,0; 020 2,2,0; 021 2,0,0; 022 3,2,0; 023 1,0,0; 024 1,0,0; "
        "026 9,0,0; 028 1,0,2; 030 3,0,0; 031 1,0,0; 032 4,0,0; 033 4,1,0; 034 3,0,0; 035 7,0,1; 036 1,0,0; "
        "037 1,0,0",
    ),
    source=MEGC_LIST,
)
# Other replacements are in use: 1105 and 4945 from flow, 1102 and 4930 in the public lists of Dual-ATME 2023. A third
# suspect apex, 5127 of 032_3_2 one frame after its onset, is legal and left as printed.
# Copies of the v2 sheet circulate that print 1113 for 028_4_1, which lies between onset and offset and is kept.
_PRINTED = "the copy of SAMM_Micro_FACS_Codes_v2.xlsx in which clip 013_1_9 ends at 5739; what this sheet says is kept"
CORRECTIONS: tuple[Correction, ...] = (
    Correction(
        "samm", "028", "028_4_1", "apex", 1143, 1102, "apex after offset; the middle frame of 1071..1134", _PRINTED
    ),
    Correction(
        "samm", "032", "032_3_1", "apex", 1930, 4930, "one digit repaired; onset is 4896, offset 4970", _PRINTED
    ),
)
# The cell in which older copies of the sheet differ from the copy whose counts are known.
_REVISION = ("013", "013_1_9", "offset", 5739)

_SHEET = Expected(
    "SAMM",
    {
        "anger": 57, "happiness": 26, "other": 26, "surprise": 15, "contempt": 12, "disgust": 9, "fear": 8,
        "sadness": 6,
    },
    29,
    source="the sheet",
)  # fmt: skip
SAMM = AnnotatedSet(
    name="samm",
    title="SAMM",
    kind="micro",
    classes=tuple(_SHEET.classes),
    fps=200.0,
    peak="annotated",
    counts={
        "native": (_SHEET,),
        "megc2019": (MEGC,),
        "atscnn": (MEGC,),
        "objective": (Expected("SAMM, objective classes", five(24, 13, 20, 8, 3), 21, source="the sheet"),),
    },
    emotion_aliases=(("others", "other"),),
    folders={"raw": ("SAMM",), "cropped": ("SAMM_CROP", "SAMM_cropped")},
    sheets=("SAMM_Micro_FACS_Codes_v2.xlsx", "SAMM_20181215_Micro_FACS_Codes_v2.xlsx"),
    sheet_pattern=re.compile(r"samm_.*micro_facs_codes.*\.xlsx|samm_micro.*\.xlsx", re.IGNORECASE),
    sheet_title="MICRO_ONLY",
    subject_id=padded_id("", 3),
    subjects_like="006, 007, ...",
    hint="SAMM comes from its distributor (Manchester Metropolitan University) after a signed licence agreement",
)
CARDS = (SAMM,)


def read_samm(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction, ...] = CORRECTIONS,
) -> ClipTable:
    """Reads SAMM; arguments, result and errors are those of ``read_casme2``."""
    return _Reader(
        SAMM, root, mapping=mapping, strict=strict, layout=layout, sheet=sheet, corrections=corrections
    ).table()


class _Reader(AnnotatedReader):
    def check_row(self, row: Row, sheet_row: SheetRow) -> None:
        try:
            duration = frame_number(sheet_row.cells.get("duration", ""))
        except ValueError:
            duration = None
        frames = row.offset - row.onset + 1
        if duration is not None and duration != frames:
            self.build.note(
                f"Duration {duration} in row {sheet_row.number} of the sheet, and onset {row.onset} to offset "
                f"{row.offset} are {frames} frames",
                key=self.build.key(row.subject, row.clip),
                severity="warning",
            )

    def revision(self) -> str:
        subject, clip, field, value = _REVISION
        for row in self.coding.rows:
            if row.cells["clip"] == clip and self.facts.subject_id(row.cells["subject"]) == subject:
                found = row.cells[field]
                same = "the known revision" if found == str(value) else f"another revision (expected {value})"
                return f"sheet {os.path.basename(self.coding.path)!r}: {field} {found} of {clip}, {same}"
        return ""
