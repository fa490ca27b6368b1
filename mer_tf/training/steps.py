"""The steps of a training as one compiled graph."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

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
        kinds = (tf.int32, tf.int32, tf.float32, tf.int32, tf.float32)
        self.graph = tf.function(
            self._loop,
            input_signature=[
                {name: tf.TensorSpec((None, *shape), tf.float32) for name, shape in self.inputs.items()},
                *(tf.TensorSpec((None,), kind) for kind in kinds),
            ],
        )

    def run(
        self,
        tensors: Mapping[str, tf.Tensor | np.ndarray],
        rows: np.ndarray,
        *,
        labels: np.ndarray,
        weights: np.ndarray,
        sizes: Sequence[int],
        rates: Sequence[float],
    ) -> tuple[float, int]:
        """Takes one step for each batch.

        Args:
            tensors: Name -> float32 (clips, ...), see ``inputs``.
            rows: int (samples,), the clip of each sample, batch after batch.
            labels: int (samples,).
            weights: float (samples,), weight of each sample's loss.
            sizes: Samples of each batch.
            rates: Learning rate of each batch.

        Returns:
            The sum of the samples' losses, each that of its batch, and the number of samples that were told right.
        """
        loss, hits = self.graph(
            {name: tf.convert_to_tensor(tensors[name], tf.float32) for name in self.inputs},
            tf.constant(rows, tf.int32),
            tf.constant(labels, tf.int32),
            tf.constant(weights, tf.float32),
            tf.constant(np.cumsum([0, *sizes]), tf.int32),
            tf.constant(rates, tf.float32),
        )
        return float(loss), int(hits)

    def step(self, inputs, labels, weights, rate) -> tuple[tf.Tensor, tf.Tensor]:
        """One step on one batch: its mean loss and its hits."""
        with tf.GradientTape() as tape:
            probabilities = self._forward(inputs)
            losses = self._loss.call(labels, probabilities)
            loss = tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)
            for extra in self._model.losses:  # the layers' own terms, such as cosine consistency
                loss += tf.cast(extra, loss.dtype)
        self.optimizer.apply(tape.gradient(loss, self._model.trainable_variables), rate)
        hits = tf.equal(tf.argmax(probabilities, axis=-1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(hits, tf.int32))

    def _loop(self, tensors, rows, labels, weights, bounds, rates):
        def one(number, loss, hits):
            first, last = bounds[number], bounds[number + 1]
            inputs = {name: tf.gather(tensor, rows[first:last]) for name, tensor in tensors.items()}
            if self._arrays:
                inputs = network_input(inputs, self._recipe)
            found, right = self.step(inputs, labels[first:last], weights[first:last], rates[number])
            size = tf.cast(last - first, tf.float64)
            return number + 1, loss + tf.cast(found, tf.float64) * size, hits + right

        _, loss, hits = tf.while_loop(
            lambda number, *_: number < tf.size(rates),
            one,
            (tf.constant(0), tf.constant(0.0, tf.float64), tf.constant(0)),
            parallel_iterations=1,
        )
        return loss, hits
