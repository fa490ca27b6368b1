"""What happened to each clip, carried through Beam as values; and named errors brought back out of Beam.

A fault of one clip must not stop a run, so the workers yield it beside the records and one small text file per
component collects them. Beam hands an exception of a worker over as text; ``named_errors`` turns that text back
into the error it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from mer_tf import errors
from mer_tf.run_files import CLIPS_FILE

FAULTS = "faults"
OUTCOME_TAG = "outcome"
CLIPS = "clips"  # what the steps over clips announce (``mer_tf.console``), one for each clip

_LOG = logging.getLogger(__name__)
_RUNNING = re.compile(r" \[while running '[^']*'\]$")
_RAISED = re.compile(r"mer_tf\.errors\.(\w+): (.*?)(?: \[while running '.*)?$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Report:
    """Summary of a component's pass over the clips.

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


def outcome(
    clip: str, error: Exception | None = None, seconds: float = 0.0, note: str = ""
) -> beam.pvalue.TaggedOutput:
    """The side output that records one clip as done (no error) or left out, what it took, and what was assumed."""
    fault = None if error is None else {"clip": clip, "error": type(error).__name__, "message": str(error)}
    return beam.pvalue.TaggedOutput(
        OUTCOME_TAG, json.dumps({"clip": clip, "fault": fault, "seconds": seconds, "note": note})
    )


def write_outcomes(outcomes: beam.PCollection, folder: str) -> None:
    """Adds the sink that ``read_report`` reads after the pipeline has run."""
    _ = outcomes | "WriteOutcomes" >> beam.io.WriteToText(
        os.path.join(folder, "outcomes"), file_name_suffix=".jsonl", num_shards=1
    )


def read_report(folder: str) -> Report:
    """Reads the outcomes a pipeline wrote, and replaces them by one readable ``clips.json``."""
    rows = []
    matches = FileSystems.match([os.path.join(folder, "outcomes*.jsonl")])[0].metadata_list
    for match in matches:
        with FileSystems.open(match.path) as file:
            rows += [json.loads(line) for line in file.read().decode().splitlines() if line]
    faults = sorted((row["fault"] for row in rows if row["fault"]), key=lambda fault: fault["clip"])
    notes = sorted(({"clip": row["clip"], "note": row["note"]} for row in rows if row["note"]), key=lambda n: n["clip"])
    report = Report(len(rows) - len(faults), tuple(faults), sum(row["seconds"] for row in rows), tuple(notes))
    write_report(report, folder)
    FileSystems.delete([match.path for match in matches])
    for fault in faults:
        _LOG.warning("clip left out: %s", fault["message"])
    for note in notes:
        _LOG.warning("%s: %s", note["clip"], note["note"])
    return report


def write_report(report: Report, folder: str, facts: Mapping | None = None) -> None:
    """Writes a report as ``clips.json``, with further facts of the set."""
    content = {"clips": report.total, "done": report.done, **(facts or {}), FAULTS: list(report.faults)}
    if report.notes:
        content["notes"] = list(report.notes)
    text = json.dumps(content, indent=1)
    with FileSystems.create(os.path.join(folder, CLIPS_FILE)) as file:
        file.write(text.encode())


def check_report(report: Report, component: str) -> None:
    """Raises ``EmptySplitError`` where nothing came through; the first fault is named."""
    if report.done:
        return
    if not report.total:
        raise errors.EmptySplitError(f"{component}: no clip came in; check the manifest and its label mapping")
    raise errors.EmptySplitError(
        f"{component}: all {report.total} clips were left out; the first: {report.faults[0]['message']}"
    )


@contextlib.contextmanager
def named_errors() -> Iterator[None]:
    """Re-raises an error of this project that Beam wrapped, as itself."""
    try:
        yield
    except Exception as error:
        found = find_named_error(error)
        if found is None or found is error:
            raise
        raise found from error


def find_named_error(error: BaseException | None) -> errors.MerError | None:
    """The error of this project inside a chain of wrapped exceptions or in their text, or None."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    for wrapped in reversed(seen):  # the innermost is the one that was raised
        if isinstance(wrapped, errors.MerError):
            text = str(wrapped)
            clean = _RUNNING.sub("", text)
            return wrapped if clean == text else _rebuild(type(wrapped).__name__, clean)
    for wrapped in seen:
        found = _RAISED.findall(str(wrapped))
        if found:
            return _rebuild(*found[-1])
    return None


def _rebuild(name: str, message: str) -> errors.MerError:
    kind = getattr(errors, name, errors.MerError)
    if issubclass(kind, errors.ClipError):
        return kind(message)
    error = kind.__new__(kind)  # some constructors compose the message: it is whole already
    Exception.__init__(error, message)
    return error
