"""What happened to each clip of a pass over many, one row each, and their summary."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterable, Mapping

from mer_tf import errors

FAULTS = "faults"
CLIPS = "clips"  # what the steps over clips announce (``mer_tf.console``), one for each clip

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Report:
    """Summary of a pass over the clips.

    Attributes:
        done: Number of clips that came through.
        faults: One dictionary per clip left out: ``clip``, ``error`` (class name), ``message``.
        notes: One dictionary per clip that was read under an assumption: ``clip``, ``note``.
        seconds: Sum of what the clips took, over all processes; not written to the report file, which is the same
            for the same data.
    """

    done: int
    faults: tuple[dict, ...]
    seconds: float = 0.0
    notes: tuple[dict, ...] = ()

    @property
    def total(self) -> int:
        """Number of clips looked at."""
        return self.done + len(self.faults)


def row(clip: str, error: Exception | None = None, seconds: float = 0.0, note: str = "") -> dict:
    """One clip as done (no error) or left out, what it took, and what was assumed; JSON-able."""
    fault = None if error is None else {"clip": clip, "error": type(error).__name__, "message": str(error)}
    return {"clip": clip, "fault": fault, "seconds": seconds, "note": note}


def summary(rows: Iterable[Mapping]) -> Report:
    """The report of all rows, sorted by clip; faults and notes go to the log."""
    rows = list(rows)
    faults = sorted((row["fault"] for row in rows if row["fault"]), key=lambda fault: fault["clip"])
    notes = sorted(({"clip": row["clip"], "note": row["note"]} for row in rows if row["note"]), key=lambda n: n["clip"])
    for fault in faults:
        _LOG.warning("clip left out: %s", fault["message"])
    for note in notes:
        _LOG.warning("%s: %s", note["clip"], note["note"])
    return Report(len(rows) - len(faults), tuple(faults), sum(row["seconds"] for row in rows), tuple(notes))


def to_text(report: Report, facts: Mapping | None = None) -> str:
    """The content of ``clips.json``, with further facts of the set."""
    content = {"clips": report.total, "done": report.done, **(facts or {}), FAULTS: list(report.faults)}
    if report.notes:
        content["notes"] = list(report.notes)
    return json.dumps(content, indent=1)


def check_report(report: Report, step: str) -> None:
    """Raises ``EmptySplitError`` where nothing came through; the first fault is named."""
    if report.done:
        return
    if not report.total:
        raise errors.EmptySplitError(f"{step}: no clip came in; check the manifest and its label mapping")
    raise errors.EmptySplitError(
        f"{step}: all {report.total} clips were left out; the first: {report.faults[0]['message']}"
    )
