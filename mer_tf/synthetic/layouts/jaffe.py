"""JAFFE as its distributor ships it."""

from __future__ import annotations

from collections.abc import Sequence

from mer_tf.datasets.readers.jaffe import CODES, JAFFE
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
from mer_tf.synthetic.layouts.show import SIX, SyntheticSet, posed
from mer_tf.synthetic.render import View


def _jaffe(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    codes = {emotion: code for code, emotion in CODES.items()}
    emotion = translate({**POSED, "others": "neutral"}, clip.emotion, codes)
    subject = chr(65 + clip.subject // 26 % 26) + chr(65 + clip.subject % 26)
    name = f"{subject}.{codes[emotion]}{clip.clip + 1}.{index + 1}"
    key, folder = writer.key(subject, name), writer.root / "jaffe"
    writer.frames(to_apex(clip)[-1:], folder, lambda _: f"{name}.tiff", gray=True)
    return written_clip(key, folder / f"{name}.tiff", clip, (index + 1,), emotion)


def _jaffe_strays(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    (writer.root / "jaffe" / "README").write_text("pictures of expressions\n")
    (writer.root / "jaffe" / ".DS_Store").write_bytes(b"stray")


LAYOUTS = (
    Layout(
        card=JAFFE,
        write=_jaffe,
        folders=("jaffe",),
        finish=_jaffe_strays,
        stills=True,
        show=SyntheticSet(
            posed("jaffe", *SIX, "neutral"),
            views=(View(256, 256, 0.55, (319.5, 250.0), look="gray"),),
            frames=(8, 8),
            last_subject=26 * 26 - 1,
            last_frames=1,
        ),
    ),
)
