"""The gray videos of 4DME as public code reads them, raw and cropped."""

from __future__ import annotations

import dataclasses
import functools

from mer_tf.datasets.readers.fourdme import FOURDME
from mer_tf.synthetic.layouts.base import (
    Layout,
    LayoutClip,
    LayoutWriter,
    WrittenClip,
    apex_cell,
    translate,
    write_rows,
    written_clip,
)
from mer_tf.synthetic.layouts.show import CROP, SyntheticSet, micro
from mer_tf.synthetic.render import View

_HEADER = ("fold", "sub_ID", "fold_name", "Onset", "Apex", "Offset", "AUs", "Emotion")
_TO_CARD = {
    "happiness": "positive",
    **dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), "negative"),
}  # fmt: skip


def _fourdme(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = translate(_TO_CARD, clip.emotion, FOURDME.classes)
    subject, name = f"S{clip.subject:02d}", f"{clip.clip // 9 + 1:03d}_{clip.clip % 9 + 1:02d}_1"
    session = f"{'1st' if clip.clip % 2 else '2nd'}" if clip.subject % 10 == 3 else ""  # a few people came twice
    person = f"{subject}_{session}" if session else subject
    folder = writer.root / writer.layout.folders[0] / person / name
    key = writer.key(subject, f"{session}_{name}" if session else name)
    numbers = writer.frames(clip.pictures(), folder, "{:05d}.jpg".format, gray=True)
    units = "+".join(f"AU{unit}" for unit in clip.aus.split("+")) if clip.aus else None
    row = [1, person, name, clip.onset, apex_cell(clip), clip.offset, units, emotion.capitalize()]
    return written_clip(key, folder, clip, numbers, emotion, row)


_RAW = Layout(
    card=FOURDME,
    write=_fourdme,
    folders=("gray_micro",),
    sheets=("4DME_Labelling_Micro_release v1.xlsx",),
    finish=functools.partial(write_rows, header=_HEADER),
    apex="Apex",
    # Assumption: the shares of its classes, which no source at hand counts.
    show=SyntheticSet(
        micro("4dme", {"negative": 4, "positive": 2, "surprise": 2, "repression": 1, "others": 1}, course="whole"),
        views=(View(look="gray"),),
        frames=(12, 24),
    ),
)
LAYOUTS = (
    _RAW,
    dataclasses.replace(
        _RAW,
        variant="cropped",
        folders=("gray_micro_crop",),
        show=dataclasses.replace(_RAW.show, views=(View(140, 170, 0.45, CROP, look="gray"),)),
    ),
)
