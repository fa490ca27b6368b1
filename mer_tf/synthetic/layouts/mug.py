"""MUG as its distributor ships it."""

from __future__ import annotations

from mer_tf.datasets.readers.mug import MUG
from mer_tf.synthetic.layouts.base import POSED, Layout, LayoutClip, LayoutWriter, WrittenClip, translate, written_clip
from mer_tf.synthetic.layouts.show import SIX, SyntheticSet, posed
from mer_tf.synthetic.render import View


def _mug(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = translate({**POSED, "others": "neutral"}, clip.emotion, MUG.emotions)
    subject = f"{clip.subject:03d}"
    take = writer.taken.get((subject, emotion), 0)
    writer.taken[subject, emotion] = take + 1
    key = writer.key(subject, f"{emotion}_take{take:03d}")
    folder = writer.root / "subjects3" / subject / emotion / f"take{take:03d}"
    return written_clip(key, folder, clip, writer.frames(clip.pictures(), folder, "img_{:04d}.jpg".format), emotion)


LAYOUTS = (
    Layout(
        card=MUG,
        write=_mug,
        folders=("subjects3",),
        show=SyntheticSet(
            posed("mug", *SIX, "neutral", course="within"), views=(View(896, 896, 1.3),), frames=(24, 36), first=0
        ),
    ),
)
