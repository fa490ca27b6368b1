"""SMIC as its distributor ships it: three cameras, raw and cropped, and the long clips of SMIC-E."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mer_tf.datasets.card import DatasetCard
from mer_tf.datasets.readers.smic import MEGC, SMIC_E, SMIC_HS, SMIC_NIR, SMIC_VIS, TOKENS
from mer_tf.synthetic.layouts.base import Layout, LayoutClip, LayoutWriter, WrittenClip, written_clip
from mer_tf.synthetic.layouts.show import CROP, SyntheticSet, micro
from mer_tf.synthetic.motion import Repertoire
from mer_tf.synthetic.render import View

_SMIC = {"happiness": "positive", "positive": "positive", "surprise": "surprise"}
_SMIC_TOKENS = {emotion: token for token, emotion in TOKENS.items()}


def _counter(clip: LayoutClip) -> int:
    """What a camera counter adds: numbers have five digits for some clips, eight for others."""
    return (17_500_000 if clip.subject % 3 == 2 else 90_000) + 1000 * clip.subject


def _counted(clip: LayoutClip) -> Iterator[tuple[int, np.ndarray | None]]:
    return ((number + _counter(clip), picture) for number, picture in clip.pictures())


def _smic(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = _SMIC.get(clip.emotion, "negative")
    base, token = f"s{clip.subject}", f"{_SMIC_TOKENS[emotion]}_{clip.clip + 1:02d}"
    top, part = writer.layout.folders[0], writer.layout.card.title.rpartition("-")[2]
    key = writer.key(f"s{clip.subject:02d}", f"s{clip.subject:02d}_{token}")
    folder = writer.root / top / part / base / "micro" / emotion / f"{base}_{token}"
    pattern = "reg_image{:06d}.bmp" if writer.layout.variant == "cropped" else "image{:06d}.bmp"
    numbers = writer.frames(_counted(clip), folder, pattern.format)
    return written_clip(key, folder, clip, numbers, emotion, shift=_counter(clip))


_SMIC_E_HEADER = (
    "Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Onset3F", "Offset3F", None, "FirstF",
    "LastF", "TotalMF1", "TotalMF2", "TotalMF3", "TotalVL", "Emotion",
)  # fmt: skip


def _smic_e(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = _SMIC.get(clip.emotion, "negative")
    base, token = f"s{clip.subject}", f"{_SMIC_TOKENS[emotion]}_{clip.clip + 1:02d}"
    key = writer.key(f"s{clip.subject:02d}", f"s{clip.subject:02d}_{token}")
    folder = writer.root / "HS_long" / "SMIC_HS_E" / base / f"{base}_{token}"
    numbers = writer.frames(_counted(clip), folder, "image{:06d}.jpg".format)
    onset, offset = clip.onset + _counter(clip), clip.offset + _counter(clip)
    first, last = (numbers[0], numbers[-1]) if numbers else (onset, offset)
    second, third = [None, None], [None, None]
    if index % 20 == 3 and first < onset:
        second = [first, onset - 1]  # a second event that precedes the first one
    if index % 20 == 4:
        third = [last + 1000, last + 1040]  # numbers far outside the clip
    cells = [onset, offset, *second, *third, None, first, last, offset - onset + 1, None, None, last - first + 1]
    row = [writer.subject_cell(clip.subject, base, number_ids=True), f"{base}_{token}", None, *cells, emotion]
    return written_clip(key, folder, clip, numbers, emotion, row, shift=_counter(clip))


def _smic_e_sheet(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    rows = [*(list(clip.row) for clip in written), *([[None] * len(_SMIC_E_HEADER)] * 3)]
    writer.sheet(writer.layout.sheets[0], _SMIC_E_HEADER, rows, titles=("HS", "VIS"))


def _show(**course) -> Repertoire:
    # The people of the three cameras are the same.
    return micro("smic", MEGC.classes, **course)


def _camera(card: DatasetCard, variant: str, frames: tuple[int, int], look: str = "colour") -> Layout:
    view = View(190, 230, 0.6, CROP, look=look) if variant else View(zoom=0.69, look=look)
    show = SyntheticSet(_show(course="whole"), (view,), frames)
    return Layout(card=card, variant=variant, write=_smic, folders=(f"SMIC_all_{variant or 'raw'}",), show=show)


LAYOUTS = (
    *(
        _camera(card, variant, frames, look)
        for card, frames, look in (
            (SMIC_HS, (14, 24), "colour"),
            (SMIC_VIS, (9, 13), "colour"),
            (SMIC_NIR, (9, 13), "infrared"),
        )
        for variant in ("", *card.variants)
    ),
    Layout(
        card=SMIC_E,
        write=_smic_e,
        folders=("HS_long",),
        sheets=("SMIC-HS-E_annotation.xlsx",),
        finish=_smic_e_sheet,
        show=SyntheticSet(_show(margin=15), (View(zoom=0.69),), (48, 60)),
    ),
)
