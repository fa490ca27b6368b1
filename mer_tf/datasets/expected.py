"""Published counts of every set and composite, as data, and the comparison of a table with them."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence

from mer_tf.types import ClipTable


@dataclasses.dataclass(frozen=True)
class Expected:
    """Counts that a table should have.

    Attributes:
        name: What it is a count of.
        classes: Clips per class.
        subjects: Number of subjects with clips, or None where it is not published.
        per_subject: Subject key to clips per class in the order of ``classes``; empty where it is not published.
        clips_per_subject: Subject key to number of clips; empty where it is not published.
        source: Where it is published.
    """

    name: str
    classes: Mapping[str, int]
    subjects: int | None = None
    per_subject: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    clips_per_subject: Mapping[str, int] = dataclasses.field(default_factory=dict)
    source: str = ""

    @property
    def clips(self) -> int:
        """Number of clips."""
        return sum(self.classes.values())


@dataclasses.dataclass(frozen=True)
class Difference:
    """One count that differs.

    Attributes:
        what: ``"class"``, ``"clips"``, ``"subjects"``, ``"subject"``, or, where clips are known by name, ``"missing"``,
            ``"extra"`` or ``"label"``.
        name: Class, subject key or clip key.
        expected: The published count (or label), None for a clip that should not be there.
        found: The count (or label) found, None for a clip that is not there.
        clips: Keys of clips that are known to cause it.
    """

    what: str
    name: str
    expected: int | str | None
    found: int | str | None
    clips: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """One line for a person."""
        if self.what == "missing":
            return f"{self.name} is missing (expected as {self.expected})"
        if self.what == "extra":
            return f"{self.name} is not in the list (found as {self.found})"
        if self.what == "label":
            return f"{self.name} is {self.found}, the list says {self.expected}"
        name = {"clips": "clips in all", "subjects": "subjects"}.get(self.what, f"{self.what} {self.name}")
        by = (
            f" ({self.found - self.expected:+d})"
            if isinstance(self.expected, int) and isinstance(self.found, int)
            else ""
        )
        told = f"; known: {', '.join(self.clips)}" if self.clips else ""
        return f"{name}: expected {self.expected}, found {self.found}{by}{told}"


def check_counts(table: ClipTable, expected: Expected) -> tuple[Difference, ...]:
    """Compares a table with published counts.

    Args:
        table: What a reader returned.
        expected: The counts; classes it does not name are not compared.

    Returns:
        One entry per count that differs (none where all agree), with the clips that the reader left out for a fault
        or found without annotation where they are of the subject concerned.
    """
    found = class_counts(table)
    dropped = [problem.clip for problem in table.problems if problem.dropped and problem.severity == "warning"]
    differences = []
    for name, count in expected.classes.items():
        if found.get(name, 0) != count:
            differences.append(Difference("class", name, count, found.get(name, 0)))
    total = sum(found.get(name, 0) for name in expected.classes)
    if total != expected.clips:
        known = tuple(dropped) if total < expected.clips else ()
        differences.append(Difference("clips", "", expected.clips, total, known))
    if expected.subjects is not None and len(table.subjects) != expected.subjects:
        known = ()
        if expected.per_subject:
            known = tuple(sorted(set(expected.per_subject) ^ set(table.subjects)))
        differences.append(Difference("subjects", "", expected.subjects, len(table.subjects), known))
    differences += _per_subject(table, expected, dropped)
    return tuple(differences)


def check_list(table: ClipTable, entries: Mapping[tuple[str, str, str], int]) -> tuple[Difference, ...]:
    """Compares a table with a list of clips, clip by clip.

    Args:
        table: What a reader returned.
        entries: Class index by (dataset, subject, clip).

    Returns:
        One entry per clip that is missing, extra or of another class.
    """
    found = {(clip.dataset, clip.subject, clip.clip): clip.label for clip in table.clips}
    differences = []
    for place in sorted(entries.keys() | found.keys()):
        name, want, have = "/".join(place), entries.get(place), found.get(place)
        said = [None if label is None else table.classes[label] for label in (want, have)]
        if have is None:
            differences.append(Difference("missing", name, said[0], None, (name,)))
        elif want is None:
            differences.append(Difference("extra", name, None, said[1], (name,)))
        elif want != have:
            differences.append(Difference("label", name, *said, (name,)))
    return tuple(differences)


def best_match(table: ClipTable, candidates: Sequence[Expected]) -> tuple[Expected | None, tuple[Difference, ...]]:
    """The candidate with the fewest differing clips, and the differences; (None, ()) without candidates."""
    found = class_counts(table)

    def distance(expected: Expected) -> int:
        return sum(abs(found.get(name, 0) - count) for name, count in expected.classes.items())

    if not candidates:
        return None, ()
    expected = min(candidates, key=distance)
    return expected, check_counts(table, expected)


def expected_counts(dataset: str, mapping: str) -> tuple[Expected, ...]:
    """Published counts of a dataset (or composite) under a mapping: none, one, or several that circulate."""
    return EXPECTED.get((dataset, mapping), ())


def class_counts(table: ClipTable) -> dict[str, int]:
    """Clips per class name."""
    counts = collections.Counter(clip.label for clip in table.clips)
    return {name: counts[index] for index, name in enumerate(table.classes)}


def _per_subject(table: ClipTable, expected: Expected, dropped: list[str]) -> list[Difference]:
    differences = []
    found: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for clip in table.clips:
        found[clip.subject_key][table.classes[clip.label]] += 1
    for subject in sorted(expected.per_subject.keys() | (found.keys() if expected.per_subject else set())):
        wanted = dict(zip(expected.classes, expected.per_subject.get(subject, (0,) * len(expected.classes))))
        for name, count in wanted.items():
            have = found[subject][name] if subject in found else 0
            if have != count:
                known = tuple(key for key in dropped if key.rpartition("/")[0] == subject) if have < count else ()
                differences.append(Difference("subject", f"{subject} {name}", count, have, known))
    for subject, count in expected.clips_per_subject.items():
        have = sum(found[subject].values()) if subject in found else 0
        if have != count:
            known = tuple(key for key in dropped if key.rpartition("/")[0] == subject) if have < count else ()
            differences.append(Difference("subject", subject, count, have, known))
    return differences


def _parse(dataset: str, prefix: str, text: str) -> dict[str, tuple[int, ...]]:
    """``"01 2,1,0; 02 5,1,3"`` to subject key and counts."""
    parts = (item.split() for item in text.split(";"))
    return {f"{dataset}/{prefix}{subject}": tuple(map(int, counts.split(","))) for subject, counts in parts}


# MEGC2019, counted from the organisers' list: negative, positive, surprise per subject.
MEGC_SMIC = _parse(
    "smic_hs",
    "s",
    "01 3,2,1; 02 0,1,5; 03 22,11,6; 04 10,4,5; 05 1,0,1; 06 2,0,2; 08 9,4,0; 09 0,1,3; 11 3,3,1; 12 0,8,1; "
    "13 0,10,0; 14 3,2,5; 15 1,1,2; 18 2,0,5; 19 0,1,1; 20 14,3,5",
)
MEGC_CASME2 = _parse(
    "casme2",
    "sub",
    "01 2,1,0; 02 5,1,3; 03 4,0,1; 04 2,0,0; 05 0,1,5; 06 1,1,2; 07 5,0,0; 08 1,0,0; 09 5,5,0; 11 4,0,0; 12 5,2,4; "
    "13 0,2,0; 14 0,3,0; 15 1,1,1; 16 1,2,0; 17 23,7,1; 19 3,3,5; 20 2,0,0; 21 1,0,0; 22 2,0,0; 23 7,1,0; 24 2,0,1; "
    "25 3,0,2; 26 9,2,0",
)
MEGC_SAMM = _parse(
    "samm",
    "",
    "006 9,0,2; 007 1,5,2; 009 3,0,1; 010 4,0,0; 011 13,7,0; 012 2,0,1; 013 6,0,0; 014 2,7,1; 015 2,0,1; 016 2,1,2; "
    "017 3,0,1; 018 2,0,1; 019 0,1,0; 020 2,2,0; 021 2,0,0; 022 3,2,0; 023 1,0,0; 024 1,0,0; 026 9,0,0; 028 1,0,2; "
    "030 3,0,0; 031 1,0,0; 032 4,0,0; 033 4,1,0; 034 3,0,0; 035 7,0,1; 036 1,0,0; 037 1,0,0",
)
CASME2_CLIPS = {
    f"casme2/sub{subject:02d}": count
    for subject, count in enumerate(
        (9, 13, 7, 5, 19, 5, 9, 3, 14, 14, 10, 12, 8, 4, 3, 4, 36, 3, 16, 11, 2, 2, 12, 10, 7, 17), start=1
    )
}


def _three(negative: int, positive: int, surprise: int) -> dict[str, int]:
    return {"negative": negative, "positive": positive, "surprise": surprise}


def _five(*counts: int) -> dict[str, int]:
    return dict(zip(("I", "II", "III", "IV", "V"), counts, strict=True))


def _smic(dataset: str, mapping: str) -> tuple[Expected, ...]:
    if dataset == "smic_hs":
        return (Expected("SMIC-HS", _three(70, 51, 43), 16, MEGC_SMIC, source="MEGC2019 organisers' list"),)
    if dataset == "smic_e":
        return (Expected("SMIC-E-HS", _three(66, 51, 40), 16, source="the distributor's sheet"),)
    part = dataset.rpartition("_")[2].upper()
    return (
        Expected(f"SMIC-{part}, sheet", _three(24, 28, 19), 8, source="a sheet in circulation"),
        Expected(f"SMIC-{part}, paper", _three(23, 28, 20), 8, source="the paper, as usually quoted"),
    )


_CASME2_MEGC = Expected("CASME II in MEGC2019", _three(88, 32, 25), 24, MEGC_CASME2, source="MEGC2019 organisers' list")
_SAMM_MEGC = Expected("SAMM in MEGC2019", _three(92, 26, 15), 28, MEGC_SAMM, source="MEGC2019 organisers' list")
_CASME_ATSCNN = Expected("CASME in seed 004", _three(82, 7, 15), 15, source="seed 004; no rule is known to give it")
_MACRO = ("happiness", "surprise", "anger", "disgust", "sadness")

EXPECTED: dict[tuple[str, str], tuple[Expected, ...]] = {
    ("casme2", "megc2019"): (_CASME2_MEGC,),
    ("samm", "megc2019"): (_SAMM_MEGC,),
    ("megc2019", "megc2019"): (
        Expected(
            "MEGC2019",
            _three(250, 109, 83),
            68,
            {**MEGC_SMIC, **MEGC_CASME2, **MEGC_SAMM},
            source="MEGC2019 organisers' list",
        ),
    ),
    ("casme", "atscnn"): (_CASME_ATSCNN,),
    ("casme2", "atscnn"): (_CASME2_MEGC,),
    ("samm", "atscnn"): (_SAMM_MEGC,),
    ("atscnn", "atscnn"): (Expected("ATSCNN composite", _three(262, 65, 55), 67, source="seed 004"),),
    ("casme2", "cbamnet"): (
        Expected("CASME II by the rule of seed 000", _three(90, 32, 25), None, source="the 255-row sheet"),
        Expected("CASME II of 247 clips", _three(87, 33, 25), None, source="the 2014 paper's table"),
    ),
    ("casme2", "casme2_five"): (
        Expected(
            "CASME II, five classes",
            {"happiness": 32, "surprise": 25, "disgust": 63, "repression": 27, "others": 99},
            26,
            source="seed 003",
        ),
    ),
    ("casme2", "objective"): (
        Expected("CASME II, objective classes of 2014", _five(25, 15, 99, 26, 20), 26, source="the 2014 class file"),
        Expected("CASME II, objective classes of 2019", _five(30, 18, 93, 15, 18), None, source="the 2019 sheet"),
    ),
    ("samm", "objective"): (Expected("SAMM, objective classes", _five(24, 13, 20, 8, 3), 21, source="the sheet"),),
    ("cde2018", "objective"): (
        Expected("CDE 2018", _five(49, 28, 119, 34, 23), 47, source="MEGC 2018; seed 002 prints 46 folds"),
    ),
    ("casme", "native_casme"): (
        Expected(
            "CASME, release of 189 rows",
            {
                "tense": 69,
                "disgust": 44,
                "repression": 38,
                "surprise": 20,
                "happiness": 9,
                "sadness": 6,
                "fear": 2,
                "contempt": 1,
            },
            19,
            source="literature",
        ),
        Expected(
            "CASME, table of the 2013 paper",
            {"tense": 28, "disgust": 88, "repression": 40, "surprise": 20, "sadness": 6, "fear": 2, "contempt": 3},
            19,
            source="the 2013 paper, which adds 5 amusement",
        ),
    ),
    ("casme2", "native_casme2"): tuple(
        Expected(
            f"CASME II, labels of {year}",
            {
                "others": 99,
                "disgust": 63,
                "happiness": 32,
                "repression": 27,
                "surprise": surprise,
                "sadness": sadness,
                "fear": 2,
            },
            26,
            clips_per_subject=CASME2_CLIPS,
            source=f"the {year} sheet",
        )
        for year, surprise, sadness in ((2014, 25, 7), (2019, 28, 4))
    ),
    ("samm", "native_samm"): (
        Expected(
            "SAMM",
            {
                "anger": 57,
                "happiness": 26,
                "other": 26,
                "surprise": 15,
                "contempt": 12,
                "disgust": 9,
                "fear": 8,
                "sadness": 6,
            },
            29,
            source="the sheet",
        ),
    ),
    **{
        (dataset, mapping): _smic(dataset, mapping)
        for dataset in ("smic_hs", "smic_vis", "smic_nir", "smic_e")
        for mapping in ("megc2019", "cbamnet", f"native_{dataset}")
    },
    **{
        (dataset, "native_" + dataset): (
            Expected(
                name,
                {
                    "anger": 45,
                    "contempt": 18,
                    "disgust": 59,
                    "fear": 25,
                    "happiness": 69,
                    "sadness": 28,
                    "surprise": 83,
                },
                118,
                source="the labels, through the re-pack",
            ),
        )
        for dataset, name in (("ckplus", "CK+"), ("ck48", "CK+48"))
    },
    **{
        (dataset, "macro5"): (
            Expected(f"{name}, five classes", dict(zip(_MACRO, (69, 83, 45, 59, 28))), None, source="seed 002"),
        )
        for dataset, name in (("ckplus", "CK+"), ("ck48", "CK+48"))
    },
    ("oulu_casia", "native_oulu_casia"): (
        Expected(
            "Oulu-CASIA, one camera and light",
            dict.fromkeys(("anger", "disgust", "fear", "happiness", "sadness", "surprise"), 80),
            80,
            source="the distributor",
        ),
    ),
    ("oulu_casia", "macro5"): (Expected("Oulu-CASIA, five classes", dict.fromkeys(_MACRO, 80), 80, source="seed 002"),),
    ("jaffe", "native_jaffe"): (
        Expected(
            "JAFFE",
            {
                "anger": 30,
                "disgust": 29,
                "fear": 32,
                "happiness": 31,
                "neutral": 30,
                "sadness": 31,
                "surprise": 30,
            },
            10,
            source="the current release; seed 002 prints 219 pictures",
        ),
    ),
    ("jaffe", "macro5"): (
        Expected("JAFFE, five classes", dict(zip(_MACRO, (31, 30, 30, 29, 31))), 10, source="seed 002"),
    ),
}
