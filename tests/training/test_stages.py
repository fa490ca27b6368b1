"""A run whose folds start from the weights that the same folds of another run left."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from mer_tf import cli
from mer_tf.errors import ConfigError, LeakageError, MissingFileError
from mer_tf.systems.registry import build_model
from mer_tf.systems.transfer import named_weights
from mer_tf.systems.weights import load_model_weights
from mer_tf.training import FoldTrainer, TrainConfig, train_final
from mer_tf.training.cross_validation import cross_validate
from mer_tf.training.initial import start_from_fold, weights_hash

FIRST = TrainConfig("ststnet", epochs=1, batch_size=8)
# A rate at which nothing moves: what the second stage predicts is what it started from.
SECOND = dataclasses.replace(FIRST, learning_rate=1e-12, seed=5)


@pytest.fixture(scope="module")
def data(make_data):
    return dataclasses.replace(make_data("ststnet", subjects=3), mapping="megc2019")


@pytest.fixture(scope="module")
def first(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("stages") / "first"
    cross_validate(data, FIRST, out, save_models=True)
    return out


def weights(out, fold):
    model = build_model("ststnet")
    load_model_weights(model, out / "folds" / f"{fold}.weights.h5")
    return named_weights(model)


def test_each_fold_starts_from_its_own_weights_and_a_new_classifier(data, first, tmp_path):
    config = dataclasses.replace(SECOND, initial_weights=str(first))
    passport = cross_validate(data, config, tmp_path / "second", save_models=True)
    assert passport["initial_weights"]["sha256"] == weights_hash(first)
    assert passport["initial_weights"]["summary"].startswith("each fold from its own: ")
    folds = [fold.name for fold in data.loso_folds(3)]
    for fold in folds:
        before, after = weights(first, fold), weights(tmp_path / "second", fold)
        # Statistics move with every step, and so does the state of dropout.
        trained = [name for name in before if name.rpartition("/")[2] in ("kernel", "bias", "gamma", "beta")]
        for name in trained:
            same = np.allclose(before[name], after[name], atol=1e-6)
            assert same != name.startswith("probabilities/"), name


def test_workers_and_a_resumed_run_start_alike(data, first, tmp_path):
    config = dataclasses.replace(SECOND, initial_weights=str(first))
    one = cross_validate(data, config, tmp_path / "one")
    cross_validate(data, config, tmp_path / "two", workers=2)
    names = ("one", "two")
    assert len({(tmp_path / name / "predictions.csv").read_bytes() for name in names}) == 1
    (tmp_path / "two" / "folds" / "casme2" / "sub01.json").unlink()
    cross_validate(data, config, tmp_path / "two")
    assert len({(tmp_path / name / "predictions.csv").read_bytes() for name in names}) == 1
    assert one["config"]["initial_weights"] == str(first)


def test_weights_that_saw_the_tested_clips_are_refused(data, first, tmp_path):
    config = dataclasses.replace(SECOND, initial_weights=str(first))
    moved = dataclasses.replace(data, clips=tuple(f"{clip}x" for clip in data.clips))
    with pytest.raises(LeakageError, match="did not hold back in that fold"):
        cross_validate(moved, config, tmp_path / "moved")
    renamed = dataclasses.replace(data, subjects=tuple(subject.replace("01", "09") for subject in data.subjects))
    with pytest.raises(ConfigError, match="no weights of 1 folds, such as casme2/sub09"):
        cross_validate(renamed, config, tmp_path / "renamed")


def test_what_is_not_such_a_run_is_refused(data, first, tmp_path):
    with pytest.raises(MissingFileError, match="no finished run"):
        weights_hash(tmp_path)
    cross_validate(data, FIRST, tmp_path / "plain")
    with pytest.raises(MissingFileError, match="run it again with --save-models"):
        cross_validate(data, dataclasses.replace(SECOND, initial_weights=str(tmp_path / "plain")), tmp_path / "out")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "passport.json").write_text(json.dumps({"config": 3}))
    with pytest.raises(ConfigError, match="cannot be read as a passport"):
        weights_hash(tmp_path / "odd")


def test_damaged_weights_are_refused_by_their_hash(data, first, tmp_path):
    shutil.copytree(first, tmp_path / "copy")
    file = tmp_path / "copy" / "folds" / "casme2" / "sub01.weights.h5"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ConfigError, match="not as its run wrote it"):
        start_from_fold(build_model("ststnet"), tmp_path / "copy", "casme2/sub01")


def test_only_folds_start_from_folds(data, first, capsys, tmp_path):
    config = dataclasses.replace(SECOND, initial_weights=str(first))
    with pytest.raises(ConfigError, match="only the same folds can start"):
        FoldTrainer(config, data.recipe).fit(data.tensors, data.labels, seed=0)
    with pytest.raises(ConfigError, match="only the same folds can start"):
        train_final(data, config)
    arguments = ["--model", "ststnet", "--data", str(tmp_path), "--initial-weights", str(first)]
    assert cli.main(["train", *arguments, "--out", str(tmp_path / "model")]) == 2
    assert "is a folder" in capsys.readouterr().err
