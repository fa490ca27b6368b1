"""``--save-models``: weights beside the predictions of each fold, whole or not at all, and what a failing fold says."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mer_tf import atomic
from mer_tf.errors import ConfigError, MerError
from mer_tf.systems.registry import build_model
from mer_tf.systems.weights import load_model_weights
from mer_tf.training import FoldTrainer, TrainConfig, run_loso
from mer_tf.training.cross_validation import cross_validate
from mer_tf.training.fold_store import begin_run
from mer_tf.training.initial import weights_hash

CONFIG = TrainConfig("ststnet", epochs=1, batch_size=8)


@pytest.fixture(scope="module")
def data(make_data):
    return dataclasses.replace(make_data("ststnet", subjects=3), mapping="megc2019")


@pytest.fixture(scope="module")
def trainer(data):
    return FoldTrainer(CONFIG, data.recipe)


@pytest.fixture(scope="module")
def plain(data, trainer):
    """What a run without saved weights predicts."""

    def run(out, **options):
        taken = []
        found = run_loso(data, CONFIG, out, trainer=trainer, progress=lambda *call: taken.append(call[4]), **options)
        return found, sum(taken)

    return run


@pytest.fixture(scope="module")
def saved(plain, tmp_path_factory):
    out = tmp_path_factory.mktemp("saved")
    return out, plain(out, save_models=True)[0]


def file_of(out, subject="sub01", ending=".weights.h5"):
    return out / "folds" / "casme2" / f"{subject}{ending}"


def test_the_weights_predict_what_the_fold_predicted(saved, data):
    out, predictions = saved
    assert len(list(out.rglob("*.weights.h5"))) == 3 and not list(out.rglob(f"{atomic.PREFIX}*"))
    for fold in data.loso_folds(3):
        model = build_model("ststnet")
        load_model_weights(model, file_of(out, fold.name.partition("/")[2]))
        found = model.predict({name: array[list(fold.test)] for name, array in data.tensors.items()}, verbose=0)
        wanted = [p.probabilities for p in predictions if p.fold == fold.name]
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    told = json.loads(file_of(out, ending=".json").read_text())["weights"]
    assert told == {"sha256": weights_hash(file_of(out)), "size": file_of(out).stat().st_size}


def test_folds_without_weights_are_trained_again_where_they_are_asked_for(plain, saved, tmp_path):
    _, predictions = saved
    assert plain(tmp_path) == (predictions, 0)
    assert plain(tmp_path, save_models=True) == (predictions, 0)
    assert plain(tmp_path, save_models=True) == (predictions, 3)
    file_of(tmp_path).unlink()
    file_of(tmp_path, "sub02").write_bytes(b"cut short")
    assert plain(tmp_path) == (predictions, 3)  # not asked for
    assert plain(tmp_path, save_models=True) == (predictions, 1)
    assert plain(tmp_path, save_models=True) == (predictions, 3)


def test_weights_are_there_before_the_predictions_count(plain, trainer, tmp_path, monkeypatch):
    """A process that dies while it writes leaves neither the file nor a finished fold."""

    def dying(path):
        with open(path, "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.model, "save_weights", dying, raising=False)
    with pytest.raises(KeyboardInterrupt):
        plain(tmp_path, save_models=True)
    assert not [path for path in (tmp_path / "folds").rglob("*") if path.is_file()]


def test_what_a_kill_left_half_written_goes_when_the_run_begins_again(tmp_path):
    left = tmp_path / "folds" / "casme2"
    (left / f"{atomic.PREFIX}abc").mkdir(parents=True)
    (left / f"{atomic.PREFIX}abc" / "x.weights.h5").write_text("half")
    (left / f"{atomic.PREFIX}def").write_text("half")
    (left / "sub01.json").write_text("{}")
    begin_run(tmp_path, {"config": {}}, [])
    assert [path.name for path in left.iterdir()] == ["sub01.json"]


def test_another_run_takes_the_weights_away_with_the_folds(data, tmp_path):
    out = tmp_path / "run"
    passport = cross_validate(data, CONFIG, out, save_models=True)
    assert set(passport["saved_models"]) == {"casme2/sub00", "casme2/sub01", "casme2/sub02"}
    for told in passport["saved_models"].values():
        assert weights_hash(out / told["file"]) == told["sha256"]
    with pytest.raises(ConfigError, match="other settings"):
        cross_validate(data, dataclasses.replace(CONFIG, seed=1), out)
    assert "saved_models" not in cross_validate(data, TrainConfig.from_preset("majority"), out, force=True)
    assert not list(out.rglob("*.weights.h5"))


def test_hand_crafted_systems_have_none(make_data, tmp_path):
    with pytest.raises(ConfigError, match="hand-crafted.*no weights.*--save-models"):
        run_loso(make_data("linear_flow"), TrainConfig.from_preset("linear_flow"), tmp_path, save_models=True)
    assert not list(tmp_path.iterdir())


def test_a_fold_that_diverges_is_named_and_leaves_the_others(plain, trainer, tmp_path, monkeypatch):
    fit = trainer.fit

    def diverging(tensors, labels, *, keys, **options):
        if not any("sub01" in key for key in keys):
            raise MerError("training of 'ststnet' diverged: the loss is nan in epoch 1")
        return fit(tensors, labels, keys=keys, **options)

    monkeypatch.setattr(trainer, "fit", diverging)
    with pytest.raises(MerError, match="fold casme2/sub01: training .* diverged: .* nan .*; finished folds are kept"):
        plain(tmp_path)
    monkeypatch.undo()
    assert plain(tmp_path)[1] == 1
