"""Composite sets: several datasets under one mapping, with the counts that the protocol must have."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from mer_tf.datasets.expected import MEGC_LIST, Difference, Expected, best_match, check_list, class_counts, five, three
from mer_tf.datasets.label_list import read_label_list
from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.datasets.registry import CARDS, READERS, dataset_name
from mer_tf.errors import ConfigError, CountsDifferError, UnknownNameError, look_up
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
        expected: Its published counts.
    """

    name: str
    mapping: str
    datasets: tuple[str, ...]
    source: str
    expected: Expected


_MEGC = ("smic_hs", "casme2", "samm")
COMPOSITES = {
    composite.name: composite
    for composite in (
        Composite(
            "megc2019",
            "megc2019",
            _MEGC,
            "MEGC 2019; Dual-ATME 2023",
            Expected(
                "MEGC2019",
                three(250, 109, 83),
                68,
                {key: n for name in _MEGC for key, n in CARDS[name].expected("megc2019")[0].per_subject.items()},
                source=MEGC_LIST,
            ),
        ),
        Composite(
            "atscnn",
            "atscnn",
            ("casme", "casme2", "samm"),
            "ATSCNN 2024",
            Expected("ATSCNN composite", three(262, 65, 55), 67, source="ATSCNN 2024"),
        ),
        Composite(
            "cde2018",
            "objective",
            ("casme2", "samm"),
            "MEGC 2018; the Micro-Attention paper",
            Expected(
                "CDE 2018",
                five(49, 28, 119, 34, 23),
                47,
                source="MEGC 2018; the Micro-Attention paper prints 46 folds",
            ),
        ),
    )
}


def get_composite(name: str) -> Composite:
    """The composite of that name; an unknown name lists the known ones."""
    return look_up("composite", name, COMPOSITES)


def expected_counts(dataset: str, mapping: str) -> tuple[Expected, ...]:
    """Published counts of a dataset (or composite) under a mapping: none, one, or several that circulate."""
    composite = COMPOSITES.get(dataset)
    if composite is not None:
        return (composite.expected,) if composite.mapping == mapping else ()
    return CARDS[dataset].expected(mapping) if dataset in CARDS else ()


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
        name: A key of ``COMPOSITES``.
        roots: Folder of each part by dataset name in any spelling.
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
        DatasetNotFoundError, AnnotationError, EmptySplitError, ClipError: What the readers raise.
    """
    composite = get_composite(name)
    named = [dataset_name(key) for key in roots]
    if len(set(named)) < len(named):
        raise ConfigError(f"composite {name!r} has two roots for one part. Received: {', '.join(roots)}")
    roots = dict(zip(named, roots.values()))
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
    tables = [READERS[part](roots[part], mapping=rule, strict=strict) for part in composite.datasets if part in roots]
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
        raise CountsDifferError(_message(table, composite.expected, differences), differences)
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


def _message(table: ClipTable, expected: Expected, differences: tuple[Difference, ...]) -> str:
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
