"""A profile of one epoch: which operations take the time, as TensorFlow's profiler traces them."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Mapping

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from mer_tf.board.events import text, write_events

_OPERATION = re.compile(r"[^:]+:([A-Za-z_]\w*)")  # of the events of a trace: node and kind of operation
_SHOWN = 40


class Profile:
    """Traces the second epoch of a training, or the only one: the first also traces the graph.

    Args:
        folder: Where the trace is written, in place of an earlier one. TensorBoard shows it in its tab Profile where
            the package ``tensorboard-plugin-profile`` is installed.
        epochs: Number of epochs.
    """

    def __init__(self, folder: str | os.PathLike, epochs: int):
        self._folder, self._running = os.fspath(folder), False
        self._first = 1 if epochs > 1 else 0
        shutil.rmtree(self._folder, ignore_errors=True)
        self.on_epoch(0)

    def on_epoch(self, epoch: int) -> None:
        """To be called after each epoch with its number, from 1."""
        if self._running:
            self.close()
        elif epoch == self._first:
            tf.profiler.experimental.start(self._folder)
            self._running = True

    def close(self) -> None:
        """Ends a trace that is running, such as of a training that ended early, and writes it."""
        if self._running:
            tf.profiler.experimental.stop()
            self._running = False
            table = _table(operations(self._folder))
            # Also what makes TensorBoard list the folder.
            write_events(self._folder, [text("profile/operations", table)])


def operations(folder: str | os.PathLike) -> dict[str, tuple[float, int]]:
    """Milliseconds and calls of each kind of operation in the trace of a folder, the longest first.

    An operation that waits for others inside it, such as a loop, is counted with them.
    """
    found: dict[str, list] = {}
    for path in glob.glob(os.path.join(glob.escape(os.fspath(folder)), "plugins/profile/*/*.xplane.pb")):
        with open(path, "rb") as file:
            space = xplane_pb2.XSpace.FromString(file.read())
        for plane in space.planes:
            names = {key: _OPERATION.fullmatch(value.name) for key, value in plane.event_metadata.items()}
            for event in (event for line in plane.lines for event in line.events):
                name = names[event.metadata_id]
                if name is not None:
                    one = found.setdefault(name[1], [0.0, 0])
                    one[0] += event.duration_ps / 1e9
                    one[1] += 1
    return {name: (took, calls) for name, (took, calls) in sorted(found.items(), key=lambda item: -item[1][0])}


def _table(found: Mapping[str, tuple[float, int]]) -> str:
    told = "operations of one epoch of the first fold that was trained, the longest first"
    rows = "".join(f"| {name} | {took:.2f} | {calls} |\n" for name, (took, calls) in list(found.items())[:_SHOWN])
    return f"{told}\n\n| operation | ms | calls |\n|---|---|---|\n{rows}"
