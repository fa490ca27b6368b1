"""What a reader found, as plain data for reports."""

from __future__ import annotations

from collections.abc import Mapping

from mer_tf.datasets.composites import expected_counts
from mer_tf.datasets.expected import best_match, check_list, class_counts
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.types import ClipTable


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
