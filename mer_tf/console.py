"""What a person sees: progress on a terminal, tables, and silence from foreign libraries.

Progress and remarks go to standard error, results to standard output. While ``quiet`` is active everything that
TensorFlow, TFX, Beam or absl print, from Python or from C++, goes to a log file instead; the console keeps
writing to the real terminal. Names that come from elsewhere may hold what moves a terminal's cursor or turns its
letters round: everything written here goes through ``printable``.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import textwrap
import time
import warnings
from collections.abc import Iterator, Sequence

_GAP = 2  # blanks between two columns
_NARROWEST = 8  # of a column that is wrapped
_LONGEST_WORD = 1000  # characters; of a longer word a message shows the beginning
# Control characters but tab and line feed, marks and overrides of the writing direction, separators that some
# terminals take for a new line, and what stands for bytes that are no text.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_STDOUT = [1]  # descriptor of the real standard output; another one while ``quiet`` is active


class Console:
    """Writes for a person.

    Args:
        out: Text stream for results.
        err: Text stream for progress and remarks.
    """

    def __init__(self, out=None, err=None):
        self.out = out or sys.stdout
        self.err = err or sys.stderr

    def result(self, text: str) -> None:
        """A line of the result, on standard output."""
        print(printable(text), file=self.out, flush=True)

    def note(self, text: str) -> None:
        """A remark, on standard error."""
        print(printable(text), file=self.err, flush=True)

    def progress(self, label: str, unit: str = "clip"):
        """A ``callable(done, total)`` that draws a bar on a terminal and nothing elsewhere."""
        if not self.err.isatty() or os.environ.get("CI"):
            return lambda done, total: None
        from tqdm import tqdm

        bar = tqdm(desc=label, unit=unit, file=self.err, leave=False, dynamic_ncols=True)

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            if done >= total:
                bar.close()

        return update


def printable(text: str) -> str:
    r"""Text without characters that a terminal or page would act on; each is shown by its escape, such as ``\x1b``.

    Example:
        >>> printable("sub\x1b[2J01")
        'sub\\x1b[2J01'
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(message: str) -> str:
    """A message on one line, printable, its endless words cut."""
    words = (
        word if len(word) <= _LONGEST_WORD else f"{word[:100]}... ({len(word)} characters)" for word in message.split()
    )
    return printable(" ".join(words))


def say(text: str) -> None:
    """A line of a verb's result on standard output."""
    Console().result(text)


@contextlib.contextmanager
def quiet(log_path: str | os.PathLike) -> Iterator[Console]:
    """Sends everything printed by libraries, also below Python, to ``log_path`` (appended).

    Yields:
        A console on the real standard output and error.
    """
    os.makedirs(os.path.dirname(os.path.abspath(log_path)), exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
    try:
        sys.stdout.fileno(), sys.stderr.fileno()
    except (AttributeError, io.UnsupportedOperation, ValueError):
        # No real descriptors (a notebook, a test's capture): only Python-level output can be caught.
        with open(log_path, "a", encoding="utf-8") as log:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                yield Console(sys.__stdout__, sys.__stderr__)
        return
    log_fd = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    saved = [os.dup(1), os.dup(2)]
    _STDOUT[0] = saved[0]
    out = os.fdopen(os.dup(saved[0]), "w", encoding="utf-8", buffering=1)
    err = os.fdopen(os.dup(saved[1]), "w", encoding="utf-8", buffering=1)
    console = Console(out, err)
    try:
        os.write(log_fd, f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv)}\n".encode())
        os.dup2(log_fd, 1)
        os.dup2(log_fd, 2)
        with warnings.catch_warnings():
            yield console
    finally:
        for stream in (sys.stdout, sys.stderr, out, err):
            with contextlib.suppress(ValueError, OSError):
                stream.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        _STDOUT[0] = 1
        for descriptor in (*saved, log_fd):
            os.close(descriptor)
        out.close()
        err.close()


class _Formatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))


def setup_logging(level: int = logging.INFO) -> None:
    """Sends the package's ``logging`` records to standard error (a log file while ``quiet`` is active)."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def terminal_width() -> int | None:
    """Columns of the terminal, or what ``COLUMNS`` says; None where standard output is a file or a pipe."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(_STDOUT[0]).columns or None if os.isatty(_STDOUT[0]) else None
    except OSError:
        return None


def fill(text: str, indent: str = "  ") -> str:
    """Prose in lines that fit the terminal; further lines of a paragraph are indented. Paths and names stay whole."""
    width = terminal_width()
    if width is None:
        return text
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, wide: bool = False) -> str:
    """Aligned text table: text left, numbers right, floats with three decimals, None as ``-``.

    Args:
        header: Title of each column.
        rows: Cells, as many as titles.
        wide: One line per row whatever the terminal; else text is wrapped inside its cell where the terminal is
            narrower than the table.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [
        bool(rows) and all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
        for i in range(len(header))
    ]
    columns = [[title, *(row[i] for row in cells)] for i, title in enumerate(header)]
    widths = [max(map(len, column)) for column in columns]
    room = None if wide else terminal_width()
    if room is not None:
        widths = _narrowed(columns, numeric, widths, room - _GAP * (len(header) - 1))

    def lines(values):
        parts = [
            [value] if len(value) <= width else textwrap.wrap(value, width, break_on_hyphens=False)
            for value, width in zip(values, widths)
        ]
        for k in range(max(map(len, parts), default=1)):
            line = [part[k] if k < len(part) else "" for part in parts]
            padded = [v.rjust(w) if right else v.ljust(w) for v, w, right in zip(line, widths, numeric)]
            yield (" " * _GAP).join(padded).rstrip()

    rule = ["-" * width for width in widths]
    return "\n".join(line for values in (header, rule, *cells) for line in lines(values))


def _narrowed(columns, numeric, widths: list[int], room: int) -> list[int]:
    """Widths of the columns with those of text made narrower, the widest first, until all fit into ``room``."""
    words = [max((len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    for least in (words, [_NARROWEST] * len(widths)):  # words are broken only where nothing else helps
        floors = [
            width if number else min(width, max(low, _NARROWEST)) for width, number, low in zip(widths, numeric, least)
        ]
        for cap in range(max(widths, default=0), _NARROWEST - 1, -1):
            found = [min(width, max(cap, floor)) for width, floor in zip(widths, floors)]
            if sum(found) <= room:
                return found
    return floors


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
