"""What a person sees: progress on a terminal, tables, and silence from foreign libraries.

Progress and remarks go to standard error, results to standard output. Work that is far from the console, in a Beam
step or in another process, tells what is done with ``announce``, and ``Console.following`` shows it. While ``quiet``
is active everything that TensorFlow, TFX, Beam or absl print, from Python or from C++, goes to a log file instead; the
console keeps writing to the real terminal. Names that come from elsewhere may hold what moves a terminal's cursor or
turns its letters round: everything written here goes through ``printable``.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import logging
import os
import re
import stat
import sys
import tempfile
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

_GAP = 2  # blanks between two columns
_NARROWEST = 8  # of a column that is wrapped
_LINES_EVERY = 30.0  # seconds between two lines of progress where there is no terminal
_DRAW_EVERY = 0.1  # seconds between two drawings of a bar
_BAR = 20  # characters
_MOST_LOG = 4 << 20  # bytes
_NAMES = "mer_tf.names"  # how text that an encoding cannot hold is written
STDOUT = "/dev/stdout"  # stands for standard output in errors
_LONGEST_WORD = 1000  # characters; of a longer word a message shows the beginning
# Control characters but tab and line feed, marks and overrides of the writing direction, separators that some
# terminals take for a new line, and what stands for bytes that are no text.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_STDOUT = [1]  # descriptor of the real standard output; another one while ``quiet`` is active


def _any_name(error: UnicodeError):
    """Error handler of a stream: bytes of a file name that were no UTF-8 as they were, all else as an escape."""
    if not isinstance(error, UnicodeEncodeError):  # the same stream may be read
        return codecs.lookup_error("surrogateescape")(error)
    part = error.object[error.start : error.end]
    try:
        return part.encode("ascii", "surrogateescape"), error.end
    except UnicodeEncodeError:
        return part.encode("ascii", "backslashreplace"), error.end


codecs.register_error(_NAMES, _any_name)


@contextlib.contextmanager
def _named_stdout() -> Iterator[None]:
    """Errors of the system get the name of what was written to."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, STDOUT) from error


def flush_stdout() -> None:
    """Writes out what is left for standard output; an error names it."""
    with _named_stdout(), contextlib.suppress(ValueError):  # closed
        sys.stdout.flush()


def print_any_name() -> None:
    """Lets standard output and error take every file name that Linux allows."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_NAMES)


def shown(text: str) -> str:
    """A name as text that every library takes: bytes that are no UTF-8 as escapes such as ``\\xfc``."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


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
        with _named_stdout():
            print(printable(text), file=self.out, flush=True)

    def note(self, text: str) -> None:
        """A remark, on standard error."""
        print(printable(text), file=self.err, flush=True)

    def progress(self, label: str) -> Progress:
        """Shows how far a work is: a ``callable(done, total)``."""
        return Progress(self.err, label)

    @contextlib.contextmanager
    def following(self, what: str, label: str, total: int | None = None) -> Iterator[None]:
        """Shows the progress that the work inside tells with ``announce``.

        Args:
            what: What is counted, as ``announce`` names it.
            label: What a person reads.
            total: How many there are; None takes the number that is told.
        """
        bar, lock, state = self.progress(label), threading.Lock(), [0.0, total]

        def hear(told: str, amount: float, of: int | None) -> None:
            if told != what:
                return
            with lock:
                state[0] += amount
                state[1] = of if total is None and of is not None else state[1]
                if state[1]:
                    bar(min(state[0], state[1]), state[1])

        with hearing(hear):
            try:
                yield
            finally:
                bar.close()


class Progress:
    """A bar with the time left on a terminal; elsewhere, and under CI, a line now and then.

    The first line comes after half a minute, so that short work leaves none.

    Args:
        stream: Where it is written.
        label: What is counted.
        clock: Seconds that pass; for tests.
    """

    def __init__(self, stream, label: str, *, clock: Callable[[], float] = time.monotonic):
        self._stream, self._label, self._clock = stream, label, clock
        self._terminal = stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
        self._start: tuple[float, float] | None = None  # time and amount of the first call
        self._told = clock()
        self._shown = False
        self._over = False

    def __call__(self, done: float, total: int) -> None:
        """Says how much is done; a part of one counts as such.

        Args:
            done: Amount done, 0..total; what the first call says was there before.
            total: Amount in all.
        """
        now = self._clock()
        if self._start is None:
            self._start, self._told = (now, done), now
            due = self._terminal
        else:
            due = now - self._told >= (_DRAW_EVERY if self._terminal else _LINES_EVERY)
        if self._over:
            return
        last = done >= total
        if (last and (self._shown or self._terminal)) or (due and not last):
            self._told, self._shown = now, True
            text = self._text(now, done, total)
            if self._terminal:
                print(f"\r\x1b[K{text[: self._columns() - 1]}", end="", file=self._stream, flush=True)
            else:
                print(text, file=self._stream, flush=True)
        if last:
            self.close()

    def close(self) -> None:
        """Takes the bar away, so that the next line may be written; nothing is shown afterwards."""
        if self._terminal and self._shown and not self._over:
            print("\r\x1b[K", end="", file=self._stream, flush=True)
        self._over = True

    def _text(self, now: float, done: float, total: int) -> str:
        assert self._start is not None
        began, before = self._start
        share = done / total if total else 1.0
        # The sum of many parts may lie a little below the whole number that it stands for.
        text = f"{self._label}: {int(done + 1e-6):,}/{total:,} ({int(100 * share + 1e-6)} %)"
        text += f", {_duration(now - began)}"
        if before < done < total and now > began:
            text += f", about {_duration((now - began) * (total - done) / (done - before))} left"
        if self._terminal:  # last, so that a narrow terminal cuts the bar and not the numbers
            full = int(_BAR * share + 1e-6)
            text += f" [{'#' * full}{'.' * (_BAR - full)}]"
        return text

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


_LISTENERS: list[Callable[[str, float, int | None], None]] = []


def announce(what: str, amount: float = 1.0, total: int | None = None) -> None:
    """Tells whoever listens in this process how much more of something is done; costs nothing where nobody does.

    Args:
        what: What is counted, such as ``"clips"``.
        amount: How much more; negative where it has to be done again.
        total: How much there is in all, where that is known.
    """
    for listener in tuple(_LISTENERS):
        listener(what, amount, total)


@contextlib.contextmanager
def hearing(listener: Callable[[str, float, int | None], None]) -> Iterator[None]:
    """Calls ``listener`` with the arguments of every ``announce`` meanwhile, in the thread that announces."""
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def default_log(verb: str) -> str:
    """Path of a verb's log where the user names none: in a folder that nobody else can write to.

    A name in the temporary folder itself could be a link that somebody planted there. The log of earlier calls is kept
    up to ``_MOST_LOG`` bytes, then once more under ``.old``.
    """
    folder = os.path.join(tempfile.gettempdir(), f"mer-{os.getuid()}")
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            folder = tempfile.mkdtemp(prefix="mer-")
        path = os.path.join(folder, f"{verb}.log")
        if os.path.exists(path) and os.path.getsize(path) > _MOST_LOG:
            os.replace(path, path + ".old")
    except OSError:
        return os.devnull  # a full or read-only disk stops nothing that needs no file
    return path


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
    """Sends everything printed by libraries, also below Python, to ``log_path`` (appended); an error that ends the work
    is noted there too.

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
        with open(log_path, "a", encoding="utf-8", errors=_NAMES) as log:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                yield Console(sys.__stdout__, sys.__stderr__)
        return
    log_fd = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    saved = [os.dup(1), os.dup(2)]
    _STDOUT[0] = saved[0]
    out = os.fdopen(os.dup(saved[0]), "w", encoding="utf-8", buffering=1, errors=_NAMES)
    err = os.fdopen(os.dup(saved[1]), "w", encoding="utf-8", buffering=1, errors=_NAMES)
    console = Console(out, err)
    try:
        os.write(log_fd, f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv)}\n".encode(errors=_NAMES))
        os.dup2(log_fd, 1)
        os.dup2(log_fd, 2)
        with warnings.catch_warnings():
            yield console
    except BaseException as error:
        note = f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} ended by {type(error).__name__}: {one_line(str(error))}\n"
        with contextlib.suppress(OSError):  # a full disk takes no note of it
            os.write(log_fd, note.encode(errors=_NAMES))
        raise
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
