"""Where a command writes: looked at before the work, held while it lasts, and errors of the system told in words.

A folder is held by ``flock`` on the folder itself: no file is left behind, and the system lets go when the process
ends, however it ends. Descriptors are not inherited by programs that are started, and are closed in forked children,
so that workers which outlive a run do not hold its folder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping

from mer_tf import atomic
from mer_tf.errors import ConfigError, MerError, OutputError
from mer_tf.run_files import SETTINGS_FILE

_log = logging.getLogger(__name__)

_PROBE = 4096  # bytes, a block: a full disk still takes an empty file
_OTHER = "or choose another place"
_WORDS = {
    errno.ENOSPC: f"the disk is full; free space there {_OTHER}",
    errno.EDQUOT: f"the disk quota is used up; free space there {_OTHER}",
    errno.EFBIG: f"the file is larger than this process or file system may write (see 'ulimit -f'); raise it {_OTHER}",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EACCES: f"not permitted; change the permissions {_OTHER}",
    errno.EPERM: f"not permitted; change the permissions {_OTHER}",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOTDIR: "a file stands where a folder is needed; move it away or choose another place",
    errno.EEXIST: "a file stands where a folder is needed; move it away or choose another place",
    errno.EISDIR: "is a folder; name a file in it",
    errno.ELOOP: "a link that leads in a circle; remove it or choose another place",
    errno.ENXIO: "nothing that can be written to; choose another place",
    errno.EBADF: "a descriptor that is not open for writing; choose another place",
    errno.EIO: "the device reports an error (input/output error); check the disk",
    errno.EMFILE: "too many files are open; raise the limit with 'ulimit -n'",
}
# Of errors that are handed over as text only: by TensorFlow, or by Beam's workers.
_TOLD = {
    os.strerror(number): number
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.ENAMETOOLONG, errno.EIO)
}
_NAMED = re.compile(r"\[Errno \d+\] [^:\[]+: '(?P<path>[^']+)'")


# ---------------------------------------------------------------------------------------------- before the work


def check_file(path: str | os.PathLike, flag: str = "--out") -> None:
    """Refuses a file that could not be written in the end; nothing is left behind.

    Args:
        path: File to write later with ``mer_tf.atomic``. A link, a device, a pipe or ``/dev/stdout`` will do.
        flag: Name of the argument, for the message.

    Raises:
        OutputError: It is a folder, its folder cannot be made or takes no file, or the disk is full.
    """
    path = os.fspath(path)
    with _told(path, flag):
        if not os.path.basename(path):
            raise OutputError(f"{flag} {path or repr('')} names no file")
        number = atomic.descriptor(path)
        if number is not None:
            if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise OSError(errno.EBADF, "", path)
            return
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and stat.S_ISDIR(mode):
            raise OutputError(f"{flag} is a folder: {path}; name a file in it")
        if mode is not None and stat.S_ISSOCK(mode):
            raise OSError(errno.ENXIO, "", path)
        if mode is not None and not stat.S_ISREG(mode):
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, "", path)
            return
        target = os.path.realpath(path)
        try:
            _probe(os.path.dirname(target), os.path.basename(target))
        except OSError as error:
            written_in_place = mode is not None and error.errno != errno.ENOSPC and os.access(target, os.W_OK)
            if not written_in_place:
                raise


def check_folder(path: str | os.PathLike, flag: str = "--out") -> None:
    """Refuses a folder that could not be written to, or that another run writes to; nothing is left behind.

    Raises:
        OutputError: It is a file, cannot be made, takes no file, or the disk is full.
        ConfigError: Another run writes to it.
    """
    path = os.fspath(path)
    with _told(path, flag):
        if not path:
            raise OutputError(f"{flag} '' names no folder")
        if os.path.exists(path) and not os.path.isdir(path):
            raise OutputError(f"{flag} is a file: {path}; give a folder")
        _probe(os.path.realpath(path))
    if os.path.isdir(path):
        with locked(path):
            pass


def _probe(folder: str, name: str = "") -> None:
    """Writes a block into a folder, or into the nearest one above that is there, and takes it away again."""
    missing = [name] if name else []
    while not os.path.lexists(folder):
        folder, last = os.path.split(folder)
        missing.append(last)
    if not os.path.isdir(folder):
        raise NotADirectoryError(errno.ENOTDIR, "", folder)
    longest = os.pathconf(folder, "PC_NAME_MAX")
    if any(len(os.fsencode(part)) > longest for part in missing):
        raise OSError(errno.ENAMETOOLONG, "")
    number, temporary = tempfile.mkstemp(dir=folder, prefix=atomic.PREFIX)
    try:
        try:
            os.write(number, bytes(_PROBE))
            os.fsync(number)
        finally:
            os.close(number)
    finally:
        os.unlink(temporary)


@contextlib.contextmanager
def _told(path: str, flag: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = _WORDS.get(error.errno) or f"cannot be written ({error.strerror or error}); choose another place"
        raise OutputError(f"{flag} {path}: {words}") from error


def check_plain_name(path: str | os.PathLike, why: str, flag: str = "--out") -> None:
    """Refuses a path of which some library would make a pattern (``*?[]{}``), or that is not UTF-8.

    Args:
        path: The path; its folders count as well.
        why: Who cannot take such names, for the message.
        flag: Name of the argument, for the message.
    """
    full = os.path.abspath(path)
    odd = sorted(set(re.findall(r"[*?\[\]{}]", full)))
    if odd:
        raise OutputError(f"{flag} {full}: {why} takes {' '.join(odd)} in a path for a pattern; choose another place")
    try:
        full.encode("utf-8")
    except UnicodeEncodeError:
        raise OutputError(f"{flag} {full}: {why} needs paths in UTF-8; choose another place") from None


# ------------------------------------------------------------------------------------------------ while it lasts

_HELD: dict[tuple[int, int], int] = {}  # device and inode of a folder -> descriptor that holds it


@contextlib.contextmanager
def locked(folder: str | os.PathLike) -> Iterator[None]:
    """Holds a folder, which is made where it is absent; a second hold by this process is none.

    Where the file system knows no locks, a warning says so and the work goes on.

    Raises:
        ConfigError: Another process holds it.
        OutputError: It cannot be made.
    """
    folder = os.fspath(folder)
    with _told(folder, "folder"):
        os.makedirs(folder, exist_ok=True)
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    status = os.fstat(number)
    key = (status.st_dev, status.st_ino)
    try:
        held = key not in _HELD and _flock(number, folder)
    except ConfigError:
        os.close(number)
        raise
    if not held:
        os.close(number)
        yield
        return
    _HELD[key] = number
    try:
        yield
    finally:
        _release(key)


@contextlib.contextmanager
def locked_file(path: str | os.PathLike) -> Iterator[None]:
    """Holds a file that a run writes again and again, by a lock file beside it that goes when the run ends.

    Raises:
        ConfigError: Another process holds it.
        OutputError: Nothing can be written there.
    """
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        yield  # a device or a pipe belongs to whoever made it
        return
    folder, name = os.path.split(target)
    lock = os.path.join(folder, f".{name[:200]}.lock")
    with _told(os.fspath(path), "file"):
        os.makedirs(folder, exist_ok=True)
        while True:
            number = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            try:
                held = _flock(number, os.fspath(path))
            except ConfigError:
                os.close(number)
                raise
            # The last run may have taken the file away between the opening and the lock.
            if not held or (os.path.exists(lock) and os.path.samestat(os.stat(lock), os.fstat(number))):
                break
            os.close(number)
    _HELD[(0, number)] = number
    try:
        yield
    finally:
        if (0, number) in _HELD:
            with contextlib.suppress(OSError):
                os.unlink(lock)
            _release((0, number))


def _flock(number: int, path: str) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"another run writes to {path}; wait for it, or give another folder or file") from None
    except OSError as error:
        _log.warning(
            "%s lies on a file system without locks (%s): nothing keeps a second run from writing to it as well",
            path,
            error.strerror,
        )
        return False
    return True


def _release(key: tuple[int, int]) -> None:
    number = _HELD.pop(key, None)
    if number is not None:  # else this is a forked child
        os.close(number)


def _let_go() -> None:
    for number in _HELD.values():
        with contextlib.suppress(OSError):
            os.close(number)
    _HELD.clear()


os.register_at_fork(after_in_child=_let_go)


# ------------------------------------------------------------------------------------- what an earlier run left


def differences(old: Mapping, new: Mapping) -> list[str]:
    """What differs between two nested settings, one phrase for each: ``"config.seed (1 there, 2 here)"``."""
    old, new = _flat(old), _flat(new)
    return [
        f"{name} ({_short(old.get(name))} there, {_short(new.get(name))} here)"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def check_settings(folder: str | os.PathLike, old: Mapping | None, new: Mapping, *, force: bool) -> bool:
    """Refuses to replace what was made with other settings, unless it is forced.

    Args:
        folder: The folder, for the message.
        old: Settings of what is there; None where they are not known.
        new: Settings of this run, of JSON types.
        force: Whether to replace it.

    Returns:
        Whether what is there is of other settings and must go.

    Raises:
        ConfigError: It is, and ``force`` is not given; the message lists what differs.
    """
    found = ["which ones is not recorded"] if old is None else differences(old, json.loads(json.dumps(new)))
    if found and not force:
        raise ConfigError(
            f"{os.fspath(folder)} holds a run with other settings: {'; '.join(found)}; "
            "give --force to replace it, or another place"
        )
    return bool(found)


def same_place(one: str | None, other: str) -> bool:
    """Whether two paths lead to one file; False where the first is not given."""
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def read_settings(folder: str | os.PathLike) -> dict | None:
    """Settings of the run that began in a folder, as ``write_settings`` left them; None where there are none."""
    try:
        with open(os.path.join(folder, SETTINGS_FILE), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_settings(folder: str | os.PathLike, settings: Mapping) -> None:
    """Writes the settings of a run that begins."""
    atomic.write_text(os.path.join(folder, SETTINGS_FILE), json.dumps(settings, indent=1, sort_keys=True) + "\n")


def _flat(settings: Mapping, prefix: str = "") -> dict:
    flat: dict = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{16,}", text) else text[:60]


# ------------------------------------------------------------------------------------------------ when it fails


def explain(error: BaseException, place: str | os.PathLike | None = None) -> str | None:
    """One line on an error of the system, for a person; None where the error is of another kind.

    Args:
        error: What was raised. Errors that it came from, and those that Beam or TensorFlow tell as text, count too.
        place: Where the command writes: stands for files inside and for errors that name no file.
    """
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    for found in seen:
        if isinstance(found, OSError) and found.errno in _WORDS:
            return f"{_where(found.filename, place)}: {_WORDS[found.errno]}"
    for found in seen:
        text = "" if isinstance(found, MerError) else str(found)
        number = next((number for words, number in _TOLD.items() if words in text), None)
        if number is not None:
            path = _NAMED.search(text)
            return f"{_where(path['path'] if path else None, place)}: {_WORDS[number]}"
    return None


def _where(path, place) -> str:
    if path is None or isinstance(path, int):
        return "standard output or a file" if place is None else os.fspath(place)
    path = os.fsdecode(path)
    if place is None:
        return path
    return os.fspath(place) if _inside(path, place) else path


def _inside(path: str, place: str | os.PathLike) -> bool:
    base = os.path.abspath(place)
    path = os.path.abspath(path)
    return path == base or path.startswith(os.path.join(base, ""))
