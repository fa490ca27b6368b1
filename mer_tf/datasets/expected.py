"""Published counts: their form, and the comparison of a table with them.

The counts themselves stand on the cards of the sets and in the table of composites.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence

from mer_tf.types import ClipTable

_NAMED = 5  # clips named in one message


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


MEGC_LIST = "MEGC2019 organisers' list"


def three(negative: int, positive: int, surprise: int) -> dict[str, int]:
    """Clips of the three classes of MEGC 2019."""
    return {"negative": negative, "positive": positive, "surprise": surprise}


def five(*counts: int) -> dict[str, int]:
    """Clips of the objective classes I to V."""
    return dict(zip(("I", "II", "III", "IV", "V"), counts, strict=True))


def macro5(native: Expected, subjects: int | None) -> Expected:
    """Counts of a set's five classes of mapping ``"macro5"``, from those of its own classes.

    Args:
        native: Counts of its own classes.
        subjects: Number of subjects that have one of the five, or None where it is not published.
    """
    classes = {name: native.classes[name] for name in ("happiness", "surprise", "anger", "disgust", "sadness")}
    name = f"{native.name.partition(',')[0]}, five classes"
    return Expected(name, classes, subjects, source="Micro-Attention")


def per_subject(prefix: str, text: str) -> dict[str, tuple[int, ...]]:
    """``"01 2,1,0; 02 5,1,3"`` as counts per class by subject key."""
    parts = (item.split() for item in text.split(";"))
    return {f"{prefix}{subject}": tuple(map(int, counts.split(","))) for subject, counts in parts}


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
        more = f" and {len(self.clips) - _NAMED} more" if len(self.clips) > _NAMED else ""
        told = f"; known: {', '.join(self.clips[:_NAMED])}{more}" if self.clips else ""
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
