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
from mer_tf.console import announce
from mer_tf.errors import ConfigError, MerError
from mer_tf.preprocessing import mirror_network_input, network_input
from mer_tf.preprocessing.augment import AugmentConfig
from mer_tf.recipes import Recipe
from mer_tf.systems.own import fit_to_recipe
from mer_tf.systems.registry import build_model, check_inputs, check_recipe, is_own, recipe_of_model
from mer_tf.systems.weights import load_model_weights
from mer_tf.training.config import TrainConfig
from mer_tf.training.interface import TRAININGS, Trainer, check_labels, check_tensors
from mer_tf.training.losses import make_loss
from mer_tf.training.optimizers import make_optimizer
from mer_tf.training.samples import Samples, batches

if TYPE_CHECKING:
    from mer_tf.systems.transfer import TransferReport

numerics.claim_one_thread()

_log = logging.getLogger(__name__)
_PREDICT_BATCH = 128
_PREDICT_VALUES = 1 << 24  # input values in one batch, so that clips of many frames do not fill the memory


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
        self._build()  # mistakes show before any clip is read

    def _build(self, seed: int = 0) -> None:
        """Makes the model, its optimizer and the traced functions."""
        config = self.config
        config.check_code()
        self.model, self.transfer = initialised_model(config, seed, self.recipe)
        check_inputs(config.model, self.model, self.recipe)
        self._loss, _ = make_loss(config, np.ones(config.num_classes, np.int64))  # ``fit`` makes each fold's weights
        self._optimizer = make_optimizer(config)
        self._optimizer.build(self.model.trainable_variables)
        # Nearly all of an optimizer's state starts at zero; a copy of it would be as large as the model, or twice.
        values = (np.array(variable) for variable in self._optimizer.variables)
        self._start = [value if value.any() else None for value in values]
        self._scales = [_rate(variable, config.bias_rate) for variable in self.model.trainable_variables]
        signature = {
            tensor.name.split(":")[0]: tf.TensorSpec((None, *tensor.shape[1:]), tf.float32)
            for tensor in self.model.inputs
        }
        self._inputs = dict(self.recipe.inputs) if self.takes_arrays else _shapes(signature)
        # One signature with an open batch dimension: batches of any size share one trace.
        self._step = tf.function(
            self._train_step,
            input_signature=[signature, tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.float32)],
        )
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

        Returns:
            The trained model; it is this trainer's own and the next ``fit`` overwrites it.

        Raises:
            EmptySplitError: No clip.
            ConfigError: Shapes, labels or values do not fit.
            MerError: The loss is no longer finite.
        """
        tensors, clips = self._checked(tensors, rows)
        count = len(clips)
        labels = check_labels(labels, count, self.config.num_classes)
        keys = [str(row) for row in range(count)] if keys is None else list(keys)
        if len(keys) != count:
            raise ConfigError(f"there are {len(keys)} keys for {count} training clips")
        _, class_weights = make_loss(self.config, np.bincount(labels, minlength=self.config.num_classes))
        weights = class_weights[labels].astype(np.float32)
        labels = labels.astype(np.int32)
        self._reset(seed)

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
        self.history = []
        told = 0.0
        best, waited = np.inf, 0
        writer = tf.summary.create_file_writer(os.fsencode(log_dir)) if log_dir is not None else None
        try:
            for epoch in range(self.config.epochs):
                scalars = self._epoch(epoch, samples, tensors, clips, labels, weights, rng)
                if not np.isfinite(scalars["loss"]):
                    raise MerError(
                        f"training of {self.config.model!r} diverged: the loss is {scalars['loss']} in epoch "
                        f"{epoch + 1}; lower the learning rate (now {self.config.learning_rate})"
                    )
                self.history.append(scalars)
                if writer is not None:
                    with writer.as_default(step=epoch + 1):
                        for name, value in scalars.items():
                            tf.summary.scalar(f"epoch/{name}", value)
                announce(TRAININGS, (epoch + 1) / self.config.epochs - told)
                told = (epoch + 1) / self.config.epochs
                if on_epoch is not None:
                    on_epoch(epoch + 1)
                waited = 0 if scalars["loss"] < best else waited + 1
                best = min(best, scalars["loss"])
                if self.config.early_stopping >= 0 and waited > self.config.early_stopping:
                    break
            announce(TRAININGS, 1.0 - told)  # epochs that early stopping left out
        finally:
            if writer is not None:
                writer.close()
        return self.model

    def predict(self, tensors: Mapping[str, np.ndarray], rows: Sequence[int] | None = None) -> np.ndarray:
        """Probabilities float32 (clips, classes) of the model as last trained; ``rows`` picks clips."""
        tensors, clips = self._checked(tensors, rows)
        out = np.zeros((len(clips), self.config.num_classes), np.float32)
        batch = max(1, min(_PREDICT_BATCH, _PREDICT_VALUES // _values(self._inputs)))
        for start in range(0, len(clips), batch):
            part = clips[start : start + batch]
            inputs = {name: tf.constant(array[part], tf.float32) for name, array in tensors.items()}
            out[start : start + batch] = self._infer(self._second_half(inputs) if self.takes_arrays else inputs).numpy()
        return out

    def _new_model(self, seed: int) -> keras.Model:
        return initialised_model(self.config, seed)[0]

    def _reset(self, seed: int) -> None:
        if is_own(self.config.model):
            # Its layers may keep more than weights, such as the state of a generator: everything is made anew.
            self._build(seed)
            return
        # A new model's weights by construction, rather than a second implementation of initialisation.
        fresh = self._new_model(seed)
        self.model.set_weights(fresh.get_weights())
        for variable, value in zip(self._optimizer.variables, self._start):
            variable.assign(tf.zeros(variable.shape, variable.dtype) if value is None else value)

    def _epoch(self, epoch, samples, tensors, clips, labels, weights, rng) -> dict[str, float]:
        chosen, copies = samples.epoch(epoch)
        count = len(chosen)
        order = self._order(epoch, labels[chosen], rng)
        # The coins are tossed in any case, so that mirroring changes no other draw, such as the order of the clips.
        flips = (rng.random(count) < 0.5) & (self.config.mirror and not self.takes_arrays)
        parts = batches(order, self.config.batch_size, self.config.last_batch)
        rate = self.config.learning_rate_at(epoch, epoch * len(parts))
        losses, hits = [], []
        for number, picked in enumerate(parts):
            if not number or self.config.schedule == "inverse_time":
                self._set_rate(self.config.learning_rate_at(epoch, epoch * len(parts) + number))
            rows = chosen[picked]
            if self.takes_arrays:
                arrays = samples.arrays(tensors, clips, rows, copies[picked], self.recipe)
                inputs = self._second_half({name: tf.constant(array) for name, array in arrays.items()})
            else:
                batch = {name: array[clips[rows]].astype(np.float32, copy=False) for name, array in tensors.items()}
                flip = flips[picked]
                if flip.any():
                    mirrored = mirror_network_input({name: array[flip] for name, array in batch.items()}, self.recipe)
                    for name, array in mirrored.items():
                        batch[name][flip] = array
                inputs = {name: tf.constant(array) for name, array in batch.items()}
            loss, hit = self._step(inputs, tf.constant(labels[rows]), tf.constant(weights[rows]))
            losses.append(loss)
            hits.append(hit)
        sizes = np.array([len(picked) for picked in parts])
        count = sizes.sum()
        return {
            "loss": float(np.dot(np.array(losses, np.float64), sizes) / count),
            "accuracy": float(np.sum(np.array(hits)) / count),
            "learning_rate": float(rate),
        }

    def _set_rate(self, rate: float) -> None:
        before = float(self._optimizer.learning_rate)
        if self.config.momentum_rate == "current" and before and rate != before:
            # The velocity of Keras holds the rate of its steps, that of PyTorch does not.
            for velocity in getattr(self._optimizer, "momentums", ()):
                velocity.assign(velocity * (rate / before))
        self._optimizer.learning_rate = rate

    def _order(self, epoch: int, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        # Drawn in any case, as the coins of mirroring are.
        shuffled = rng.permutation(len(labels))
        if self.config.order == "by_class":
            return np.argsort(labels, kind="stable")
        if self.config.order == "every_epoch" or not epoch:
            self._last_order = shuffled
        return self._last_order

    def _train_step(self, inputs, labels, weights):
        with tf.GradientTape() as tape:
            probabilities = self.model(inputs, training=True)
            losses = self._loss.call(labels, probabilities)
            loss = tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)
            for extra in self.model.losses:  # the layers' own terms, such as cosine consistency
                loss += tf.cast(extra, loss.dtype)
        variables = self.model.trainable_variables
        gradients = tape.gradient(loss, variables)
        if self.config.weight_decay and self.config.optimizer in ("adam", "sgd"):
            # L2 as Caffe and PyTorch have it: part of the gradient, on every weight.
            gradients = [
                gradient if gradient is None else gradient + self.config.weight_decay * variable
                for gradient, variable in zip(gradients, variables)
            ]
        gradients = [
            gradient if gradient is None or scale == 1.0 else gradient * scale
            for gradient, scale in zip(gradients, self._scales)
        ]
        self._optimizer.apply_gradients(zip(gradients, variables))
        hits = tf.equal(tf.argmax(probabilities, axis=-1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(hits, tf.int32))

    def _checked(self, tensors, rows) -> tuple[dict[str, np.ndarray], np.ndarray]:
        count = check_tensors(self.config.model, tensors, self._inputs)
        clips = np.arange(count) if rows is None else np.asarray(list(rows), np.int64)
        checked = {name: np.asarray(tensors[name]) for name in self._inputs}
        for name, array in checked.items():
            if array.dtype == np.uint8:
                continue
            checked[name] = array = np.asarray(array, np.float32)
            for row in clips:  # clip by clip: a mask of everything would take a quarter of the data again
                if not np.isfinite(array[row]).all():
                    raise ConfigError(f"tensor {name!r} holds values that are not finite")
        return checked, clips


def initialised_model(
    config: TrainConfig, seed: int = 0, recipe: Recipe | None = None
) -> tuple[keras.Model, TransferReport | None]:
    """A new model of that config, with its initial weights if it names any, and what they gave (``FoldTrainer``).

    With a recipe, a network of the user's own takes its tensors by name.
    """
    options = {**config.model_options, "seed": seed}
    model = build_model(config.model, config.num_classes, **options)
    report = _initialise(model, config.initial_weights) if config.initial_weights else None
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


def _shapes(signature) -> dict[str, tuple[int, ...]]:
    return {name: tuple(spec.shape[1:]) for name, spec in signature.items()}


def _values(shapes: Mapping[str, tuple[int, ...]]) -> int:
    return int(sum(np.prod(shape) for shape in shapes.values()))


def _rate(variable, bias_rate: float) -> float:
    path = getattr(variable, "path", variable.name).split(":")[0]
    return bias_rate if path.endswith("bias") else 1.0
