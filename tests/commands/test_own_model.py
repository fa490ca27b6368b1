"""Commands on a network of the user's own: run, resume, refusal of edited code, final model; reports do not run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from records_helper import write_records

from mer_tf.cli import main
from mer_tf.recipes import get_recipe

pytest.importorskip("tensorflow")
NET = """
import keras

CARD = {"recipe": "onset_apex_28_minmax", "preset": {"epochs": 1, "batch_size": 4}}


def build(num_classes, units=2):
    x = inputs = keras.Input((28, 28, 3))
    x = keras.layers.Dense(units)(keras.layers.Flatten()(keras.layers.MaxPooling2D(7)(x)))
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    write_records(root / "data", get_recipe("onset_apex_28_minmax"))
    (root / "net.py").write_text(NET)
    assert mer(root, "loso", "--workers", 1, "--out", root / "run") == 0
    return root


def mer(root, verb, *arguments):
    return main([verb, "--model", f"{root}/net.py:build", "--data", str(root / "data"), *map(str, arguments)])


def test_the_passport_names_file_code_and_settings(work):
    passport = json.loads((work / "run" / "passport.json").read_text())
    assert passport["model"] == "net.py:build" and passport["config"]["model"] == f"{work}/net.py:build"
    assert len(passport["config"]["model_code"]) == 64
    assert (passport["config"]["preset"], passport["config"]["epochs"]) == ("own", 1)


def test_a_moved_run_goes_on_and_edited_code_is_refused(work, tmp_path, capfd):
    moved = tmp_path / "moved"
    shutil.copytree(work, moved)
    before = (moved / "run/folds").stat().st_mtime_ns
    assert mer(moved, "loso", "--out", moved / "run") == 0
    assert (moved / "run/folds").stat().st_mtime_ns == before
    with open(moved / "net.py", "a") as file:
        file.write("# edited\n")
    capfd.readouterr()
    assert mer(moved, "loso", "--out", moved / "run") == 2
    assert "holds a run with other settings: config.model_code" in capfd.readouterr().err


def test_the_final_model_is_served_without_the_code(work, tmp_path, capfd):
    from mer_tf.serving.folder import FolderClient

    assert mer(work, "train", "--loso", work / "run", "--out", tmp_path / "model", "--json") == 0
    assert json.loads(capfd.readouterr().out)["trained_on"]["changed"] == {}
    with FolderClient(tmp_path / "model") as client:
        assert client.describe().model == "net.py:build"


def test_a_report_does_not_run_the_code(work, tmp_path, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(work / "run", run)
    (tmp_path / "net.py").write_text("raise SystemExit('the code ran')")
    passport = json.loads((run / "passport.json").read_text())
    passport["config"]["model"] = f"{tmp_path}/net.py:build"
    (run / "passport.json").write_text(json.dumps(passport))
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(run), "--out", "report.md"]) == 0
    assert "net.py:build" in (tmp_path / "report.md").read_text()


def test_models_shows_it(work, capsys):
    assert main(["models", f"{work}/net.py:build"]) == 0
    said = capsys.readouterr().out
    assert "onset_apex_28_minmax (face 28x28x3)" in said and '{"epochs": 1, "batch_size": 4}' in said


def test_what_is_no_model_is_bad_input(work, tmp_path, capfd):
    arguments = ["loso", "--data", str(work / "data"), "--out", str(tmp_path / "x"), "--model"]
    assert main([*arguments, str(tmp_path / "absent.py:build")]) == 2
    assert "is missing; give --model FILE.py:NAME" in capfd.readouterr().err
    assert main([*arguments, f"{work}/net.py:build", "--set", "model_code=x"]) == 2
    assert "give it with --model" in capfd.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_what_the_network_loads_says_nothing_on_the_terminal(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    words = ["loso", "--model", f"{tmp_path}/net.py:build", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "mer_tf.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.splitlines() == [
        f"mer: error: record file '{tmp_path}/nowhere' is missing"
    ]
