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
from mer_tf.datasets.corrections import SAMM as CORRECTIONS
from mer_tf.datasets.corrections import Correction
from mer_tf.datasets.folders import padded_id
from mer_tf.datasets.mappings import NATIVE_CLASSES, LabelMapping
from mer_tf.datasets.sheets import SheetRow, frame_number
from mer_tf.datasets.table import Row
from mer_tf.types import ClipTable

DATASET = "samm"
# The cell in which older copies of the sheet differ from the copy whose counts are known.
_REVISION = ("013", "013_1_9", "offset", 5739)

SAMM = AnnotatedSet(
    name=DATASET,
    fps=200.0,
    emotions=NATIVE_CLASSES[DATASET],
    emotion_aliases=(("others", "other"),),
    folders={"raw": ("SAMM",), "cropped": ("SAMM_CROP", "SAMM_cropped")},
    sheets=("SAMM_Micro_FACS_Codes_v2.xlsx", "SAMM_20181215_Micro_FACS_Codes_v2.xlsx"),
    sheet_pattern=re.compile(r"samm_.*micro_facs_codes.*\.xlsx|samm_micro.*\.xlsx", re.IGNORECASE),
    sheet_title="MICRO_ONLY",
    subject_id=padded_id("", 3),
    subjects_like="006, 007, ...",
    hint=("SAMM comes from its distributor (Manchester Metropolitan University) after a signed licence agreement"),
)


def read_samm(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction, ...] = CORRECTIONS,
) -> ClipTable:
    """Reads SAMM; arguments, result and errors as ``read_casme2``."""
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
