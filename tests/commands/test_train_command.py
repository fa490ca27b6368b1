"""``mer train``: a version that a server loads, with the scores of the cross-validation that belongs to it."""

from __future__ import annotations

import json

import pytest
from records_helper import write_records

from mer_tf.cli import main
from mer_tf.recipes import get_recipe

pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Prepared records and a finished cross-validation on them."""
    root = tmp_path_factory.mktemp("train")
    write_records(root / "data", get_recipe("onset_apex_28_minmax"))
    assert mer(root, "loso", "--workers", 1, "--out", root / "run") == 0
    return root


def mer(root, verb, *arguments):
    fixed = ["--model", "ststnet", "--data", root / "data"]
    return main([verb, *map(str, [*fixed, *(() if "--epochs" in arguments else ("--epochs", "1")), *arguments])])


def test_the_version_is_served_and_tells_its_scores(work, tmp_path, capfd):
    from mer_tf.export import read_description
    from mer_tf.serving.client import PredictionClient
    from mer_tf.serving.server import MerServer

    out = tmp_path / "model"
    assert mer(work, "train", "--out", out, "--loso", work / "run") == 0
    said = capfd.readouterr().out
    (version,) = (path for path in out.iterdir() if path.name.isdecimal())
    passport = json.loads((work / "run" / "passport.json").read_text())
    uf1 = passport["metrics"]["full"]["uf1"]
    assert f"trained on 6 clips of 2 subjects: {version}" in said and f"UF1 {uf1:.3f}" in said
    told = read_description(version)["trained_on"]
    assert told["clips"] == 6 and told["loso"]["uf1"] == uf1 and told["preset"] == "paper"
    with MerServer(out, 0) as server, PredictionClient(f"127.0.0.1:{server.port}") as client:
        assert client.describe().model == "ststnet"
    assert mer(work, "train", "--out", out) == 0
    assert "not cross-validated" in capfd.readouterr().out
    newest = max(int(path.name) for path in out.iterdir() if path.name.isdecimal())
    assert newest > int(version.name)
    told = read_description(out / str(newest))["trained_on"]
    assert told["loso"]["uf1"] is None and (told["synthetic"], told["partial"]) == (False, False)


def test_scores_of_other_settings_or_clips_are_not_taken(work, tmp_path, capfd):
    assert mer(work, "train", "--out", tmp_path / "m", "--loso", work / "run", "--epochs", "2") == 2
    assert "run with other settings: epochs (1 there, 2 here)" in capfd.readouterr().err
    write_records(tmp_path / "data", get_recipe("onset_apex_28"))
    assert mer(tmp_path, "train", "--out", tmp_path / "m", "--loso", work / "run") == 2
    assert "run on other clips" in capfd.readouterr().err
    assert not [path for path in (tmp_path / "m").iterdir() if path.name.isdecimal()]


def test_features_cannot_be_served(work, tmp_path, capfd):
    command = ["train", "--model", "lbp_top", "--data", str(work / "data"), "--out", str(tmp_path / "m")]
    assert main(command) == 2
    assert "'lbp_top' is not a network" in capfd.readouterr().err and not (tmp_path / "m").exists()
