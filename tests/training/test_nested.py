"""Nested choice: what is picked, by which clips, and that no held-out clip has a say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mer_tf import metrics
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics.predictions import read_predictions
from mer_tf.report import build_report, read_run, to_markdown
from mer_tf.training import TrainConfig
from mer_tf.training.cross_validation import plan_run
from mer_tf.training.loso import run_loso
from mer_tf.training.nested import Nested, inner_folds, merged_config, pick
from mer_tf.types import Fold


def mapped(data):
    """The clips with the name of the mapping whose classes the labels are."""
    return dataclasses.replace(data, mapping="megc2019")


def choice(data, inner=3, candidates=(1e-5, 0.03, 1.0)):
    configs = [
        TrainConfig.from_preset("linear_flow", model_options={"logistic": {"c": [c]}, "feature": {"grid": [7, 7]}})
        for c in candidates
    ]
    names = [f"c={c}" for c in candidates]
    return Nested(
        "n", [plan_run(data, config) for config in configs], names, [{"c": str(c)} for c in candidates], inner
    )


def test_of_equal_scores_the_first_is_picked():
    assert pick([0.5, 0.7, 0.7, 0.1]) == 1 and pick([0.2, 0.2]) == 0


def test_inner_folds_hold_each_training_clip_once_and_no_subject_twice():
    subjects = [f"casme2/s{k // 2}" for k in range(12)]
    outer = Fold("casme2/s1", tuple(k for k in range(12) if k // 2 != 1), (2, 3))
    folds = inner_folds(subjects, outer, 3)
    assert len(folds) == 3 and len({fold.name for fold in folds}) == 3
    assert sorted(row for fold in folds for row in fold.test) == list(outer.train)
    for fold in folds:
        assert not {2, 3} & {*fold.train, *fold.test}
        assert set(fold.train) | set(fold.test) == set(outer.train)
        assert not {subjects[row] for row in fold.train} & {subjects[row] for row in fold.test}
    assert len(inner_folds(subjects, outer, 50)) == 5  # one for each subject


@pytest.fixture(scope="module")
def chosen(make_data, tmp_path_factory):
    data, folder = mapped(make_data("linear_flow", subjects=6, signal=0.04)), tmp_path_factory.mktemp("nested")
    nested = choice(data)
    return data, nested, nested.train(folder), folder


def test_the_pick_is_the_best_pooled_uf1_of_the_inner_folds(chosen, tmp_path):
    """The scores of one outer fold, computed without the code that picks."""
    data, nested, passport, _ = chosen
    outer = nested.runs[0].split.folds[2]
    folds = inner_folds(data.subject_keys, outer, 3)
    scores = []
    for number, run in enumerate(nested.runs):
        found = run_loso(data, run.config, tmp_path / str(number), folds=folds, logs=False)
        scores.append(metrics.uf1(metrics.confusion_matrix([p.label for p in found], [p.prediction for p in found], 3)))
    told = passport["nested"]["picks"][outer.name]
    assert told["inner_uf1"] == pytest.approx(scores) and told["candidate"] == int(np.argmax(scores))
    assert len(set(scores)) > 1
    assert not (tmp_path / "0" / "logs").exists()


def test_each_fold_is_tested_with_what_was_picked_for_it(chosen, tmp_path):
    data, nested, passport, folder = chosen
    folds = nested.runs[0].split.folds
    found = {(p.subject, p.clip): p for p in read_predictions(folder / "predictions.csv", 3)}
    assert len(found) == len(data)
    for fold in (folds[0], folds[3]):
        run = nested.runs[passport["nested"]["picks"][fold.name]["candidate"]]
        for p in run_loso(data, run.config, tmp_path / fold.name, folds=[fold]):
            assert found[p.subject, p.clip] == p
    assert sum(passport["nested"]["times_picked"]) == len(folds)


@pytest.mark.parametrize("poison", ["clips", "labels"])
def test_held_out_clips_have_no_say_in_the_choice(chosen, tmp_path, poison):
    """With a subject's clips spoilt, what is picked for its own fold stays, and so does every inner score."""
    data, _, before, _ = chosen
    rows = [row for row, subject in enumerate(data.subjects) if subject == "sub03"]
    tensors = {name: array.copy() for name, array in data.tensors.items()}
    labels = data.labels.copy()
    if poison == "clips":
        for array in tensors.values():
            array[rows] = 1e3 * np.random.default_rng(1).normal(size=array[rows].shape)
    else:
        labels[rows] = (labels[rows] + 1) % 3
    spoilt = dataclasses.replace(data, tensors=tensors, labels=labels)
    after = choice(spoilt).train(tmp_path)["nested"]["picks"]
    assert after["casme2/sub03"] == before["nested"]["picks"]["casme2/sub03"]
    others = [name for name in after if name != "casme2/sub03"]
    assert any(after[name] != before["nested"]["picks"][name] for name in others)  # it was in their training sides


def test_it_goes_on_where_it_was_killed(chosen, tmp_path, monkeypatch):
    data, nested, passport, folder = chosen
    assert nested.finished(folder) == nested.trainings == 6 * 3 * 3 + 6
    from mer_tf.training import nested as module

    calls = []

    def dying(*args, **kwargs):
        calls.append(args)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return run_loso(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(module, "run_loso", dying)
        with pytest.raises(KeyboardInterrupt):
            nested.train(tmp_path)
    assert nested.finished(tmp_path) == 2 * 18
    again = nested.train(tmp_path)
    assert again["nested"] == passport["nested"]
    assert (tmp_path / "predictions.csv").read_bytes() == (folder / "predictions.csv").read_bytes()


def test_a_candidate_may_be_added_and_other_inner_folds_are_refused(chosen):
    data, _, _, folder = chosen
    more = choice(data, candidates=(1e-5, 0.03, 1.0, 10.0))
    assert more.finished(folder) >= 6 * 3 * 3  # what was done counts
    with pytest.raises(ConfigError, match=r"nested \(3 there, 2 here\)"):
        choice(data, inner=2).train(folder)


def test_an_inner_fold_that_lacks_a_class_is_told_before_any_work(make_data):
    data = mapped(make_data("linear_flow", subjects=4))
    labels = data.labels.copy()
    labels[labels == 2] = 1
    labels[[2, 5]] = 2  # two people show class 2: an outer training side may have one of them
    with pytest.raises(EmptySplitError, match="inner folds cannot be trained.*--inner"):
        choice(dataclasses.replace(data, labels=labels), inner=2)


def test_settings_that_were_picked_are_told_as_such(chosen):
    _, nested, passport, folder = chosen
    assert passport["kind"] == "nested" and passport["config"]["seed"] == 0
    assert passport["config"]["model_options"]["logistic.c"] == "one of [1e-05], [0.03], [1.0], picked in each fold"
    text = to_markdown(build_report([read_run(folder)]))
    times = passport["nested"]["times_picked"]
    assert f"| c 1e-05 | {times[0]} of 6 |" in text
    assert "Settings were picked inside each fold, without its held-out clips" in text


def test_settings_that_agree_are_merged_as_they_are():
    one, other = (TrainConfig.from_preset("ststnet", learning_rate=rate) for rate in (1e-3, 1e-4))
    merged = merged_config([one, other])
    assert merged["learning_rate"] == "one of 0.001, 0.0001, picked in each fold"
    assert {k: v for k, v in merged.items() if k != "learning_rate"} == {
        k: v for k, v in one.to_json().items() if k != "learning_rate"
    }
