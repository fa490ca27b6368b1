"""Preprocessing of many clips, in this process or spread over a few of its own."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import time
from collections.abc import Iterator, Mapping

from mer_tf.checks import config_errors, whole
from mer_tf.console import announce
from mer_tf.errors import ClipError, ProcessEndedError
from mer_tf.preparation import worker
from mer_tf.preparation.report import CLIPS, row
from mer_tf.preprocessing import ClipPreprocessor, Preprocessed
from mer_tf.processes import Processes
from mer_tf.recipes import Recipe
from mer_tf.records import encode_motion
from mer_tf.types import Clip


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a clip: ``result``, or ``error`` where it could not be used, after ``seconds``."""

    clip: Clip
    result: Preprocessed | None
    error: ClipError | None
    seconds: float


class ClipWork:
    """Preprocesses clips; a context manager. Outcomes come in the order of the clips.

    OpenCV and dlib objects cannot be pickled and are costly to make, so they are opened once, by ``open``. dlib holds
    Python's lock while it scans, so threads would wait for one another. The processes here import OpenCV and dlib
    alone, no TensorFlow. For each there is one clip under way and one waiting, no more: neither does a process stand
    idle nor does memory grow with the dataset. A clip whose process is killed is tried once more with no other beside
    it, and if that is killed too, the clip is an error like any other that cannot be read.

    Args:
        recipe: What turns a clip into a model's input.
        workers: Number of processes; 1 works in this one.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.

    Raises:
        ConfigError: ``workers`` is no whole number of at least 1.
    """

    def __init__(self, recipe: Recipe, *, workers: int = 1, landmark_model: str | None = None):
        with config_errors():
            whole("workers", workers)
        self._recipe = recipe
        self._workers = workers
        self._landmark_model = landmark_model
        self._preprocessor: ClipPreprocessor | None = None
        self._pool: Processes | None = None
        self._under_way: collections.deque[tuple[Clip, concurrent.futures.Future]] = collections.deque()

    def open(self) -> ClipWork:
        """Opens the detector, here or in each process."""
        if self._workers > 1:
            self._pool = Processes(self._workers, worker.warm_up, self._recipe, self._landmark_model)
        else:
            self._preprocessor = worker.open_preprocessor(self._recipe, self._landmark_model, threads=None)
        return self

    def close(self) -> None:
        """Closes what ``open`` opened."""
        self.forget()
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        if self._preprocessor is not None:
            self._preprocessor.close()
            self._preprocessor = None

    def __enter__(self) -> ClipWork:
        return self.open()

    def __exit__(self, *unused) -> None:
        self.close()

    def forget(self) -> None:
        """Gives up what is under way."""
        self._under_way.clear()

    def put(self, clip: Clip, frames: Mapping[int, bytes]) -> Iterator[Outcome]:
        """Takes one more clip; yields its outcome or, with processes, those of earlier ones.

        Args:
            clip: The clip; of its frames the numbers count.
            frames: The encoded frames that the recipe reads, by number.
        """
        if self._pool is None:
            start = time.perf_counter()
            result, error = worker.attempt(self._preprocessor, clip, frames)
            yield self._told(clip, result, error, time.perf_counter() - start)
            return
        future = self._pool.submit(worker.work, self._recipe, self._landmark_model, clip, frames)
        self._under_way.append((clip, future))
        while len(self._under_way) > 2 * self._workers:
            yield self._next()

    def rest(self) -> Iterator[Outcome]:
        """Yields the outcomes of what is still under way."""
        while self._under_way:
            yield self._next()

    def _next(self) -> Outcome:
        clip, future = self._under_way.popleft()
        try:
            outcome = future.result()
        except ProcessEndedError as error:
            outcome = None, ClipError(f"{error}, twice; the clip may be too large for the memory", clip.key), 0.0
        return self._told(clip, *outcome)

    def _told(self, clip: Clip, result, error, seconds: float) -> Outcome:
        announce(CLIPS)
        return Outcome(clip, result, error, seconds)


def record_and_row(found: Outcome, recipe: Recipe) -> tuple[bytes | None, dict]:
    """The serialized motion record of a clip, None where there is none, and its row for the report."""
    if found.error is not None:
        return None, row(found.clip.key, found.error, found.seconds)
    note = found.result.provenance.get("assumed", "")
    return encode_motion(found.clip, found.result, recipe), row(found.clip.key, seconds=found.seconds, note=note)
