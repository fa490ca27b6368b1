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
from mer_tf.datasets.corrections import Correction, RowCorrection
from mer_tf.datasets.expected import Expected, three
from mer_tf.datasets.folders import padded_id
from mer_tf.datasets.mappings import LabelMapping
from mer_tf.types import ClipTable

_MEB = "the frame folders, as the meb package lists it by row"
CORRECTIONS: tuple[RowCorrection, ...] = tuple(
    RowCorrection("casme", row, 189, tuple(new.items()), _MEB)
    for row, new in (
        (40, {"onset": 100, "apex": 120, "offset": 149}),
        (42, {"onset": 101, "apex": 110, "offset": 119}),
        (43, {"onset": 57, "apex": 65, "offset": 74}),
        (54, {"offset": 40}),
        (140, {"offset": 142}),
    )
)
_RELEASE = Expected(
    "CASME, release of 189 rows",
    {
        "tense": 69, "disgust": 44, "repression": 38, "surprise": 20, "happiness": 9, "sadness": 6, "fear": 2,
        "contempt": 1,
    },
    19,
    source="literature",
)  # fmt: skip
_PAPER = Expected(
    "CASME, table of the 2013 paper",
    {"tense": 28, "disgust": 88, "repression": 40, "surprise": 20, "sadness": 6, "fear": 2, "contempt": 3},
    19,
    source="the 2013 paper, which adds 5 amusement",
)
CASME = AnnotatedSet(
    name="casme",
    title="CASME",
    aliases=("casme1", "casmei"),
    kind="micro",
    classes=tuple(_RELEASE.classes),
    more_emotions=("amusement",),  # in the paper's own table, not in the release
    fps=60.0,
    peak="annotated",
    counts={
        "native": (_RELEASE, _PAPER),
        "atscnn": (
            Expected("CASME in ATSCNN 2024", three(82, 7, 15), 15, source="ATSCNN 2024; no known rule gives all three"),
        ),
    },
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
CARDS = (CASME,)


def read_casme(
    root: str | os.PathLike,
    *,
    mapping: str | LabelMapping = "megc2019",
    strict: bool = False,
    layout: str = "auto",
    sheet: str | os.PathLike | None = None,
    corrections: tuple[Correction | RowCorrection, ...] = CORRECTIONS,
) -> ClipTable:
    """Reads CASME; arguments, result and errors are those of ``read_casme2``."""
    return _Reader(
        CASME, root, mapping=mapping, strict=strict, layout=layout, sheet=sheet, corrections=corrections
    ).table()


class _Reader(AnnotatedReader):
    def revision(self) -> str:
        emotions = collections.Counter(self.emotion(row.cells["emotion"]) for row in self.coding.rows)
        totals = ("tense", "disgust", "repression")  # which tell the release from the table of the paper
        told = [
            f"the {one.name.partition(', ')[2]}"
            for one in (_RELEASE, _PAPER)
            if all(emotions[key] == one.classes[key] for key in totals)
        ]
        counts = ", ".join(f"{name} {count}" for name, count in emotions.most_common())
        return (
            f"sheet {os.path.basename(self.coding.path)!r} has {len(self.coding.rows)} rows ({counts}): "
            f"{told[0] if told else 'neither the release of 189 rows nor the table of the 2013 paper'}"
        )
