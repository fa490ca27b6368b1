"""Folds trained side by side in several processes, each with one thread."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Generator, Sequence

from mer_tf.errors import MerError, ProcessEndedError
from mer_tf.processes import Processes
from mer_tf.training.config import TrainConfig
from mer_tf.training.data import MotionData
from mer_tf.training.fold import FoldJob
from mer_tf.training.fold_store import FoldResult
from mer_tf.training.shared import shared
from mer_tf.training.trainer import FoldTrainer
from mer_tf.types import Fold


def train_in_processes(
    jobs: Sequence[FoldJob], data: MotionData, config: TrainConfig, workers: int
) -> Generator[tuple[Fold, FoldResult], None, None]:
    """The folds in the order in which they are done.

    Args:
        jobs: The folds to train, at least one.
        data: All clips.
        config: Settings, of a network.
        workers: Largest number of processes.

    Raises:
        MerError: A fold diverged, or its process was killed, also when it was trained with no other beside it.
    """
    arrays = data if config.needs_arrays(data.recipe) else data.as_network()
    with shared(arrays) as sent, Processes(min(workers, len(jobs)), _Worker.start, sent, config) as processes:
        folds = {processes.submit(_Worker.work, job): job.fold for job in jobs}
        for future in concurrent.futures.as_completed(folds):
            try:
                result = future.result()
            except ProcessEndedError as error:
                raise MerError(
                    f"fold {folds[future].name}: {error}, twice; run again with fewer workers or on a machine with "
                    "more memory, finished folds are kept"
                ) from error
            yield folds[future], result


class _Worker:
    """What one worker process keeps from fold to fold, so that data comes and the network is traced once."""

    _here: _Worker | None = None

    def __init__(self, data: MotionData, config: TrainConfig):
        self.data, self.config = data, config
        self.trainer = FoldTrainer(config, data.recipe)

    @classmethod
    def start(cls, data: MotionData, config: TrainConfig) -> None:
        cls._here = cls(data, config)

    @classmethod
    def work(cls, job: FoldJob) -> FoldResult:
        worker = cls._here
        assert worker is not None  # the pool calls ``start`` first
        return job.run(worker.data, worker.config, worker.trainer)
