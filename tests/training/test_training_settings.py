"""What the settings of a run do to the steps, on the smallest network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.preprocessing import network_input
from mer_tf.recipes import get_recipe
from mer_tf.training import FoldTrainer, TrainConfig, run_loso
from mer_tf.training.losses import CLASS_WEIGHTS, LOSSES
from mer_tf.training.trainer import initialised_model

RECIPE = get_recipe("onset_apex_28_minmax")
CONFIG = TrainConfig("ststnet", optimizer="sgd", learning_rate=0.1, momentum=0.0, batch_size=64, epochs=1)


def weights_after(config, data, **options):
    trainer = FoldTrainer(config, RECIPE)
    start = initialised_model(config, 3)[0].get_weights()
    trainer.fit(data.tensors, data.labels, seed=3, **options)
    names = [getattr(weight, "path", weight.name) for weight in trainer.model.weights]
    return names, start, trainer.model.get_weights(), trainer


@pytest.fixture(scope="module")
def data(make_data):
    return make_data("ststnet")


def change(config, data, pick):
    names, start, end, _ = weights_after(config, data)
    return {name: after - before for name, before, after in zip(names, start, end) if pick in name}


def test_l2_decay_is_added_to_the_gradient(data):
    plain, decayed = CONFIG, dataclasses.replace(CONFIG, weight_decay=0.5)
    names, start, _, _ = weights_after(plain, data)
    before = dict(zip(names, start))
    without, with_decay = change(plain, data, "kernel"), change(decayed, data, "kernel")
    for name in without:
        np.testing.assert_allclose(with_decay[name], without[name] - 0.1 * 0.5 * before[name], atol=1e-6)


def test_biases_may_learn_at_another_rate(data):
    without = change(CONFIG, data, "probabilities")
    doubled = change(dataclasses.replace(CONFIG, bias_rate=2.0), data, "probabilities")
    for name in without:
        np.testing.assert_allclose(doubled[name], without[name] * (2 if "bias" in name else 1), atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "sgdw"])
def test_every_optimizer_starts_each_fold_afresh(data, optimizer):
    config = dataclasses.replace(
        CONFIG, optimizer=optimizer, learning_rate=1e-3, momentum=0.9, weight_decay=0.01, epochs=2, batch_size=5
    )
    trainer = FoldTrainer(config, RECIPE)
    results = []
    for _ in range(2):
        trainer.fit(data.tensors, data.labels, seed=1)
        results.append(trainer.predict(data.tensors))
    np.testing.assert_allclose(results[0], results[1], atol=1e-6)


def test_schedules():
    def rates(**settings):
        config = dataclasses.replace(CONFIG, epochs=6, **settings)
        return [config.learning_rate_at(epoch, 2 * epoch) for epoch in range(4)]

    assert rates(schedule="exponential", step_factor=0.5) == pytest.approx([0.1, 0.05, 0.025, 0.0125])
    assert rates(schedule="exponential", step_factor=0.5, schedule_epochs=2) == pytest.approx([0.1, 0.05, 0.025, 0.025])
    assert rates(schedule="inverse_time", decay=0.5) == pytest.approx([0.1, 0.05, 0.1 / 3, 0.025])
    assert rates(schedule="step", step_epochs=2, step_factor=0.1) == pytest.approx([0.1, 0.1, 0.01, 0.01])


def test_inverse_time_goes_on_within_an_epoch(data, monkeypatch):
    config = dataclasses.replace(CONFIG, schedule="inverse_time", decay=1.0, batch_size=4, epochs=2)
    trainer = FoldTrainer(config, RECIPE)
    rates, graph = [], trainer._steps.graph
    monkeypatch.setattr(trainer._steps, "graph", lambda *given: rates.extend(given[-1].numpy()) or graph(*given))
    trainer.fit(data.tensors, data.labels, seed=3)
    assert rates == pytest.approx([0.1 / (1 + step) for step in range(6)])  # 2 x 3 steps


def test_early_stopping_looks_at_the_training_loss(data):
    config = dataclasses.replace(
        CONFIG, learning_rate=1e-12, epochs=50, early_stopping=2, model_options={"dropout": 0.0}
    )
    *_, trainer = weights_after(config, data)
    assert len(trainer.history) < 50
    losses = [scalars["loss"] for scalars in trainer.history]
    assert min(losses[-3:]) >= min(losses[:-3])  # three epochs without a lower one: patience 2 and the last straw


def first_loss(config, data):
    """The loss of the first and only batch, and what the new model says of it: probabilities and own losses."""
    trainer = FoldTrainer(dataclasses.replace(config, learning_rate=1e-12), data.recipe)
    trainer.fit(data.tensors, data.labels, seed=3)
    model = initialised_model(trainer.config, 3)[0]
    inputs = {name: data.tensors[name] for name in (tensor.name.split(":")[0] for tensor in model.inputs)}
    probabilities = np.asarray(model(inputs, training=True))
    return trainer.history[0]["loss"], probabilities[np.arange(len(data.labels)), data.labels], model.losses


UNEVEN = np.array([0] * 6 + [1] * 4 + [2] * 2)
# Each loss by hand from the true class's probabilities, and its own weights of classes with 6, 4 and 2 clips.
BY_HAND = {
    "cross_entropy": (lambda p: -np.log(p), None),
    "focal": (lambda p: (1 - p) ** 1.5 * -np.log(p), None),
    "class_balanced_focal": (
        lambda p: (1 - p) ** 1.5 * -np.log(p),
        [0.5 / (1 - 0.5**6), 0.5 / (1 - 0.5**4), 0.5 / (1 - 0.5**2)],
    ),
}


WEIGHTS = {"none": [1, 1, 1], "published": [0.2857, 0.1329, 0.1695], "inverse_frequency": [1, 1.5, 3]}


@pytest.mark.parametrize(
    ("loss", "class_weights"),
    [(loss, name) for loss, entry in LOSSES.items() for name in (CLASS_WEIGHTS if entry.weigh is None else ["none"])],
)
def test_the_step_trains_the_loss_that_the_settings_name(data, loss, class_weights):
    by_hand, own_weights = BY_HAND[loss]
    weights = own_weights or WEIGHTS[class_weights]
    uneven = dataclasses.replace(data, labels=UNEVEN)
    config = dataclasses.replace(
        CONFIG, loss=loss, gamma=1.5, beta=0.5, class_weights=class_weights, model_options={"dropout": 0.0}
    )
    found, probabilities, own = first_loss(config, uneven)
    assert not own
    expected = np.average(by_hand(probabilities), weights=np.asarray(weights)[UNEVEN])
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_the_layers_own_losses_are_trained(make_data):
    data = make_data("dual_atme")
    config = TrainConfig("dual_atme", batch_size=64, epochs=1, model_options={"consistency": 5.0, "dropout": 0.0})
    found, probabilities, (consistency,) = first_loss(config, data)
    assert float(consistency) > 0.1
    assert found == pytest.approx(np.mean(-np.log(probabilities)) + float(consistency), rel=1e-4)


def test_training_on_arrays_sees_what_the_network_gets(make_data):
    arrays = make_data("ststnet", network=False)
    config = dataclasses.replace(CONFIG, augment={"rotation": 1e-9, "probability": 1.0}, epochs=2)
    trainer = FoldTrainer(config, RECIPE)
    assert trainer.takes_arrays
    trainer.fit(arrays.tensors, arrays.labels, seed=3, keys=arrays.keys)
    made = trainer.predict(arrays.tensors)
    network = {name: np.asarray(value) for name, value in network_input(arrays.tensors, RECIPE).items()}
    plain = FoldTrainer(dataclasses.replace(CONFIG, epochs=2), RECIPE)
    # Shuffling draws the same numbers in both, so every step sees the same clips.
    plain.fit(network, arrays.labels, seed=3)
    np.testing.assert_allclose(made, plain.predict(network), atol=2e-3)


def test_augmentation_needs_the_arrays(data, tmp_path):
    config = dataclasses.replace(CONFIG, augment={"rotation": 5.0})
    with pytest.raises(ConfigError, match="needs the clips' arrays"):
        run_loso(data, config, tmp_path)


def test_only_the_rows_of_the_fold_are_read(data):
    config = dataclasses.replace(CONFIG, epochs=2)
    spoilt = {name: array.copy() for name, array in data.tensors.items()}
    rows = [0, 1, 2, 4, 5, 6, 7, 8]
    for array in spoilt.values():
        array[[3, 9, 10, 11]] = np.nan
    results = []
    for tensors in (data.tensors, spoilt):
        trainer = FoldTrainer(config, RECIPE)
        trainer.fit(tensors, data.labels[rows], seed=0, rows=rows)
        results.append(trainer.predict(tensors, rows))
    np.testing.assert_array_equal(*results)


def test_initial_weights(data, tmp_path):
    path = tmp_path / "start.weights.h5"
    first = FoldTrainer(CONFIG, RECIPE)
    first.fit(data.tensors, data.labels, seed=5)
    first.model.save_weights(path)
    config = dataclasses.replace(CONFIG, learning_rate=1e-12, initial_weights=str(path))
    second = FoldTrainer(config, RECIPE)
    second.fit(data.tensors, data.labels, seed=9)
    for (name, one), other in zip(
        ((weight.name, value) for weight, value in zip(first.model.weights, first.model.get_weights())),
        second.model.get_weights(),
    ):
        if "moving" not in name and np.issubdtype(one.dtype, np.floating):
            np.testing.assert_allclose(other, one, atol=1e-6)
    with pytest.raises(MissingFileError, match="no weights file"):
        FoldTrainer(dataclasses.replace(CONFIG, initial_weights=str(tmp_path / "none.weights.h5")), RECIPE)
