"""CASME as its distributor ships it."""

from __future__ import annotations

from collections.abc import Sequence

from mer_tf.datasets.readers.casme import CASME
from mer_tf.synthetic.layouts.base import (
    Layout,
    LayoutClip,
    LayoutWriter,
    WrittenClip,
    apex_cell,
    episode_name,
    translate,
    units_cell,
    written_clip,
)
from mer_tf.synthetic.layouts.show import SyntheticSet, micro
from mer_tf.synthetic.render import View

_CASME_HEADER = ("Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion")


def _casme(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    subject, name = f"sub{clip.subject:02d}", clip.name or episode_name(clip.clip)
    emotion = translate({"others": "tense"}, clip.emotion, CASME.emotions)
    key, folder = writer.key(subject, name), writer.root / "CASME_raw_selected" / subject / name
    numbers = writer.frames(clip.pictures(), folder, lambda number: f"{name}-{number}.jpg")
    tie = None if clip.apex is None or clip.clip % 5 else clip.apex + 1
    cells = [clip.onset, apex_cell(clip), tie, clip.offset, None, units_cell(clip), emotion]
    identity = writer.subject_cell(clip.subject, f"{clip.subject:02d}", number_ids=True)
    return written_clip(key, folder, clip, numbers, emotion, [identity, name, None, *cells])


def _casme_sheet(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    writer.sheet(writer.layout.sheets[0], _CASME_HEADER, [list(clip.row) for clip in written])


LAYOUTS = (
    Layout(
        card=CASME,
        write=_casme,
        folders=("CASME_raw_selected",),
        sheets=("CASME_coding.xlsx",),
        finish=_casme_sheet,
        apex="ApexF1",
        show=SyntheticSet(
            micro(
                "casme",
                {"tense": 69, "disgust": 44, "repression": 38, "surprise": 20, "happiness": 12, "sadness": 8, "fear": 4,
                 "contempt": 4},
            ),
            # Class B (LED light) and class A (natural light); faces are about 150 px wide in both.
            views=(View(zoom=0.55), View(1280, 720, 0.55)),
            frames=(12, 24),
        ),
    ),
)  # fmt: skip
