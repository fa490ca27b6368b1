"""What a reader found, as plain data for reports."""

from __future__ import annotations

from mer_tf.types import ClipTable


def summary(table: ClipTable) -> dict:
    """Counts and lists of a clip table.

    Returns:
        ``dataset``, ``mapping``, ``clips``, ``subjects`` (counts), ``classes`` (class name to count), and the
        messages ``missing``, ``corrections``, ``skipped`` (clips left out), ``extra``, ``notes``; ``partial`` is the
        table's and must go with every figure computed from it.
    """
    counts = dict.fromkeys(table.classes, 0)
    for clip in table.clips:
        counts[table.classes[clip.label]] += 1

    def messages(*kinds: str) -> list[str]:
        return [problem.message for problem in table.problems if problem.kind in kinds]

    return {
        "dataset": table.dataset,
        "mapping": table.mapping,
        "clips": len(table.clips),
        "subjects": len(table.subjects),
        "classes": counts,
        "missing": messages("missing"),
        "corrections": messages("correction"),
        "skipped": [problem.message for problem in table.problems if problem.dropped],
        "extra": messages("extra"),
        "notes": messages("note"),
        "partial": table.partial,
    }
