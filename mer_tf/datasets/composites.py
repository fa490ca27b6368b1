"""Composite sets: several datasets under one mapping, with the counts that the protocol must have."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from mer_tf.datasets.casme import read_casme
from mer_tf.datasets.casme2 import read_casme2
from mer_tf.datasets.expected import Difference, best_match, check_list, class_counts, expected_counts
from mer_tf.datasets.label_list import DATASETS, read_label_list
from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.datasets.samm import read_samm
from mer_tf.datasets.smic import read_smic_hs
from mer_tf.errors import ConfigError, CountsDifferError, UnknownNameError
from mer_tf.types import ClipTable, Problem

_NAMED = 12  # differences told in one message


@dataclasses.dataclass(frozen=True)
class Composite:
    """A composite.

    Attributes:
        name: Registry name.
        mapping: Label mapping name.
        datasets: Its parts, in order.
        source: Where it is published.
    """

    name: str
    mapping: str
    datasets: tuple[str, ...]
    source: str


COMPOSITES = {
    composite.name: composite
    for composite in (
        Composite("megc2019", "megc2019", ("smic_hs", "casme2", "samm"), "MEGC 2019; seed 001"),
        Composite("atscnn", "atscnn", ("casme", "casme2", "samm"), "seed 004"),
        Composite("cde2018", "objective", ("casme2", "samm"), "MEGC 2018; seed 002"),
    )
}
_READERS = {"casme": read_casme, "casme2": read_casme2, "samm": read_samm, "smic_hs": read_smic_hs}


def get_composite(name: str) -> Composite:
    """The composite of that name; an unknown name lists the known ones."""
    try:
        return COMPOSITES[name]
    except KeyError:
        raise UnknownNameError("composite", name, COMPOSITES) from None


def read_composite(
    name: str,
    roots: Mapping[str, str | os.PathLike],
    *,
    strict: bool = False,
    allow_partial: bool = False,
    label_list: str | os.PathLike | None = None,
) -> ClipTable:
    """Reads the parts of a composite and checks its counts.

    Args:
        name: Composite name: ``"megc2019"``, ``"atscnn"`` or ``"cde2018"``.
        roots: Folder of each part by dataset name (``"smic"`` stands for ``"smic_hs"``).
        strict: Raise the first fault of a clip instead of leaving the clip out.
        allow_partial: Give a table whose counts differ, or that lacks a part, flagged ``partial``.
        label_list: The organisers' list of clips (or any in its form); it decides, in place of the mapping's rule,
            which clips are in and of which class.

    Returns:
        Clips of all parts in order of the parts; ``dataset`` is the composite's name.

    Raises:
        CountsDifferError: The counts are not the published ones, unless ``allow_partial``; its ``differences`` say
            what is missing or extra, clip by clip where that is known.
        ConfigError: A part has no root, unless ``allow_partial``, or a root is of no part.
        UnknownNameError: No such composite.
        DatasetNotFoundError, AnnotationError, EmptySplitError, ClipError: As the readers.
    """
    composite = get_composite(name)
    roots = {DATASETS.get(key, key): root for key, root in roots.items()}
    for key in roots:
        if key not in composite.datasets:
            raise UnknownNameError(f"part of composite {name!r}", key, composite.datasets)
    absent = [part for part in composite.datasets if part not in roots]
    if len(absent) == len(composite.datasets) or (absent and not allow_partial):
        raise ConfigError(
            f"composite {name!r} needs a root for {', '.join(absent)} (all of {', '.join(composite.datasets)})"
        )
    rule = get_mapping(composite.mapping)
    entries = None
    if label_list is not None:
        entries = read_label_list(label_list, rule)
        foreign = sorted({key[0] for key in entries} - set(composite.datasets))
        if foreign:
            raise ConfigError(
                f"label list {os.fspath(label_list)!r} names clips of {', '.join(foreign)}, which composite {name!r} "
                "does not have"
            )
        rule = rule.with_entries(entries, os.fspath(label_list))
    tables = [_READERS[part](roots[part], mapping=rule, strict=strict) for part in composite.datasets if part in roots]
    problems = [problem for table in tables for problem in table.problems]
    if entries is not None:
        problems += _list_notes(tables, composite.mapping)
    table = ClipTable(
        name,
        composite.mapping,
        rule.classes,
        tuple(clip for table in tables for clip in table.clips),
        tuple(problems),
        any(table.partial for table in tables),
    )
    differences = composite_differences(table, entries)
    if differences and not allow_partial:
        raise CountsDifferError(_message(table, differences), differences)
    return dataclasses.replace(table, partial=True) if differences or absent else table


def composite_differences(
    table: ClipTable, entries: Mapping[tuple[str, str, str], int] | None = None
) -> tuple[Difference, ...]:
    """What a composite's table lacks or has too much, against the published counts and, where given, a list.

    Drawn clips are compared with the list alone: no counts of theirs are published.
    """
    published = () if is_synthetic_table(table) else expected_counts(table.dataset, table.mapping)
    _, differences = best_match(table, published)
    return (check_list(table, entries) if entries is not None else ()) + differences


def parts(table: ClipTable) -> dict[str, ClipTable]:
    """The table of each part, with the problems that name a clip of it."""
    return {
        name: ClipTable(
            name,
            table.mapping,
            table.classes,
            tuple(clip for clip in table.clips if clip.dataset == name),
            tuple(problem for problem in table.problems if problem.clip.partition("/")[0] == name),
            table.partial,
            table.synthetic,
        )
        for name in dict.fromkeys(clip.dataset for clip in table.clips)
    }


def _list_notes(tables: list[ClipTable], mapping: str) -> list[Problem]:
    """Clips that the list labels differently from the rule: swapped labels do not show in totals."""
    rule, notes = get_mapping(mapping), []
    if rule.field != "emotion":
        return notes
    for table in tables:
        for clip in table.clips:
            label = rule.label(clip.dataset, clip.emotion)
            if label != clip.label:
                by_rule = "drops it" if label is None else f"gives {rule.classes[label]}"
                notes.append(
                    Problem(
                        "warning",
                        "note",
                        clip.key,
                        f"{clip.key}: the label list says {rule.classes[clip.label]} and the rule on emotion "
                        f"{clip.emotion!r} {by_rule}; the list is followed",
                    )
                )
    return notes


def _message(table: ClipTable, differences: tuple[Difference, ...]) -> str:
    expected = expected_counts(table.dataset, table.mapping)[0]
    found = class_counts(table)
    classes = ", ".join(
        f"{name} {count} expected, {found[name]} found ({found[name] - count:+d})"
        for name, count in expected.classes.items()
    )
    named = [item.message for item in differences if item.what != "class"]
    rest = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return (
        f"{table.dataset}: the counts are not the published ones ({expected.source}): {classes}. "
        f"{'; '.join(named[:_NAMED])}{rest}. Allow a partial set (--allow-partial) to go on with the flag 'partial'"
    )
