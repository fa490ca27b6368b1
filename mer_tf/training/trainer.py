"""Training of one model on one set of clips, again and again without tracing again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from mer_tf.errors import ConfigError, EmptySplitError, MerError
from mer_tf.losses import FocalLoss
from mer_tf.models.registry import build_model, check_recipe, get_model_card
from mer_tf.preprocessing import mirror_network_input
from mer_tf.recipes import Recipe, get_recipe
from mer_tf.training.config import TrainConfig

PUBLISHED_WEIGHTS = (0.2857, 0.1329, 0.1695)  # Seed 001's weighted cross-entropy: negative, positive, surprise.
_PREDICT_BATCH = 128


class FoldTrainer:
    """Builds and traces a model once, then trains it from new weights for each fold.

    Tracing takes longer than training on a hundred small clips, so the graph is kept; the weights, the state of
    dropout and every variable of the optimizer are set back for each ``fit``. The result equals that of a trainer
    made for this fold alone, up to the order in which several threads add up (bit by bit with one thread).

    No global generator is read or seeded.

    Args:
        config: Settings.
        recipe: Recipe of the inputs. Defaults to the one the model names.

    Raises:
        UnknownNameError: Unknown model or option of the model.
        ConfigError: The recipe does not fit the model.
    """

    def __init__(self, config: TrainConfig, recipe: Recipe | None = None):
        self.config = config
        self.recipe = recipe or get_recipe(get_model_card(config.model).recipe)
        check_recipe(config.model, self.recipe)
        self.model = self._new_model(0)
        self.history: list[dict[str, float]] = []
        self._loss = FocalLoss(gamma=config.gamma if config.loss == "focal" else 0.0)
        self._optimizer = _optimizer(config)
        self._optimizer.build(self.model.trainable_variables)
        self._start = [np.array(variable) for variable in self._optimizer.variables]
        signature = {
            tensor.name.split(":")[0]: tf.TensorSpec((None, *tensor.shape[1:]), tf.float32)
            for tensor in self.model.inputs
        }
        self._inputs = {name: tuple(spec.shape[1:]) for name, spec in signature.items()}
        # One signature with an open batch dimension: batches of any size share one trace.
        self._step = tf.function(
            self._train_step,
            input_signature=[signature, tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.float32)],
        )
        self._infer = tf.function(lambda inputs: self.model(inputs, training=False), input_signature=[signature])

    def serves(self, config: TrainConfig, recipe: Recipe) -> bool:
        """Whether this trainer can train that config: all but the seed, shuffling and the preset's name is equal."""
        same = dataclasses.replace(
            config, seed=self.config.seed, shuffle_labels=self.config.shuffle_labels, preset=self.config.preset
        )
        return same == self.config and recipe.hash == self.recipe.hash

    def fit(
        self,
        tensors: Mapping[str, np.ndarray],
        labels: np.ndarray,
        *,
        seed: int,
        log_dir: str | os.PathLike | None = None,
        on_epoch: Callable[[int], None] | None = None,
    ) -> keras.Model:
        """Trains from new weights for ``config.epochs`` epochs.

        Args:
            tensors: Network inputs, name -> float32 (clips, height, width, channels); others are ignored.
            labels: int (clips,), each class at least once where weights by frequency are asked for.
            seed: Seed of weights, order of clips, mirroring and dropout.
            log_dir: Folder for TensorBoard scalars ``epoch/loss``, ``epoch/accuracy``, ``epoch/learning_rate``.
            on_epoch: Called after each epoch with its number, from 1; it may ``predict``, which changes nothing.

        Returns:
            The trained model; it is this trainer's own and the next ``fit`` overwrites it.

        Raises:
            EmptySplitError: No clip.
            ConfigError: Shapes, labels or values do not fit.
            MerError: The loss is no longer finite.
        """
        tensors = self._checked(tensors)
        labels = np.asarray(labels)
        count = len(next(iter(tensors.values())))
        if not count:
            raise EmptySplitError("there are no training clips")
        if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
            raise ConfigError(f"labels must be {count} integers. Received: {labels.dtype} {labels.shape}")
        if labels.min() < 0 or labels.max() >= self.config.num_classes:
            raise ConfigError(f"labels must lie in 0..{self.config.num_classes - 1}. Received: {sorted(set(labels))}")
        weights = self._class_weights(labels)[labels].astype(np.float32)
        labels = labels.astype(np.int32)
        self._reset(seed)

        rng = np.random.default_rng(seed)
        self.history = []
        writer = tf.summary.create_file_writer(os.fspath(log_dir)) if log_dir is not None else None
        try:
            for epoch in range(self.config.epochs):
                scalars = self._epoch(tensors, labels, weights, rng, self.config.learning_rate_at(epoch))
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
                if on_epoch is not None:
                    on_epoch(epoch + 1)
        finally:
            if writer is not None:
                writer.close()
        return self.model

    def predict(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """Probabilities float32 (clips, classes) of the model as last trained."""
        tensors = self._checked(tensors)
        count = len(next(iter(tensors.values())))
        out = np.zeros((count, self.config.num_classes), np.float32)
        for start in range(0, count, _PREDICT_BATCH):
            rows = slice(start, start + _PREDICT_BATCH)
            out[rows] = self._infer({name: tf.constant(array[rows]) for name, array in tensors.items()}).numpy()
        return out

    def _new_model(self, seed: int) -> keras.Model:
        return build_model(self.config.model, self.config.num_classes, **{**self.config.model_options, "seed": seed})

    def _reset(self, seed: int) -> None:
        # A new model's weights by construction, rather than a second implementation of initialisation.
        self.model.set_weights(self._new_model(seed).get_weights())
        for variable, value in zip(self._optimizer.variables, self._start):
            variable.assign(value)

    def _epoch(self, tensors, labels, weights, rng, rate) -> dict[str, float]:
        count = len(labels)
        order = rng.permutation(count)
        flips = rng.random(count) < 0.5 if self.config.mirror else np.zeros(count, bool)
        self._optimizer.learning_rate = rate
        losses, hits = [], []
        batches = np.array_split(order, -(-count // self.config.batch_size))
        for rows in batches:
            batch = {name: array[rows] for name, array in tensors.items()}
            flip = flips[rows]
            if flip.any():
                mirrored = mirror_network_input({name: array[flip] for name, array in batch.items()}, self.recipe)
                for name, array in mirrored.items():
                    batch[name][flip] = array
            inputs = {name: tf.constant(array) for name, array in batch.items()}
            loss, hit = self._step(inputs, tf.constant(labels[rows]), tf.constant(weights[rows]))
            losses.append(loss)
            hits.append(hit)
        sizes = np.array([len(rows) for rows in batches])
        return {
            "loss": float(np.dot(np.array(losses, np.float64), sizes) / count),
            "accuracy": float(np.sum(np.array(hits)) / count),
            "learning_rate": float(rate),
        }

    def _train_step(self, inputs, labels, weights):
        with tf.GradientTape() as tape:
            probabilities = self.model(inputs, training=True)
            losses = self._loss.call(labels, probabilities)
            loss = tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)
            for extra in self.model.losses:  # the layers' own terms, such as cosine consistency
                loss += tf.cast(extra, loss.dtype)
        variables = self.model.trainable_variables
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        hits = tf.equal(tf.argmax(probabilities, axis=-1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(hits, tf.int32))

    def _class_weights(self, labels: np.ndarray) -> np.ndarray:
        if self.config.class_weights == "published":
            return np.array(PUBLISHED_WEIGHTS)
        if self.config.class_weights == "inverse_frequency":
            counts = np.bincount(labels, minlength=self.config.num_classes)
            if not counts.all():
                raise EmptySplitError(f"class {int(np.argmin(counts))} has no training clip to weigh")
            return counts.max() / counts
        return np.ones(self.config.num_classes)

    def _checked(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        checked, counts = {}, set()
        for name, shape in self._inputs.items():
            if name not in tensors:
                raise ConfigError(
                    f"model {self.config.model!r} takes the tensors {', '.join(self._inputs)}. "
                    f"Received: {', '.join(tensors) or 'none'}"
                )
            array = np.asarray(tensors[name], np.float32)
            if array.shape[1:] != shape:
                raise ConfigError(f"tensor {name!r} must be (clips, {shape}). Received: {array.shape}")
            if not np.isfinite(array).all():
                raise ConfigError(f"tensor {name!r} holds values that are not finite")
            checked[name] = array
            counts.add(len(array))
        if len(counts) != 1:
            raise ConfigError(f"the tensors differ in their number of clips: {sorted(counts)}")
        return checked


def _optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(config.learning_rate, momentum=config.beta_1)
    # Epsilon of the framework the published codes use; Keras's own is 1e-7.
    return keras.optimizers.Adam(config.learning_rate, beta_1=config.beta_1, beta_2=config.beta_2, epsilon=1e-8)
