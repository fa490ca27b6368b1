"""A profile of one epoch: which operations take the time, as TensorFlow's profiler traces them."""

from __future__ import annotations

import os
import shutil

import tensorflow as tf


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
