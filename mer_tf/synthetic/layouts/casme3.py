"""Part A of CAS(ME)^3 as its distributor ships it: cut to clips, and as whole videos."""

from __future__ import annotations

import dataclasses
import functools

from mer_tf.datasets.aus import OBJECTIVE_CLASSES
from mer_tf.datasets.readers.casme3 import CASME3
from mer_tf.synthetic.layouts.base import (
    Layout,
    LayoutClip,
    LayoutWriter,
    WrittenClip,
    apex_cell,
    objective_cell,
    translate,
    write_rows,
    written_clip,
)
from mer_tf.synthetic.layouts.show import SyntheticSet, micro
from mer_tf.synthetic.render import View

_HEADER = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion")
_VIDEOS = "abcdefghijklm"
_APART = 1000  # frames between the clips of one video
_TO_CARD = {"repression": "others", "contempt": "others"}
_TO_SHEET = {"happiness": "happy", "sadness": "sad"}


def _casme3(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    # Two clips to a video, as the distributor's videos have one to many.
    subject, video, shift = f"spNO.{clip.subject}", _VIDEOS[clip.clip // 2], _APART * (clip.clip % 2)
    emotion = translate(_TO_CARD, clip.emotion, CASME3.classes)
    onset, offset = clip.onset + shift, clip.offset + shift
    if writer.layout.variant == "videos":
        folder = writer.root / "part_A" / subject / video / "color"
    else:  # the sheet writes spNO, some folders spNo
        folder = writer.root / "Part_A_ME_clip" / "frame" / f"{'spNo' if clip.subject % 2 else 'spNO'}.{clip.subject}"
        folder = folder.with_name(f"{folder.name}_{video}_{onset}")
    shown = ((number + shift, picture) for number, picture in clip.pictures())
    key = writer.key(subject, f"{video}_{onset}")
    numbers = writer.frames(shown, folder, "{}.jpg".format)
    apex = apex_cell(clip) if clip.apex is None else clip.apex + shift
    spelled = _TO_SHEET.get(emotion, emotion)
    # Every cell is text; some copies of a word begin with a capital.
    cells = [str(cell) for cell in (onset, apex, offset, clip.aus, OBJECTIVE_CLASSES[objective_cell(clip) - 1])]
    letter = video.upper() if clip.clip % 7 == 6 else video
    row = [subject, letter, *cells, spelled.capitalize() if clip.clip % 5 == 4 else spelled]
    return written_clip(key, folder, clip, numbers, emotion, row, shift=shift)


_CLIPS = Layout(
    card=CASME3,
    write=_casme3,
    folders=("Part_A_ME_clip",),
    sheets=("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx",),
    finish=functools.partial(write_rows, header=_HEADER, titles=("label", "Sheet1", "Sheet3")),
    apex="Apex",
    show=SyntheticSet(
        micro("casme3", CASME3.expected("native_casme3")[0].classes, course="whole"),
        views=(View(1280, 720, 1.0),),
        frames=(9, 15),
        last_clip=2 * len(_VIDEOS),
    ),
)
LAYOUTS = (_CLIPS, dataclasses.replace(_CLIPS, variant="videos", folders=("part_A",)))
