"""Corrections to published annotations, as data: applied only where the sheet still holds the value they mend."""

from __future__ import annotations

import dataclasses

from mer_tf.types import Problem

FIELDS = ("onset", "apex", "offset", "emotion")


@dataclasses.dataclass(frozen=True)
class Correction:
    """One wrong cell.

    Attributes:
        dataset: Dataset name.
        subject: Subject id in canonical form.
        clip: Clip name.
        field: ``"onset"``, ``"apex"``, ``"offset"`` or ``"emotion"``.
        old: Value the sheet must hold (None for a cell without a value).
        new: Value to use.
        source: Who says so.
    """

    dataset: str
    subject: str
    clip: str
    field: str
    old: int | str | None
    new: int | str | None
    source: str

    def __post_init__(self):
        if self.field not in FIELDS:
            raise ValueError(f"field must be one of {FIELDS}. Received: {self.field!r}")


# The sheet of 2014 needs none: its one missing apex falls under the middle-frame rule. The numbers 279 and 300 that
# circulate for that clip are other people's choices.
CASME2: tuple[Correction, ...] = ()


def correct(values: dict, corrections, dataset: str, subject: str, clip: str) -> tuple[dict, list[Problem]]:
    """Applies what concerns one row.

    Args:
        values: Row values by the names of ``FIELDS``.
        corrections: The corrections to look through.
        dataset: Dataset name.
        subject: Subject id in canonical form.
        clip: Clip name.

    Returns:
        The mended values, and a problem per correction applied or found not to match.
    """
    values, problems, key = dict(values), [], f"{dataset}/{subject}/{clip}"
    for item in corrections:
        if (item.dataset, item.subject, item.clip) != (dataset, subject, clip):
            continue
        found = values[item.field]
        if found == item.old:
            values[item.field] = item.new
            problems.append(
                Problem(
                    "info", "correction", key, f"{key}: {item.field} {item.old} corrected to {item.new} ({item.source})"
                )
            )
        elif found != item.new:
            problems.append(
                Problem(
                    "warning",
                    "note",
                    key,
                    f"{key}: a correction expects {item.field} {item.old} and the sheet has {found}; not applied "
                    "(another revision of the sheet?)",
                )
            )
    return values, problems
