"""Order of the clips and the last batch, and Adam's first steps, worked out here with numpy."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.training import FoldTrainer, TrainConfig
from mer_tf.training.optimizers import make_optimizer
from mer_tf.training.samples import batches

CONFIG = TrainConfig("ststnet", learning_rate=1e-3, batch_size=4, epochs=3, model_options={"dropout": 0.0})


@pytest.mark.parametrize(
    ("last", "sizes"),
    [("even", [4, 3, 3]), ("small", [4, 4, 2]), ("drop", [4, 4])],
)
def test_ten_clips_in_batches_of_four(last, sizes):
    parts = batches(np.arange(10), 4, last)
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(sum(sizes)))


def test_a_batch_that_no_epoch_fills_is_kept():
    assert [len(part) for part in batches(np.arange(3), 4, "drop")] == [3]
    assert [len(part) for part in batches(np.arange(8), 4, "drop")] == [4, 4]


@pytest.fixture
def seen(monkeypatch, make_data):
    """Labels of every batch of a training, epoch by epoch."""
    data = make_data("ststnet")

    def train(**settings):
        trainer = FoldTrainer(dataclasses.replace(CONFIG, **settings), data.recipe)
        batches, step = [], trainer._step

        def watched(inputs, labels, weights):
            batches.append((labels.numpy().tolist(), inputs["face"].numpy().sum(axis=(1, 2, 3)).tolist()))
            return step(inputs, labels, weights)

        monkeypatch.setattr(trainer, "_step", watched)
        trainer.fit(data.tensors, data.labels, seed=1)
        return batches, trainer

    return train


def test_by_class_is_class_after_class_in_every_epoch(seen):
    found, _ = seen(order="by_class", last_batch="small")
    labels = [label for part, _ in found for label in part]
    count = len(labels) // 3
    assert labels[:count] == sorted(labels[:count])
    assert found[: len(found) // 3] == found[len(found) // 3 : 2 * (len(found) // 3)]


def test_once_keeps_its_order_and_every_epoch_does_not(seen):
    for order, same in (("once", True), ("every_epoch", False)):
        found, _ = seen(order=order)
        third = len(found) // 3
        assert (found[:third] == found[third : 2 * third] == found[2 * third :]) is same


def test_the_mean_loss_is_that_of_the_clips_that_were_seen(seen):
    found, trainer = seen(order="once", last_batch="drop", epochs=1, batch_size=5)
    assert all(len(labels) == 5 for labels, _ in found)
    assert np.isfinite(trainer.history[0]["loss"]) and trainer.history[0]["accuracy"] <= 1


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adam_adds_epsilon_to_the_corrected_root(optimizer):
    # Gradients around epsilon show where it stands: in the first step the two readings differ by a factor of 32.
    config = dataclasses.replace(CONFIG, optimizer=optimizer, weight_decay=0.1)
    made = make_optimizer(config)
    start = np.array([1.0, -2.0, 0.5, 0.25], np.float32)
    variable = getattr(keras, "Variable", tf.Variable)(start)
    made.build([variable])
    gradients = np.random.default_rng(0).normal(size=(5, 4)) * [1e-8, 1e-7, 1e-5, 1.0]
    w, m, v = start.astype(np.float64), 0.0, 0.0
    for step, gradient in enumerate(gradients, start=1):
        made.apply_gradients([(tf.constant(gradient, tf.float32), variable)])
        if optimizer == "adamw":
            w = w - 1e-3 * 0.1 * w
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        w = w - 1e-3 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(np.array(variable), w, atol=2e-6)
    assert made.get_config()["epsilon"] == 1e-8
    assert type(made).from_config(made.get_config()).get_config() == made.get_config()


@pytest.mark.parametrize("momentum_rate", ["kept", "current"])
def test_momentum_after_a_change_of_the_rate(make_data, momentum_rate):
    # Momentum near 1 and rates 1, 0.1: "kept" goes on with the first step, "current" with a tenth of it.
    data = make_data("ststnet")
    config = dataclasses.replace(
        CONFIG, optimizer="sgd", momentum=0.9, momentum_rate=momentum_rate, schedule="step", step_epochs=1,
        step_factor=0.1, learning_rate=1e-2, epochs=2, batch_size=64,
    )  # fmt: skip
    trainer = FoldTrainer(config, data.recipe)
    gradients = []

    @tf.function
    def gradient(inputs, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(trainer._loss.call(labels, trainer.model(inputs, training=True)))
        return tape.gradient(loss, trainer.model.trainable_variables[-2])

    step, kernels = trainer._step, []

    def watched(inputs, labels, weights):
        before = trainer.model.get_weights()
        gradients.append(gradient(inputs, labels).numpy())
        trainer.model.set_weights(before)
        out = step(inputs, labels, weights)
        kernels.append(np.array(trainer.model.trainable_variables[-2]))
        return out

    trainer._step = watched
    trainer.fit(data.tensors, data.labels, seed=1)
    first, second = gradients
    velocity = 0.9 * first * (1e-2 if momentum_rate == "kept" else 1e-3) + 1e-3 * second
    np.testing.assert_allclose(kernels[0] - kernels[1], velocity, atol=1e-7)
