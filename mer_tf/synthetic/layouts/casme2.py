"""CASME II as its distributor ships it: raw with the sheets of 2014 or of 2019, and cropped."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mer_tf.datasets.readers.casme2 import CASME2
from mer_tf.synthetic.layouts.base import (
    Layout,
    LayoutClip,
    LayoutWriter,
    WrittenClip,
    apex_cell,
    episode_name,
    objective_cell,
    translate,
    units_cell,
    written_clip,
)
from mer_tf.synthetic.layouts.show import CROP, SyntheticSet
from mer_tf.synthetic.motion import Repertoire
from mer_tf.synthetic.render import View

_CASME2_HEADER = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
                  "Estimated Emotion")  # fmt: skip


def _casme2(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    subject, name = f"sub{clip.subject:02d}", clip.name or episode_name(clip.clip)
    emotion = translate({"other": "others"}, clip.emotion, CASME2.emotions)
    frames = writer.layout.folders[0]
    key, folder = writer.key(subject, name), writer.root / frames / subject / name
    pattern = "reg_img{}.jpg" if writer.layout.variant == "cropped" else "img{}.jpg"
    numbers = writer.frames(clip.pictures(), folder, pattern.format)
    identity = writer.subject_cell(clip.subject, f"{clip.subject:02d}", number_ids=False)
    row = [identity, name, None, clip.onset, apex_cell(clip), clip.offset, None, units_cell(clip), emotion]
    return written_clip(key, folder, clip, numbers, emotion, row, [identity, name, objective_cell(clip)])


def _casme2_sheets(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    coding, *objective = writer.layout.sheets
    titles = ("Sheet1", "Sheet2", "Sheet3")
    if objective:  # 2014: the objective classes lie in a sheet of their own
        header = ["Subject", "Filename", "Objective Class"]
        writer.sheet(objective[0], header, [list(clip.objective) for clip in written], titles=titles[:2])
        writer.sheet(coding, _CASME2_HEADER, [list(clip.row) for clip in written], titles=titles)
    else:
        rows = [[*clip.row, clip.objective[-1]] for clip in written]
        writer.sheet(coding, [*_CASME2_HEADER, "Objective Classes"], rows, titles=titles)


_SHOW = SyntheticSet(Repertoire())
_RAW = Layout(
    card=CASME2,
    write=_casme2,
    folders=("CASME2_RAW_selected",),
    sheets=("CASME2-coding-20140508.xlsx", "CASME2-ObjectiveClasses.xlsx"),
    finish=_casme2_sheets,
    apex="ApexFrame",
    show=_SHOW,
)
LAYOUTS = (
    _RAW,
    dataclasses.replace(_RAW, variant="2019", sheets=("CASME2-coding-20190701.xlsx",)),
    dataclasses.replace(
        _RAW,
        variant="cropped",
        folders=("Cropped",),
        show=dataclasses.replace(_SHOW, views=(View(280, 340, 0.9, CROP),)),
    ),
)
