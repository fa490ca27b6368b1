"""CASME (Yan et al. 2013): 60 frames a second, 19 subjects with clips.

Folders as the distributor ships them, with one sheet beside::

    ROOT/CASME_raw_selected/sub01/EP01_12/EP01_12-1.jpg ...
    ROOT/Cropped/sub01/EP01_12/...

Clips of class A were filmed at 1280x720 in natural light, those of class B at 640x480 under LED light. The frame
number is the integer at the end of the file name. The sheet has two apex columns; the second one is filled only where
two frames tie, and the first is taken.
"""

from __future__ import annotations

import collections
import os
import re

from mer_tf.datasets.annotated import AnnotatedReader, AnnotatedSet
from mer_tf.datasets.corrections import CASME as CORRECTIONS
from mer_tf.datasets.corrections import Correction, RowCorrection
from mer_tf.datasets.folders import padded_id
from mer_tf.datasets.mappings import NATIVE_CLASSES, LabelMapping
from mer_tf.types import ClipTable

DATASET = "casme"

CASME = AnnotatedSet(
    name=DATASET,
    fps=60.0,
    emotions=(*NATIVE_CLASSES[DATASET], "amusement"),  # the paper's own table has amusement, the release has not
    folders={"raw": ("CASME_raw_selected", "CASME_raw", "CASME-raw"), "cropped": ("Cropped",)},
    sheets=("one .xlsx file whose name begins with CASME",),
    sheet_pattern=re.compile(r"casme(?!\s*[-_]?\s*(?:2|ii)).*\.xlsx", re.IGNORECASE),
    any_sheet=True,
    subject_id=padded_id("sub", 2),
    subjects_like="sub01, sub02, ...",
    hint=(
        "CASME comes from its distributor (Institute of Psychology, Chinese Academy of Sciences) "
        "after a signed licence agreement"
    ),
)
# Emotion totals that tell the 189-row release from the table of the paper.
_SPLITS = {
    "the release of 189 rows": {"tense": 69, "disgust": 44, "repression": 38},
    "the table of the 2013 paper": {"tense": 28, "disgust": 88, "repression": 40},
}


def read_casme(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction | RowCorrection, ...] = CORRECTIONS,
) -> ClipTable:
    """Reads CASME; arguments, result and errors as ``read_casme2``."""
    return _Reader(
        CASME, root, mapping=mapping, strict=strict, layout=layout, sheet=sheet, corrections=corrections
    ).table()


class _Reader(AnnotatedReader):
    def revision(self) -> str:
        emotions = collections.Counter(self.emotion(row.cells["emotion"]) for row in self.coding.rows)
        told = [name for name, counts in _SPLITS.items() if all(emotions[key] == n for key, n in counts.items())]
        counts = ", ".join(f"{name} {count}" for name, count in emotions.most_common())
        return (
            f"sheet {os.path.basename(self.coding.path)!r} has {len(self.coding.rows)} rows ({counts}): "
            f"{told[0] if told else 'neither the release of 189 rows nor the table of the 2013 paper'}"
        )
