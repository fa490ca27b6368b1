"""Reading files that somebody else made: only regular files, never a pipe, a device or an endless one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from mer_tf.errors import BadInputError, MissingFileError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


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


def check_frames(paths: Iterable[str | os.PathLike]) -> None:
    """Refuses the frames of one clip where one of them is no readable file, whether it is needed or not.

    Raises:
        MissingFileError, BadInputError: As ``check_regular``, for the first such frame.
    """
    for path in paths:
        check_regular(path, "frame", "put its picture there, or remove it if it is no frame of the clip")
