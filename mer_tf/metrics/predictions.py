"""Prediction files: this package's CSV and the log format of the MEGC challenges.

CSV columns: ``dataset,subject,clip,fold,label,prediction,p_0..p_k``. Faults are reported with the file and line.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable

from mer_tf import atomic
from mer_tf.errors import ConfigError, EmptySplitError, MissingFileError
from mer_tf.types import Prediction

COLUMNS = ("dataset", "subject", "clip", "fold", "label", "prediction")


def write_predictions(path: str | os.PathLike, predictions: Iterable[Prediction]) -> None:
    """Writes the CSV, whole or not at all; probabilities are written so that they read back to the same float."""
    predictions = list(predictions)
    if not predictions:
        raise EmptySplitError(f"{os.fspath(path)}: there are no predictions to write")
    width = len(predictions[0].probabilities)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"p_{k}" for k in range(width))])
    for p in predictions:
        if len(p.probabilities) != width:
            raise ConfigError(
                f"{p.dataset}/{p.subject}/{p.clip}: {len(p.probabilities)} probabilities where others have {width}"
            )
        writer.writerow(
            [p.dataset, p.subject, p.clip, p.fold, p.label, p.prediction, *(repr(float(v)) for v in p.probabilities)]
        )
    atomic.write_text(path, out.getvalue())


def read_predictions(path: str | os.PathLike) -> list[Prediction]:
    """Reads the CSV.

    Args:
        path: File written by ``write_predictions``, or by hand with the same header; the probability columns may
            be absent altogether (``probabilities`` is then empty).

    Returns:
        Predictions in the order of the file.

    Raises:
        MissingFileError: The file is not there.
        EmptySplitError: It holds no prediction.
        ConfigError: A line is wrong; the message names file, line and remedy.
    """
    name = os.fspath(path)
    rows = csv.reader(io.StringIO(_read(path), newline=""), strict=True)
    predictions: list[Prediction] = []
    first_line: dict[tuple, int] = {}
    try:
        header = next(rows, [])
        width = len(header) - len(COLUMNS)
        expected = [*COLUMNS, *(f"p_{k}" for k in range(max(width, 0)))]
        if header != expected or width == 1:
            raise ConfigError(
                f"{name} line 1: expected the columns {','.join(COLUMNS)},p_0,p_1,... "
                f"Received: {','.join(header)[:200]!r}"
            )
        for row in rows:
            if not row:
                continue
            where = f"{name} line {rows.line_num}"
            if len(row) != len(header):
                raise ConfigError(f"{where}: expected {len(header)} values. Received: {len(row)}")
            dataset, subject, clip, fold = row[:4]
            for column, value in zip(COLUMNS, (dataset, subject, clip)):
                if not value:
                    raise ConfigError(f"{where}: {column} is empty")
            label = _integer(row[4], where, "label", width)
            prediction = _integer(row[5], where, "prediction", width)
            probabilities = tuple(_probability(text, where, f"p_{k}") for k, text in enumerate(row[6:]))
            if probabilities and abs(sum(probabilities) - 1) > 1e-3:
                raise ConfigError(f"{where}: the probabilities sum to {sum(probabilities):.6g}, expected 1")
            key = (dataset, subject, clip)
            if key in first_line:
                raise ConfigError(f"{where}: clip {'/'.join(key)} is already on line {first_line[key]}; remove one")
            first_line[key] = rows.line_num
            predictions.append(Prediction(dataset, subject, clip, fold, label, prediction, probabilities))
    except csv.Error as error:
        raise ConfigError(f"{name} line {rows.line_num}: not a CSV file ({error})") from error
    if not predictions:
        raise EmptySplitError(f"{name} holds no predictions")
    return predictions


def write_megc_log(path: str | os.PathLike, predictions: Iterable[Prediction]) -> None:
    """Writes the MEGC 2019 log: a line ``dataset subject``, then a line ``clip truth prediction`` for each clip."""
    predictions = sorted(predictions, key=lambda p: (p.dataset, p.subject, p.clip))
    lines, last = [], None
    for p in predictions:
        if any(part.split() != [part] for part in (p.dataset, p.subject, p.clip)):
            raise ConfigError(f"{p.dataset}/{p.subject}/{p.clip}: the MEGC log cannot hold names with blanks")
        if (p.dataset, p.subject) != last:
            last = (p.dataset, p.subject)
            lines.append(f"{p.dataset} {p.subject}")
        lines.append(f"{p.clip} {p.label} {p.prediction}")
    atomic.write_text(path, "".join(f"{line}\n" for line in lines))


def read_megc_log(path: str | os.PathLike) -> list[Prediction]:
    """Reads a MEGC 2019 log (see ``write_megc_log``); probabilities are empty, the fold is the subject's key.

    Raises:
        MissingFileError, EmptySplitError, ConfigError: As ``read_predictions``.
    """
    name = os.fspath(path)
    predictions: list[Prediction] = []
    seen: dict[tuple, int] = {}
    subject: tuple[str, str] | None = None
    for number, line in enumerate(_read(path).splitlines(), start=1):
        words = line.split()
        where = f"{name} line {number}"
        if not words:
            continue
        if len(words) == 2:
            subject = (words[0], words[1])
        elif len(words) == 3 and subject:
            key = (*subject, words[0])
            if key in seen:
                raise ConfigError(f"{where}: clip {'/'.join(key)} is already on line {seen[key]}; remove one")
            seen[key] = number
            label = _integer(words[1], where, "truth", 0)
            prediction = _integer(words[2], where, "prediction", 0)
            predictions.append(Prediction(*key, "/".join(subject), label, prediction, ()))
        else:
            raise ConfigError(
                f"{where}: expected 'dataset subject' or, below one, 'clip truth prediction'. Received: {line[:200]!r}"
            )
    if not predictions:
        raise EmptySplitError(f"{name} holds no predictions")
    return predictions


def _read(path) -> str:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingFileError(f"{os.fspath(path)}: there is no such prediction file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{os.fspath(path)}: not a text file in UTF-8 (byte {error.start})") from error


def _integer(text: str, where: str, column: str, width: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ConfigError(f"{where}: {column} must be a class index. Received: {text[:80]!r}") from None
    if value < 0 or (width and value >= width):
        raise ConfigError(f"{where}: {column} must lie in 0..{width - 1 if width else 'k'}. Received: {value}")
    return value


def _probability(text: str, where: str, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"{where}: {column} must be a number. Received: {text[:80]!r}") from None
    if not (math.isfinite(value) and -1e-6 <= value <= 1 + 1e-6):
        raise ConfigError(f"{where}: {column} must lie in 0..1. Received: {text[:80]!r}")
    return value
