"""The logs of a whole run as training leaves them: made of what folds keep, after a kill too; no result is lost."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mer_tf import atomic
from mer_tf.board.profile import operations
from mer_tf.training import FoldTrainer, TrainConfig, run_loso
from mer_tf.training import run_logs as module
from mer_tf.training.cross_validation import cross_validate, plan_run
from mer_tf.training.fold_store import begin_run
from mer_tf.training.run_logs import log_run

CONFIG = TrainConfig("ststnet", epochs=2, batch_size=8)


@pytest.fixture(scope="module")
def data(make_data):
    return dataclasses.replace(make_data("ststnet", subjects=3, signal=0.5), mapping="megc2019")


@pytest.fixture(scope="module")
def trainer(data):
    return FoldTrainer(CONFIG, data.recipe)


@pytest.fixture(scope="module")
def run(data, trainer, tmp_path_factory):
    """A finished run, and what its two epochs predicted."""
    out = tmp_path_factory.mktemp("run")
    cross_validate(data, CONFIG, out, trainer=trainer, epoch_predictions=1)
    return out


def read(folder):
    return EventAccumulator(str(folder), size_guidance=dict.fromkeys(("scalars", "tensors", "images"), 0)).Reload()


def content(folder):
    """Everything that the logs of a run say, without the times."""
    logs, tags = read(folder), read(folder).Tags()
    found = {tag: [(e.step, e.value) for e in logs.Scalars(tag)] for tag in tags["scalars"]}
    found |= {tag: [e.tensor_proto.string_val[0] for e in logs.Tensors(tag)] for tag in tags["tensors"]}
    found |= {tag: [e.encoded_image_string for e in logs.Images(tag)] for tag in tags["images"]}
    tables = {path.name: path.read_bytes() for path in folder.iterdir() if "tfevents" not in path.name}
    return found, tables, logs.Graph().SerializeToString(deterministic=True)


def test_the_curves_are_the_means_of_those_of_the_folds(run):
    pooled = read(run / "logs/pooled")
    folds = [read(run / f"logs/casme2/sub0{k}") for k in range(3)]
    for name in ("loss", "accuracy", "learning_rate"):
        each = np.array([[event.value for event in fold.Scalars(f"epoch/{name}")] for fold in folds])
        mean = [(event.step, event.value) for event in pooled.Scalars(f"training_mean/{name}")]
        assert each.shape == (3, 2) and [step for step, _ in mean] == [1, 2]
        np.testing.assert_allclose([value for _, value in mean], each.mean(axis=0), rtol=1e-6)
    scores = json.loads((run / "passport.json").read_text())["metrics"]["full"]
    for name in ("uf1", "uar", "accuracy"):
        assert pooled.Scalars(f"pooled/{name}")[0].value == pytest.approx(scores[name])
        assert pooled.Scalars(f"held_out_by_epoch/{name}")[-1].value == pytest.approx(scores[name])


def test_the_graph_is_the_network(run):
    nodes = [node.name for node in read(run / "logs/pooled").Graph().node]
    assert any("stream3" in name for name in nodes)


def test_a_killed_run_ends_with_the_same_logs(run, data, trainer, tmp_path):
    def kill(done, *_):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cross_validate(data, CONFIG, tmp_path, trainer=trainer, epoch_predictions=1, progress=kill)
    cross_validate(data, CONFIG, tmp_path, trainer=trainer, epoch_predictions=1)
    assert content(tmp_path / "logs/pooled") == content(run / "logs/pooled")
    # A kill between the new file and the old one's end, and one inside a file.
    (tmp_path / "logs/pooled" / f"{atomic.PREFIX}abc").write_text("half")
    log_run(tmp_path, plan_run(data, CONFIG), [])
    cross_validate(data, CONFIG, tmp_path, trainer=trainer, epoch_predictions=1)
    assert content(tmp_path / "logs/pooled") == content(run / "logs/pooled")


def test_neither_logs_nor_a_profile_change_a_prediction(run, data, trainer, tmp_path):
    folds = data.loso_folds(3)
    options = {"trainer": trainer, "epoch_predictions": 1}
    without = run_loso(data, CONFIG, tmp_path / "without", logs=False, **options)
    assert not (tmp_path / "without/logs").exists()
    traced = run_loso(data, CONFIG, tmp_path / "traced", folds=folds[:2], profile=True, **options)
    assert traced == without[:6]
    key = lambda p: (p.dataset, p.subject, p.clip)  # noqa: E731
    from mer_tf.metrics.predictions import read_predictions

    assert sorted(without, key=key) == sorted(read_predictions(run / "predictions.csv", 3), key=key)
    found = operations(tmp_path / "traced/logs/profile")
    assert any("Conv2D" in name for name in found) and min(calls for _, calls in found.values()) > 0
    assert read(tmp_path / "traced/logs/profile").Tensors("profile/operations")


def test_a_fault_in_the_logs_costs_no_result(data, tmp_path, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("no font")

    monkeypatch.setattr(module, "log_pooled", broken)
    config = TrainConfig.from_preset("majority")
    assert cross_validate(data, config, tmp_path)["clips"] == 9
    assert "could not be written" in caplog.text and "no font" in caplog.text

    def full(*_, **__):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(module, "log_pooled", full)
    with pytest.raises(OSError, match="No space"):
        cross_validate(data, config, tmp_path)


def test_a_feature_has_its_scores_and_inputs_but_no_graph(data, tmp_path):
    cross_validate(data, TrainConfig.from_preset("linear_flow"), tmp_path)
    tags = read(tmp_path / "logs/pooled").Tags()
    assert "pooled/uf1" in tags["scalars"] and "training_mean/accuracy" in tags["scalars"]
    assert "inputs/negative" in tags["images"] and not tags["graph"]


def test_logs_of_other_settings_go_when_a_run_is_replaced(run, data, tmp_path):
    begin_run(tmp_path, {"config": {"seed": 0}}, [])
    for name in ("pooled", "profile"):
        folder = tmp_path / "logs" / name
        folder.mkdir(parents=True)
        (folder / "events.out.tfevents.1.mer").write_text("")
    begin_run(tmp_path, {"config": {"seed": 1}}, [], force=True)
    assert not list(tmp_path.rglob("events*"))
