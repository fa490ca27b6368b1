"""CK+ as its distributor ships it, and its re-pack CK+48."""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2

from mer_tf.datasets.readers.ckplus import CK48, CKPLUS, EMOTION_CODES
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
from mer_tf.synthetic.layouts.show import CROP, SyntheticSet, posed
from mer_tf.synthetic.render import View


def _ckplus(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = translate({**POSED, "others": "contempt"}, clip.emotion, CKPLUS.emotions)
    subject, take = f"S{clip.subject:03d}", f"{clip.clip + 1:03d}"
    name = f"{subject}_{take}"
    key, folder = writer.key(subject, name), writer.root / "cohn-kanade-images" / subject / take
    gray = clip.subject % 2 == 0  # both kinds are in the set
    numbers = writer.frames(to_apex(clip, 1), folder, (name + "_{:08d}.png").format, gray=gray)
    units = [int(unit) for unit in re.findall(r"\d+", clip.aus)]
    texts = {
        "Emotion": ("emotion", f"   {EMOTION_CODES.index(emotion):.7e}\n"),
        "FACS": ("facs", "".join(f"   {unit:.7e}   {unit % 6:.7e}\n" for unit in units)),
    }
    for top, (kind, text) in texts.items():
        labels = writer.root / top / subject / take
        labels.mkdir(parents=True, exist_ok=True)
        (labels / f"{name}_{len(numbers):08d}_{kind}.txt").write_text(text)
    return written_clip(key, folder, clip, numbers, emotion)


def _ckplus_strays(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    """An unlabelled sequence, its empty label folder, and stray files."""
    subject = f"S{written[0].clip.subject:03d}"
    for name in ("cohn-kanade-images", "Emotion"):
        (writer.root / name / subject / "099").mkdir(parents=True, exist_ok=True)
        (writer.root / name / ".DS_Store").write_bytes(b"stray")
    (writer.root / "cohn-kanade-images" / subject / "099" / f"{subject}_099_00000001.png").touch()


def _ck48(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    emotion = translate({**POSED, "others": "contempt"}, clip.emotion, CK48.emotions)
    subject = f"S{clip.subject:03d}"
    name = f"{subject}_{clip.clip + 1:03d}"
    key, folder = writer.key(subject, name), writer.root / "CK+48" / {"happiness": "happy"}.get(emotion, emotion)
    peak = to_apex(clip, 1)[-3:]
    peak = [(number, None if picture is None else cv2.resize(picture, (48, 48))) for number, picture in peak]
    numbers = writer.frames(peak, folder, (name + "_{:08d}.png").format, gray=True)
    return written_clip(key, folder / f"{name}_{numbers[-1]:08d}.png", clip, numbers, emotion)


_REPERTOIRE = posed("ckplus", *CKPLUS.classes)
LAYOUTS = (
    Layout(
        card=CKPLUS,
        write=_ckplus,
        folders=("cohn-kanade-images", "Emotion", "FACS"),
        finish=_ckplus_strays,
        strays=1,
        show=SyntheticSet(
            _REPERTOIRE,
            # Gray sequences are 490 rows high, those in colour 480.
            views=(View(640, 490, 0.85, look="gray"), View(640, 480, 0.85)),
            frames=(10, 18),
            first=1,
        ),
    ),
    # The same people and clips.
    Layout(
        card=CK48,
        write=_ck48,
        folders=("CK+48",),
        stills=True,
        show=SyntheticSet(_REPERTOIRE, views=(View(48, 48, 0.165, CROP, look="gray"),), frames=(10, 18), first=1),
    ),
)
