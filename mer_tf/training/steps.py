"""The steps of a training as one compiled graph."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mer_tf.layers.network import Network
from mer_tf.preprocessing import network_input
from mer_tf.recipes import Recipe
from mer_tf.training.config import TrainConfig
from mer_tf.training.losses import make_loss
from mer_tf.training.optimizers import Optimizer


class Steps:
    """Takes any number of training steps of one network in one call.

    A loop in Python makes constants of every batch and leaves the graph after every step; here the clips are handed
    over once, and picking, the second half of the recipe, and the sums of loss and hits are in the graph. One trace
    serves any number of clips, steps and sizes of batches.

    Args:
        model: The network; its weights are changed.
        config: Settings.
        recipe: Recipe of the inputs.
        arrays: Whether ``run`` is given the recipe's arrays, whose second half is then made in every step.

    Attributes:
        inputs: What ``run`` takes: name -> shape of one clip.
        optimizer: What updates the weights.
    """

    def __init__(self, model: keras.Model, config: TrainConfig, recipe: Recipe, *, arrays: bool):
        self._model, self._config, self._recipe, self._arrays = model, config, recipe, arrays
        own = not isinstance(model, Network)
        self._forward = functools.partial(model, training=True) if own else model.in_training
        self.inputs: dict[str, tuple[int, ...]] = (
            dict(recipe.inputs)
            if arrays
            else {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}
        )
        self._loss, _ = make_loss(config, np.ones(config.num_classes, np.int64))  # weights of classes come with clips
        self.optimizer = Optimizer(config, model.trainable_variables)
        # A weight of Keras 3 holds the variable.
        weights = [v if isinstance(v, tf.Variable) else v.value for v in model.weights]
        self._averaged = [weight for weight in weights if weight.dtype.is_floating] if config.average else []
        with tf.init_scope():
            self._means = [tf.Variable(weight, trainable=False) for weight in self._averaged]
            self._count = tf.Variable(0.0, trainable=False)
        kinds = (tf.int32, tf.int32, tf.float32, tf.int32, tf.float32, tf.int32, tf.float32)  # as ``_loop`` takes them
        self.graph = tf.function(
            self._loop,
            input_signature=[
                {name: tf.TensorSpec((None, *shape), tf.float32) for name, shape in self.inputs.items()},
                *(tf.TensorSpec((None,), kind) for kind in kinds),
            ],
        )

    def reset(self) -> None:
        """Forgets all steps; the mean of the weights begins with those that the network has now."""
        self.optimizer.reset()
        self._count.assign(0.0)
        for mean, weight in zip(self._means, self._averaged):
            mean.assign(weight)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within, the network has the mean of its weights (``config.average``), and afterwards those of before."""
        kept = [weight.read_value() for weight in self._averaged]
        self.take_average()
        yield
        for weight, value in zip(self._averaged, kept):
            weight.assign(value)

    def take_average(self) -> None:
        """Gives the network the mean of its weights, where one is kept."""
        for mean, weight in zip(self._means, self._averaged):
            weight.assign(mean)

    def run(
        self,
        tensors: Mapping[str, tf.Tensor | np.ndarray],
        rows: np.ndarray,
        *,
        labels: np.ndarray,
        weights: np.ndarray,
        sizes: Sequence[int],
        rates: Sequence[float],
        partners: np.ndarray | None = None,
        shares: np.ndarray | None = None,
    ) -> tuple[float, int]:
        """Takes one step for each batch.

        Args:
            tensors: Name -> float32 (clips, ...), see ``inputs``.
            rows: int (samples,), the clip of each sample, batch after batch.
            labels: int (samples,).
            weights: float (samples,), weight of each sample's loss.
            sizes: Samples of each batch.
            rates: Learning rate of each batch.
            partners: int (samples,), under ``config.mixup`` the other sample of each, counted within its batch.
            shares: float (samples,), in 0..1: how much of a sample is its own clip.

        Returns:
            The sum of the samples' losses, each that of its batch, and the number of samples that were told right.
        """
        loss, hits = self.graph(
            {name: tf.convert_to_tensor(tensors[name], tf.float32) for name in self.inputs},
            tf.constant(rows, tf.int32),
            tf.constant(labels, tf.int32),
            tf.constant(weights, tf.float32),
            tf.constant([] if partners is None else partners, tf.int32),
            tf.constant([] if shares is None else shares, tf.float32),
            tf.constant(np.cumsum([0, *sizes]), tf.int32),
            tf.constant(rates, tf.float32),
        )
        return float(loss), int(hits)

    def step(self, inputs, labels, weights, rate, partners=None, shares=None) -> tuple[tf.Tensor, tf.Tensor]:
        """One step on one batch: its mean loss and its hits.

        Source: label smoothing as Szegedy et al., CVPR 2016, section 7; mixup as Zhang et al., ICLR 2018, with a share
        for each pair; each is the same combination of the loss of the labels.
        """
        if self._config.mixup:
            inputs = {name: _mixed(tensor, partners, shares) for name, tensor in inputs.items()}
        with tf.GradientTape() as tape:
            probabilities = self._forward(inputs)
            losses, given = weights * self._losses(labels, probabilities), weights
            if self._config.mixup:
                others = tf.gather(weights, partners)
                losses = shares * losses + (1 - shares) * others * self._losses(
                    tf.gather(labels, partners), probabilities
                )
                given = shares * weights + (1 - shares) * others
            loss = tf.reduce_sum(losses) / tf.reduce_sum(given)
            for extra in self._model.losses:  # the layers' own terms, such as cosine consistency
                loss += tf.cast(extra, loss.dtype)
        self.optimizer.apply(tape.gradient(loss, self._model.trainable_variables), rate)
        self._update_means()
        hits = tf.equal(tf.argmax(probabilities, axis=-1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(hits, tf.int32))

    def _losses(self, labels, probabilities):
        losses, share = self._loss.call(labels, probabilities), self._config.label_smoothing
        if share:
            classes = [tf.fill(tf.shape(labels), label) for label in range(self._config.num_classes)]
            alike = tf.add_n([self._loss.call(every, probabilities) for every in classes]) / len(classes)
            losses = (1 - share) * losses + share * alike
        return losses

    def _update_means(self) -> None:
        if not self._means:
            return
        # Else the weights of the start would weigh most in a short training.
        count = self._count.assign_add(1.0)
        kept = tf.minimum(self._config.average, (1 + count) / (10 + count))
        for mean, weight in zip(self._means, self._averaged):
            mean.assign_sub(tf.cast(1 - kept, mean.dtype) * (mean - weight))

    def _loop(self, tensors, rows, labels, weights, partners, shares, bounds, rates):
        def one(number, loss, hits):
            first, last = bounds[number], bounds[number + 1]
            inputs = {name: tf.gather(tensor, rows[first:last]) for name, tensor in tensors.items()}
            if self._arrays:
                inputs = network_input(inputs, self._recipe)
            pairs = (partners[first:last], shares[first:last]) if self._config.mixup else ()
            found, right = self.step(inputs, labels[first:last], weights[first:last], rates[number], *pairs)
            size = tf.cast(last - first, tf.float64)
            return number + 1, loss + tf.cast(found, tf.float64) * size, hits + right

        _, loss, hits = tf.while_loop(
            lambda number, *_: number < tf.size(rates),
            one,
            (tf.constant(0), tf.constant(0.0, tf.float64), tf.constant(0)),
            parallel_iterations=1,
        )
        return loss, hits


def _mixed(tensor, partners, shares):
    shares = tf.reshape(shares, tf.concat([tf.shape(shares), tf.ones(tensor.shape.rank - 1, tf.int32)], axis=0))
    return shares * tensor + (1 - shares) * tf.gather(tensor, partners)
