"""One fold: trained on its training clips, tested on the others."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np

from mer_tf import atomic
from mer_tf.board.events import log_graph, log_scalars
from mer_tf.board.pooled import curves_of
from mer_tf.board.profile import Profile
from mer_tf.errors import ConfigError, MerError
from mer_tf.training.config import TrainConfig, fold_seed
from mer_tf.training.data import MotionData
from mer_tf.training.factory import make_trainer
from mer_tf.training.fold_checks import check_fold
from mer_tf.training.fold_store import WEIGHTS_ENDING, FoldResult, SavedWeights
from mer_tf.training.initial import is_run, weights_hash
from mer_tf.training.interface import Trainer
from mer_tf.training.samples import sub_clips
from mer_tf.types import Fold, Prediction

_SUB_CLIPS = 64  # cut and predicted at once


@dataclasses.dataclass(frozen=True)
class FoldJob:
    """A fold that is to be trained.

    Attributes:
        fold: Indices into the data of the run.
        log_dir: Folder for the fold's TensorBoard logs; None for none.
        epoch_predictions: Epochs between two predictions of the held-out clips; 0 for none.
        sub_clips: Whether sub-sequences of the held-out clips are predicted too.
        weights: File that the weights after the last epoch are written to; ``""`` for none.
        graph_dir: Folder that the network's graph is written to; None for none.
        profile_dir: Folder that a profile of one epoch is written to; None for none.
    """

    fold: Fold
    log_dir: str | None
    epoch_predictions: int = 0
    sub_clips: bool = False
    weights: str = ""
    graph_dir: str | None = None
    profile_dir: str | None = None

    def run(self, data: MotionData, config: TrainConfig, trainer: Trainer) -> FoldResult:
        """Trains and predicts the fold; see ``train_fold`` for the errors."""
        start = time.perf_counter()
        epochs: dict[int, list[Prediction]] = {}
        profile = Profile(self.profile_dir, config.epochs) if self.profile_dir is not None else None
        try:
            predictions = train_fold(
                data,
                self.fold,
                config,
                trainer,
                log_dir=self.log_dir,
                epochs=epochs if self.epoch_predictions else None,
                epoch_step=self.epoch_predictions or 1,
                on_epoch=None if profile is None else profile.on_epoch,
            )
        except MerError as error:
            if type(error) is not MerError:  # of bad input, told before any fold
                raise
            raise MerError(f"fold {self.fold.name}: {error}; finished folds are kept") from error
        finally:
            if profile is not None:
                profile.close()
        if self.graph_dir is not None and (graph := trainer.graph()) is not None:
            log_graph(self.graph_dir, graph)
        parts = predict_sub_clips(data, self.fold, config, trainer) if self.sub_clips else []
        saved = save_weights(trainer, self.weights) if self.weights else None
        return FoldResult(predictions, epochs, time.perf_counter() - start, parts, saved, curves_of(trainer.history))


def save_weights(trainer: Trainer, path: str) -> SavedWeights:
    """Writes the weights of a network as it was trained last, whole or not at all, as ``.weights.h5``."""
    with atomic.whole(path) as temporary:
        # Keras writes to names of this ending only; a folder of its own keeps what a kill leaves behind in one place.
        with tempfile.TemporaryDirectory(dir=os.path.dirname(temporary), prefix=atomic.PREFIX) as folder:
            written = os.path.join(folder, WEIGHTS_ENDING)
            trainer.model.save_weights(written)  # type: ignore[attr-defined]
            os.replace(written, temporary)
        return SavedWeights(weights_hash(temporary), os.path.getsize(temporary))


def train_fold(
    data: MotionData,
    fold: Fold,
    config: TrainConfig,
    trainer: Trainer | None = None,
    *,
    log_dir: str | os.PathLike | None = None,
    epochs: dict[int, list[Prediction]] | None = None,
    epoch_step: int = 1,
    on_epoch: Callable[[int], None] | None = None,
) -> list[Prediction]:
    """Trains on one fold's training clips and predicts its test clips.

    Args:
        data: All clips.
        fold: Indices into ``data``.
        config: Settings.
        trainer: A trainer for this config (``Trainer.serves``); saves tracing again. None makes one.
        log_dir: Folder for this fold's TensorBoard logs.
        epochs: Filled with the predictions after every ``epoch_step``-th epoch and the last one, by epoch from 1. They
            are for looking back only: nothing here chooses by them.
        epoch_step: See ``epochs``.
        on_epoch: Called after each epoch with its number, from 1.

    Returns:
        One prediction per test clip, in the order of ``fold.test``.

    Raises:
        LeakageError: A subject or clip is on both sides.
        EmptySplitError: A side is empty, or a class has no training clip.
        ConfigError: Model, recipe, data and trainer do not fit together.
    """
    check_fold(data, fold, config)
    if trainer is None:
        trainer = make_trainer(config, data.recipe)
    elif not trainer.serves(config, data.recipe):
        raise ConfigError("the trainer was made with another config or recipe; make one for this run")
    tensors = trainer_tensors(data, trainer)
    train, test = list(fold.train), list(fold.test)
    if data.zero_centred:
        tensors = {name: array - array[train].mean(axis=0) for name, array in tensors.items()}
    seed = fold_seed(config.seed, fold.name)

    def after(epoch: int) -> None:
        if on_epoch is not None:
            on_epoch(epoch)
        if epochs is not None and epoch % epoch_step == 0:
            epochs[epoch] = _predictions(data, fold, trainer.predict(tensors, test))

    trainer.fit(
        tensors,
        training_labels(data.labels[train], config, seed),
        seed=seed,
        keys=[data.keys[row] for row in train],
        rows=train,
        log_dir=log_dir,
        on_epoch=None if epochs is None and on_epoch is None else after,
        **({"fold": fold.name} if is_run(config.initial_weights) else {}),
    )
    predictions = _predictions(data, fold, trainer.predict(tensors, test))
    if epochs is not None:
        epochs[len(trainer.history)] = predictions  # the last epoch, which early stopping may have brought forward
    if log_dir is not None:
        right = float(np.mean([p.label == p.prediction for p in predictions]))
        log_scalars(log_dir, config.epochs, {"test/accuracy": right}, ".test")
    return predictions


def predict_sub_clips(data: MotionData, fold: Fold, config: TrainConfig, trainer: Trainer) -> list[Prediction]:
    """Predictions of sub-sequences of a fold's held-out clips by the trainer as it was trained last.

    The clips of each class are cut into about ``config.augment["subsequences"]`` in all folds together, the whole clip
    among them; a sub-clip is named ``<clip>#<number>``.

    Source: CBAMNet paper, section 4, where augmented clips are divided into folds.
    """
    seed, counts = fold_seed(config.seed, fold.name), np.bincount(data.labels)
    found = []
    for row in fold.test:
        number = -(-config.augmentation.subsequences // int(counts[data.labels[row]]))
        for start in range(0, number, _SUB_CLIPS):
            copies = range(start, min(start + _SUB_CLIPS, number))
            arrays = sub_clips(data.tensors, row, data.keys[row], copies, seed, data.recipe)
            part = dataclasses.replace(fold, test=(row,) * len(copies))
            found += [
                dataclasses.replace(prediction, clip=f"{prediction.clip}#{copy}")
                for prediction, copy in zip(_predictions(data, part, trainer.predict(arrays)), copies)
            ]
    return found


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


def training_labels(labels: np.ndarray, config: TrainConfig, seed: int) -> np.ndarray:
    """The training labels, permuted among themselves where the chance test asks for it."""
    return np.random.default_rng((seed, 1)).permutation(labels) if config.shuffle_labels else labels


def trainer_tensors(data: MotionData, trainer: Trainer) -> dict[str, np.ndarray]:
    """What the trainer takes of the data: the recipe's arrays, or the network's inputs."""
    if not trainer.takes_arrays:
        return data.network_inputs()
    if data.network:
        raise ConfigError(
            "this augmentation needs the clips' arrays, but the data holds network inputs (flow images, or records a "
            "Transform step has been through); prepare the clips with 'mer prepare', or train without augment"
        )
    return data.tensors
