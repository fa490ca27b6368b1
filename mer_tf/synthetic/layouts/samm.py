"""SAMM as its distributor ships it."""

from __future__ import annotations

from collections.abc import Sequence

from mer_tf.datasets.readers.samm import SAMM
from mer_tf.synthetic.layouts.base import (
    Layout,
    LayoutClip,
    LayoutWriter,
    WrittenClip,
    apex_cell,
    objective_cell,
    translate,
    written_clip,
)
from mer_tf.synthetic.layouts.show import SyntheticSet, micro
from mer_tf.synthetic.motion import ClipPlan
from mer_tf.synthetic.render import View

_SAMM_HEADER = (
    "Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro",
    "Action Units", "Estimated Emotion", "Objective Classes", "Notes",
)  # fmt: skip
_EMOTIONS = tuple(name.capitalize() for name in SAMM.classes)


def _samm(writer: LayoutWriter, clip: LayoutClip, index: int) -> WrittenClip:
    subject = f"{clip.subject:03d}"
    name = clip.name or f"{subject}_{clip.clip // 9 + 1}_{clip.clip % 9 + 1}"
    emotion = translate({"Others": "Other", "Repression": "Anger"}, clip.emotion.capitalize(), _EMOTIONS)
    key, folder = writer.key(subject, name), writer.root / "SAMM" / subject / name
    width = 5 if clip.clip % 7 else 4  # some copies do not pad every name alike
    numbers = writer.frames(clip.pictures(), folder, f"{subject}_{{:0{width}d}}.jpg".format, gray=True)
    units = f"{clip.aus} " if clip.clip % 5 == 4 else clip.aus  # a trailing blank
    cells = [int(name.split("_")[1]), clip.onset, apex_cell(clip), clip.offset]
    cells += [clip.offset - clip.onset + 1, "Micro - 1/2", units, emotion, objective_cell(clip), None]
    row = [writer.subject_cell(clip.subject, subject, number_ids=False), name, *cells]
    return written_clip(key, folder, clip, numbers, emotion, row)


def _samm_sheet(writer: LayoutWriter, written: Sequence[WrittenClip]) -> None:
    preamble = [["Micro-expression codes"], [], ["Symbol", "Meaning"], ["/", "or"], ["?", "unclear offset"]]
    preamble += [["L", "left side"], ["R", "right side"], ["A", "asymmetric"], *([[None]] * 5)]
    rows = [list(clip.row) for clip in written]
    writer.sheet(writer.layout.sheets[0], _SAMM_HEADER, rows, preamble=preamble, titles=("MICRO_ONLY",))


def _units(plan: ClipPlan) -> str:
    """SAMM codes intensities and sides: some of the clips do here as well."""
    units = [str(unit) for unit in plan.aus]
    if plan.emotion == "contempt":
        units = ["LR"[plan.clip % 2] + unit for unit in units]
    elif plan.clip % 3 == 1:
        units = [unit + "ABC"[index % 3] for index, unit in enumerate(units)]
    return "+".join(units)


LAYOUTS = (
    Layout(
        card=SAMM,
        write=_samm,
        folders=("SAMM",),
        sheets=("SAMM_Micro_FACS_Codes_v2.xlsx",),
        finish=_samm_sheet,
        apex="Apex Frame",
        show=SyntheticSet(
            micro("samm", SAMM.expected("native_samm")[0].classes),
            views=(View(2040, 1088, 1.45, look="gray"),),
            units=_units,
        ),
    ),
)
