"""Annotation sheets: finding the header, matching columns by their many spellings, cells as text.

A sheet costs what it holds, not what it announces: rows and columns that are blank are not made, and what is unpacked
is bounded before it is read.
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import os
import re
import warnings
import zipfile
from collections.abc import Iterator

from mer_tf.errors import AnnotationError, DatasetNotFoundError
from mer_tf.files import check_regular

ALIASES = {
    "subject": ("Subject", "sub_ID", "sub"),
    "clip": ("Filename", "fold_name", "seq"),
    "onset": ("OnsetFrame", "OnsetF", "Onset Frame", "Onset"),
    "apex": ("ApexFrame", "ApexF", "ApexF1", "Apex Frame", "Apex"),
    "offset": ("OffsetFrame", "OffsetF", "Offset Frame", "Offset"),
    "aus": ("Action Units", "AU", "AUs"),
    "emotion": ("Estimated Emotion", "Emotion"),
    "objective": ("Objective Classes", "Objective Class"),
    "duration": ("Duration",),
    "fps": ("FPS", "Frame Rate", "FrameRate"),
    # SMIC-E: further events of a long clip, and the numbers of its first and last frame.
    "onset2": ("Onset2F",),
    "offset2": ("Offset2F",),
    "onset3": ("Onset3F",),
    "offset3": ("Offset3F",),
    "first": ("FirstF",),
    "last": ("LastF",),
    # Long videos: whether an interval is a micro- or a macro-expression.
    "type": ("Type", "Expression Type"),
}

HEADER_ROWS = 40  # a header is looked for this far down: one distributor puts 13 rows of explanation first
# Five thousand rows of a dozen columns are 60,000 cells and unpack to about 2 MB.
MAX_SHEET_BYTES = 16 * 2**20
MAX_UNPACKED_BYTES = 16 * 2**20
MAX_STYLES_BYTES = 2**20  # openpyxl takes seven seconds for so many styles, of which only those of dates are wanted
MAX_CELLS = 500_000
MAX_TEXT = 500  # characters of a cell that are kept
_SHOWN = 30  # headers named in a message
NO_STORED_VALUE = "formula without stored value"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # of encrypted workbooks and of .xls
_ZIP = b"PK"
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
        merged: Ranges of merged cells that span rows, as a spreadsheet names them; each row of such a range has the
            range's value.
        rivals: Headers that mean the same as one that is read and whose column says something else: (header that is
            read, header that is not, number of rows in which they differ).
    """

    path: str
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    merged: tuple[str, ...] = ()
    rivals: tuple[tuple[str, str, int], ...] = ()


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
    check_regular(path, "sheet")
    seen: list[str] = []
    for _, table, merged in _read_tables(path, title):
        for index, (header_row, cells) in enumerate(table):
            if header_row > HEADER_ROWS:
                break
            row = _dense(cells)
            columns = match_header(row)
            if "subject" not in columns or "clip" not in columns:
                continue
            missing = [name for name in required if name not in columns]
            if missing:
                raise _lacks(path, missing, row)
            below = table[index + 1 :]
            filled = _fill_merged(path, below, merged, set(columns.values()))
            rows = []
            for number, cells in below:
                row_cells = {name: _shortened(cells.get(column, "")) for name, column in columns.items()}
                if row_cells["subject"] or row_cells["clip"]:
                    rows.append(SheetRow(number, row_cells))
            return Sheet(path, tuple(columns), tuple(rows), filled, tuple(_rivals(row, columns, below)))
        if not seen:
            seen = _dense(table[0][1]) if table else []
    raise _lacks(path, [name for name in required if name not in match_header(seen)] or ["subject", "clip"], seen)


def worksheets(path: str | os.PathLike) -> Iterator[tuple[str, _Rows]]:
    """Every worksheet of an xlsx file as it stands: its title, and its rows that are not blank.

    Args:
        path: The file.

    Yields:
        Title; then for each row its number in the sheet and its text by column, counted from 0.

    Raises:
        DatasetNotFoundError: The file cannot be read as xlsx.
    """
    path = os.fspath(path)
    check_regular(path, "sheet")
    for title, rows, _ in _read_tables(path, ""):
        yield title, rows


def match_header(row: list[str]) -> dict[str, int]:
    """Column index by name of ``ALIASES``: stripped, inner blanks collapsed, case ignored.

    The first alias wins, and of two columns under it the first one (``Sheet.rivals`` names the others).
    """
    found = {}
    headers = [_fold(_shortened(cell)) for cell in row]
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
    if text == NO_STORED_VALUE:
        raise ValueError(f"{text}: open the sheet in a spreadsheet program and save it")
    if text.casefold() in NO_VALUE:
        return None
    if not re.fullmatch(r"\d{1,9}(\.0*)?", text):
        raise ValueError(f"{text!r} is not a frame number")
    return int(text.split(".")[0])


def _rivals(row: list[str], columns: dict[str, int], below: _Rows) -> Iterator[tuple[str, str, int]]:
    """See ``Sheet.rivals``."""
    for name, column in columns.items():
        aliases = set(map(_fold, ALIASES[name]))
        for other, header in enumerate(row):
            if other != column and _fold(_shortened(header)) in aliases:
                differ = sum(cells.get(column, "") != cells.get(other, "") for _, cells in below)
                if differ:
                    yield _shortened(row[column], 40), _shortened(header, 40), differ


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _lacks(path: str, missing: list[str], headers: list[str]) -> AnnotationError:
    wanted = "; ".join(f"{name} ({' | '.join(repr(alias) for alias in ALIASES[name])})" for name in missing)
    named = [repr(_shortened(header, 40)) for header in headers if header]
    found = ", ".join(named[:_SHOWN]) + (f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else "") or "none"
    return AnnotationError(
        f"sheet {path!r} lacks the column of {wanted}. Headers found: {found}. "
        "Use the distributor's own coding sheet, or rename the column"
    )


# Rows that are not blank: number in the sheet, and text by column counted from 0.
_Rows = list[tuple[int, dict[int, str]]]


def _read_tables(path: str, title: str) -> Iterator[tuple[str, _Rows, list]]:
    """Title, rows and merged ranges of each worksheet, the one of that title first."""
    import openpyxl  # on demand: it takes a while to import

    _check_kind(path)
    book = None
    try:
        with _without_remarks():
            book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        for sheet in sorted(book, key=lambda sheet: not title or _fold(sheet.title) != _fold(title)):
            with _without_remarks():
                table, merged = _read_rows(sheet, path)
            yield sheet.title, table, merged
    except (AnnotationError, DatasetNotFoundError):
        raise
    except Exception as error:  # openpyxl and zipfile raise many kinds for a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DatasetNotFoundError(
            f"sheet {path!r} cannot be read as xlsx ({reason}); copy it again from the distributor's archive"
        ) from error
    finally:
        if book is not None:
            book.close()


@contextlib.contextmanager
def _without_remarks() -> Iterator[None]:
    """Silences openpyxl on extensions and dates that it does not know; nothing of them is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_kind(path: str) -> None:
    """Raises ``DatasetNotFoundError`` unless the file is a zip archive that unpacks to a bounded size."""
    size = os.path.getsize(path)
    if size > MAX_SHEET_BYTES:
        raise DatasetNotFoundError(f"sheet {path!r} has {size} bytes, more than the limit of {MAX_SHEET_BYTES}")
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(_OLE):
        why = "it is encrypted or an old .xls; save it as .xlsx without a password"
    elif not head:
        why = "it is empty; copy it again from the distributor's archive"
    elif not head.startswith(_ZIP):
        text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
        kind = "an HTML page" if text.startswith(b"<") else "no xlsx, whatever its name says (CSV, perhaps)"
        why = f"it is {kind}; open it in a spreadsheet program and save it as .xlsx"
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
            why = f"it is cut short or damaged ({error}); copy it again from the distributor's archive"
        else:
            # A member is never read beyond the size that the archive's directory announces.
            unpacked = sum(entry.file_size for entry in entries if not entry.filename.startswith("xl/media/"))
            styles = sum(entry.file_size for entry in entries if entry.filename.endswith("styles.xml"))
            if unpacked <= MAX_UNPACKED_BYTES and styles <= MAX_STYLES_BYTES:
                return
            size, limit = (styles, MAX_STYLES_BYTES) if styles > MAX_STYLES_BYTES else (unpacked, MAX_UNPACKED_BYTES)
            part = "its styles unpack" if size == styles else "it unpacks"
            why = f"{part} to {size} bytes, more than the limit of {limit}; copy the coding into a new sheet"
    raise DatasetNotFoundError(f"sheet {path!r} cannot be read as xlsx: {why}")


def _read_rows(sheet, path: str) -> tuple[_Rows, list]:
    # openpyxl's rows of values would be padded to the size that the sheet announces, so its parser is used as it is.
    from openpyxl.worksheet import _reader as xlsx

    class Parser(xlsx.WorkSheetParser):
        cells = 0

        def parse_row(self, row):
            self.cells += len(row)
            if self.cells > MAX_CELLS:
                raise DatasetNotFoundError(
                    f"sheet {path!r} has more than {MAX_CELLS} cells; delete the columns and rows that are no coding"
                )
            return super().parse_row(row)

        def parse_cell(self, element):
            cell = super().parse_cell(element)
            if cell["value"] is None and element.find(xlsx.FORMULA_TAG) is not None:
                # Only text can be stored as nothing; a program that does not calculate writes an empty number.
                empty_text = element.get("t") == "str" and element.find(xlsx.VALUE_TAG) is not None
                cell["value"] = None if empty_text else NO_STORED_VALUE
            return cell

    book = sheet.parent
    strings = [text.strip() for text in sheet._shared_strings]  # once; a long one may stand in every cell
    with sheet._get_source() as source:
        parser = Parser(
            source,
            strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        rows: _Rows = []
        for number, cells in parser.parse():
            texts = {cell["column"] - 1: _text(cell["value"]) for cell in cells}
            texts = {column: text for column, text in texts.items() if text}
            if texts:
                rows.append((number, texts))
    return rows, list(parser.merged_cells.mergeCell) if parser.merged_cells is not None else []


def _dense(cells: dict[int, str]) -> list[str]:
    return [cells.get(column, "") for column in range(max(cells, default=-1) + 1)]


def _fill_merged(path: str, rows: _Rows, merged: list, columns: set[int]) -> tuple[str, ...]:
    """Writes the value of merged cells into each of their rows, as a reader sees it; returns the ranges."""
    numbers, by_number = [number for number, _ in rows], dict(rows)
    found, filled = [], 0
    for area in merged:
        column = area.min_col - 1
        value = by_number.get(area.min_row, {}).get(column)
        if value is None or column not in columns or area.max_row == area.min_row:
            continue
        found.append(area.coord)
        inside = range(bisect.bisect_right(numbers, area.min_row), bisect.bisect_right(numbers, area.max_row))
        filled += len(inside)
        if filled > MAX_CELLS:
            raise AnnotationError(f"sheet {path!r} has merged cells over more than {MAX_CELLS} cells; unmerge them")
        for place in inside:
            rows[place][1].setdefault(column, value)
    return tuple(found)


def _shortened(text: str, length: int = MAX_TEXT) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


def _text(cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
