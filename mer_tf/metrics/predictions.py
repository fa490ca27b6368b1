"""Prediction files: this package's CSV and the log format of the MEGC challenges.

CSV columns: ``dataset,subject,clip,fold,label,prediction,p_0..p_k``. A file of every epoch has the column ``epoch``
after ``fold`` and one line per epoch and clip. Semicolons or tabs may stand for the commas. A name that a spreadsheet
program would run as a formula is written with an apostrophe before it, which reading takes off
(``mer_tf.files.csv_safe``). Faults are reported with the file and line.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from mer_tf import atomic
from mer_tf.datasets.people import People, clip_key
from mer_tf.datasets.registry import CARDS
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.files import csv_plain, csv_safe, read_rows, read_text
from mer_tf.types import Prediction

COLUMNS = ("dataset", "subject", "clip", "fold", "label", "prediction")
MAX_BYTES = 128 * 2**20  # of a CSV; some 1.5 million lines, for which reading takes 1.5 GB
MAX_EPOCH_ROWS = 1_000_000  # of a file of every epoch, which must not become larger than what is read
MAX_LOG_BYTES = 16 * 2**20
_NAMES = "surrogateescape"  # folders, and so clips, may be named in another encoding
_WHAT = "prediction file"
_REMEDY = "give a CSV that 'mer loso' wrote, or a challenge log"
EPOCH_COLUMNS = ("dataset", "subject", "clip", "fold", "epoch", "label", "prediction")


def write_predictions(path: str | os.PathLike, predictions: Iterable[Prediction]) -> None:
    """Writes the CSV, whole or not at all; probabilities are written so that they read back to the same float."""
    _write(path, COLUMNS, [(None, p) for p in predictions])


def write_epoch_predictions(path: str | os.PathLike, by_epoch: Mapping[int, Sequence[Prediction]]) -> None:
    """Writes the predictions of every epoch (counted from 1) as one CSV with the column ``epoch``."""
    for epoch in by_epoch:
        if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 1:
            raise ConfigError(f"{os.fspath(path)}: an epoch is counted from 1. Received: {epoch!r}")
    _write(path, EPOCH_COLUMNS, [(epoch, p) for epoch, rows in sorted(by_epoch.items()) for p in rows])


def read_predictions(path: str | os.PathLike, num_classes: int | None = None) -> list[Prediction]:
    """Reads the CSV.

    Args:
        path: File written by ``write_predictions``, or by hand with the same header; the probability columns may
            be absent altogether (``probabilities`` is then empty). Of a file of every epoch, the last is read.
        num_classes: Number of classes that labels must be below; None takes the number of probability columns.

    Returns:
        Predictions in the order of the file, datasets by the names on their cards, and every person in the spelling
        that comes first (``mer_tf.datasets.people``).

    Raises:
        MissingFileError: The file is not there.
        EmptySplitError: It holds no prediction.
        ConfigError: A line is wrong; the message names file, line and remedy.
    """
    by_epoch = _read_csv(path, num_classes)
    return by_epoch[max(by_epoch)]


def read_epoch_predictions(path: str | os.PathLike, num_classes: int | None = None) -> dict[int, list[Prediction]]:
    """Reads a file of every epoch (``write_epoch_predictions``): epoch -> predictions.

    A file without the column ``epoch`` is an empty dictionary. Args and errors as ``read_predictions``.
    """
    by_epoch = _read_csv(path, num_classes)
    return {} if set(by_epoch) == {0} else by_epoch


def read_any(path: str | os.PathLike, num_classes: int | None = None) -> list[Prediction]:
    """Reads a prediction file of either format (see ``is_csv``).

    Args and errors as ``read_predictions``.
    """
    return read_predictions(path, num_classes) if is_csv(path) else read_megc_log(path, num_classes)


def is_csv(path: str | os.PathLike) -> bool:
    """Whether the file is a CSV rather than a challenge log: its first line has more than two cells."""
    return len(next(read_rows(path, _WHAT, _REMEDY, limit=MAX_BYTES, errors=_NAMES), (0, []))[1]) > 2


def _write(path, columns, rows: list[tuple[int | None, Prediction]]) -> None:
    if not rows:
        raise EmptySplitError(f"{os.fspath(path)}: there are no predictions to write")
    width = len(rows[0][1].probabilities)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, *(f"p_{k}" for k in range(width))])
    for epoch, p in rows:
        if len(p.probabilities) != width:
            raise ConfigError(
                f"{p.dataset}/{p.subject}/{p.clip}: {len(p.probabilities)} probabilities where others have {width}"
            )
        middle = [] if epoch is None else [epoch]
        probabilities = (repr(float(v)) for v in p.probabilities)
        names = map(csv_safe, (p.dataset, p.subject, p.clip, p.fold))
        writer.writerow([*names, *middle, p.label, p.prediction, *probabilities])
    atomic.write_text(path, out.getvalue())


def _read_csv(path, num_classes: int | None) -> dict[int, list[Prediction]]:
    """Predictions by epoch; epoch 0 where the file has no such column."""
    name = os.fspath(path)
    rows = read_rows(path, _WHAT, _REMEDY, limit=MAX_BYTES, errors=_NAMES)
    by_epoch: dict[int, list[Prediction]] = {}
    first_line: dict[tuple, int] = {}
    people = People()
    first, header = next(rows, (1, []))
    columns = EPOCH_COLUMNS if header[4:5] == ["epoch"] else COLUMNS
    at = len(columns) - 2  # of the label
    width = len(header) - len(columns)
    expected = [*columns, *(f"p_{k}" for k in range(max(width, 0)))]
    if header != expected or width == 1:
        raise ConfigError(
            f"{name} line {first}: expected the columns {','.join(COLUMNS)},p_0,p_1,... "
            f"Received: {','.join(header)[:200]!r}"
        )
    if num_classes is not None and width not in (0, num_classes):
        raise ConfigError(f"{name} line {first}: {width} probability columns, but {num_classes} classes are expected")
    limit = width or num_classes or 0
    for number, row in rows:
        where = f"{name} line {number}"
        if len(row) != len(header):
            raise ConfigError(f"{where}: expected {len(header)} values. Received: {len(row)}")
        cells = tuple(map(csv_plain, row[:4]))
        for column, value in zip(COLUMNS[:3], cells):
            if not value.strip():
                raise ConfigError(f"{where}: {column} is empty")
        # The same names stand on many lines; each is kept once.
        dataset, subject, clip, fold = map(sys.intern, (*_add(people, where, *cells[:2]), *cells[2:]))
        epoch = 0
        if columns is EPOCH_COLUMNS:
            epoch = _integer(row[4], where, "epoch", 0)
            if epoch == 0:
                raise ConfigError(f"{where}: epoch is counted from 1. Received: '0'")
        label = _integer(row[at], where, "label", limit)
        prediction = _integer(row[at + 1], where, "prediction", limit)
        probabilities = tuple(_probability(text, where, f"p_{k}") for k, text in enumerate(row[at + 2 :]))
        if probabilities and abs(sum(probabilities) - 1) > 1e-3:
            raise ConfigError(f"{where}: the probabilities sum to {sum(probabilities):.6g}, expected 1")
        key = (epoch, *clip_key(dataset, subject, clip))
        if key in first_line:
            raise ConfigError(
                f"{where}: clip {dataset}/{subject}/{clip} is already on line {first_line[key]}; remove one"
            )
        first_line[key] = number
        by_epoch.setdefault(epoch, []).append(
            Prediction(dataset, subject, clip, fold, label, prediction, probabilities)
        )
    if not by_epoch:
        raise EmptySplitError(f"{name} holds no predictions")
    return by_epoch


def write_megc_log(path: str | os.PathLike, predictions: Iterable[Prediction]) -> None:
    """Writes the MEGC 2019 log: a line ``dataset subject``, then a line ``clip truth prediction`` for each clip.

    SMIC-HS is written as the organisers write it, ``smic``.
    """
    predictions = sorted(predictions, key=lambda p: (p.dataset, p.subject, p.clip))
    lines, last = [], None
    for p in predictions:
        if any(part.split() != [part] for part in (p.dataset, p.subject, p.clip)):
            raise ConfigError(f"{p.dataset}/{p.subject}/{p.clip}: the MEGC log cannot hold names with blanks")
        if (p.dataset, p.subject) != last:
            last = (p.dataset, p.subject)
            card = CARDS.get(p.dataset)
            lines.append(f"{card.listed_as or p.dataset if card else p.dataset} {p.subject}")
        lines.append(f"{p.clip} {p.label} {p.prediction}")
    atomic.write_text(path, "".join(f"{line}\n" for line in lines))


def read_megc_log(path: str | os.PathLike, num_classes: int | None = None) -> list[Prediction]:
    """Reads a MEGC 2019 log (see ``write_megc_log``); probabilities are empty, the fold is the subject's key.

    Datasets are named as on their cards: the organisers' ``smic`` is ``smic_hs``. A person in two spellings is one.

    Args:
        path: The log; blank lines and any white space between words are allowed.
        num_classes: Number of classes that truth and prediction must be below; None asks for no limit.

    Raises:
        MissingFileError, EmptySplitError: There is no such file, or no clip in it.
        ConfigError: A line is none of the format, a class is out of range, a clip or subject line comes twice, or no
            clip line follows a subject line.
    """
    name = os.fspath(path)
    predictions: list[Prediction] = []
    seen: dict[tuple, int] = {}
    headers: dict[tuple[str, str], int] = {}
    people = People()
    subject: tuple[str, str] | None = None
    filled = True

    def close() -> None:
        if subject is not None and not filled:
            raise ConfigError(
                f"{name} line {headers[subject]}: no 'clip truth prediction' line follows {' '.join(subject)!r}; "
                "is the log cut off?"
            )

    for number, line in enumerate(
        read_text(path, _WHAT, _REMEDY, limit=MAX_LOG_BYTES, errors=_NAMES).splitlines(), start=1
    ):
        words = line.split()
        where = f"{name} line {number}"
        if not words:
            continue
        if len(words) == 2:
            close()
            subject, filled = _add(people, where, *words), False
            if subject in headers:
                raise ConfigError(f"{where}: subject {'/'.join(subject)} is already on line {headers[subject]}")
            headers[subject] = number
        elif len(words) == 3 and subject:
            key = clip_key(*subject, words[0])
            if key in seen:
                raise ConfigError(
                    f"{where}: clip {'/'.join((*subject, words[0]))} is already on line {seen[key]}; remove one"
                )
            seen[key] = number
            label = _integer(words[1], where, "truth", num_classes or 0)
            prediction = _integer(words[2], where, "prediction", num_classes or 0)
            predictions.append(Prediction(*subject, words[0], "/".join(subject), label, prediction, ()))
            filled = True
        else:
            raise ConfigError(
                f"{where}: expected 'dataset subject' or, below one, 'clip truth prediction'. Received: {line[:200]!r}"
            )
    if not headers:
        raise EmptySplitError(f"{name} holds no predictions")
    close()
    return predictions


def _add(people: People, where: str, dataset: str, subject: str) -> tuple[str, str]:
    try:
        return people.add(dataset, subject)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _integer(text: str, where: str, column: str, width: int) -> int:
    if not re.fullmatch(r"\s*-?\d{1,9}\s*", text):
        raise ConfigError(f"{where}: {column} must be a class index. Received: {text[:80]!r}")
    value = int(text)
    if value < 0 or (width and value >= width):
        raise ConfigError(f"{where}: {column} must lie in 0..{width - 1 if width else 'k'}. Received: {value}")
    return value


def _probability(text: str, where: str, column: str) -> float:
    try:
        value = float(text.replace(",", "."))  # where semicolons part the cells, the comma is the decimal sign
    except ValueError:
        raise ConfigError(f"{where}: {column} must be a number. Received: {text[:80]!r}") from None
    if not (math.isfinite(value) and -1e-6 <= value <= 1 + 1e-6):
        raise ConfigError(f"{where}: {column} must lie in 0..1. Received: {text[:80]!r}")
    return value
