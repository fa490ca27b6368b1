from __future__ import annotations

import dataclasses
import json
import pathlib

import numpy as np
import processes_helper
import pytest
import tensorflow as tf

from mer_tf.console import hearing
from mer_tf.errors import ConfigError, EmptySplitError, LeakageError, MerError
from mer_tf.metrics.predictions import read_epoch_predictions
from mer_tf.recipes import get_recipe
from mer_tf.training import FoldTrainer, TrainConfig, run_loso, train_final, train_fold
from mer_tf.training.fold import training_labels
from mer_tf.training.fold_store import safe_path
from mer_tf.training.interface import TRAININGS, Trainer
from mer_tf.types import Fold

# One branch: half of the tracing.
CONFIG = TrainConfig(
    "dual_atme", model_options={"branches": "face"}, loss="focal", batch_size=6, epochs=2, mirror=True, seed=3
)


def scalars(folder):
    found = {}
    for file in sorted(pathlib.Path(folder).glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


@pytest.fixture(scope="module")
def trainer():
    return FoldTrainer(CONFIG)


@pytest.fixture(scope="module")
def run(make_data, tmp_path_factory, trainer):
    """A finished run on four subjects."""
    out = tmp_path_factory.mktemp("run")
    data, calls = make_data(), []
    predictions = run_loso(data, CONFIG, out, progress=lambda *call: calls.append(call), trainer=trainer)
    return data, out, predictions, calls


def test_each_clip_is_predicted_once_by_the_fold_of_its_subject(run):
    data, _, predictions, calls = run
    assert ["/".join((p.dataset, p.subject, p.clip)) for p in predictions] == list(data.keys)
    assert [p.label for p in predictions] == data.labels.tolist()
    for p in predictions:
        assert p.fold == f"{p.dataset}/{p.subject}"
        assert sum(p.probabilities) == pytest.approx(1, abs=1e-5)
        assert p.prediction == int(np.argmax(p.probabilities))
    assert [call[:3] for call in calls] == [(k, 4, f"casme2/sub{k - 1:02}") for k in range(1, 5)]
    assert not any(call[4] for call in calls)


def test_tensorboard_logs(run):
    _, out, _, _ = run
    found = scalars(out / "logs" / "casme2" / "sub00")
    assert found["epoch/loss"] == found["epoch/accuracy"] == found["epoch/learning_rate"] == [1, 2]
    assert found["test/accuracy"] == [2]
    assert [path.suffix for path in (out / "logs" / "pooled").iterdir()] == [".graph"]  # the rest is for the whole run


def test_a_finished_run_is_read_back_exactly(run):
    data, out, predictions, _ = run
    calls = []
    assert run_loso(data, CONFIG, out, progress=lambda *call: calls.append(call)) == predictions
    assert [call[4] for call in calls] == [True] * 4


def test_folds_tell_how_far_they_are(run, trainer, tmp_path):
    data, out, _, _ = run
    told = []
    with hearing(lambda *news: told.append(news)):
        run_loso(data, CONFIG, tmp_path, folds=data.loso_folds(3)[:2], trainer=trainer)
        run_loso(data, CONFIG, out)
    assert told == [
        (TRAININGS, 0, 2),
        *2 * [(TRAININGS, 0.5, None), (TRAININGS, 0.5, None), (TRAININGS, 0.0, None)],  # an epoch, an epoch, the rest
        (TRAININGS, 4, 4),  # of an earlier run
    ]


class DeadlyWorker:
    """Stands for what a worker process does, without TensorFlow."""

    start = staticmethod(processes_helper.ready)
    work = staticmethod(processes_helper.train)


@pytest.mark.slow
def test_a_fold_whose_process_is_killed_is_named(run, tmp_path, monkeypatch):
    data = run[0]
    monkeypatch.setattr("mer_tf.training.workers._Worker", DeadlyWorker)
    with pytest.raises(MerError, match="fold casme2/sub02: .* killed by SIGKILL .*, twice; run again with fewer"):
        run_loso(data, CONFIG, tmp_path, folds=data.loso_folds(3)[2:3], workers=2)


def test_a_killed_run_goes_on(run, trainer, tmp_path):
    data, _, predictions, _ = run

    def kill(done, *_):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_loso(data, CONFIG, tmp_path, progress=kill, trainer=trainer)
    calls = []
    again = run_loso(data, CONFIG, tmp_path, progress=lambda *call: calls.append(call), trainer=trainer)
    assert [call[4] for call in calls] == [True, True, False, False]
    assert again == predictions


def reused(data, config, out, trainer, **options):
    flags = []
    run_loso(data, config, out, progress=lambda *call: flags.append(call[4]), trainer=trainer, **options)
    return sum(flags)


def test_what_invalidates_finished_folds(make_data, trainer, tmp_path):
    data, config = make_data(subjects=2), CONFIG
    assert reused(data, config, tmp_path, trainer) == 0
    assert reused(data, config, tmp_path, trainer) == 2
    assert reused(data, config, tmp_path, trainer, resume=False) == 0
    assert reused(data, dataclasses.replace(config, seed=4), tmp_path, trainer) == 0
    tensors = {name: array.copy() for name, array in data.tensors.items()}
    tensors["face"][0, 0, 0, 0] += 0.1
    changed = dataclasses.replace(data, tensors=tensors)
    assert reused(changed, dataclasses.replace(config, seed=4), tmp_path, trainer) == 0
    file = tmp_path / "folds" / "casme2" / "sub01.json"
    content = json.loads(file.read_text())
    assert content["fold"] == "casme2/sub01" and len(content["predictions"]) == 3
    file.write_text(file.read_text()[:50])  # a file that something else cut short
    assert reused(changed, dataclasses.replace(config, seed=4), tmp_path, trainer) == 1
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.mark.parametrize("part", ["code", "packages", "environment"])
def test_finished_folds_of_other_code_versions_or_kernels_are_trained_again(
    make_data, trainer, tmp_path, monkeypatch, part
):
    from mer_tf import numerics

    data, known = make_data(subjects=2), numerics.deciding()
    assert reused(data, CONFIG, tmp_path, trainer) == 0
    monkeypatch.setattr(numerics, "deciding", lambda: {**known, part: "another"})
    assert reused(data, CONFIG, tmp_path, trainer) == 0
    monkeypatch.undo()
    assert reused(data, CONFIG, tmp_path, trainer) == 0  # overwritten meanwhile


def test_two_processes_agree_with_one(run, tmp_path):
    data, _, predictions, _ = run
    assert run_loso(data, CONFIG, tmp_path, workers=2) == predictions  # bit by bit
    assert scalars(tmp_path / "logs" / "casme2" / "sub03")["epoch/loss"] == [1, 2]


def test_one_fold_alone_equals_the_same_fold_of_the_run(run):
    data, _, predictions, _ = run
    fold = data.loso_folds(3)[2]
    assert train_fold(data, fold, CONFIG) == [p for p in predictions if p.fold == fold.name]


def test_held_out_clips_do_not_influence_training(run, trainer):
    data, _, predictions, _ = run
    fold = data.loso_folds(3)[0]
    tensors = {name: array.copy() for name, array in data.tensors.items()}
    labels = data.labels.copy()
    for row in fold.test[1:]:  # everything held out but the first clip becomes something else
        labels[row] = (labels[row] + 1) % 3
        for array in tensors.values():
            array[row] = 100.0
    changed = dataclasses.replace(data, tensors=tensors, labels=labels)
    got = train_fold(changed, fold, CONFIG, trainer)[0]
    np.testing.assert_allclose(got.probabilities, predictions[0].probabilities, atol=1e-5)


def test_shuffled_labels_stay_within_training(run, trainer, monkeypatch):
    data, _, _, _ = run
    config = dataclasses.replace(CONFIG, shuffle_labels=True)
    labels = data.labels[3:]
    shuffled = training_labels(labels, config, 5)
    assert sorted(shuffled) == sorted(labels) and (shuffled != labels).any()
    np.testing.assert_array_equal(training_labels(labels, config, 5), shuffled)
    np.testing.assert_array_equal(training_labels(labels, CONFIG, 5), labels)
    seen = []
    fit = trainer.fit
    monkeypatch.setattr(trainer, "fit", lambda *args, **kwargs: seen.append(args[1]) or fit(*args, **kwargs))
    fold = data.loso_folds(3)[0]
    predictions = train_fold(data, fold, config, trainer)
    assert [p.label for p in predictions] == data.labels[list(fold.test)].tolist()
    assert sorted(seen[0]) == sorted(data.labels[list(fold.train)])
    assert (seen[0] != data.labels[list(fold.train)]).any()


def test_leaks_are_stopped_before_any_work(run, tmp_path):
    data, _, _, _ = run
    with pytest.raises(LeakageError, match="subject casme2/sub00"):
        run_loso(data, CONFIG, tmp_path, folds=[Fold("f", (1, 4, 5, 6, 7, 8), (0,))])
    with pytest.raises(LeakageError, match="clip casme2/sub00/EP00"):
        train_fold(data, Fold("f", (0, 4, 5), (0,)), CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_impossible_runs_are_stopped_before_any_work(run, make_data, tmp_path):
    data, _, _, _ = run
    cases = [
        (EmptySplitError, "at least two subjects", {"data": make_data(subjects=1)}),
        (EmptySplitError, "fold casme2/sub00: class 2 has no training clip", {"data": data.take([0, 1, 2, 3, 4])}),
        (EmptySplitError, "fold f: class 1", {"folds": [Fold("f", (3, 5), (0,))]}),
        (EmptySplitError, "no folds", {"folds": []}),
        (EmptySplitError, "the test side is empty", {"folds": [Fold("f", (0, 1, 2), ())]}),
        (ConfigError, "same name", {"folds": [Fold("f", (0, 1, 2), (3,))] * 2}),
        (ConfigError, "workers", {"workers": 0}),
        (ConfigError, "prepare the clips with --recipe", {"data": make_data("atscnn")}),
        (ConfigError, r"label 2, expected 0\.\.1", {"config": TrainConfig("dual_atme", num_classes=2)}),
    ]
    for error, message, change in cases:
        with pytest.raises(error, match=message):
            run_loso(**{"data": data, "config": CONFIG, "out_dir": tmp_path, **change})
    assert list(tmp_path.iterdir()) == []


def test_a_trainer_of_another_run_is_refused(run):
    data, _, _, _ = run
    trainer = FoldTrainer(dataclasses.replace(CONFIG, epochs=1))
    with pytest.raises(ConfigError, match="another config"):
        train_fold(data, data.loso_folds(3)[0], CONFIG, trainer)


def test_final_model_trains_on_everything(run, tmp_path):
    data, _, _, _ = run
    model = train_final(data, CONFIG, log_dir=tmp_path)
    assert np.asarray(model({"face": data.tensors["face"]})).shape == (12, 3)
    assert scalars(tmp_path)["epoch/loss"] == [1, 2]
    with pytest.raises(EmptySplitError, match="the data: class 1 has no training clip"):
        train_final(data.take([0, 3, 6]), CONFIG)
    with pytest.raises(ConfigError, match="prepare the clips with --recipe"):
        train_final(data, TrainConfig("atscnn"))


def test_raw_motion_is_brought_to_the_network(make_data, trainer, tmp_path):
    data = make_data(network=False, subjects=2)
    assert data.recipe == get_recipe("onset_apex_28_hars")
    predictions = run_loso(data, CONFIG, tmp_path, trainer=trainer)
    assert len(predictions) == 6


@pytest.mark.parametrize("name", ["../../x", "..", "a//b", "/etc/x", "a\0b", "a:b\\c", "."])
def test_fold_names_cannot_leave_the_folder(name, tmp_path):
    path = pathlib.Path(safe_path(name))
    assert not path.is_absolute() and ".." not in path.parts and "." not in safe_path(name).split("/")
    (tmp_path / path).resolve().relative_to(tmp_path.resolve())
    assert "\0" not in str(path) and "\\" not in str(path)


class StoppingTrainer(Trainer):
    """Stops one epoch later in each fold, and says class ``epoch % 3``."""

    takes_arrays = False

    def __init__(self, config, recipe):
        self.config, self.recipe, self.fits, self.history = config, recipe, 0, []

    def fit(self, tensors, labels, *, on_epoch=None, **_):
        self.fits, self.history = self.fits + 1, []
        for epoch in range(1, self.fits + 2):
            self.history.append({})
            on_epoch(epoch)

    def predict(self, tensors, rows=None):
        return np.tile(np.eye(3, dtype=np.float32)[len(self.history) % 3], (len(rows), 1))


def test_a_fold_that_stops_early_keeps_its_last_epoch(make_data, tmp_path):
    data = make_data(subjects=3)
    config = dataclasses.replace(CONFIG, epochs=9, early_stopping=0)
    predictions = run_loso(data, config, tmp_path, trainer=StoppingTrainer(config, data.recipe), epoch_predictions=2)
    epochs = read_epoch_predictions(tmp_path / "epochs.csv")
    # The folds ended after 2, 3 and 4 epochs; in epoch 3 the last one was not asked, as it went on.
    assert {epoch: [p.prediction for p in rows[::3]] for epoch, rows in epochs.items()} == {2: [2, 2, 2], 4: [2, 0, 1]}
    assert epochs[4] == predictions


def test_more_epoch_predictions_than_can_be_read_are_refused_before_the_work(make_data, tmp_path):
    data = make_data(subjects=3)
    config = dataclasses.replace(CONFIG, epochs=1_000_000)
    with pytest.raises(ConfigError, match="9,000,000 rows.*keep those of every 9. epoch"):
        run_loso(data, config, tmp_path, epoch_predictions=1)
    assert not list(tmp_path.iterdir())


def test_fold_names_keep_apart():
    names = ["a/b", "a%2Fb", "a_b", "a//b", "a b", "../a", "%2E%2E/a"]
    assert len({safe_path(name) for name in names}) == len(names)
