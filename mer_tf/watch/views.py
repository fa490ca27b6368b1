"""Flags of ``mer watch`` that decide what a person sees: report, overlay, live page, presets."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator

from mer_tf.console import Console, fill
from mer_tf.errors import ConfigError
from mer_tf.watch.types import Observer, Quiet, Source
from mer_tf.watch.words import CLASSROOM, PRESETS, make_view

_PORT = 8765


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that ``views`` reads."""
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default=PRESETS[0],
        help="classroom: curves of the group, a number at each box, behaviours; no emotion unless --emotion, and a "
        "notice of the restrictions in every output (default: %(default)s)",
    )
    parser.add_argument(
        "--emotion",
        action="store_true",
        help="with --preset classroom: let the model name classes; forbidden in schools and at work in the EU",
    )
    parser.add_argument("--overlay", action="store_true", help="also write overlay.webm: boxes, numbers, times, events")
    parser.add_argument("--blur", action="store_true", help="make faces unknowable in the overlay and on the live page")
    parser.add_argument(
        "--live", action="store_true", help="show it on a page of this machine; a file is replayed at its own speed"
    )
    parser.add_argument(
        "--port", type=int, help=f"with --live: port of the page, 0 picks a free one (default: {_PORT})"
    )


def check(arguments) -> None:
    """Refuses flags that contradict each other, before any work.

    Args:
        arguments: With ``model``, ``server`` and ``out`` of the verb beside the flags of ``add_flags``.
    """
    asked = arguments.model is not None or arguments.server is not None
    if arguments.emotion and arguments.preset != CLASSROOM:
        raise ConfigError("--emotion goes with --preset classroom; elsewhere --model or --server is enough")
    if arguments.preset == CLASSROOM and asked and not arguments.emotion:
        raise ConfigError(
            "--preset classroom infers no emotion: leave --model and --server out, or add --emotion if that is lawful "
            "where you are and the people in the picture know of it"
        )
    if arguments.emotion and not asked:
        raise ConfigError("--emotion needs a model: give --model DIR or --server HOST:PORT")
    if arguments.port is not None and not arguments.live:
        raise ConfigError("--port goes with --live")
    if arguments.port is not None and not 0 <= arguments.port < 65536:
        raise ConfigError(f"--port must be between 0 and 65535. Received: {arguments.port}")
    if arguments.out is None and not arguments.live:
        raise ConfigError("give a folder for the result with --out DIR, or --live to look at it alone")
    if arguments.overlay and arguments.out is None:
        raise ConfigError("--overlay needs a folder: give --out DIR")
    if arguments.blur and not (arguments.overlay or arguments.live):
        raise ConfigError("--blur goes with --overlay or --live: the tables and the report hold no pictures")


class _Began(Quiet):
    """Notes whether anything was watched at all."""

    told = False

    def started(self, source: Source) -> None:
        self.told = True


class Views:
    """The observers that the flags ask for, and what is made when the watching is over."""

    def __init__(self, arguments, console: Console, overlay, live, view):
        self._arguments, self._console, self._overlay, self._live = arguments, console, overlay, live
        self._view = view
        self._began = _Began()
        self.observers: list[Observer] = [observer for observer in (overlay, live) if observer is not None]
        if self.observers:
            self.observers.append(self._began)

    def finish(self, stopped: bool = False) -> None:
        """Writes the report, says where everything is, and keeps the page up while somebody looks at it.

        Args:
            stopped: Whether the watching was interrupted, so that the page goes at once.

        Raises:
            OSError, OutputError: The overlay or the report could not be written.
        """
        from mer_tf.watch.page import write_page

        out = self._arguments.out
        lacking = self._live is not None or (self._overlay is not None and not os.path.exists(self._overlay.path))
        if lacking and not stopped and not self._began.told:
            raise ConfigError(
                f"{out} holds the result of this recording, so that it was not watched again; add --force for an "
                "overlay or a live page of it"
            )
        told = [write_page(out, self._view)] if out is not None else []
        if self._overlay is not None:
            for remark in self._overlay.remarks:
                self._console.note(fill(f"note: {remark}"))
            if self._overlay.written:
                told.append(self._overlay.path)
            elif not stopped:
                self._overlay.check()
        for path in told:
            self._console.note(f"written: {path}")
        if self._live is not None and not stopped:
            self._live.linger()


@contextlib.contextmanager
def views(arguments, console: Console, config=None) -> Iterator[Views]:
    """Opens what the flags of ``add_flags`` ask for, and says on the terminal what has to be said first.

    Args:
        arguments: Of the verb, checked by ``check``; the folder ``arguments.out`` is held by the caller or absent.
        console: For notes.
        config: Settings of the watching (``WatchConfig``).
    """
    view = make_view(arguments.preset, arguments.emotion, arguments.blur)
    for sentence in view.notice:
        console.note(fill(f"notice: {sentence}"))
    with contextlib.ExitStack() as stack:
        overlay = live = None
        if arguments.overlay:
            from mer_tf.watch.overlay import Overlay

            os.makedirs(arguments.out, exist_ok=True)
            overlay = stack.enter_context(Overlay(arguments.out, view, start_s=getattr(arguments, "start", 0.0) or 0.0))
        if arguments.live:
            from mer_tf.watch.live import Live

            live = stack.enter_context(Live(view, _PORT if arguments.port is None else arguments.port, config=config))
            console.note(f"open {live.address} in a browser on this machine; Ctrl-C ends it")
        yield Views(arguments, console, overlay, live, view)
