"""Writing files so that a reader finds either the old content or the new one, never half of it.

Links are followed: what they lead to is replaced, not they. What is no regular file (a device, a pipe, an open
descriptor such as ``/dev/stdout``) is written to as it is, when the content is whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator

PREFIX = ".writing-"
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|(?P<process>\d+)))/fd/(?P<number>\d+)")
_LINKS = 40  # as many as Linux follows
# The folder takes no new file, or the file is a mount point, as single files of containers are.
_IN_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV)


def encoded(text: str) -> bytes:
    """UTF-8; bytes of a file name that were none come out as they were, other lone surrogates as a visible escape."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes UTF-8 text as ``write_bytes`` does."""
    write_bytes(path, encoded(text))


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes a file whole or not at all; missing folders are created.

    Raises:
        OSError: It cannot be written; ``filename`` is ``path``, not that of a temporary file.
    """
    with whole(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


@contextlib.contextmanager
def whole(path: str | os.PathLike) -> Iterator[str]:
    """Gives the path of an empty file to write to, whose content becomes that of ``path`` in the end.

    Nothing happens to ``path`` where the block raises. Permissions of a file that is there stay.

    Raises:
        OSError: As ``write_bytes``.
    """
    path = os.fspath(path)
    temporary = ""
    try:
        mode = _mode(path)
        straight = descriptor(path) is not None or (mode is not None and not stat.S_ISREG(mode))
        target = path if straight else os.path.realpath(path)
        try:
            temporary = _new(tempfile.gettempdir() if straight else os.path.dirname(target))
        except OSError as error:
            if mode is None or error.errno not in _IN_PLACE or not os.access(target, os.W_OK):
                raise
            straight, temporary = True, _new(tempfile.gettempdir())
        yield temporary
        if straight:
            _copy(temporary, path)
            return
        _settle(temporary, mode)
        try:
            os.replace(temporary, target)
        except OSError as error:
            if mode is None or error.errno not in _IN_PLACE:
                raise
            _copy(temporary, target)
    except OSError as error:
        ours = error.filename is None or os.path.basename(os.fsdecode(error.filename)).startswith(PREFIX)
        if not ours or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        if temporary:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def remove_left(folder: str | os.PathLike) -> None:
    """Removes what processes that were killed while they wrote left in a folder and in those below it.

    Only for folders that this process holds (``mer_tf.output.locked``): what another one is writing would go too.
    """
    for base, folders, files in os.walk(folder):
        for name in [name for name in folders if name.startswith(PREFIX)]:
            folders.remove(name)
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)
        for name in files:
            if name.startswith(PREFIX):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(base, name))


def descriptor(path: str | os.PathLike) -> int | None:
    """The number of the open descriptor of this process that a path such as ``/dev/stdout`` stands for, else None."""
    path = os.path.abspath(path)
    for _ in range(_LINKS):
        found = _DESCRIPTOR.fullmatch(path)
        if found:
            return int(found["number"]) if found["process"] in (None, str(os.getpid())) else None
        try:
            path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
        except OSError:
            return None
    return None


def _mode(path: str) -> int | None:
    """Mode of what ``path`` leads to; None where nothing is there yet."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return mode


def _new(folder: str) -> str:
    os.makedirs(folder, exist_ok=True)
    number, temporary = tempfile.mkstemp(dir=folder, prefix=PREFIX)
    os.close(number)
    return temporary


def _settle(temporary: str, mode: int | None) -> None:
    """Brings the content to the disk and gives the file the permissions that results have."""
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(temporary, 0o666 & ~umask if mode is None else stat.S_IMODE(mode))  # mkstemp creates private files


def _copy(temporary: str, path: str) -> None:
    """Into the thing itself. A descriptor of this process is shared, so that what is printed later comes after it."""
    number = descriptor(path)
    target = os.open(path, os.O_WRONLY | os.O_TRUNC) if number is None else os.dup(number)
    with open(temporary, "rb") as source, os.fdopen(target, "wb") as file:
        shutil.copyfileobj(source, file)
