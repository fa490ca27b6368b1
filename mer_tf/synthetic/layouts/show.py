"""What a synthetic set shows: its people and emotions, its camera, the length of its clips.

Source: frame sizes, frame rates, face sizes and classes as the distributors publish them; action units of an emotion as
they are usually coded. Shares of the emotions are near those of the published sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from mer_tf.synthetic.motion import ACTION_UNITS, EMOTIONS, MORE_ACTION_UNITS, ClipPlan, Repertoire
from mer_tf.synthetic.render import SyntheticSubject, View

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


CROP = (320.0, 290.0)  # middle of a cropped face
SIX = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")


def plain_units(plan: ClipPlan) -> str:
    """Action units of a clip, joined by plus signs."""
    return "+".join(map(str, plan.aus))


def unchanged(subject: SyntheticSubject, plan: ClipPlan) -> tuple[SyntheticSubject, ClipPlan]:
    """The same conditions for every clip."""
    return subject, plan


@dataclasses.dataclass(frozen=True)
class SyntheticSet:
    """How clips of a layout are made.

    Attributes:
        repertoire: Emotions and course.
        views: Cameras, which subjects take in turn.
        frames: Smallest and largest number of frames drawn per clip, unless asked otherwise.
        first: Number of the first frame; None for one that is drawn per clip.
        last_subject: Largest subject number that the layout can spell.
        last_clip: Largest number of clips of a subject that the layout has room for.
        last_frames: Number of frames drawn, at the end of a clip; None for all.
        units: Action units of a clip as the sheet would spell them.
        seen: A subject and a clip under the conditions of that clip, such as its light.
    """

    repertoire: Repertoire
    views: tuple[View, ...] = (View(),)
    frames: tuple[int, int] = (20, 30)
    first: int | None = None
    last_subject: int = 999
    last_clip: int = 10_000
    last_frames: int | None = None
    units: Callable[[ClipPlan], str] = plain_units
    seen: Callable[[SyntheticSubject, ClipPlan], tuple[SyntheticSubject, ClipPlan]] = unchanged

    def view(self, subject: int) -> View:
        """Camera of a subject."""
        return self.views[subject % len(self.views)]


def micro(population: str, shares: dict[str, float], **course) -> Repertoire:
    """Micro-expressions, drawn by their shares."""
    total = sum(shares.values())
    emotions = {name: (share / total, _UNITS[name]) for name, share in shares.items()}
    return Repertoire(emotions=emotions, action_units=_ALL_UNITS, population=population, **course)


def posed(population: str, *names: str, course: str = "rise") -> Repertoire:
    """Large expressions, in turn."""
    emotions = {name: (1 / len(names), _POSED_UNITS[name]) for name in names}
    return Repertoire(
        emotions=emotions, action_units=_ALL_UNITS, course=course, in_turn=True, posed=True, population=population
    )
