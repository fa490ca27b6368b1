"""Reading files that somebody else made: only regular files, never a pipe, a device or an endless one.

Also which names in a folder nobody put there: what systems, editors and network drives leave behind.

Archives of arrays are read without running anything that is in them, and take no more memory than they may.
"""

from __future__ import annotations

import math
import os
import stat
import zipfile
from typing import TYPE_CHECKING

from mer_tf.errors import BadInputError, MissingFileError

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
    except OSError as error:  # ELOOP; also a name that is too long
        return "a link that leads in a circle" if os.path.islink(path) else str(error.strerror).lower()
    if stat.S_ISREG(mode):
        return "" if os.access(path, os.R_OK) else "not allowed to be read"
    return next((kind for test, kind in _KINDS if test(mode)), "no regular file")


def check_regular(path: str | os.PathLike, what: str = "file", remedy: str = "") -> None:
    """Refuses anything but a readable regular file, or a link to one, before it is opened.

    Args:
        path: The file that a user named.
        what: What it should be, for the message, for example ``"annotation sheet"``.
        remedy: What to do, added to the message.

    Raises:
        MissingFileError: It does not exist, or is a link to nothing.
        BadInputError: It is a folder, pipe, device or socket, or may not be read.
    """
    found = oddity(path)
    if found:
        kind = MissingFileError if found in ("missing", "a link to nothing") else BadInputError
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
                    _check_array(file, entry)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, KeyError, MemoryError, OverflowError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    except RuntimeError as error:  # encrypted
        raise ValueError(str(error)) from error


def _check_array(file, entry: zipfile.ZipInfo) -> None:
    """Refuses an array whose header promises more than its file holds: memory is taken by what the header says."""
    import numpy as np

    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise ValueError(f"{entry.filename} is no array of numbers (format {version})")
    shape, _, dtype = readers[version](file)
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > entry.file_size:
        raise ValueError(f"{entry.filename} promises an array of {shape} and has {entry.file_size} bytes")


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
