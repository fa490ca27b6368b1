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
        revision: The revision of the sheet that prints ``old``, where that is known.
    """

    dataset: str
    subject: str
    clip: str
    field: str
    old: int | str | None
    new: int | str | None
    source: str
    revision: str = ""

    def __post_init__(self):
        if self.field not in FIELDS:
            raise ValueError(f"field must be one of {FIELDS}. Received: {self.field!r}")


@dataclasses.dataclass(frozen=True)
class RowCorrection:
    """Wrong cells of a row that is known by its place alone.

    Published only by row number, without the clip or the value it replaces. It is applied where the sheet has the
    number of rows it was written for, the folder shows that the row is wrong (a printed number has no file, or the
    numbers are out of order), and the folder has every new frame.

    Attributes:
        dataset: Dataset name.
        row: Zero-based data row.
        rows: Number of data rows of the sheet.
        new: Values by field.
        source: Who says so.
    """

    dataset: str
    row: int
    rows: int
    new: tuple[tuple[str, int], ...]
    source: str

    def __post_init__(self):
        wrong = [field for field, _ in self.new if field not in FIELDS]
        if wrong:
            raise ValueError(f"field must be one of {FIELDS}. Received: {wrong[0]!r}")


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
        if isinstance(item, RowCorrection) or (item.dataset, item.subject, item.clip) != (dataset, subject, clip):
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
            which = f"it is for {item.revision}" if item.revision else "another revision of the sheet?"
            message = (
                f"{key}: a correction expects {item.field} {item.old} and the sheet has {found}; not applied ({which})"
            )
            problems.append(Problem("warning", "revision", key, message))
    return values, problems


def correct_row(
    values: dict, corrections, dataset: str, key: str, row: int, rows: int, numbers: tuple[int, ...] | None
) -> tuple[dict, list[Problem]]:
    """Applies the corrections that name a row by its place.

    Args:
        values: Row values by the names of ``FIELDS``.
        corrections: The corrections to look through.
        dataset: Dataset name.
        key: Clip key of the row.
        row: Zero-based data row.
        rows: Number of data rows of the sheet.
        numbers: Frame numbers in the clip's folder; None where there is no folder.

    Returns:
        The mended values, and a problem per correction applied or found not to fit.
    """
    problems = []
    for item in corrections:
        if not isinstance(item, RowCorrection) or (item.dataset, item.row, item.rows) != (dataset, row, rows):
            continue
        new = dict(item.new)
        if all(values[field] == value for field, value in new.items()):
            continue
        told = ", ".join(f"{field} {values[field]} to {value}" for field, value in new.items())
        printed = [values[field] for field in ("onset", "apex", "offset") if values[field] is not None]
        wrong = printed != sorted(printed) or (numbers is not None and any(n not in numbers for n in printed))
        if wrong and numbers is not None and all(value in numbers for value in new.values()):
            values = {**values, **new}
            problems.append(Problem("info", "correction", key, f"{key}: {told} corrected ({item.source})"))
        else:
            why = "its printed frames are there and in order" if not wrong else "its folder lacks the new frames"
            problems.append(
                Problem(
                    "warning",
                    "revision",
                    key,
                    f"{key}: row {row} of {rows} has a correction ({told}) and {why}; not applied "
                    "(another revision of the sheet?)",
                )
            )
    return values, problems
