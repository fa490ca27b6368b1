"""Writing files so that a reader finds either the old content or the new one, never half of it."""

from __future__ import annotations

import os
import tempfile


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes UTF-8 text to a temporary file beside ``path`` and renames it; missing folders are created."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes bytes to a temporary file beside ``path`` and renames it; missing folders are created."""
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    os.makedirs(folder, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp creates private files; results get the usual permissions
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
