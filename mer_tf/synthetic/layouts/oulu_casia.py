"""Oulu-CASIA as its distributor ships it: each clip of a subject and emotion under another camera or light."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.datasets.readers.oulu_casia import CAMERAS, LIGHTS, OULU_CASIA
from mer_tf.errors import ConfigError
from mer_tf.synthetic.layouts.base import (
    POSED,
    Layout,
    LayoutClip,
    LayoutWriter,
    WrittenClip,
    to_apex,
    translate,
    written_clip,
)
from mer_tf.synthetic.layouts.show import SyntheticSet, posed
from mer_tf.synthetic.motion import ClipPlan
from mer_tf.synthetic.render import SyntheticSubject, View

_CONDITIONS = tuple((camera, light) for light in LIGHTS for camera in CAMERAS)
_GAIN = dict(zip(LIGHTS, (1.0, 0.6, 0.35), strict=True))  # relative


def _oulu(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = translate({**POSED, "others": "fear"}, clip.emotion, OULU_CASIA.emotions).capitalize()
    subject = f"P{clip.subject:03d}"
    count = writer.taken.get((subject, emotion), 0)
    if count == len(_CONDITIONS):
        raise ConfigError(f"{subject} has more than {count} clips of {emotion}; the layout has no room")
    writer.taken[subject, emotion] = count + 1
    camera, light = _CONDITIONS[count]
    key = writer.key(subject, f"{camera}_{light}_{emotion}")
    folder = writer.root / "OriginalImg" / camera / light / subject / emotion
    return written_clip(key, folder, clip, writer.frames(to_apex(clip), folder, "{:03d}.jpeg".format), emotion)


def _seen(subject: SyntheticSubject, plan: ClipPlan) -> tuple[SyntheticSubject, ClipPlan]:
    """Clips show the six emotions in turn, once in every condition."""
    camera, light = _CONDITIONS[plan.clip // len(subject.repertoire.emotions)]
    if camera == "NI":
        subject = subject.seen_by(dataclasses.replace(subject.view, look="infrared"))
    return subject, dataclasses.replace(plan, gain=plan.gain * np.float32(_GAIN[light]))


LAYOUTS = (
    Layout(
        card=OULU_CASIA,
        write=_oulu,
        folders=("OriginalImg",),
        show=SyntheticSet(
            posed("oulu_casia", *OULU_CASIA.classes),
            views=(View(320, 240, 0.45),),
            frames=(10, 18),
            first=0,
            last_clip=len(OULU_CASIA.classes) * len(_CONDITIONS),
            seen=_seen,
        ),
    ),
)
