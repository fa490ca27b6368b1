"""Cross-validation over folds, resumable, and the final model on all clips."""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import logging
import multiprocessing
import os
import time
import urllib.parse
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from mer_tf import atomic, metrics, numerics
from mer_tf.errors import ConfigError, EmptySplitError, MerError
from mer_tf.metrics.predictions import write_epoch_predictions
from mer_tf.protocols import check_no_leakage
from mer_tf.run_files import EPOCHS_FILE, FOLDS_FORMAT
from mer_tf.systems.registry import check_network, check_recipe, get_model_card
from mer_tf.training.config import TrainConfig, fold_seed
from mer_tf.training.data import MotionData
from mer_tf.training.factory import make_trainer
from mer_tf.training.initial import weights_hash
from mer_tf.training.trainer import FoldTrainer
from mer_tf.types import Fold, Prediction

FINAL = "final"  # Stands for the fold's name in the seed of the final model.

_log = logging.getLogger(__name__)

Progress = Callable[[int, int, str, float, bool], None]


def train_fold(
    data: MotionData,
    fold: Fold,
    config: TrainConfig,
    trainer: FoldTrainer | None = None,
    *,
    log_dir: str | os.PathLike | None = None,
    epochs: dict[int, list[Prediction]] | None = None,
    epoch_step: int = 1,
) -> list[Prediction]:
    """Trains on one fold's training clips and predicts its test clips.

    Args:
        data: All clips.
        fold: Indices into ``data``.
        config: Settings.
        trainer: A trainer for this config (``FoldTrainer.serves``); saves tracing again. None makes one.
        log_dir: Folder for this fold's TensorBoard logs.
        epochs: Filled with the predictions after every ``epoch_step``-th epoch and the last one, by epoch from 1. They
            are for looking back only: nothing here chooses by them.
        epoch_step: See ``epochs``.

    Returns:
        One prediction per test clip, in the order of ``fold.test``.

    Raises:
        LeakageError: A subject or clip is on both sides.
        EmptySplitError: A side is empty, or a class has no training clip.
        ConfigError: Model, recipe, data and trainer do not fit together.
    """
    _check_fold(data, fold, config)
    if trainer is None:
        trainer = make_trainer(config, data.recipe)
    elif not trainer.serves(config, data.recipe):
        raise ConfigError("the trainer was made with another config or recipe; make one for this run")
    tensors = _tensors(data, trainer)
    train, test = list(fold.train), list(fold.test)
    seed = fold_seed(config.seed, fold.name)

    def on_epoch(epoch: int) -> None:
        if epoch % epoch_step == 0 or epoch == config.epochs:
            epochs[epoch] = _predictions(data, fold, trainer.predict(tensors, test))

    trainer.fit(
        tensors,
        _labels(data.labels[train], config, seed),
        seed=seed,
        keys=[data.keys[row] for row in train],
        rows=train,
        log_dir=log_dir,
        on_epoch=None if epochs is None else on_epoch,
    )
    predictions = _predictions(data, fold, trainer.predict(tensors, test))
    if log_dir is not None:
        writer = tf.summary.create_file_writer(os.fspath(log_dir), filename_suffix=".test")
        with writer.as_default(step=config.epochs):
            tf.summary.scalar("test/accuracy", np.mean([p.label == p.prediction for p in predictions]))
        writer.close()
    return predictions


def _predictions(data: MotionData, fold: Fold, probabilities: np.ndarray) -> list[Prediction]:
    return [
        Prediction(
            dataset=data.datasets[row],
            subject=data.subjects[row],
            clip=data.clips[row],
            fold=fold.name,
            label=int(data.labels[row]),
            prediction=int(np.argmax(p)),
            probabilities=tuple(float(value) for value in p),
        )
        for row, p in zip(fold.test, probabilities)
    ]


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
    _check_classes(data.labels, config, "the data")
    seed = fold_seed(config.seed, FINAL)
    trainer = FoldTrainer(config, data.recipe)
    return trainer.fit(
        _tensors(data, trainer), _labels(data.labels, config, seed), seed=seed, keys=data.keys, log_dir=log_dir
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
    trainer: FoldTrainer | None = None,
    epoch_predictions: int = 0,
) -> list[Prediction]:
    """Trains and predicts every fold; a killed run goes on where it was.

    Writes ``folds/<fold>.json`` when a fold is done (whole or not at all), TensorBoard logs under
    ``logs/<fold>``, and pooled scores under ``logs/pooled``. A finished fold is used again only when config, recipe,
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
            folds.
        trainer: Used in this process instead of a new one, for example for several seeds in a row.
        epoch_predictions: k > 0 also predicts the held-out clips after every k-th epoch and writes them to
            ``epochs.csv``, to show afterwards what choosing an epoch on the test fold would give. 0 costs nothing.

    Returns:
        Predictions of all folds in order of the folds.

    Raises:
        LeakageError, EmptySplitError, ConfigError: Before any work; see ``train_fold``.
        MissingFileError: The initial weights are not there.
        MerError: A fold diverged, or a worker process ended.
    """
    if workers < 1:
        raise ConfigError(f"workers must be at least 1. Received: {workers}")
    if epoch_predictions < 0:
        raise ConfigError(f"epoch_predictions must be 0 or a number of epochs. Received: {epoch_predictions}")
    check_recipe(config.model, data.recipe, config.model_options)
    if not get_model_card(config.model).is_network:
        if epoch_predictions:
            raise ConfigError(f"model {config.model!r} has no epochs; leave epoch_predictions out")
        trainer, workers = trainer or make_trainer(config, data.recipe, workers=workers), 1
    folds = list(data.loso_folds(config.num_classes) if folds is None else folds)
    if not folds:
        raise EmptySplitError("there are no folds to train")
    names = [fold.name for fold in folds]
    if len(set(names)) != len(names):
        raise ConfigError("two folds have the same name; each fold needs its own")
    for fold in folds:
        _check_fold(data, fold, config)
    out_dir = os.fspath(out_dir)

    results: dict[str, list[Prediction]] = {}
    by_epoch: dict[str, dict[int, list[Prediction]]] = {}
    weights = weights_hash(config.initial_weights) if config.initial_weights else ""
    keys = {fold.name: _key(data, fold, config, epoch_predictions, weights) for fold in folds}
    files = {name: os.path.join(out_dir, "folds", _safe(name) + ".json") for name in names}
    logs = {name: os.path.join(out_dir, "logs", _safe(name)) for name in names}

    def done(fold: Fold, predictions: list[Prediction], epochs: dict, seconds: float, reused: bool) -> None:
        results[fold.name], by_epoch[fold.name] = predictions, epochs
        if not reused:
            atomic.write_text(files[fold.name], _to_text(keys[fold.name], fold.name, predictions, epochs, seconds))
        if progress is not None:
            progress(len(results), len(folds), fold.name, seconds, reused)

    open_folds = []
    for fold in folds:
        found = _load(files[fold.name], keys[fold.name]) if resume else None
        if found is None:
            open_folds.append(fold)
        else:
            done(fold, *found, True)
    for fold in open_folds:
        _remove_logs(logs[fold.name])  # of a run that was killed or had other settings

    if open_folds and workers == 1 and (trainer is not None or numerics.claim_one_thread()):
        trainer = trainer or make_trainer(config, data.recipe)
        for fold in open_folds:
            start = time.perf_counter()
            predictions, epochs = _train(data, fold, config, trainer, logs[fold.name], epoch_predictions)
            done(fold, predictions, epochs, time.perf_counter() - start, False)
    elif open_folds:
        pool = concurrent.futures.ProcessPoolExecutor(
            min(workers, len(open_folds)),
            # Spawned: a forked child of a process with TensorFlow's threads may hang.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_open_worker,
            initargs=(data if config.needs_arrays(data.recipe) else data.as_network(), config),
        )
        try:
            futures = {pool.submit(_work, fold, logs[fold.name], epoch_predictions): fold for fold in open_folds}
            for future in concurrent.futures.as_completed(futures):
                done(futures[future], *future.result(), False)
        except concurrent.futures.process.BrokenProcessPool as error:
            raise MerError(
                "a training process ended early (often out of memory); run again with fewer workers, "
                "finished folds are kept"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)

    predictions = [p for name in names for p in results[name]]
    _write_epochs(os.path.join(out_dir, EPOCHS_FILE), [by_epoch[name] for name in names] if epoch_predictions else [])
    _log_pooled(os.path.join(out_dir, "logs", "pooled"), predictions, config.num_classes)
    return predictions


_WORKER: dict = {}


def _open_worker(data: MotionData, config: TrainConfig) -> None:
    _WORKER.update(data=data, config=config, trainer=FoldTrainer(config, data.recipe))


def _work(fold: Fold, log_dir: str, epoch_step: int) -> tuple[list[Prediction], dict, float]:
    start = time.perf_counter()
    made = _train(_WORKER["data"], fold, _WORKER["config"], _WORKER["trainer"], log_dir, epoch_step)
    return *made, time.perf_counter() - start


def _train(data, fold, config, trainer, log_dir: str, epoch_step: int) -> tuple[list[Prediction], dict]:
    epochs: dict[int, list[Prediction]] = {}
    predictions = train_fold(
        data,
        fold,
        config,
        trainer,
        log_dir=log_dir,
        epochs=epochs if epoch_step else None,
        epoch_step=epoch_step or 1,
    )
    return predictions, epochs


def _write_epochs(path: str, folds: list[dict[int, list[Prediction]]]) -> None:
    if folds:
        write_epoch_predictions(path, {epoch: [p for fold in folds for p in fold[epoch]] for epoch in folds[0]})
    elif os.path.exists(path):
        os.unlink(path)  # of an earlier run in this folder: it would not be what these predictions came from


def _check_fold(data: MotionData, fold: Fold, config: TrainConfig) -> None:
    check_recipe(config.model, data.recipe, config.model_options)
    check_no_leakage(fold, data.subject_keys, data.keys)
    _check_classes(data.labels[list(fold.train)], config, f"fold {fold.name}")
    outside = [row for row in fold.test if not 0 <= data.labels[row] < config.num_classes]
    if outside:
        raise ConfigError(
            f"{data.keys[outside[0]]} has label {data.labels[outside[0]]}, expected 0..{config.num_classes - 1}"
        )


def _check_classes(labels: np.ndarray, config: TrainConfig, where: str) -> None:
    if labels.min() < 0 or labels.max() >= config.num_classes:
        raise ConfigError(
            f"{where}: labels must lie in 0..{config.num_classes - 1}. Received: {sorted(set(labels.tolist()))}"
        )
    missing = sorted(set(range(config.num_classes)) - set(labels.tolist()))
    if missing:
        raise EmptySplitError(
            f"{where}: class {missing[0]} has no training clip; add subjects or use another label mapping"
        )


def _labels(labels: np.ndarray, config: TrainConfig, seed: int) -> np.ndarray:
    """The training labels, permuted among themselves where the chance test asks for it."""
    return np.random.default_rng((seed, 1)).permutation(labels) if config.shuffle_labels else labels


def _tensors(data: MotionData, trainer: FoldTrainer) -> dict[str, np.ndarray]:
    """What the trainer takes of the data: the recipe's arrays, or the network's inputs."""
    if not trainer.takes_arrays:
        return data.network_inputs()
    if data.network:
        raise ConfigError(
            "this augmentation needs the clips' arrays, but the data holds network inputs (flow images, or records a "
            "Transform step has been through); prepare the clips with 'mer prepare', or train without augment"
        )
    return data.tensors


def _safe(name: str) -> str:
    """A relative path for a fold's name: one folder level per slash, nothing that leads elsewhere."""
    parts = (urllib.parse.quote(part, safe=" ") or "%" for part in name.split("/"))
    return os.path.join(*(part.replace(".", "%2E") if set(part) == {"."} else part for part in parts))


def _key(
    data: MotionData, fold: Fold, config: TrainConfig, epoch_predictions: int = 0, initial_weights: str = ""
) -> str:
    settings = {
        "format": FOLDS_FORMAT,
        # Of the initial weights the content counts, not the place.
        "config": {**config.to_json(), "initial_weights": initial_weights},
        "recipe": data.recipe.hash,
        "data": data.fingerprint,
        "fold": fold.name,
        "train": sorted(data.keys[row] for row in fold.train),
        "test": sorted(data.keys[row] for row in fold.test),
        "tensorflow": tf.__version__,
        **({"epoch_predictions": epoch_predictions} if epoch_predictions else {}),
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _to_text(key: str, name: str, predictions: list[Prediction], epochs: dict, seconds: float) -> str:
    content = {"key": key, "fold": name, "seconds": seconds, "predictions": list(map(_to_row, predictions))}
    if epochs:
        content["epochs"] = {str(epoch): list(map(_to_row, rows)) for epoch, rows in epochs.items()}
    return json.dumps(content, indent=1) + "\n"


def _to_row(prediction: Prediction) -> dict:
    return {**vars(prediction), "probabilities": list(prediction.probabilities)}


def _from_row(row: dict) -> Prediction:
    return Prediction(**{**row, "probabilities": tuple(row["probabilities"])})


def _load(path: str, key: str) -> tuple[list[Prediction], dict, float] | None:
    """Predictions, those by epoch, and seconds of a finished fold with that key, or None."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if content["key"] != key:
            _log.info("%s was made with other settings or data; the fold is trained again", path)
            return None
        epochs = {int(epoch): list(map(_from_row, rows)) for epoch, rows in content.get("epochs", {}).items()}
        return list(map(_from_row, content["predictions"])), epochs, float(content["seconds"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s cannot be used (%s); the fold is trained again", path, error)
        return None


def _remove_logs(folder: str) -> None:
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.startswith("events.out.tfevents."):
                os.unlink(os.path.join(folder, name))


def _log_pooled(folder: str, predictions: list[Prediction], num_classes: int) -> None:
    _remove_logs(folder)
    cm = metrics.confusion_matrix([p.label for p in predictions], [p.prediction for p in predictions], num_classes)
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default(step=0):
        tf.summary.scalar("pooled/accuracy", metrics.accuracy(cm))
        if (cm.sum(axis=1) > 0).all():  # not so when only some folds were asked for
            tf.summary.scalar("pooled/uf1", metrics.uf1(cm))
            tf.summary.scalar("pooled/uar", metrics.uar(cm))
        header = "| true \\ predicted | " + " | ".join(map(str, range(num_classes))) + " |\n"
        rows = "".join(f"| {k} | " + " | ".join(map(str, row)) + " |\n" for k, row in enumerate(cm.tolist()))
        tf.summary.text("pooled/confusion", header + "|---" * (num_classes + 1) + "|\n" + rows)
        tf.summary.image("pooled/confusion_rows_true", _picture(cm)[np.newaxis])
    writer.close()


def _picture(cm: np.ndarray, cell: int = 48) -> np.ndarray:
    """Shares of each row as gray cells with a one-pixel grid, white for 0, uint8 (height, width, 1)."""
    share = cm / np.maximum(cm.sum(axis=1, keepdims=True), 1)
    image = np.kron(255 - np.round(255 * share), np.ones((cell, cell)))
    image[::cell, :] = image[:, ::cell] = 128
    return image.astype(np.uint8)[..., np.newaxis]
