"""Event files, the form in which TensorBoard reads everything but the projector's tables.

``EventLog`` grows while a training runs, so that somebody may watch it; ``write_events`` writes a file whole or not at
all. Both make the protocol buffers themselves: an epoch costs some 10 microseconds, where ``tf.summary`` took 900 of an
epoch of 37 milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalars
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util import tensor_util

from mer_tf import atomic

POOLED, FINAL, PRETRAIN, PROFILE = "pooled", "final", "pretrain", "profile"  # folders of logs beside those of folds
SCORES = "pooled/"  # before the names of a run's scores, ``uf1``, ``uar`` and ``accuracy``
_BEGINNING, _MARK = "events.out.tfevents.", "tfevents"
_GRAPH = ".graph"
_VERSION = "brain.Event:2"
_FLUSH_EVERY = 5.0  # seconds
_LARGEST_CONSTANT = 1024  # bytes; what is larger adds nothing to the picture of a graph


class EventLog:
    """An event file that grows.

    Args:
        folder: Where it is written; made if absent.
        suffix: End of its name.
    """

    def __init__(self, folder: str | os.PathLike, suffix: str = ""):
        os.makedirs(folder, exist_ok=True)
        self._writer = tf.io.TFRecordWriter(os.fsencode(os.path.join(folder, _file_name(suffix))))
        self._write(Event(wall_time=time.time(), file_version=_VERSION))
        self._flushed = time.monotonic()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve."""
        self._write(_scalars(step, values))
        if time.monotonic() - self._flushed > _FLUSH_EVERY:
            self._writer.flush()
            self._flushed = time.monotonic()

    def close(self) -> None:
        """Writes what is left; nothing can be added afterwards."""
        self._writer.close()

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())


def log_scalars(folder: str | os.PathLike, step: int, values: Mapping[str, float], suffix: str = "") -> None:
    """Writes one point of each curve as a file of its own, whole or not at all."""
    write_events(folder, [_scalars(step, values)], suffix)


def log_graph(folder: str | os.PathLike, graph) -> None:
    """Writes a network's graph (a ``GraphDef``) in place of the one that is there."""
    small = type(graph)()
    small.CopyFrom(graph)
    for nodes in (small.node, *(function.node_def for function in small.library.function)):
        for node in nodes:
            if node.op == "Const" and node.attr["value"].tensor.ByteSize() > _LARGEST_CONSTANT:
                node.attr["value"].tensor.ClearField("tensor_content")
    written = write_events(folder, [Event(graph_def=small.SerializeToString())], _GRAPH)
    remove_logs(folder, others=False, but=written)


def write_events(folder: str | os.PathLike, events: Iterable[Event], suffix: str = "") -> str:
    """Writes an event file whole or not at all; events get the time of this call.

    Returns:
        Its name.
    """
    name, now = _file_name(suffix), time.time()
    with atomic.whole(os.path.join(folder, name)) as temporary:
        with tf.io.TFRecordWriter(os.fsencode(temporary)) as writer:
            for event in (Event(file_version=_VERSION), *events):
                event.wall_time = now
                writer.write(event.SerializeToString())
    return name


def is_event_file(name: str) -> bool:
    """Whether TensorBoard takes a file of this name for events."""
    return _MARK in name and not name.startswith(".")


def remove_logs(folder: str | os.PathLike, *, graph: bool = True, others: bool = True, but: str = "") -> None:
    """Removes the event files of an earlier run, where there are any.

    Args:
        folder: Their folder; what lies in folders below it stays.
        graph: Whether the graph goes.
        others: Whether all the others go.
        but: Name of one that stays.
    """
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.startswith(_BEGINNING) and name != but and (graph if name.endswith(_GRAPH) else others):
                with contextlib.suppress(FileNotFoundError):  # another process of the same run may remove it as well
                    os.unlink(os.path.join(folder, name))


def curve(tag: str, values: Mapping[int, float] | Sequence[float]) -> list[Event]:
    """A curve: values by step, or of steps from 1."""
    steps = values.items() if isinstance(values, Mapping) else enumerate(values, 1)
    return [_scalars(step, {tag: value}) for step, value in steps]


def text(tag: str, markdown: str) -> Event:
    """A text in Markdown."""
    return Event(summary=text_pb(tag, markdown))


def picture(tag: str, png: bytes, height: int, width: int) -> Event:
    """A picture, given as the bytes of a PNG file and its size in pixels."""
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
    return Event(summary=Summary(value=[Summary.Value(tag=tag, image=image)]))


def layout(categories: Mapping[str, Sequence[layout_pb2.Chart]]) -> Event:
    """What the tab "Custom scalars" shows: charts by their heading."""
    found = layout_pb2.Layout(
        category=[layout_pb2.Category(title=title, chart=charts) for title, charts in categories.items()]
    )
    value = Summary.Value(
        tag=custom_scalars.CONFIG_SUMMARY_TAG,
        metadata=custom_scalars.create_summary_metadata(),
        tensor=tensor_util.make_tensor_proto(found.SerializeToString(), dtype=np.object_),
    )
    return Event(summary=Summary(value=[value]))


def _scalars(step: int, values: Mapping[str, float]) -> Event:
    found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    return Event(wall_time=time.time(), step=step, summary=Summary(value=found))


def _file_name(suffix: str) -> str:
    return f"{_BEGINNING}{time.time_ns()}.mer{suffix}"
