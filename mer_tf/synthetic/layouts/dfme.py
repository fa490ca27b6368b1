"""DFME as public code reads it: the part for training."""

from __future__ import annotations

import functools

from mer_tf.datasets.readers.dfme import DFME, PARTS
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
from mer_tf.synthetic.layouts.show import SyntheticSet, micro

_HEADER = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion", "AU")
_FRAMES, _SHEET, _ = PARTS["train"]


def _dfme(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = translate({"repression": "disgust", "others": "disgust"}, clip.emotion, DFME.classes)
    subject = f"sub{clip.subject:04d}"
    name = f"{subject}_{clip.clip + 1:02d}"
    key, folder = writer.key(subject, name), writer.root / _FRAMES / name
    numbers = writer.frames(clip.pictures(), folder, "{:05d}.png".format)
    row = [subject, name, clip.onset, apex_cell(clip), clip.offset, emotion.capitalize(), units_cell(clip)]
    return written_clip(key, folder, clip, numbers, emotion, row)


LAYOUTS = (
    Layout(
        card=DFME,
        write=_dfme,
        folders=(_FRAMES,),
        sheets=(_SHEET,),
        finish=functools.partial(write_rows, header=_HEADER),
        apex="ApexFrame",
        # Assumption: frames of 640x480 px; no source at hand gives the size.
        show=SyntheticSet(micro("dfme", DFME.expected("native_dfme")[0].classes), first=0),
    ),
)
