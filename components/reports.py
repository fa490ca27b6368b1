"""What happened to each clip, carried through Beam as values; and named errors brought back out of Beam.

A fault of one clip must not stop a run, so the workers yield it beside the records and one small text file per
component collects them. Beam hands an exception of a worker over as text; ``named_errors`` turns that text back
into the error it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from mer_tf import errors
from mer_tf.preparation.report import Report, summary, to_text
from mer_tf.run_files import CLIPS_FILE

OUTCOME_TAG = "outcome"

_RUNNING = re.compile(r" \[while running '[^']*'\]$")
_RAISED = re.compile(r"mer_tf\.errors\.(\w+): (.*?)(?: \[while running '.*)?$", re.MULTILINE)


def outcome(row: Mapping) -> beam.pvalue.TaggedOutput:
    """The side output of one clip, a row of ``mer_tf.preparation.report``."""
    return beam.pvalue.TaggedOutput(OUTCOME_TAG, json.dumps(row))


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
    report = summary(rows)
    with FileSystems.create(os.path.join(folder, CLIPS_FILE)) as file:
        file.write(to_text(report).encode())
    FileSystems.delete([match.path for match in matches])
    return report


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
