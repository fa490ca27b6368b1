"""Cross-validation over folds, resumable, and the final model on all clips."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Generator, Sequence

import keras

from mer_tf import numerics
from mer_tf.board.events import POOLED, PROFILE, remove_logs
from mer_tf.console import announce
from mer_tf.errors import ConfigError
from mer_tf.metrics.predictions import MAX_EPOCH_ROWS, write_epoch_predictions, write_predictions
from mer_tf.run_files import EPOCHS_FILE, LOGS, SUB_CLIPS_FILE
from mer_tf.systems.registry import check_network, check_recipe, get_model_card
from mer_tf.training.config import TrainConfig, fold_seed
from mer_tf.training.data import MotionData
from mer_tf.training.factory import make_trainer
from mer_tf.training.fold import FoldJob, trainer_tensors, training_labels
from mer_tf.training.fold_checks import check_classes, check_folds
from mer_tf.training.fold_store import FoldResult, FoldStore, safe_path
from mer_tf.training.interface import TRAININGS, Trainer
from mer_tf.training.trainer import FoldTrainer
from mer_tf.training.workers import train_in_processes
from mer_tf.types import Fold, Prediction

FINAL = "final"  # stands for the name of the fold in the random seed of the final model

Progress = Callable[[int, int, str, float, bool], None]


def train_final(data: MotionData, config: TrainConfig, *, log_dir: str | os.PathLike | None = None) -> keras.Model:
    """Trains on all clips, with the same settings as the folds.

    Args:
        data: All clips.
        config: Settings.
        log_dir: Folder for TensorBoard logs.

    Returns:
        The trained model, the caller's own.

    Raises:
        EmptySplitError: A class has no clip.
        ConfigError: Model, recipe and data do not fit together, or the model is not a network.
    """
    check_network(config.model)
    check_recipe(config.model, data.recipe, config.model_options)
    check_classes(data.labels, config, "the data")
    seed = fold_seed(config.seed, FINAL)
    trainer = FoldTrainer(config, data.recipe)
    return trainer.fit(
        trainer_tensors(data, trainer),
        training_labels(data.labels, config, seed),
        seed=seed,
        keys=data.keys,
        log_dir=log_dir,
    )


def run_loso(
    data: MotionData,
    config: TrainConfig,
    out_dir: str | os.PathLike,
    *,
    folds: Sequence[Fold] | None = None,
    resume: bool = True,
    progress: Progress | None = None,
    workers: int = 1,
    trainer: Trainer | None = None,
    epoch_predictions: int = 0,
    sub_clips: bool = False,
    save_models: bool = False,
    logs: bool = True,
    profile: bool = False,
) -> list[Prediction]:
    """Trains and predicts every fold; a killed run goes on where it was.

    Writes ``folds/<fold>.json`` when a fold is done (whole or not at all), TensorBoard logs under
    ``logs/<fold>``, and the network's graph under ``logs/pooled`` (``log_run`` adds what is to be said of the whole
    run). A finished fold is used again only when config, recipe,
    data and split are the same.

    Args:
        data: All clips.
        config: Settings.
        out_dir: Folder of the run; made if absent.
        folds: Splits. Defaults to leave-one-subject-out.
        resume: False trains every fold again.
        progress: Called after each fold with (folds done, folds in all, fold name, seconds it took, whether it was
            taken from an earlier run).
        workers: Processes that train folds side by side, each with one thread; the predictions are the same, bit by
            bit, for any number. 1 trains in this process, or in one spawned where TensorFlow had started with more
            threads before this package was imported. Of a hand-crafted feature they take the features, once for all
            folds. A fold whose process is killed is trained once more, with no other beside it.
        trainer: Used in this process instead of a new one, for example for several seeds in a row.
        epoch_predictions: k > 0 also predicts the held-out clips after every k-th epoch and writes them to
            ``epochs.csv``, to show afterwards what choosing an epoch on the test fold would give. 0 costs nothing. A
            fold that stopped early stands in later epochs with its last one.
        sub_clips: Also predicts sub-sequences of the held-out clips and writes them to ``sub_clips.csv``
            (``predict_sub_clips``); for settings with ``augment`` ``subsequences``.
        save_models: Also writes the weights of each fold, ``folds/<fold>.weights.h5``, before its predictions; a fold
            without them is trained again.
        logs: Whether TensorBoard logs are written.
        profile: Whether one epoch of the first fold that is trained is traced by TensorFlow's profiler, into
            ``logs/profile``.

    Returns:
        Predictions of all folds in order of the folds.

    Raises:
        LeakageError, EmptySplitError, ConfigError: Before any work; see ``train_fold``.
        MissingFileError: The initial weights are not there.
        MerError: A fold diverged, or its worker process was killed twice.
    """
    if workers < 1:
        raise ConfigError(f"workers must be at least 1. Received: {workers}")
    if epoch_predictions < 0:
        raise ConfigError(f"epoch_predictions must be 0 or a number of epochs. Received: {epoch_predictions}")
    if sub_clips and not config.augmentation.subsequences:
        raise ConfigError("the settings cut no sub-sequences of training clips; leave sub_clips out")
    check_recipe(config.model, data.recipe, config.model_options)
    if not get_model_card(config.model).is_network:
        if epoch_predictions or profile:
            raise ConfigError(f"model {config.model!r} has no epochs; leave epoch_predictions and profile out")
        if save_models:
            raise ConfigError(
                f"model {config.model!r} is a hand-crafted feature: it has no weights that could be saved; leave them "
                "out (--save-models), its classifier is fitted again in seconds"
            )
        trainer, workers = trainer or make_trainer(config, data.recipe, workers=workers), 1
    folds = list(data.loso_folds(config.num_classes) if folds is None else folds)
    check_folds(data, folds, config)
    _check_rows(sum(len(fold.test) for fold in folds), config.epochs, epoch_predictions)
    log_dir = os.path.join(os.fspath(out_dir), LOGS)
    store = FoldStore(os.fspath(out_dir), data, config, epoch_predictions, sub_clips, save_models)

    results = {fold.name: found for fold in folds if resume and (found := store.load(fold)) is not None}
    announce(TRAININGS, len(results), len(folds))
    if progress is not None:
        for number, (name, found) in enumerate(results.items(), 1):
            progress(number, len(folds), name, found.seconds, True)
    jobs = [
        FoldJob(
            fold,
            os.path.join(log_dir, safe_path(fold.name)) if logs else None,
            epoch_predictions,
            sub_clips,
            store.weights_path(fold) if save_models else "",
        )
        for fold in folds
        if fold.name not in results
    ]
    for job in jobs:
        if job.log_dir is not None:
            remove_logs(job.log_dir)  # of a run that was killed or had other settings
    if jobs and logs:  # where none is trained, an earlier call has left the graph
        jobs[0] = dataclasses.replace(jobs[0], graph_dir=os.path.join(log_dir, POOLED))
    if jobs and profile:
        jobs[0] = dataclasses.replace(jobs[0], profile_dir=os.path.join(log_dir, PROFILE))
    # Closed, so that an error or an interrupt here ends the workers at once.
    with contextlib.closing(_train_all(jobs, data, config, trainer, workers)) as finished:
        for fold, result in finished:
            results[fold.name] = result
            store.save(fold, result)
            if progress is not None:
                progress(len(results), len(folds), fold.name, result.seconds, False)

    ordered = [results[fold.name] for fold in folds]
    predictions = [p for result in ordered for p in result.predictions]
    _write_epochs(os.path.join(os.fspath(out_dir), EPOCHS_FILE), [result.epochs for result in ordered])
    _write_sub_clips(os.path.join(os.fspath(out_dir), SUB_CLIPS_FILE), [p for one in ordered for p in one.sub_clips])
    return predictions


def _check_rows(clips: int, epochs: int, step: int) -> None:
    if step and clips * (epochs // step) > MAX_EPOCH_ROWS:
        raise ConfigError(
            f"predictions of every {step}. epoch would be {clips * (epochs // step):,} rows, more than "
            f"{MAX_EPOCH_ROWS:,}; keep those of every {-(-clips * epochs // MAX_EPOCH_ROWS)}. epoch"
        )


def _train_all(
    jobs: Sequence[FoldJob], data: MotionData, config: TrainConfig, trainer: Trainer | None, workers: int
) -> Generator[tuple[Fold, FoldResult], None, None]:
    """The folds as they are done, trained in this process or in several; each computes with one thread."""
    if not jobs:
        return
    if workers > 1 or (trainer is None and not numerics.claim_one_thread()):
        yield from train_in_processes(jobs, data, config, workers)
        return
    trainer = trainer or make_trainer(config, data.recipe)
    for job in jobs:
        yield job.fold, job.run(data, config, trainer)


def _write_sub_clips(path: str, predictions: Sequence[Prediction]) -> None:
    if predictions:
        write_predictions(path, predictions)
    elif os.path.exists(path):
        os.unlink(path)  # as _write_epochs


def _write_epochs(path: str, folds: Sequence[dict[int, list[Prediction]]]) -> None:
    if all(folds):
        pooled = {}
        for epoch in sorted(set().union(*folds)):
            # A fold that stopped early stays at its last epoch; one that went on must have predicted at this one.
            found = [fold.get(min(epoch, max(fold)), []) for fold in folds]
            if all(found):
                pooled[epoch] = [p for predictions in found for p in predictions]
        write_epoch_predictions(path, pooled)
    elif os.path.exists(path):
        os.unlink(path)  # of an earlier run in this folder: it would not be what these predictions came from
