"""A folder is made ready for a run: what another run left is refused, or removed where that is forced."""

from __future__ import annotations

import json
import os

import pytest

from mer_tf import output
from mer_tf.errors import ConfigError
from mer_tf.types import Fold

pytest.importorskip("tensorflow")
from mer_tf.training.fold_store import begin_run, safe_path

SETTINGS = {
    "config": {"model": "ststnet", "seed": 1, "epochs": 2},
    "recipe": "r",
    "data": "ab" * 32,
    "protocol": "loso",
}
OTHER = {**SETTINGS, "config": {**SETTINGS["config"], "seed": 2}}
NAMES = ("casme2/sub01", "casme2/sub02", "casme2/M\udcfcller")


def folds(*names):
    return [Fold(name, (0,), (1,)) for name in names]


def files(out):
    return sorted(os.path.relpath(os.path.join(base, name), out) for base, _, names in os.walk(out) for name in names)


@pytest.fixture
def finished(tmp_path):
    """What a finished run leaves, and beside it what somebody else put there."""
    begin_run(tmp_path, SETTINGS, folds(*NAMES))
    for name in NAMES:
        file, logs = tmp_path / "folds" / f"{safe_path(name)}.json", tmp_path / "logs" / safe_path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"key": "k", "fold": name, "seconds": 1, "predictions": []}))
        logs.mkdir(parents=True)
        (logs / "events.out.tfevents.1.v2").write_text("x")
    for name in ("passport.json", "predictions.csv", "notes.txt", "folds/notes.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "logs" / "mine").mkdir()
    (tmp_path / "logs" / "mine" / "events.out.tfevents.1").write_text("x")
    return tmp_path


def test_the_same_settings_leave_everything(finished):
    before = files(finished)
    begin_run(finished, json.loads(json.dumps(SETTINGS)), folds(*NAMES))
    assert files(finished) == before


@pytest.mark.parametrize("ended", [True, False])
def test_other_settings_are_refused_with_what_differs(finished, ended):
    if not ended:
        (finished / "passport.json").unlink()
    before = files(finished)
    with pytest.raises(ConfigError, match=r"config\.seed \(1 there, 2 here\); give --force"):
        begin_run(finished, OTHER, folds(*NAMES))
    assert files(finished) == before


def test_force_removes_what_is_of_the_other_run_and_nothing_else(finished):
    begin_run(finished, OTHER, folds(NAMES[0]), force=True)
    assert files(finished) == sorted(
        ["folds/notes.json", "logs/mine/events.out.tfevents.1", "notes.txt", "run_settings.json"]
    )
    assert output.read_settings(finished)["settings"] == OTHER
    assert not (finished / "logs" / "casme2").exists() and not (finished / "folds" / "casme2").exists()


def test_folds_that_are_not_of_this_run_go(finished):
    """As an earlier version left them, which cleared nothing."""
    begin_run(finished, SETTINGS, folds(NAMES[0]))
    assert os.listdir(finished / "folds" / "casme2") == ["sub01.json"]
    assert os.listdir(finished / "logs" / "casme2") == ["sub01"]


def test_a_run_of_an_earlier_version_is_known_by_its_passport(tmp_path):
    passport = {"config": {**SETTINGS["config"], "initial_weights": ""}, "recipe_hash": "r"}
    passport |= {"data_fingerprint": SETTINGS["data"], "protocol": "loso"}
    (tmp_path / "passport.json").write_text(json.dumps(passport))
    same = {**SETTINGS, "config": passport["config"], "tensorflow": "2"}
    begin_run(tmp_path, same, folds(NAMES[0]))
    os.unlink(tmp_path / "run_settings.json")
    with pytest.raises(ConfigError, match="protocol"):
        begin_run(tmp_path, {**same, "protocol": "cde"}, folds(NAMES[0]))
    (tmp_path / "passport.json").write_text("cut sho")
    with pytest.raises(ConfigError, match="not recorded"):
        begin_run(tmp_path, same, folds(NAMES[0]))
