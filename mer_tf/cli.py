"""The ``mer`` command: thin verbs over Python calls of the same purpose.

Exit status 0 ok, 1 failure, 2 bad input. Errors are one line on standard error; ``MER_DEBUG=1`` adds the
traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback

from mer_tf import __version__
from mer_tf.console import one_line
from mer_tf.errors import MerError

# Every verb there is: verb -> "module:function"; the function receives the sub-parser collection and adds itself. A
# module is imported when its verb is asked for. Four verbs belong to the packages that build on this library; they are
# strings here, so that the library imports nothing of them, and one list orders the help for the user.
VERBS = {
    "models": "mer_tf.commands.models:add",
    "recipes": "mer_tf.commands.recipes:add",
    "data": "mer_tf.commands.data:add",
    "magnify": "mer_tf.commands.magnify:add",
    "show": "mer_tf.commands.show:add",
    "prepare": "components.cli:add_prepare",
    "pretrain": "mer_tf.commands.pretrain:add",
    "loso": "mer_tf.commands.loso:add",
    "flow": "mer_tf.commands.flow:add",
    "evaluate": "mer_tf.commands.evaluate:add",
    "compare": "mer_tf.commands.compare:add",
    "report": "mer_tf.commands.report:add",
    "pipeline": "tfx_pipeline.cli:add",
    "serve": "serving.cli:add_serve",
    "predict": "serving.cli:add_predict",
}


class _Parser(argparse.ArgumentParser):
    """Argument errors in the style of every other message of the command."""

    def error(self, message: str):
        print(one_line(f"{self.prog}: error: {message} (see '{self.prog} --help')"), file=sys.stderr)
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
    arguments = build_parser(only).parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except MerError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to go on where it stopped", 130)
    except BrokenPipeError:
        # The reader went away (`mer models | head`); a second write at exit would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _fail(f"{type(error).__name__}: {error}", 1)


def _fail(message: str, status: int) -> int:
    if os.environ.get("MER_DEBUG"):
        traceback.print_exc()
    print(one_line(f"mer: error: {message}"), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
