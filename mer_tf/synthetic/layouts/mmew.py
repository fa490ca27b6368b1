"""MMEW as its distributor ships it."""

from __future__ import annotations

import functools

from mer_tf.datasets.readers.mmew import MMEW
from mer_tf.synthetic.layouts.base import (
    Layout,
    LayoutClip,
    LayoutWriter,
    WrittenClip,
    apex_cell,
    translate,
    units_cell,
    write_rows,
    written_clip,
)
from mer_tf.synthetic.layouts.show import CROP, SyntheticSet, micro
from mer_tf.synthetic.render import View

_HEADER = (
    "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion", "remarks",
)  # fmt: skip
# In the order of the distributor's list; what is others in the sheet has a folder "repression" in some copies.
_NUMBERS = {"happiness": 1, "surprise": 2, "disgust": 3, "others": 4, "fear": 5, "sadness": 6, "anger": 7}


def _mmew(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = translate({"repression": "others", "contempt": "others"}, clip.emotion, MMEW.classes)
    subject = f"S{clip.subject:02d}"
    name = f"{subject}-{_NUMBERS[emotion]:02d}-{clip.clip + 1:03d}"
    key, folder = writer.key(subject, name), writer.root / "Micro_Expression" / emotion / name
    numbers = writer.frames(clip.pictures(), folder, "{}.jpg".format)
    identity = writer.subject_cell(clip.subject, subject, number_ids=False)
    row = [identity, name, clip.onset, apex_cell(clip), clip.offset, units_cell(clip), emotion, None]
    return written_clip(key, folder, clip, numbers, emotion, row)


LAYOUTS = (
    Layout(
        card=MMEW,
        write=_mmew,
        folders=("Micro_Expression",),
        sheets=("MMEW_Micro_Exp.xlsx",),
        finish=functools.partial(write_rows, header=_HEADER),
        apex="ApexFrame",
        show=SyntheticSet(
            micro("mmew", MMEW.expected("native_mmew")[0].classes, course="whole"),
            views=(View(231, 231, 0.75, CROP),),
            first=1,
        ),
    ),
)
