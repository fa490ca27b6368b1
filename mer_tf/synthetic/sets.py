"""What a synthetic set of each layout shows: its people and emotions, its camera, the length of its clips.

Source: frame sizes, frame rates, face sizes and classes as the distributors publish them; action units of an emotion as
they are usually coded. Shares of the emotions are near those of the published sets.
"""

from __future__ import annotations

import dataclasses

from mer_tf.synthetic.layouts import OULU_CONDITIONS
from mer_tf.synthetic.motion import ACTION_UNITS, EMOTIONS, MORE_ACTION_UNITS, ClipPlan, Repertoire
from mer_tf.synthetic.render import View

_ALL_UNITS = (*ACTION_UNITS, *MORE_ACTION_UNITS)
_UNITS = {
    **{name: options for name, (_, options) in EMOTIONS.items()},
    "anger": ((4, 7), (4, 5, 7), (4, 7, 23), (4, 23), (17, 24)),
    "fear": ((1, 2, 4), (1, 2, 4, 5), (1, 2, 4, 20), (20, 25), (1, 2, 4, 5, 20, 25)),
    "sadness": ((1, 4, 15), (1, 15), (15, 17), (1, 4, 15, 17)),
    "contempt": ((14,),),
    "tense": ((17, 24), (24,), (14, 17), (23,)),
    "neutral": ((),),
    # What SMIC sums up as negative.
    "negative": ((4,), (4, 9), (4, 7), (15,), (4, 15), (1, 4, 15), (10,)),
}
_UNITS |= {"other": _UNITS["others"], "positive": _UNITS["happiness"]}
# Posed disgust and surprise are fuller than the micro-expressions.
_POSED_UNITS = {
    **_UNITS,
    "happiness": ((6, 12), (6, 12, 25)),
    "surprise": ((1, 2, 5, 26), (1, 2, 26), (1, 2, 5, 25, 26)),
    "disgust": ((4, 9, 10), (9, 10, 25), (4, 7, 9)),
}


@dataclasses.dataclass(frozen=True)
class SyntheticSet:
    """How clips of a layout are made.

    Attributes:
        repertoire: Emotions and course.
        views: Cameras, which subjects take in turn.
        frames: Smallest and largest number of frames drawn per clip, unless asked otherwise.
        truth: Whether ground truth is written beside the clips.
        first: Number of the first frame; None for one that is drawn per clip.
        last_subject: Largest subject number that the layout can spell.
        last_clip: Largest number of clips of a subject that the layout has room for.
    """

    repertoire: Repertoire
    views: tuple[View, ...] = (View(),)
    frames: tuple[int, int] = (20, 30)
    truth: bool = True
    first: int | None = None
    last_subject: int = 999
    last_clip: int = 10_000

    def view(self, subject: int) -> View:
        """Camera of a subject."""
        return self.views[subject % len(self.views)]


def _micro(population: str, shares: dict[str, float], **course) -> Repertoire:
    total = sum(shares.values())
    emotions = {name: (share / total, _UNITS[name]) for name, share in shares.items()}
    return Repertoire(emotions=emotions, action_units=_ALL_UNITS, population=population, **course)


def _posed(population: str, *names: str, course: str = "rise") -> Repertoire:
    emotions = {name: (1 / len(names), _POSED_UNITS[name]) for name in names}
    return Repertoire(
        emotions=emotions, action_units=_ALL_UNITS, course=course, in_turn=True, posed=True, population=population
    )


def _smic(**course) -> Repertoire:
    # The people of the three cameras are the same.
    return _micro("smic", {"negative": 70, "positive": 51, "surprise": 43}, **course)


_CROP = (320.0, 290.0)  # middle of a cropped face
_SIX = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
_CASME2 = SyntheticSet(Repertoire())
_SMIC = View(zoom=0.69)
_SMIC_CROP = View(190, 230, 0.6, _CROP)

SETS: dict[str, SyntheticSet] = {
    "casme": SyntheticSet(
        _micro(
            "casme",
            {"tense": 69, "disgust": 44, "repression": 38, "surprise": 20, "happiness": 12, "sadness": 8, "fear": 4,
             "contempt": 4},
        ),
        # Class B (LED light) and class A (natural light); faces are about 150 px wide in both.
        views=(View(zoom=0.55), View(1280, 720, 0.55)),
        frames=(12, 24),
    ),
    "casme2": _CASME2,
    "casme2_2019": _CASME2,
    "casme2_cropped": dataclasses.replace(_CASME2, views=(View(280, 340, 0.9, _CROP),)),
    "samm": SyntheticSet(
        _micro(
            "samm",
            {"anger": 57, "happiness": 26, "other": 26, "surprise": 15, "contempt": 12, "disgust": 9, "fear": 8,
             "sadness": 6},
        ),
        views=(View(2040, 1088, 1.45, look="gray"),),
    ),
    "smic_hs": SyntheticSet(_smic(course="whole"), (_SMIC,), (14, 24)),
    "smic_hs_cropped": SyntheticSet(_smic(course="whole"), (_SMIC_CROP,), (14, 24)),
    "smic_vis": SyntheticSet(_smic(course="whole"), (_SMIC,), (9, 13)),
    "smic_vis_cropped": SyntheticSet(_smic(course="whole"), (_SMIC_CROP,), (9, 13)),
    "smic_nir": SyntheticSet(_smic(course="whole"), (dataclasses.replace(_SMIC, look="infrared"),), (9, 13)),
    "smic_nir_cropped": SyntheticSet(
        _smic(course="whole"), (dataclasses.replace(_SMIC_CROP, look="infrared"),), (9, 13)
    ),
    "smic_e": SyntheticSet(_smic(margin=15), (_SMIC,), (48, 60)),
    "ckplus": SyntheticSet(
        _posed("ckplus", "anger", "contempt", *_SIX[1:]),
        # Gray sequences are 490 rows high, those in colour 480.
        views=(View(640, 490, 0.85, look="gray"), View(640, 480, 0.85)),
        frames=(10, 18),
        truth=False,
        first=1,
    ),
    # The same people and clips as ckplus.
    "ck48": SyntheticSet(
        _posed("ckplus", "anger", "contempt", *_SIX[1:]),
        views=(View(48, 48, 0.165, _CROP, look="gray"),),
        frames=(10, 18),
        truth=False,
        first=1,
    ),
    "oulu_casia": SyntheticSet(
        _posed("oulu_casia", *_SIX),
        views=(View(320, 240, 0.45),),
        frames=(10, 18),
        truth=False,
        first=0,
        last_clip=6 * len(OULU_CONDITIONS),
    ),
    "jaffe": SyntheticSet(
        _posed("jaffe", *_SIX, "neutral"),
        views=(View(256, 256, 0.55, (319.5, 250.0), look="gray"),),
        frames=(8, 8),
        truth=False,
        last_subject=26 * 26 - 1,
    ),
    "mug": SyntheticSet(
        _posed("mug", *_SIX, "neutral", course="within"),
        views=(View(896, 896, 1.3),),
        frames=(24, 36),
        truth=False,
        first=0,
    ),
}  # fmt: skip


def sheet_units(layout: str, plan: ClipPlan) -> str:
    """Action units of a clip as the layout's sheet would spell them.

    SAMM codes intensities and sides: some of its clips do here as well.
    """
    units = [str(unit) for unit in plan.aus]
    if layout == "samm" and plan.emotion == "contempt":
        units = ["LR"[plan.clip % 2] + unit for unit in units]
    elif layout == "samm" and plan.clip % 3 == 1:
        units = [unit + "ABC"[index % 3] for index, unit in enumerate(units)]
    return "+".join(units)
