"""Label mappings: published emotion to class index, per dataset, and the clips a protocol leaves out, as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping as MappingType

from mer_tf.errors import UnknownNameError


@dataclasses.dataclass(frozen=True)
class Exclusion:
    """One clip that a protocol's list leaves out although the rule would keep it.

    It applies only where every field that is set agrees with the sheet, so that another set whose subjects and
    clips happen to have the same names is not touched.

    Attributes:
        dataset: Dataset name.
        subject: Subject id in canonical form.
        clip: Clip name.
        emotion: Emotion the sheet must hold, case-folded.
        onset: Onset the sheet must hold, or None.
        offset: Offset the sheet must hold, or None.
        apex_is_onset: Whether apex and onset must be one frame.
        reason: Why it is left out.
        source: Where that is said.
    """

    dataset: str
    subject: str
    clip: str
    emotion: str
    onset: int | None = None
    offset: int | None = None
    apex_is_onset: bool = False
    reason: str = ""
    source: str = ""

    def names(self, dataset: str, subject: str, clip: str) -> bool:
        """Whether it speaks of a clip of that name."""
        return (self.dataset, self.subject, self.clip) == (dataset, subject, clip)

    def agrees(self, emotion: str, onset: int, apex: int | None, offset: int) -> bool:
        """Whether the row is the one it was written for."""
        return (
            emotion == self.emotion
            and self.onset in (None, onset)
            and self.offset in (None, offset)
            and (not self.apex_is_onset or apex == onset)
        )


@dataclasses.dataclass(frozen=True)
class LabelMapping:
    """A named rule from emotions to classes.

    Attributes:
        name: Registry name.
        classes: Class names by index.
        rules: Dataset name to (emotion to class name); an emotion that is not there is dropped.
        exclusions: Clips left out by name.
        source: Where the rule is published.
    """

    name: str
    classes: tuple[str, ...]
    rules: MappingType[str, MappingType[str, str]]
    exclusions: tuple[Exclusion, ...] = ()
    source: str = ""

    def label(self, dataset: str, emotion: str) -> int | None:
        """Class index of an emotion (any case, blanks stripped), or None where the mapping drops it.

        Raises:
            UnknownNameError: The mapping has no rule for that dataset.
        """
        try:
            rule = self.rules[dataset]
        except KeyError:
            raise UnknownNameError(f"dataset of mapping {self.name!r}", dataset, self.rules) from None
        name = rule.get(emotion.strip().casefold())
        return None if name is None else self.classes.index(name)

    def exclusion(self, dataset: str, subject: str, clip: str) -> Exclusion | None:
        """The exclusion that speaks of a clip of that name, if there is one."""
        return next((item for item in self.exclusions if item.names(dataset, subject, clip)), None)


# The prose of the challenge names six emotions as negative. Its list for CASME II has the clips of two of them
# only: sadness and fear are absent, and so are two disgust clips.
_MEGC_NEGATIVE = ("repression", "anger", "contempt", "disgust", "fear", "sadness")


def _rule(**classes) -> dict[str, str]:
    return {emotion: name for name, emotions in classes.items() for emotion in emotions}


_LIST = "MEGC2019 organisers' list of 442 clips"

MAPPINGS = {
    mapping.name: mapping
    for mapping in (
        LabelMapping(
            name="megc2019",
            classes=("negative", "positive", "surprise"),
            rules={
                "casme2": _rule(negative=("disgust", "repression"), positive=("happiness",), surprise=("surprise",)),
                "samm": _rule(negative=_MEGC_NEGATIVE, positive=("happiness",), surprise=("surprise",)),
                "smic": _rule(negative=("negative",), positive=("positive",), surprise=("surprise",)),
            },
            exclusions=(
                Exclusion(
                    "casme2",
                    "sub04",
                    "EP12_01f",
                    emotion="disgust",
                    onset=261,
                    offset=321,
                    reason="its apex is not annotated",
                    source=_LIST,
                ),
                Exclusion(
                    "casme2",
                    "sub05",
                    "EP09_05f",
                    emotion="disgust",
                    apex_is_onset=True,
                    reason="its apex equals its onset",
                    source=_LIST,
                ),
            ),
            source="MEGC 2019 composite database evaluation; used by seeds 001 and 004",
        ),
    )
}


def get_mapping(name: str) -> LabelMapping:
    """The mapping of that name; an unknown name lists the known ones."""
    try:
        return MAPPINGS[name]
    except KeyError:
        raise UnknownNameError("label mapping", name, MAPPINGS) from None
