"""The ``mer`` command: thin verbs over Python calls of the same purpose.

Exit status 0 ok, 1 failure, 2 bad input, 3 a pipeline whose model was not pushed, 130 interrupted, 143 stopped by
SIGTERM. Errors are one line on standard error; ``MER_DEBUG=1`` adds the traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator

from mer_tf import __version__, console, output
from mer_tf.errors import MerError, OutputError, missing_package

# Every verb there is: verb -> "module:function"; the function receives the sub-parser collection and adds itself. A
# module is imported when its verb is asked for. Four verbs belong to the packages that build on this library; they are
# strings here, so that the library imports nothing of them, and one list orders the help for the user.
VERBS = {
    "models": "mer_tf.commands.models:add",
    "recipes": "mer_tf.commands.recipes:add",
    "data": "mer_tf.commands.data:add",
    "magnify": "mer_tf.commands.magnify:add",
    "show": "mer_tf.commands.show:add",
    "flow-images": "mer_tf.commands.flow_images:add",
    "prepare": "mer_tf.commands.prepare:add",
    "pretrain": "mer_tf.commands.pretrain:add",
    "loso": "mer_tf.commands.loso:add",
    "sweep": "mer_tf.commands.sweep:add",
    "train": "mer_tf.commands.train:add",
    "flow": "mer_tf.commands.flow:add",
    "tensorboard": "mer_tf.commands.tensorboard:add",
    "evaluate": "mer_tf.commands.evaluate:add",
    "spot-score": "mer_tf.commands.spot_score:add",
    "compare": "mer_tf.commands.compare:add",
    "report": "mer_tf.commands.report:add",
    "pipeline": "mer_tf.tfx_pipeline.cli:add",
    "serve": "mer_tf.serving.cli:add_serve",
    "predict": "mer_tf.serving.cli:add_predict",
    "watch": "mer_tf.serving.watching:add",
}


class _Parser(argparse.ArgumentParser):
    """Argument errors in the style of every other message of the command."""

    def error(self, message: str):
        print(console.one_line(f"{self.prog}: error: {message} (see '{self.prog} --help')"), file=sys.stderr)
        raise SystemExit(2)


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of all verbs, or of one (which is quicker to build)."""
    parser = _Parser(
        prog="mer", description="Facial micro-expression recognition: from annotated clips to a served model."
    )
    parser.add_argument("--version", action="version", version=f"mer-tf {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for verb, target in VERBS.items():
        if only in (None, verb):
            module, function = target.split(":")
            getattr(importlib.import_module(module), function)(verbs)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point of ``mer``; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    only = argv[0] if argv and argv[0] in VERBS else None
    console.print_any_name()
    # TensorFlow's remarks on the machine are no part of any result, and a user's network may load it at any time.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = build_parser(only).parse_args(argv)
    with _stoppable() as received:
        try:
            status = arguments.run(arguments) or 0
            console.flush_stdout()  # a full disk shows here, not after the exit status is decided
            return status
        except (Exception, KeyboardInterrupt) as error:
            # Beam and others wrap what a signal raised in them: the signal itself is asked first.
            if received or isinstance(error, KeyboardInterrupt):
                return _stopped(received[0] if received else signal.SIGINT, arguments)
            return _failed(error, arguments)


@contextlib.contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Ctrl-C, and SIGTERM of a supervisor, raise ``KeyboardInterrupt`` inside, so that processes and files are left
    in order; a second one ends the command at once.

    Yields:
        The signals that came.
    """
    received: list[int] = []
    before = {}

    def stop(number, frame):
        received.append(number)
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # what 'nohup' or a shell has it ignore stays so
                before[number] = signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopped(number: int, arguments) -> int:
    what = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    again = getattr(arguments, "resumes", "")
    said = f"run the same command again to go on: {again}" if again else "the same command starts from the beginning"
    return _fail(f"{what}; {said}", 128 + number)


def _failed(error: Exception, arguments) -> int:
    if isinstance(error, MerError):
        return _fail(str(error), error.exit_code)
    missing = missing_package(error) if isinstance(error, ModuleNotFoundError) else None
    if missing is not None:
        return _fail(str(missing), missing.exit_code)
    if isinstance(error, BrokenPipeError):
        _silence()  # the reader went away (`mer models | head`)
        return 0
    said = output.explain(_of_stdout() or error, _place(arguments))
    return _fail(f"{type(error).__name__}: {error}", 1) if said is None else _fail(said, OutputError.exit_code)


def _of_stdout() -> OSError | None:
    """The error of a standard output that takes nothing more, which is silenced; None where it is well."""
    try:
        console.flush_stdout()
        return None
    except OSError as error:
        _silence()
        return error


def _silence() -> None:
    """A second write to standard output, at exit, would complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _place(arguments) -> str | None:
    """Where the command writes, as it was given."""
    found = [getattr(arguments, name, None) for name in ("out", "output", "write_log", "plot")]
    return next((place for place in found if isinstance(place, str)), None)


def _fail(message: str, status: int) -> int:
    if os.environ.get("MER_DEBUG"):
        traceback.print_exc()
    print(console.one_line(f"mer: error: {message}"), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
