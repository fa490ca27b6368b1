"""Ensembles: the mean of probabilities by hand, the passport of one, and what cannot be summed."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from mer_tf.errors import ConfigError
from mer_tf.metrics.predictions import read_predictions
from mer_tf.report import build_report, read_run, to_markdown
from mer_tf.training import TrainConfig
from mer_tf.training.cross_validation import cross_validate, plan_run
from mer_tf.training.ensemble import Member, check_members, mean_predictions, write_ensemble
from mer_tf.types import Prediction


def mapped(data):
    """The clips with the name of the mapping whose classes the labels are."""
    return dataclasses.replace(data, mapping="megc2019")


def one(clip, label, *probabilities, fold="casme2/s1"):
    return Prediction("casme2", "s1", clip, fold, label, int(np.argmax(probabilities)), probabilities)


def test_the_mean_of_three_by_hand():
    members = [
        [one("a", 0, 0.6, 0.3, 0.1), one("b", 1, 0.5, 0.25, 0.25)],
        [one("b", 1, 0.0, 0.75, 0.25), one("a", 0, 0.2, 0.6, 0.2)],  # in another order
        [one("a", 0, 0.1, 0.75, 0.15), one("b", 1, 0.25, 0.25, 0.5)],
    ]
    a, b = mean_predictions(members)
    # a: (0.6 + 0.2 + 0.1) / 3 = 0.3, (0.3 + 0.6 + 0.75) / 3 = 0.55, (0.1 + 0.2 + 0.15) / 3 = 0.15
    np.testing.assert_allclose(a.probabilities, (0.3, 0.55, 0.15))
    assert (a.clip, a.label, a.prediction) == ("a", 0, 1)  # one member alone would have been right
    # b: 0.75 / 3, 1.25 / 3, 1 / 3; the first member says 0, the last 2
    np.testing.assert_allclose(b.probabilities, (0.25, 1.25 / 3, 1 / 3))
    assert b.prediction == 1


def test_of_equal_means_the_first_class_is_taken():
    assert mean_predictions([[one("a", 2, 0.0, 1.0, 0.0)], [one("a", 2, 1.0, 0.0, 0.0)]])[0].prediction == 0


@pytest.mark.parametrize(
    "other",
    [
        [one("a", 1, 0.5, 0.5)],
        [one("a", 0, 0.5, 0.5, fold="casme2/s2")],
        [one("b", 0, 0.5, 0.5)],
        [one("a", 0, 0.5, 0.5), one("b", 0, 0.5, 0.5)],
        [Prediction("casme2", "s1", "a", "casme2/s1", 0, 0, ())],
    ],
)
def test_other_clips_folds_or_labels_are_refused(other):
    with pytest.raises(ConfigError):
        mean_predictions([[one("a", 0, 0.5, 0.5)], other])


@pytest.fixture(scope="module")
def members(make_data, tmp_path_factory):
    """Two finished runs of hand-crafted systems on the same clips."""
    data, folder, found = mapped(make_data("linear_flow", signal=0.1)), tmp_path_factory.mktemp("members"), []
    for model in ("linear_flow", "majority"):
        config = TrainConfig.from_preset(model)
        cross_validate(data, config, folder / model)
        found.append(Member(str(folder / model), plan_run(data, config)))
    return found


def test_an_ensemble_is_a_run_with_its_members_named(members, tmp_path):
    passport = write_ensemble(tmp_path / "sum", members, name="both")
    own = [read_predictions(f"{member.folder}/predictions.csv", 3) for member in members]
    found = {p.clip + p.subject: p for p in read_predictions(tmp_path / "sum" / "predictions.csv", 3)}
    for p, q in zip(*own):
        mean = np.mean([p.probabilities, q.probabilities], axis=0)
        assert found[p.clip + p.subject].probabilities == pytest.approx(mean, abs=1e-15)
    assert passport["kind"] == "ensemble" and passport["model"] == "ensemble of linear_flow + majority"
    assert [m["model"] for m in passport["ensemble"]["members"]] == ["linear_flow", "majority"]
    for told, member in zip(passport["ensemble"]["members"], members):
        with open(f"{member.folder}/passport.json", encoding="utf-8") as file:
            own_passport = json.load(file)
        for name in ("config", "recipe_hash", "data_fingerprint"):
            assert told[name] == own_passport[name]
        assert told["uf1"] == own_passport["metrics"]["full"]["uf1"]
    assert "learning_rate" in passport["config"] and "model_options" not in passport["config"]  # what all share
    assert passport["wall_seconds"] >= 0 and passport["seeds"]["global"] is None


def test_the_report_says_what_an_ensemble_is(members, tmp_path):
    write_ensemble(tmp_path / "sum", members, name="sum of both")
    text = to_markdown(build_report([read_run(tmp_path / "sum"), read_run(members[0].folder)]))
    part = text[text.index("## sum of both") :]
    assert "Comparable: no. This is an ensemble of 2 runs" in part
    assert "published figures are of single systems" in part[: part.index("###", 200)]
    assert re.search(r"\| linear\\_flow \| 0 \|", part) and re.search(r"\| majority \| 0 \|", part)
    assert "seed None" not in text


def test_members_of_other_folds_are_refused_before_any_work(members, make_data):
    run = members[0].run
    other = plan_run(
        mapped(make_data("linear_flow", clips=6, subjects=4, signal=0.1)), TrainConfig.from_preset("majority")
    )
    with pytest.raises(ConfigError, match=r"sub00/EP03 is not among the clips of first and is held out in fold"):
        check_members([run, other], ["first", "second"])
