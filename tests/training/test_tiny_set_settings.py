"""What is done for sets of few clips: label smoothing, mixup, the mean of the weights, balanced draws."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.preprocessing.augment import AugmentConfig
from mer_tf.recipes import get_recipe
from mer_tf.training import FoldTrainer, TrainConfig
from mer_tf.training.samples import Samples
from mer_tf.training.steps import Steps

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 4)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2, 0])
WEIGHTS = np.array([1, 2, 1, 0.5, 1, 1, 3], np.float32)


def steps(**settings):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,), name="flow")
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    config = TrainConfig("ststnet", **{"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1e-30, **settings})
    made = Steps(model, config, get_recipe("onset_apex_28_minmax"), arrays=False)
    made.reset()
    return model, made


def run(made, sizes=(7,), rate=1e-30, **pairs):
    options = {"labels": LABELS, "weights": WEIGHTS, "sizes": list(sizes), "rates": [rate] * len(sizes)}
    return made.run({"flow": X}, np.arange(7), **options, **pairs)


def logs(model, x):
    return np.log(model(tf.constant(x)).numpy().astype(np.float64))


def test_label_smoothing_is_cross_entropy_with_softened_labels():
    model, made = steps(label_smoothing=0.3)
    soft = 0.7 * np.eye(3)[LABELS] + 0.1
    losses = -(soft * logs(model, X)).sum(axis=1)
    assert run(made)[0] == pytest.approx(7 * np.average(losses, weights=WEIGHTS), rel=1e-5)


def test_mixup_mixes_clips_and_labels_within_the_batch():
    model, made = steps(mixup=0.4)
    partners, shares = np.array([2, 0, 1, 3, 1, 0, 2]), np.array([0.9, 0.2, 0.5, 1.0, 0.3, 0.7, 0.0])
    total = 0.0
    for batch in (slice(0, 3), slice(3, 7)):
        x, y, w, share = X[batch], LABELS[batch], WEIGHTS[batch], shares[batch, None]
        other = partners[batch]
        soft = share * np.eye(3)[y] * w[:, None] + (1 - share) * np.eye(3)[y[other]] * w[other, None]
        mixed = (share * x + (1 - share) * x[other]).astype(np.float32)
        total += len(x) * -(soft * logs(model, mixed)).sum() / soft.sum()
    assert run(made, (3, 4), partners=partners, shares=shares)[0] == pytest.approx(total, rel=1e-5)


def test_the_mean_of_the_weights():
    model, made = steps(average=0.8, learning_rate=0.5)
    means = [value.astype(np.float64) for value in model.get_weights()]
    for count in range(1, 13):
        run(made, rate=0.5)
        kept = min(0.8, (1 + count) / (10 + count))
        means = [kept * mean + (1 - kept) * value for mean, value in zip(means, model.get_weights())]
    last = model.get_weights()
    with made.averaged():
        for value, mean in zip(model.get_weights(), means):
            np.testing.assert_allclose(value, mean, rtol=1e-4, atol=1e-6)
    for value, before in zip(model.get_weights(), last):
        np.testing.assert_array_equal(value, before)
    made.take_average()
    assert np.abs(model.get_weights()[0] - last[0]).max() > 1e-3


def test_one_graph_serves_many_steps_of_a_mean():
    """Three steps in one call are three calls."""
    (one, first), (other, second) = steps(average=0.5), steps(average=0.5)
    run(first, (3, 2, 2), rate=0.3)
    for start, size in ((0, 3), (3, 2), (5, 2)):
        rows = slice(start, start + size)
        second.run(
            {"flow": X}, np.arange(7)[rows], labels=LABELS[rows], weights=WEIGHTS[rows], sizes=[size], rates=[0.3]
        )
    first.take_average()
    second.take_average()
    for a, b in zip(one.get_weights(), other.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def samples(labels, **augment):
    keys = [f"set/s/{row}" for row in range(len(labels))]
    config = AugmentConfig(**augment)
    return Samples(np.array(labels), keys, seed=3, augment=config, resample="balanced", num_classes=3)


def test_balanced_draws():
    labels = np.array([0] * 20 + [1] * 5 + [2] * 2)
    drawn, seen = samples(labels), set()
    for epoch in range(6):
        rows, copies = drawn.epoch(epoch)
        assert len(rows) == 27 and np.bincount(labels[rows]).tolist() == [9, 9, 9]
        numbers = np.bincount(rows, minlength=27)
        assert set(numbers[20:25]) == {1, 2} and set(numbers[25:]) == {4, 5}  # none again before all were
        seen |= set(zip(rows.tolist(), copies.tolist()))
    assert len(seen) == 6 * 27  # no augmentation twice
    assert {row for row, _ in seen} == set(range(27))
    np.testing.assert_array_equal(drawn.epoch(2)[0], samples(labels).epoch(2)[0])
    assert (drawn.epoch(2)[0] != drawn.epoch(3)[0]).any()


def test_balanced_draws_of_fixed_versions_and_of_a_class_without_clips():
    rows, copies = samples([0, 0, 0, 1, 2], copies=4, rotation=5.0).epoch(0)
    assert len(rows) == 20 and copies.max() < 4 and np.bincount(rows)[3:].min() >= 6
    with pytest.raises(EmptySplitError, match="a class has none"):
        samples([0, 1, 1])


@pytest.mark.parametrize(
    "settings", [{"label_smoothing": 1.0}, {"mixup": -0.1}, {"average": 1.0}, {"resample": "equal"}]
)
def test_values_that_cannot_be(settings):
    with pytest.raises(ConfigError):
        TrainConfig("ststnet", **settings)


def test_a_fold_with_all_of_it_is_the_same_every_time(make_data):
    """The mean predicts during training too, which changes nothing of it."""
    data = make_data("ststnet")
    plain = {"epochs": 3, "batch_size": 4, "mirror": True, "learning_rate": 1e-3}
    config = TrainConfig("ststnet", **plain, label_smoothing=0.1, mixup=0.2, average=0.9, resample="balanced")
    trainer = FoldTrainer(config)
    found, during = [], []
    for on_epoch in (None, lambda epoch: during.append(trainer.predict(data.tensors))):
        trainer.fit(data.tensors, data.labels, seed=5, on_epoch=on_epoch)
        found.append(trainer.predict(data.tensors))
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(found[0], during[-1])
    assert np.abs(during[0] - during[-1]).max() > 0
    without = FoldTrainer(TrainConfig("ststnet", **plain))
    without.fit(data.tensors, data.labels, seed=5)
    assert np.abs(without.predict(data.tensors) - found[0]).max() > 1e-3
