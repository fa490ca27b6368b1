"""Annotation sheets: finding the header, matching columns by their many spellings, cells as text."""

from __future__ import annotations

import dataclasses
import os
import re

from mer_tf.errors import AnnotationError, DatasetNotFoundError

ALIASES = {
    "subject": ("Subject",),
    "clip": ("Filename",),
    "onset": ("OnsetFrame", "OnsetF", "Onset Frame", "Onset"),
    "apex": ("ApexFrame", "ApexF", "ApexF1", "Apex Frame", "Apex"),
    "offset": ("OffsetFrame", "OffsetF", "Offset Frame", "Offset"),
    "aus": ("Action Units", "AU", "AUs"),
    "emotion": ("Estimated Emotion", "Emotion"),
    "objective": ("Objective Classes", "Objective Class"),
    "duration": ("Duration",),
    # SMIC-E: further events of a long clip, and the numbers of its first and last frame.
    "onset2": ("Onset2F",),
    "offset2": ("Offset2F",),
    "onset3": ("Onset3F",),
    "offset3": ("Offset3F",),
    "first": ("FirstF",),
    "last": ("LastF",),
}

HEADER_ROWS = 40  # a header is looked for this far down: one distributor puts 13 rows of explanation first
MAX_SHEET_BYTES = 64 * 2**20
NO_VALUE = frozenset({"", "/", "-", "nan", "none", "n/a", "na"})


@dataclasses.dataclass(frozen=True)
class SheetRow:
    """One row: its number in the sheet (1-based, as a spreadsheet shows it) and its cells as text."""

    number: int
    cells: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A read sheet.

    Attributes:
        path: The file.
        columns: The names of ``ALIASES`` that were found.
        rows: Rows that are not blank.
    """

    path: str
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def read_sheet(path: str | os.PathLike, required: tuple[str, ...], *, title: str = "") -> Sheet:
    """Reads the first sheet of an xlsx file that has the header.

    Args:
        path: The file.
        required: Names of ``ALIASES`` that must be there.
        title: Worksheet to look at first, where there is one of that name.

    Returns:
        Cells stripped and as text; whole numbers without a decimal point.

    Raises:
        DatasetNotFoundError: The file cannot be read as xlsx.
        AnnotationError: No header, or a required column is absent.
    """
    path = os.fspath(path)
    tables = _read_tables(path, title)
    seen: list[str] = []
    for table in tables:
        for index, row in enumerate(table[:HEADER_ROWS]):
            columns = match_header(row)
            if "subject" not in columns or "clip" not in columns:
                continue
            missing = [name for name in required if name not in columns]
            if missing:
                raise _lacks(path, missing, row)
            rows = []
            for number, cells in enumerate(table[index + 1 :], start=index + 2):
                row_cells = {name: cells[column] if column < len(cells) else "" for name, column in columns.items()}
                if row_cells["subject"] or row_cells["clip"]:
                    rows.append(SheetRow(number, row_cells))
            return Sheet(path, tuple(columns), tuple(rows))
        if not seen:
            seen = next((row for row in table if any(row)), [])
    raise _lacks(path, [name for name in required if name not in match_header(seen)] or ["subject", "clip"], seen)


def match_header(row: list[str]) -> dict[str, int]:
    """Column index by name of ``ALIASES``: stripped, inner blanks collapsed, case ignored, the first match wins."""
    found = {}
    headers = [_fold(cell) for cell in row]
    for name, aliases in ALIASES.items():
        for alias in aliases:
            if _fold(alias) in headers:
                found[name] = headers.index(_fold(alias))
                break
    return found


def frame_number(text: str) -> int | None:
    """Frame number of a cell; None for a cell that says there is none (empty, ``/``, ``-``).

    Raises:
        ValueError: The cell holds something else.
    """
    text = text.strip()
    if text.casefold() in NO_VALUE:
        return None
    if not re.fullmatch(r"\d{1,9}(\.0*)?", text):
        raise ValueError(f"{text!r} is not a frame number")
    return int(text.split(".")[0])


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _lacks(path: str, missing: list[str], headers: list[str]) -> AnnotationError:
    wanted = "; ".join(f"{name} ({' | '.join(repr(alias) for alias in ALIASES[name])})" for name in missing)
    found = ", ".join(repr(header) for header in headers if header) or "none"
    return AnnotationError(
        f"sheet {path!r} lacks the column of {wanted}. Headers found: {found}. "
        "Use the distributor's own coding sheet, or rename the column"
    )


def _read_tables(path: str, title: str) -> list[list[list[str]]]:
    import openpyxl  # on demand: it takes a while to import

    try:
        size = os.path.getsize(path)
        if size > MAX_SHEET_BYTES:
            raise DatasetNotFoundError(f"sheet {path!r} has {size} bytes, more than the limit of {MAX_SHEET_BYTES}")
        book = openpyxl.load_workbook(path, data_only=True)
        sheets = sorted(book, key=lambda sheet: not title or _fold(sheet.title) != _fold(title))
        return [[[_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)] for sheet in sheets]
    except DatasetNotFoundError:
        raise
    except Exception as error:  # openpyxl and zipfile raise many kinds for a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetNotFoundError(
            f"sheet {path!r} cannot be read as xlsx ({reason}); copy it again from the distributor's archive"
        ) from error


def _text(cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
