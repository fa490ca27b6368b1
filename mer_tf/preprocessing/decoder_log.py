"""What libjpeg and libpng say while OpenCV decodes with them.

Both fill what damage took away, with gray or with what comes next, and tell nobody but the C library's standard error:
OpenCV returns such a picture like any other. Here that stream is exchanged for a buffer while one picture is decoded.
Python's own standard error, and everything else that writes to file descriptor 2, is not touched.

Assumption: the C library is glibc, whose ``stderr`` is a variable. Elsewhere nothing is heard, and a warning says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import os
import threading
from collections.abc import Iterator

_SIZE = 1 << 14  # libjpeg says one line for a picture, libpng a few
_UNBUFFERED = 2  # glibc's _IONBF

_logger = logging.getLogger(__name__)
_lock = threading.Lock()


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collects the lines that C code writes to standard error inside the block; one thread at a time.

    Yields:
        A list that holds the lines when the block is left.
    """
    lines: list[str] = []
    stream = _stream()
    if stream is None:
        yield lines
        return
    with _lock:
        stream.take()
        try:
            yield lines
        finally:
            lines += stream.give_back()


class _Stream:
    """A buffer of the C library that can stand in for its standard error. It is never closed: another thread's C code
    may still hold it."""

    def __init__(self):
        library = ctypes.CDLL(None)
        library.fmemopen.restype = ctypes.c_void_p
        library.fmemopen.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
        library.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
        library.rewind.argtypes = [ctypes.c_void_p]
        self._rewind = library.rewind
        self._variable = ctypes.c_void_p.in_dll(library, "stderr")
        self._real = self._variable.value
        self._buffer = ctypes.create_string_buffer(_SIZE)
        self._own = library.fmemopen(self._buffer, _SIZE, b"w")
        if not (self._own and self._real):
            raise OSError("the C library gives no stream")
        library.setvbuf(self._own, None, _UNBUFFERED, 0)
        os.register_at_fork(after_in_child=self._after_fork)

    def take(self) -> None:
        self._rewind(self._own)
        self._buffer[0] = b"\0"
        self._variable.value = self._own

    def give_back(self) -> list[str]:
        self._variable.value = self._real
        return self._buffer.value.decode("utf-8", "replace").splitlines()

    def _after_fork(self) -> None:
        global _lock
        _lock = threading.Lock()  # the thread that held it was not copied
        self._variable.value = self._real


@functools.lru_cache(maxsize=1)
def _stream() -> _Stream | None:
    try:
        return _Stream()
    except (OSError, AttributeError, ValueError):  # no such function or variable in this C library
        _logger.warning(
            "this C library does not let the picture decoders be heard: damaged JPEG files may go unnoticed"
        )
        return None
