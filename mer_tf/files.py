"""Reading files that somebody else made: only regular files, never a pipe, a device or an endless one, within bounds.

Text is UTF-8, with or without a mark at its beginning, or UTF-16 with one. Tables are CSV with commas, semicolons or
tabs. JSON holds what a number can be here: neither NaN, nor infinity, nor one of thousands of digits. Archives of
arrays are read without running anything that is in them, and take no more memory than they may.

Also which names in a folder nobody put there: what systems, editors and network drives leave behind.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mer_tf.errors import BadInputError, ConfigError, MissingFileError

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 64  # of lists and objects inside one another
DELIMITERS = ",;\t"

if TYPE_CHECKING:
    import numpy as np

MAX_WEIGHTS = 4 << 30  # bytes of a weight file, unpacked; the largest network here has 1.1e9

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_HEAD = 2**16  # bytes in which the first line is looked for
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")

_LEFT_OVERS = frozenset(
    (
        "__macosx", "icon\r",  # macOS
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin", "recycler",
        "system volume information",  # Windows
        "@eadir", "@tmp", "@recycle", "@recently-snapshot", "@__thumb", "#recycle", "#snapshot",  # network drives
        "lost+found", "__pycache__", "cvs",
    )
)  # fmt: skip


def is_left_over(name: str) -> bool:
    """Whether a file or folder of this name is a left-over of a system or program and no data; nothing is looked at.

    Hidden names (``.DS_Store``, ``._img1.jpg``, ``.ipynb_checkpoints``) and locks of office programs (``~$sheet.xlsx``)
    count too. Every listing of a folder that a user gave leaves such names out, unsaid.

    Example:
        >>> [name for name in ("sub01", "._img1.jpg", "__MACOSX", "Thumbs.db", "~$a.xlsx") if not is_left_over(name)]
        ['sub01']
    """
    return name[:1] in (".", "~") or name.casefold() in _LEFT_OVERS


def oddity(path: str | os.PathLike) -> str:
    """What keeps ``path`` from being read as a file: ``""`` for a regular file or a link to one.

    Else a phrase: ``"missing"``, ``"a folder"``, ``"a pipe"``, ``"a device"``, ``"a link to nothing"``, ``"a link that
    leads in a circle"``, ``"not allowed to be read"``. Nothing is opened, so a pipe cannot block
    and a device is not touched.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "a link to nothing" if os.path.islink(path) else "missing"
    except PermissionError:
        return "not allowed to be read"
    except NotADirectoryError:
        return "missing"
    except ValueError:  # a NUL in the name
        return "missing"
    except OSError as error:  # ELOOP; also a name that is too long
        return "a link that leads in a circle" if os.path.islink(path) else str(error.strerror).lower()
    if stat.S_ISREG(mode):
        return "" if os.access(path, os.R_OK) else "not allowed to be read"
    return next((kind for test, kind in _KINDS if test(mode)), "no regular file")


def check_regular(path: str | os.PathLike, what: str = "file", remedy: str = "", *, limit: int | None = None) -> None:
    """Refuses anything but a readable regular file, or a link to one, before it is opened.

    Args:
        path: The file that a user named.
        what: What it should be, for the message, for example ``"annotation sheet"``.
        remedy: What to do, added to the message.
        limit: Largest size in bytes; None for any.

    Raises:
        MissingFileError: It does not exist, or is a link to nothing.
        BadInputError: It is a folder, pipe, device or socket, may not be read, or is larger than the limit.
    """
    found, kind = oddity(path), BadInputError
    if found in ("missing", "a link to nothing"):
        kind = MissingFileError
    elif not found and limit is not None and os.path.getsize(path) > limit:
        found = f"too large: {os.path.getsize(path):,} bytes, the limit is {limit:,}"
    if found:
        raise kind(f"{what} {os.fspath(path)!r} is {found}" + (f"; {remedy}" if remedy else ""))


def check_unpacked(archive: zipfile.ZipFile, most: int) -> None:
    """Raises ``ValueError`` where the files of an archive have more than ``most`` bytes together, by its directory.

    Python's reader gives no more of a file than the directory says.
    """
    size = sum(entry.file_size for entry in archive.infolist())
    if size > most:
        raise ValueError(f"it unpacks to {size} bytes; at most {most} are expected")


def read_npz(path: str | os.PathLike, most: int = MAX_WEIGHTS) -> dict[str, np.ndarray]:
    """Arrays of a NumPy archive by name; pickled objects are refused.

    Args:
        path: The file.
        most: Largest number of bytes that it may unpack to.

    Raises:
        ValueError: It is no such archive, is damaged, holds objects, or takes more memory than it may; the text says
            which.
    """
    import numpy as np

    try:
        with zipfile.ZipFile(path) as archive:
            check_unpacked(archive, most)
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    _check_array(file, entry.filename, entry.file_size)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, KeyError, MemoryError, OverflowError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    except RuntimeError as error:  # encrypted
        raise ValueError(str(error)) from error


def read_npy(path: str | os.PathLike) -> np.ndarray:
    """The array of a NumPy file; pickled objects are refused.

    Raises:
        ValueError: It is no such file, is damaged, or holds objects; the text says which.
    """
    import numpy as np

    try:
        with open(path, "rb") as file:
            _check_array(file, os.path.basename(path), os.path.getsize(path))
            file.seek(0)
            return np.load(file, allow_pickle=False)
    except (OSError, EOFError, MemoryError, OverflowError) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _check_array(file, name: str, size: int) -> None:
    """Refuses an array whose header promises more than its file holds: memory is taken by what the header says."""
    import numpy as np

    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise ValueError(f"{name} is no array of numbers (format {version})")
    shape, _, dtype = readers[version](file)
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"{name} promises an array of {shape} and has {size} bytes")


def check_hdf5(path: str | os.PathLike, most: int = MAX_WEIGHTS) -> None:
    """Raises ``ValueError`` where an HDF5 file holds more than ``most`` bytes of numbers, or looks into other files.

    Raises:
        OSError: It is no HDF5 file.
    """
    import h5py

    size = 0
    with h5py.File(path, "r") as file:
        groups, seen = [file], set()
        while groups:
            group = groups.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"{group.name}/{name} is a link to something else")
                item = group[name]
                where = h5py.h5o.get_info(item.id).addr
                if where in seen:
                    continue
                seen.add(where)
                if isinstance(item, h5py.Group):
                    groups.append(item)
                elif isinstance(item, h5py.Dataset):
                    if item.external or item.is_virtual:
                        raise ValueError(f"{item.name} keeps its numbers in another file")
                    size += item.nbytes
                    if size > most:
                        raise ValueError(f"its arrays take more than {most} bytes")


def read_text(
    path: str | os.PathLike, what: str = "file", remedy: str = "", *, limit: int = MAX_BYTES, errors: str = "strict"
) -> str:
    """The text of a file.

    Args:
        path: The file that a user named.
        what: What it should be, for the message.
        remedy: What to do, added to the message where there is no such file.
        limit: Largest size in bytes.
        errors: What to do with bytes that are no UTF-8, as of ``open``.

    Raises:
        MissingFileError, BadInputError: As ``check_regular``; or it is no text.
    """
    with _open(path, what, remedy, limit, errors) as (file, _):
        return file.read()


def read_rows(
    path: str | os.PathLike,
    what: str = "file",
    remedy: str = "",
    *,
    limit: int = MAX_BYTES,
    errors: str = "strict",
    error: type[BadInputError] = ConfigError,
) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file as they are read, with commas, semicolons or tabs, whichever its first line has most of.

    Args:
        path: The file that a user named.
        what: What it should be, for the message.
        remedy: What to do, added to the message where there is no such file.
        limit: Largest size in bytes.
        errors: What to do with bytes that are no UTF-8, as of ``open``.
        error: Kind of the error for a file that is no CSV.

    Yields:
        Number of the line on which the row ends, counted from 1, and its cells; blank lines are left out.

    Raises:
        MissingFileError, BadInputError: As ``read_text``.
    """
    with _open(path, what, remedy, limit, errors) as (file, head):
        first = next((line for line in head.splitlines() if line.strip()), "")
        rows = csv.reader(file, delimiter=max(DELIMITERS, key=first.count), strict=True)
        try:
            for row in rows:
                if row:
                    yield rows.line_num, row
        except csv.Error as fault:
            raise error(f"{what} {os.fspath(path)!r} line {rows.line_num} is not a CSV file ({fault})") from fault


@contextlib.contextmanager
def _open(path, what: str, remedy: str, limit: int, errors: str) -> Iterator[tuple[io.TextIOBase, str]]:
    """The opened text with its line ends as they are, and the beginning of it."""
    check_regular(path, what, remedy, limit=limit)
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
        encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        # Names in another encoding may be let through; what begins with no letter, or holds a NUL, is no text at all.
        first = head.decode(encoding, errors) if errors != "strict" and encoding != "utf-16" else ""
        if "\0" in first or "\udc80" <= first[:1] <= "\udcff":
            raise ConfigError(f"{what} {name!r}: not a text file in UTF-8")
        with open(path, encoding=encoding, newline="", errors=errors) as text:
            yield text, head.decode(encoding, "replace")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} {name!r}: not a text file in UTF-8 (byte {error.start})") from error
    except UnicodeError as error:
        raise ConfigError(f"{what} {name!r}: not a text file ({error})") from error
    except OSError as error:
        raise BadInputError(f"{what} {name!r} cannot be read ({error.strerror or error})") from error


# ---- JSON -------------------------------------------------------------------------------------------------------


def read_json(
    path: str | os.PathLike, what: str = "file", remedy: str = "", *, error: type[BadInputError] = ConfigError
):
    """The value of a JSON file; errors as ``read_text`` and ``parse_json``."""
    return parse_json(read_text(path, what, remedy), f"{what} {os.fspath(path)!r}", error)


def parse_json(text: str, what: str, error: type[BadInputError] = ConfigError):
    """The value of JSON text that somebody else wrote.

    Args:
        text: The text.
        what: What messages call it.
        error: Kind of the error.

    Raises:
        BadInputError: Of the kind given: it is no JSON; a key stands twice in an object; a number is not finite or has
            more than 64 bits; lists and objects lie more than ``MAX_DEPTH`` deep.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole, parse_float=_fraction
        )
    except RecursionError:
        raise error(f"{what}: lists and objects lie more than {MAX_DEPTH} deep") from None
    except ValueError as fault:
        raise error(f"{what}: not JSON ({fault})") from fault
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        groups = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [item for group in groups for item in group]
        if not level:
            return value
    raise error(f"{what}: lists and objects lie more than {MAX_DEPTH} deep")


def _object(pairs: list[tuple]) -> dict:
    found: dict = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:80]!r} stands twice in one object")
        found[name] = value
    return found


def _constant(text: str):
    raise ValueError(f"{text} is no number")


def _whole(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise ValueError(f"a whole number of {len(text)} digits, beyond 64 bits")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


# ---- text that a spreadsheet program would take for a formula ---------------------------------------------------


def csv_safe(text: str) -> str:
    """Text for a cell of a CSV file; what a spreadsheet program would run as a formula begins with an apostrophe.

    That is text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return and is no plain number, and
    such text behind apostrophes. ``csv_plain`` gives the same text back.

    Example:
        >>> csv_safe("=cmd()"), csv_safe("-1"), csv_safe("sub01")
        ("'=cmd()", '-1', 'sub01')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def csv_plain(text: str) -> str:
    """The text of a cell that ``csv_safe`` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
