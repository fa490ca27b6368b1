"""What a reader found, as plain data for reports."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping

from mer_tf.datasets.composites import expected_counts
from mer_tf.datasets.expected import best_match, check_list, class_counts
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.types import ClipTable, Problem

_ALIKE = 3  # lines of one kind that are told one by one
_SUBJECTS = 8  # subjects counted in one line


def problem_lines(problems: Iterable[Problem]) -> tuple[list[str], int]:
    """Problems as lines for a person: of many that differ only in names and numbers, the first, and counts by subject.

    Args:
        problems: What a reader noticed.

    Returns:
        The lines, in the order of the problems, and how many problems have none of their own.
    """
    groups: dict[tuple, list[Problem]] = collections.defaultdict(list)
    for problem in problems:
        text = problem.message.removeprefix(f"{problem.clip}: ")
        shape = re.sub(r"[0-9]+", "0", re.sub(r"'[^']*'|\"[^\"]*\"", "''", text))
        groups[problem.severity, problem.kind, shape].append(problem)
    lines, more = [], 0
    for (severity, *_), alike in groups.items():
        if len(alike) <= _ALIKE:
            lines += [f"{severity}: {problem.message}" for problem in alike]
            continue
        more += len(alike) - 1
        subjects = collections.Counter("/".join(problem.clip.split("/")[:2]) for problem in alike if problem.clip)
        told = [f"{subject} {count}" for subject, count in sorted(subjects.items())]
        if len(told) > _SUBJECTS:
            told[_SUBJECTS:] = [f"{len(told) - _SUBJECTS} more subjects"]
        lines.append(f"{severity}: {alike[0].message}")
        lines.append(f"{severity}: {len(alike)} like this in all" + (f": {', '.join(told)}" if told else ""))
    return lines, more


def summary(table: ClipTable, entries: Mapping[tuple[str, str, str], int] | None = None) -> dict:
    """Counts and lists of a clip table, beside the published counts.

    Args:
        table: What a reader returned.
        entries: Class index by (dataset, subject, clip) of a label list to compare with, clip by clip.

    Returns:
        ``dataset``, ``mapping``, ``clips``, ``subjects`` (counts), ``classes`` (class name to count), and the
        messages ``missing``, ``corrections``, ``skipped`` (clips left out), ``extra``, ``notes``; ``expected`` (name,
        source, ``clips``, ``subjects``, ``classes``; None where nothing is published) and ``differences``, a message
        per count or clip that differs; ``partial`` is the table's and must go with every figure computed from it;
        ``synthetic`` (drawn clips are not compared with published counts).
    """
    synthetic = is_synthetic_table(table)

    def messages(*kinds: str) -> list[str]:
        return [problem.message for problem in table.problems if problem.kind in kinds]

    expected, differences = best_match(table, () if synthetic else expected_counts(table.dataset, table.mapping))
    if entries is not None:
        differences = check_list(table, entries) + differences
    return {
        "dataset": table.dataset,
        "mapping": table.mapping,
        "clips": len(table.clips),
        "subjects": len(table.subjects),
        "classes": class_counts(table),
        "missing": messages("missing"),
        "corrections": messages("correction"),
        "skipped": [problem.message for problem in table.problems if problem.dropped],
        "extra": messages("extra"),
        "notes": messages("note", "source"),
        "expected": expected
        and {
            "name": expected.name,
            "source": expected.source,
            "clips": expected.clips,
            "subjects": expected.subjects,
            "classes": dict(expected.classes),
        },
        "differences": [difference.message for difference in differences],
        "partial": table.partial,
        "synthetic": synthetic,
    }
