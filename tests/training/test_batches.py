"""Order of the clips and the last batch, and what the optimizers do, worked out here with numpy and by Keras."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.addons import make_sgdw
from mer_tf.training import FoldTrainer, TrainConfig
from mer_tf.training.optimizers import Optimizer
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
        batches, graph = [], trainer._steps.graph

        def watched(tensors, rows, labels, *more):
            sums = tensors["face"].numpy().sum(axis=(1, 2, 3))[rows.numpy()]
            for first, last in itertools.pairwise(more[-2].numpy()):
                batches.append((labels.numpy()[first:last].tolist(), sums[first:last].tolist()))
            return graph(tensors, rows, labels, *more)

        monkeypatch.setattr(trainer._steps, "graph", watched)
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


RATES = (0.1, 0.1, 0.02, 0.02, 0.05)
ROUNDING = 1e-5  # in float32, 1 - 0.999 has four digits: the steps of Adam, of 0.1 here, differ in the fifth


def by_numpy(config, w, gradients):
    """The weight after those gradients, each at its rate of ``RATES``; see ``Optimizer``."""
    w, m, v = w.astype(np.float64), 0.0, 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, RATES), start=1):
        if config.optimizer in ("adam", "sgd"):
            gradient = gradient + config.weight_decay * w
        else:
            w = w - config.weight_decay * w * (rate if config.optimizer == "adamw" else 1)
        if config.optimizer in ("adam", "adamw"):
            m = config.beta_1 * m + (1 - config.beta_1) * gradient
            v = config.beta_2 * v + (1 - config.beta_2) * gradient**2
            w = w - rate * m / (1 - config.beta_1**step) / (np.sqrt(v / (1 - config.beta_2**step)) + 1e-8)
        elif config.momentum_rate == "kept":
            m = config.momentum * m - rate * gradient
            w = w + m
        else:
            m = config.momentum * m + gradient
            w = w - rate * m
    return w


def by_keras(config, w, gradients):
    """The same by the optimizer of Keras, where it has one with the same formula."""
    make = {
        "sgd": lambda: keras.optimizers.SGD(momentum=config.momentum),
        "sgdw": lambda: make_sgdw(0.1, config.momentum, config.weight_decay),
        # Epsilon stands elsewhere in Keras, and is too small to matter beside these gradients.
        "adam": lambda: keras.optimizers.Adam(beta_1=config.beta_1, beta_2=config.beta_2, epsilon=1e-8),
        "adamw": lambda: keras.optimizers.AdamW(
            beta_1=config.beta_1, beta_2=config.beta_2, epsilon=1e-8, weight_decay=config.weight_decay
        ),
    }
    optimizer, variable = make[config.optimizer](), VARIABLE(w)
    optimizer.build([variable])
    for gradient, rate in zip(gradients, RATES):
        optimizer.learning_rate = rate
        decay = config.weight_decay * np.array(variable) if config.optimizer in ("adam", "sgd") else 0
        optimizer.apply_gradients([(tf.constant(gradient + decay, tf.float32), variable)])
    return np.array(variable)


VARIABLE = getattr(keras, "Variable", tf.Variable)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adam", "beta_1": 0.6, "beta_2": 0.7},
        {"optimizer": "adamw"},
        {"optimizer": "sgd", "momentum": 0.0},
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "momentum_rate": "current"},
        {"optimizer": "sgdw"},
        {"optimizer": "sgdw", "momentum_rate": "current"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_one_kernel_does_what_keras_and_the_formula_do(settings, decay):
    config = dataclasses.replace(CONFIG, weight_decay=decay, **settings)
    start = np.array([1.0, -2.0, 0.5, 0.25], np.float32)
    gradients = np.random.default_rng(0).normal(size=(5, 4))
    still, variable = VARIABLE(start), VARIABLE(start)
    optimizer = Optimizer(config, [still, variable])
    step = tf.function(lambda gradient, rate: optimizer.apply([None, gradient], rate))
    for _ in range(2):  # the second time from the start again
        optimizer.reset()
        variable.assign(start)
        for gradient, rate in zip(gradients, RATES):
            step(tf.constant(gradient, tf.float32), tf.constant(rate, tf.float32))
        np.testing.assert_allclose(np.array(variable), by_numpy(config, start, gradients), rtol=1e-5, atol=ROUNDING)
    np.testing.assert_array_equal(np.array(still), start)  # without a gradient
    if config.momentum_rate == "kept":
        np.testing.assert_allclose(np.array(variable), by_keras(config, start, gradients), rtol=1e-5, atol=ROUNDING)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_adds_epsilon_to_the_corrected_root(name):
    # Gradients around epsilon show where it stands: in the first step the two readings differ by a factor of 32.
    config = dataclasses.replace(CONFIG, optimizer=name, weight_decay=0.0)
    start = np.array([1.0, -2.0, 0.5, 0.25], np.float32)
    variable = VARIABLE(start)
    optimizer = Optimizer(config, [variable])
    gradients = np.random.default_rng(0).normal(size=(5, 4)) * [1e-8, 1e-7, 1e-5, 1.0]
    for gradient, rate in zip(gradients, RATES):
        optimizer.apply([tf.constant(gradient, tf.float32)], tf.constant(rate))
    np.testing.assert_allclose(np.array(variable), by_numpy(config, start, gradients), atol=2e-6)
