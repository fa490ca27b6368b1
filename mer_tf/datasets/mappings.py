"""Label mappings: published emotion (or objective class) to class index, per dataset, and the clips a protocol leaves
out, as data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping as MappingType

from mer_tf.datasets.own_mapping import classes_of, is_file_name, own_name, read_rules
from mer_tf.errors import look_up


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
    """A named rule from emotions, or from objective classes, to classes.

    Attributes:
        name: Registry name.
        classes: Class names by index.
        rules: Dataset name to (value to class name); a value that is not there is dropped.
        exclusions: Clips left out by name.
        source: Where the rule is published.
        field: What the rules read: ``"emotion"``, or ``"objective"`` (``"I"`` to ``"VII"``).
        entries: None, or class index by (dataset, subject, clip): a list that decides alone, without the rules.
        entries_source: File of the list.
        assumed: Datasets of which the source says less than the rule.
        others: Value to class name for sets that are none of the published ones; None where it is of no use to them.
    """

    name: str
    classes: tuple[str, ...]
    rules: MappingType[str, MappingType[str, str]]
    exclusions: tuple[Exclusion, ...] = ()
    source: str = ""
    field: str = "emotion"
    entries: MappingType[tuple[str, str, str], int] | None = None
    entries_source: str = ""
    assumed: tuple[str, ...] = ()
    others: MappingType[str, str] | None = None

    @property
    def is_own(self) -> bool:
        """Whether a user wrote it."""
        return classes_of(self.name) is not None

    def label(self, dataset: str, value: str) -> int | None:
        """Class index of an emotion or objective class (any case, blanks stripped); None where it is dropped.

        Raises:
            UnknownNameError: The mapping has no rule for that dataset.
        """
        name = self.rule(dataset).get(value.strip().casefold())
        return None if name is None else self.classes.index(name)

    def rule(self, dataset: str) -> MappingType[str, str]:
        """Value to class name of one dataset; ``UnknownNameError`` where the mapping has none for it."""
        from mer_tf.datasets.registry import CARDS  # here, because the readers import this module

        if self.others is not None and dataset not in self.rules and dataset not in CARDS:
            return self.others
        return look_up(f"dataset of mapping {self.name!r}", dataset, self.rules)

    def exclusion(self, dataset: str, subject: str, clip: str) -> Exclusion | None:
        """The exclusion that speaks of a clip of that name, if there is one."""
        return next((item for item in self.exclusions if item.names(dataset, subject, clip)), None)

    def with_entries(self, entries: MappingType[tuple[str, str, str], int], source: str = "") -> LabelMapping:
        """The same classes, with a list of clips that decides in place of the rules."""
        return dataclasses.replace(self, entries=dict(entries), entries_source=source)


# The prose of the challenge names six emotions as negative. Its list for CASME II has the clips of two of them
# only: sadness and fear are absent, and so are two disgust clips.
_MEGC_NEGATIVE = ("repression", "anger", "contempt", "disgust", "fear", "sadness")
_CLASSES_3 = ("negative", "positive", "surprise")


def _rule(**classes) -> dict[str, str]:
    return {emotion: name for name, emotions in classes.items() for emotion in emotions}


def _identity(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_LIST = "MEGC2019 organisers' list of 442 clips"
_CASME2_3 = _rule(negative=("disgust", "repression"), positive=("happiness",), surprise=("surprise",))
_MEGC_PROSE = _rule(negative=_MEGC_NEGATIVE, positive=("happiness",), surprise=("surprise",))
_MEGC_EXCLUSIONS = (
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
)
_OWN = "the user's own; its name tells the file, a hash of its rules, and the classes"
_MACRO_5 = ("happiness", "surprise", "anger", "disgust", "sadness")


@functools.cache
def mappings() -> dict[str, LabelMapping]:
    """Every mapping by name: those of papers and challenges, and ``native_NAME``, the own classes of each set."""
    from mer_tf.datasets.registry import CARDS, MACRO, MICRO  # here, because the readers import this module

    three = {name: _identity(*_CLASSES_3) for name, card in CARDS.items() if set(card.classes) == set(_CLASSES_3)}
    found = (
        LabelMapping(
            name="megc2019",
            classes=_CLASSES_3,
            # Assumption: to sets that are no part of the challenge, such as CASME, the prose of its rule is applied.
            # 4DME has the three classes under their names, and repression beside them.
            rules={
                **dict.fromkeys(MICRO, _MEGC_PROSE),
                **three,
                "casme2": _CASME2_3,
                "4dme": {**_identity(*_CLASSES_3), "repression": "negative"},
            },
            exclusions=_MEGC_EXCLUSIONS,
            others=_MEGC_PROSE,
            assumed=tuple(name for name in MICRO if name not in (*three, "casme2", "samm")),
            source="MEGC 2019 composite database evaluation; used by Dual-ATME 2023 and ATSCNN 2024",
        ),
        LabelMapping(
            name="atscnn",
            classes=_CLASSES_3,
            # Assumption: for CASME the paper says only that contempt, fear and tense are dropped. By that rule sadness
            # is negative and the classes are 88/9/20; the paper prints 82/7/15. Without sadness, which the text drops
            # for CASME II, negative is 82; no known rule gives 7 and 15.
            rules={
                "casme": _rule(
                    negative=("disgust", "repression", "sadness"), positive=("happiness",), surprise=("surprise",)
                ),
                "casme2": _CASME2_3,
                "samm": _MEGC_PROSE,
            },
            exclusions=_MEGC_EXCLUSIONS,
            assumed=("casme",),
            source="ATSCNN 2024, composite of CASME, CASME II and SAMM",
        ),
        LabelMapping(
            name="cbamnet",
            classes=_CLASSES_3,
            rules={"casme2": _CASME2_3, **three},
            source="CBAMNet 2020; others, sadness and fear of CASME II are unused, no clip is left out by name",
        ),
        LabelMapping(
            name="casme2_five",
            classes=("happiness", "surprise", "disgust", "repression", "others"),
            rules={"casme2": _identity("happiness", "surprise", "disgust", "repression", "others")},
            source="ASTNet 2024, 246 clips of CASME II",
        ),
        LabelMapping(
            name="casme3_four",
            classes=(*_CLASSES_3, "others"),
            rules={"casme3": {**_MEGC_PROSE, "others": "others"}},
            source="public code for part A of CAS(ME)^3: the three classes of MEGC 2019 and others",
        ),
        LabelMapping(
            name="objective",
            classes=("I", "II", "III", "IV", "V"),
            rules={
                name: {numeral.casefold(): numeral for numeral in ("I", "II", "III", "IV", "V")}
                for name in ("casme2", "samm", "casme3")
            },
            field="objective",
            source="Micro-Attention for CASME II and SAMM: objective classes I to V (there happiness, surprise, anger, "
            "disgust, sadness)",
        ),
        LabelMapping(
            name="macro5",
            # In the order of the objective classes I to V, for which the Micro-Attention paper pre-trains.
            classes=_MACRO_5,
            rules={name: _identity(*_MACRO_5) for name in MACRO},
            source="Micro-Attention, pre-training on macro-expressions",
        ),
        *(
            LabelMapping(f"native_{name}", card.classes, {name: _identity(*card.classes)}, source="the distributor")
            for name, card in CARDS.items()
        ),
    )
    return {mapping.name: mapping for mapping in found}


def get_mapping(name: str | LabelMapping, dataset: str | None = None) -> LabelMapping:
    """The mapping of that name or file; an unknown name lists the known ones.

    Args:
        name: Registry name; ``"native"`` with a dataset is that dataset's own classes. Path of a JSON file from emotion
            to class (``my.json``), or the name that such a mapping has in records and passports, which tells its
            classes and has no rules. A mapping is given back.
        dataset: Dataset that ``"native"`` refers to.

    Raises:
        UnknownNameError: No such mapping.
        MissingFileError, BadInputError, ConfigError: The file cannot be read, or is no mapping.
    """
    if isinstance(name, LabelMapping):
        return name
    if name == "native" and f"native_{dataset}" in mappings():
        name = f"native_{dataset}"
    classes = classes_of(name)
    if classes is not None:
        return LabelMapping(name, classes, {}, source=_OWN)
    if name not in mappings() and is_file_name(name):
        return _read_own(name)
    return look_up("label mapping", name, mappings())


def own_classes(card) -> LabelMapping:
    """The mapping ``"native"`` of a set with that ``DatasetCard``: its own classes."""
    name = f"native_{card.name}"
    if name in mappings():
        return mappings()[name]
    rules = _identity(*card.classes)
    return LabelMapping(own_name(name, card.classes, {}), card.classes, {card.name: rules}, source=_OWN)


def _read_own(path: str) -> LabelMapping:
    from mer_tf.datasets.registry import CARDS, dataset_name

    name, classes, common, special = read_rules(path)
    special = {dataset_name(key): rules for key, rules in special.items()}
    rules = {key: {**common, **special.get(key, {})} for key in (*CARDS, *special)}
    return LabelMapping(name, classes, rules, source=_OWN, others=common)
