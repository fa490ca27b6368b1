"""What a person sees: progress on a terminal, tables, and silence from foreign libraries.

Progress and remarks go to standard error, results to standard output. While ``quiet`` is active everything that
TensorFlow, TFX, Beam or absl print, from Python or from C++, goes to a log file instead; the console keeps
writing to the real terminal.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence


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
        print(text, file=self.out, flush=True)

    def note(self, text: str) -> None:
        """A remark, on standard error."""
        print(text, file=self.err, flush=True)

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
        for descriptor in (*saved, log_fd):
            os.close(descriptor)
        out.close()
        err.close()


def setup_logging(level: int = logging.INFO) -> None:
    """Sends the package's ``logging`` records to standard error (a log file while ``quiet`` is active)."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned text table: text left, numbers right, floats with three decimals, None as ``-``."""
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [
        bool(rows) and all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
        for i in range(len(header))
    ]
    widths = [max([len(title), *(len(row[i]) for row in cells)]) for i, title in enumerate(header)]

    def line(values):
        padded = [v.rjust(w) if right else v.ljust(w) for v, w, right in zip(values, widths, numeric)]
        return "  ".join(padded).rstrip()

    return "\n".join([line(header), line(["-" * w for w in widths]), *(line(row) for row in cells)])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
