"""Reading files that somebody else made: only regular files, never a pipe, a device or an endless one.

Also which names in a folder nobody put there: what systems, editors and network drives leave behind.
"""

from __future__ import annotations

import os
import stat

from mer_tf.errors import BadInputError, MissingFileError

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
