"""Training of one model on one set of clips, again and again without tracing again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from mer_tf import numerics
from mer_tf.board.events import EventLog
from mer_tf.console import announce
from mer_tf.errors import ConfigError, MerError
from mer_tf.preprocessing import mirror_network_input, network_input
from mer_tf.preprocessing.augment import AugmentConfig
from mer_tf.recipes import Recipe
from mer_tf.systems.own import fit_to_recipe
from mer_tf.systems.registry import build_model, check_inputs, check_recipe, is_own, recipe_of_model
from mer_tf.systems.weights import load_model_weights
from mer_tf.training.config import TrainConfig
from mer_tf.training.fresh import FreshWeights
from mer_tf.training.initial import is_run, start_from_fold
from mer_tf.training.interface import TRAININGS, Trainer, check_labels, check_tensors
from mer_tf.training.losses import make_loss
from mer_tf.training.samples import Samples, batches
from mer_tf.training.steps import Steps

if TYPE_CHECKING:
    from mer_tf.systems.transfer import TransferReport

numerics.claim_one_thread()

_log = logging.getLogger(__name__)
_PREDICT_BATCH = 128
_PREDICT_VALUES = 1 << 24  # input values in one batch, so that clips of many frames do not fill the memory
STEP_VALUES = 1 << 22  # input values that one call of the graph is given at most, unless a single batch has more


class FoldTrainer(Trainer):
    """Builds and traces a model once, then trains it from new weights for each fold.

    Tracing takes longer than training on a hundred small clips, so the graph is kept; the weights, the state of
    dropout and every variable of the optimizer are set back for each ``fit``. The result equals that of a trainer
    made for this fold alone: bit by bit with one thread (``mer_tf.numerics``), else up to the order of additions.

    No global generator is read or seeded.

    Args:
        config: Settings.
        recipe: Recipe of the inputs. Defaults to the one the model names.
        arrays: True takes the recipe's arrays also where no augmentation needs them, for example to keep 8-bit
            pictures small in memory. Defaults to False.

    Attributes:
        takes_arrays: Whether ``fit`` and ``predict`` take the recipe's arrays instead of the network's tensors:
            augmentation that turns or crops must see flow in pixels, and the second half of the recipe then runs on
            every batch.
        transfer: What the initial weights gave and what is new (``TransferReport``), None without an ``.npz`` of them.

    Raises:
        UnknownNameError: Unknown model or option of the model.
        ConfigError: The recipe does not fit the model, or the initial weights do not.
    """

    def __init__(self, config: TrainConfig, recipe: Recipe | None = None, *, arrays: bool = False):
        numerics.check_keras()
        if not numerics.claim_one_thread():
            _log.warning(
                "TensorFlow had started with several threads before mer_tf.training was imported; the last digits of "
                "what is trained here depend on their number"
            )
        self.config = config
        self.recipe = recipe or recipe_of_model(config.model)
        check_recipe(config.model, self.recipe, config.model_options)
        self.history: list[dict] = []
        self.takes_arrays = arrays or config.needs_arrays(self.recipe)
        self._fresh = FreshWeights(lambda seed: initialised_model(config, seed)[0])
        self._build()  # mistakes show before any clip is read

    def _build(self, seed: int = 0, fold: str = "") -> None:
        """Makes the model, its optimizer and the traced functions."""
        config = self.config
        config.check_code()
        self.model, self.transfer = initialised_model(config, seed, self.recipe, fold)
        check_inputs(config.model, self.model, self.recipe)
        self._steps = Steps(self.model, config, self.recipe, arrays=self.takes_arrays)
        signature = {
            tensor.name.split(":")[0]: tf.TensorSpec((None, *tensor.shape[1:]), tf.float32)
            for tensor in self.model.inputs
        }
        # One signature with an open batch dimension: batches of any size share one trace.
        self._infer = tf.function(lambda inputs: self.model(inputs, training=False), input_signature=[signature])
        stored = {name: tf.TensorSpec((None, *shape), tf.float32) for name, shape in self.recipe.inputs.items()}
        self._second_half = tf.function(lambda tensors: network_input(tensors, self.recipe), input_signature=[stored])

    def fit(
        self,
        tensors: Mapping[str, np.ndarray],
        labels: np.ndarray,
        *,
        seed: int,
        keys: Sequence[str] | None = None,
        rows: Sequence[int] | None = None,
        log_dir: str | os.PathLike | None = None,
        on_epoch: Callable[[int], None] | None = None,
        fold: str = "",
    ) -> keras.Model:
        """Trains from new (or the initial) weights for at most ``config.epochs`` epochs.

        Args:
            tensors: Network inputs, name -> float32 (clips, ...), or the recipe's arrays where ``takes_arrays``;
                others are ignored. uint8 is kept as it is and becomes float32 batch by batch.
            labels: int (training clips,), each class at least once where clips are weighed or balanced by class.
            seed: Seed of weights, order of clips, augmentation and dropout.
            keys: Key of each training clip; augmentation of a clip depends on it. Defaults to their numbers.
            rows: Which rows of ``tensors`` are the training clips; all by default. No other row is read.
            log_dir: Folder for TensorBoard scalars ``epoch/loss``, ``epoch/accuracy``, ``epoch/learning_rate``.
            on_epoch: Called after each epoch with its number, from 1; it may ``predict``, which changes nothing.
            fold: Name of the fold, where the initial weights are those that the folds of a run left.

        Returns:
            The trained model; it is this trainer's own and the next ``fit`` overwrites it.

        Raises:
            EmptySplitError: No clip.
            ConfigError: Shapes, labels or values do not fit, or the initial weights are those of folds and none is
                named.
            MerError: The loss is no longer finite.
        """
        if not fold and is_run(self.config.initial_weights):
            raise ConfigError(
                f"initial weights {self.config.initial_weights} are those of a run's folds, from which only the same "
                "folds can start; give one file of weights"
            )
        tensors, clips = self._checked(tensors, rows)
        count = len(clips)
        labels = check_labels(labels, count, self.config.num_classes)
        keys = [str(row) for row in range(count)] if keys is None else list(keys)
        if len(keys) != count:
            raise ConfigError(f"there are {len(keys)} keys for {count} training clips")
        _, class_weights = make_loss(self.config, np.bincount(labels, minlength=self.config.num_classes))
        weights = class_weights[labels].astype(np.float32)
        labels = labels.astype(np.int32)
        self._reset(seed, fold)

        rng = np.random.default_rng(seed)
        augment = self.config.augmentation if self.takes_arrays else AugmentConfig()
        samples = Samples(
            labels,
            keys,
            seed=seed,
            augment=augment,
            resample=self.config.resample,
            num_classes=self.config.num_classes,
        )
        held = None if self.takes_arrays else self._held(tensors, clips)
        self.history = []
        told = 0.0
        best, waited = np.inf, 0
        log = EventLog(log_dir) if log_dir is not None else None
        try:
            for epoch in range(self.config.epochs):
                scalars = self._epoch(epoch, samples, tensors, clips, held, labels, weights, rng)
                if not np.isfinite(scalars["loss"]):
                    raise MerError(
                        f"training of {self.config.model!r} diverged: the loss is {scalars['loss']} in epoch "
                        f"{epoch + 1}; lower the learning rate (now {self.config.learning_rate})"
                    )
                self.history.append(scalars)
                if log is not None:
                    log.scalars(epoch + 1, {f"epoch/{name}": value for name, value in scalars.items()})
                announce(TRAININGS, (epoch + 1) / self.config.epochs - told)
                told = (epoch + 1) / self.config.epochs
                if on_epoch is not None:
                    with self._steps.averaged():
                        on_epoch(epoch + 1)
                waited = 0 if scalars["loss"] < best else waited + 1
                best = min(best, scalars["loss"])
                if self.config.early_stopping >= 0 and waited > self.config.early_stopping:
                    break
            self._steps.take_average()
            announce(TRAININGS, 1.0 - told)  # epochs that early stopping left out
        finally:
            if log is not None:
                log.close()
        return self.model

    def predict(self, tensors: Mapping[str, np.ndarray], rows: Sequence[int] | None = None) -> np.ndarray:
        """Probabilities float32 (clips, classes) of the model as last trained; ``rows`` picks clips."""
        tensors, clips = self._checked(tensors, rows)
        out = np.zeros((len(clips), self.config.num_classes), np.float32)
        batch = max(1, min(_PREDICT_BATCH, _PREDICT_VALUES // _values(self._steps.inputs)))
        for start in range(0, len(clips), batch):
            part = clips[start : start + batch]
            inputs = {name: tf.constant(array[part], tf.float32) for name, array in tensors.items()}
            out[start : start + batch] = self._infer(self._second_half(inputs) if self.takes_arrays else inputs).numpy()
        return out

    def graph(self):
        """The network as it predicts; it is traced already where something was predicted."""
        return self._infer.get_concrete_function().graph.as_graph_def(add_shapes=True)

    def _reset(self, seed: int, fold: str) -> None:
        if is_own(self.config.model):
            # Its layers may keep more than weights, such as the state of a generator: everything is made anew.
            self._build(seed, fold)
            return
        if is_run(self.config.initial_weights):
            fresh = initialised_model(self.config, seed, fold=fold)[0].get_weights()
        else:
            fresh = self._fresh(seed)
        self.model.set_weights(fresh)
        self._steps.reset()

    def _epoch(self, epoch, samples, tensors, clips, held, labels, weights, rng) -> dict[str, float]:
        chosen, copies = samples.epoch(epoch)
        order = self._order(epoch, labels[chosen], rng)
        # The coins are tossed in any case, so that mirroring changes no other draw, such as the order of the clips.
        flips = (rng.random(len(chosen)) < 0.5) & (self.config.mirror and not self.takes_arrays)
        parts = batches(order, self.config.batch_size, self.config.last_batch)
        rates = [self.config.learning_rate_at(epoch, epoch * len(parts) + number) for number in range(len(parts))]
        most = len(parts)
        if held is None:
            most = max(1, STEP_VALUES // (_values(self._steps.inputs) * max(map(len, parts))))
        pairs = self._pairs(parts, rng)
        loss, hits, count = 0.0, 0, 0
        for start in range(0, len(parts), most):
            some = parts[start : start + most]
            picked = np.concatenate(some)
            rows = chosen[picked]
            if held is not None:
                given, places = held, rows + flips[picked] * len(clips)
            elif self.takes_arrays:
                given, places = samples.arrays(tensors, clips, rows, copies[picked], self.recipe), range(len(rows))
            else:
                given, places = self._mirrored(tensors, clips[rows], flips[picked]), range(len(rows))
            found = self._steps.run(
                given,
                places,
                labels=labels[rows],
                weights=weights[rows],
                sizes=[len(part) for part in some],
                rates=rates[start : start + most],
                **{name: np.concatenate(values[start : start + most]) for name, values in pairs.items()},
            )
            loss, hits, count = loss + found[0], hits + found[1], count + len(picked)
        return {"loss": loss / count, "accuracy": hits / count, "learning_rate": float(rates[0])}

    def _pairs(self, parts, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
        """What ``Steps.run`` takes for mixup, batch by batch; nothing is drawn without it."""
        alpha = self.config.mixup
        if not alpha:
            return {}
        partners = [rng.permutation(len(part)) for part in parts]
        return {"partners": partners, "shares": [rng.beta(alpha, alpha, len(part)) for part in parts]}

    def _held(self, tensors, clips) -> dict[str, tf.Tensor] | None:
        """The training clips as tensors, and after them their mirror images where some are mirrored; None of many."""
        if len(clips) * _values(self._steps.inputs) > STEP_VALUES:
            return None
        held = {name: tf.constant(array[clips], tf.float32) for name, array in tensors.items()}
        if not self.config.mirror:
            return held
        mirrored = mirror_network_input(held, self.recipe)
        return {name: tf.concat([tensor, mirrored[name]], axis=0) for name, tensor in held.items()}

    def _mirrored(self, tensors, rows, flips) -> dict[str, np.ndarray]:
        """The clips of those rows, some of them mirrored."""
        batch = {name: array[rows].astype(np.float32, copy=False) for name, array in tensors.items()}
        if flips.any():
            mirrored = mirror_network_input({name: array[flips] for name, array in batch.items()}, self.recipe)
            for name, tensor in mirrored.items():
                batch[name][flips] = tensor.numpy()
        return batch

    def _order(self, epoch: int, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        # Drawn in any case, as the coins of mirroring are.
        shuffled = rng.permutation(len(labels))
        if self.config.order == "by_class":
            return np.argsort(labels, kind="stable")
        if self.config.order == "every_epoch" or not epoch:
            self._last_order = shuffled
        return self._last_order

    def _checked(self, tensors, rows) -> tuple[dict[str, np.ndarray], np.ndarray]:
        count = check_tensors(self.config.model, tensors, self._steps.inputs)
        clips = np.arange(count) if rows is None else np.asarray(list(rows), np.int64)
        checked = {name: np.asarray(tensors[name]) for name in self._steps.inputs}
        for name, array in checked.items():
            if array.dtype == np.uint8:
                continue
            checked[name] = array = np.asarray(array, np.float32)
            for row in clips:  # clip by clip: a mask of everything would take a quarter of the data again
                if not np.isfinite(array[row]).all():
                    raise ConfigError(f"tensor {name!r} holds values that are not finite")
        return checked, clips


def initialised_model(
    config: TrainConfig, seed: int = 0, recipe: Recipe | None = None, fold: str = ""
) -> tuple[keras.Model, TransferReport | None]:
    """A new model of that config, with its initial weights if it names any, and what they gave (``FoldTrainer``).

    With a recipe, a network of the user's own takes its tensors by name. Where the initial weights are those of a run's
    folds, they are taken of the fold that is named, if one is.
    """
    options = {**config.model_options, "seed": seed}
    model = build_model(config.model, config.num_classes, **options)
    report = None
    if is_run(config.initial_weights):
        report = start_from_fold(model, config.initial_weights, fold) if fold else None
    elif config.initial_weights:
        report = _initialise(model, config.initial_weights)
    if recipe is not None and is_own(config.model):
        model = fit_to_recipe(model, recipe, config.num_classes, config.model)
    return model, report


def _initialise(model: keras.Model, path: str) -> TransferReport | None:
    """Weights of a file: all of them, or (``.npz``, ``.h5``) those of layers of the same name, the others new."""
    name = os.fspath(path)
    if name.endswith((".npz", ".pth", ".pt")) or (name.endswith((".h5", ".hdf5")) and not name.endswith(".weights.h5")):
        from mer_tf.systems.transfer import initialise

        return initialise(model, path)
    own = model.get_weights()
    load_model_weights(model, path)
    # The state of dropout is a weight too, but belongs to the fold's seed, not to the file.
    loaded = model.get_weights()
    model.set_weights([new if np.issubdtype(new.dtype, np.floating) else old for old, new in zip(own, loaded)])
    return None


def _values(shapes: Mapping[str, tuple[int, ...]]) -> int:
    return int(sum(np.prod(shape) for shape in shapes.values()))
