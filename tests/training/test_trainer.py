from __future__ import annotations

import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest

from mer_tf.errors import ConfigError, EmptySplitError, MerError
from mer_tf.preprocessing import mirror_network_input
from mer_tf.recipes import get_recipe
from mer_tf.training import FoldTrainer, TrainConfig, fold_seed

# One branch: half of the tracing. Batches of 4 and 5 clips.
CONFIG = TrainConfig(
    "dual_atme",
    model_options={"branches": "face"},
    loss="focal",
    batch_size=5,
    epochs=3,
    mirror=True,
    beta_1=0.5,
    schedule="cosine",
    learning_rate=1e-3,
)


@pytest.fixture(scope="module")
def trainer():
    return FoldTrainer(CONFIG)


def fit_predict(trainer, data, seed, rows=None):
    tensors = {name: array[:rows] for name, array in data.tensors.items()}
    trainer.fit(tensors, data.labels[:rows], seed=seed)
    return trainer.predict(data.tensors)


@pytest.mark.slow
def test_a_fold_trained_second_equals_the_fold_trained_alone(trainer, make_data):
    data = make_data()
    fit_predict(trainer, data, seed=11, rows=9)
    second = fit_predict(trainer, data, seed=22)
    alone = fit_predict(FoldTrainer(CONFIG), data, seed=22)
    np.testing.assert_array_equal(second, alone)


def test_same_seed_same_result_and_another_seed_another(trainer, make_data):
    data = make_data()
    first = fit_predict(trainer, data, seed=1)
    np.testing.assert_array_equal(fit_predict(trainer, data, seed=1), first)
    assert np.abs(fit_predict(trainer, data, seed=2) - first).max() > 1e-4


def test_batches_of_every_size_share_one_trace(trainer, make_data):
    for clips in (1, 2, 3):
        fit_predict(trainer, make_data(clips=clips, subjects=5), seed=0)
    assert trainer._steps.graph.experimental_get_tracing_count() == 1
    assert trainer._infer.experimental_get_tracing_count() == 1


def test_training_data_is_not_changed(trainer, make_data):
    data = make_data()
    before = {name: array.copy() for name, array in data.tensors.items()}
    fit_predict(trainer, data, seed=0)
    for name, array in before.items():
        np.testing.assert_array_equal(data.tensors[name], array)


@pytest.mark.trains
@pytest.mark.parametrize("model", ["dual_atme", "atscnn"])
@pytest.mark.slow
def test_learns_what_can_be_learned(model, make_data, training_seed, within):
    """In 15 runs (three sets of kernels, five seeds) every clip was told right, and the loss fell to at most 0.031."""
    # About as many updates as the demo preset makes: with a third of them the moving statistics of batch
    # normalisation still lag behind, and some seeds fit the training clips yet fail at inference.
    config = TrainConfig.from_preset(model, "demo", epochs=20, batch_size=8)
    data, other = make_data(model, subjects=8, signal=1.0), make_data(model, subjects=4, signal=1.0, seed=1)
    trainer = FoldTrainer(config)
    trainer.fit(data.tensors, data.labels, seed=training_seed)
    losses = [row["loss"] for row in trainer.history]
    assert len(losses) == 20
    within(f"{model}: loss, last over first", losses[-1] / losses[0], high=0.5)
    right = trainer.predict(other.tensors).argmax(1) == other.labels
    within(f"{model}: accuracy on clips not seen", np.mean(right), low=0.9)


@pytest.fixture
def batches(trainer, monkeypatch):
    """The samples of every epoch that the trainer takes, each (clips, height, width, 3)."""
    seen, graph = [], trainer._steps.graph

    def record(tensors, rows, *rest):
        seen.append(tensors["face"].numpy()[rows.numpy()])
        return graph(tensors, rows, *rest)

    monkeypatch.setattr(trainer._steps, "graph", record)
    return seen


def test_each_clip_is_mirrored_by_the_toss_of_a_coin_and_nothing_else_changes(trainer, make_data, batches, monkeypatch):
    data = make_data()
    plain = data.tensors["face"]
    mirrored = np.asarray(mirror_network_input({"face": plain}, trainer.recipe)["face"])
    np.testing.assert_array_equal(mirrored[..., 1:], plain[:, :, ::-1, 1:])

    def epochs():
        """Clip and whether it is mirrored, of each sample of the epochs."""
        batches.clear()
        trainer.fit(data.tensors, data.labels, seed=0)
        found = []
        for sample in np.concatenate(batches):
            as_is, flipped = (np.flatnonzero((clips == sample).all(axis=(1, 2, 3))) for clips in (plain, mirrored))
            found.append((int([*as_is, *flipped][0]), len(flipped) == 1))
        return [found[start : start + 12] for start in (0, 12, 24)]

    tossed = epochs()
    for epoch in tossed:
        assert sorted(clip for clip, _ in epoch) == list(range(12))
    assert 9 <= sum(flipped for epoch in tossed for _, flipped in epoch) <= 27  # of 36
    assert len({tuple(sorted(epoch)) for epoch in tossed}) == 3  # each epoch tosses anew
    monkeypatch.setattr(trainer, "config", dataclasses.replace(CONFIG, mirror=False))
    assert epochs() == [[(clip, False) for clip, _ in epoch] for epoch in tossed]


@pytest.mark.parametrize(("clips", "steps"), [(0, [1, 1, 1]), (8, [2, 1])])
def test_an_epoch_in_one_call_equals_one_step_at_a_time(trainer, make_data, monkeypatch, clips, steps):
    """Whether all clips lie in the graph or come one batch at a time, or two."""
    data = make_data()
    whole = fit_predict(trainer, data, seed=4)
    told = trainer.history
    monkeypatch.setattr("mer_tf.training.trainer.STEP_VALUES", clips * 28 * 28 * 3)
    calls, graph = [], trainer._steps.graph
    monkeypatch.setattr(trainer._steps, "graph", lambda *given: calls.append(len(given[-1])) or graph(*given))
    np.testing.assert_array_equal(fit_predict(trainer, data, seed=4), whole)
    assert trainer.history == told
    assert calls == 3 * steps  # three epochs


def test_the_schedule_sets_the_rate_of_each_epoch(trainer, make_data):
    fit_predict(trainer, make_data(), seed=0)
    assert [row["learning_rate"] for row in trainer.history] == pytest.approx([1e-3, 7.5e-4, 2.5e-4])


def test_result_is_a_usable_model(trainer, make_data, tmp_path):
    data = make_data()
    model = trainer.fit(data.tensors, data.labels, seed=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        np.asarray(loaded({"face": data.tensors["face"]})), trainer.predict(data.tensors), atol=1e-5
    )


def test_options_reach_the_model():
    config = TrainConfig("atscnn", num_classes=5, model_options={"literal_head": True})
    trainer = FoldTrainer(config)
    assert trainer.model.output_shape == (None, 5) and trainer.model.literal_head
    with pytest.raises(ConfigError, match="option of model 'atscnn'"):
        FoldTrainer(TrainConfig("atscnn", model_options={"heads": 3}))


def test_divergence_is_reported(make_data):
    data = make_data()
    config = TrainConfig("dual_atme", optimizer="sgd", learning_rate=1e30, epochs=5)
    with pytest.raises(MerError, match=r"diverged.*lower the learning rate"):
        FoldTrainer(config).fit(data.tensors, data.labels, seed=0)


def test_data_that_does_not_fit(trainer, make_data):
    data = make_data()
    with pytest.raises(EmptySplitError, match="no training clips"):
        trainer.fit({name: array[:0] for name, array in data.tensors.items()}, data.labels[:0], seed=0)
    with pytest.raises(ConfigError, match="12 integers"):
        trainer.fit(data.tensors, data.labels[:3], seed=0)
    with pytest.raises(ConfigError, match=r"0\.\.2"):
        trainer.fit(data.tensors, data.labels + 1, seed=0)
    with pytest.raises(ConfigError, match="takes the tensors face"):
        trainer.predict({"puzzle": data.tensors["puzzle"]})
    with pytest.raises(ConfigError, match="'face' must be"):
        trainer.predict({**data.tensors, "face": data.tensors["face"][:, :14]})
    with pytest.raises(ConfigError, match="not finite"):
        trainer.predict({**data.tensors, "face": data.tensors["face"] * np.nan})
    assert trainer.predict({name: array[:0] for name, array in data.tensors.items()}).shape == (0, 3)


def test_model_and_recipe_must_fit():
    with pytest.raises(ConfigError, match="prepare the clips with --recipe onset_apex_28_hars"):
        FoldTrainer(CONFIG, get_recipe("onset_apex_128_streams"))


def test_fold_seed_is_stable_across_processes_and_distinct():
    # half of the first eight hexadecimal digits of sha256 of '0:casme2/sub01'
    assert fold_seed(0, "casme2/sub01") == 1389490257
    code = "from mer_tf.training.config import fold_seed; print(fold_seed(0, 'casme2/sub01'))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(out.stdout) == fold_seed(0, "casme2/sub01")
    assert len({fold_seed(seed, f"d/{k}") for seed in range(5) for k in range(50)}) == 250
