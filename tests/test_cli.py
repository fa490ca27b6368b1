"""The ``mer`` command as a user meets it: exit statuses, one-line messages, JSON shapes."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def mer(*arguments, **kwargs) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mer_tf.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, **kwargs)


def assert_one_line_error(process, status, *parts):
    assert process.returncode == status, process.stderr
    lines = process.stderr.strip().splitlines()
    assert len(lines) == 1, process.stderr
    assert lines[0].startswith("mer")
    for part in parts:
        assert part in lines[0]


def test_help_names_every_verb():
    process = mer("--help")
    assert process.returncode == 0
    for verb in ("models", "recipes", "data", "pipeline", "serve", "predict", "loso", "evaluate", "prepare"):
        assert verb in process.stdout


def test_unknown_verb_and_missing_argument_are_bad_input():
    assert mer("modles").returncode == 2
    assert_one_line_error(mer("data", "check"), 2, "--dataset", "--help")


def test_models_json_has_the_promised_fields():
    process = mer("models", "--json")
    models = {model["name"]: model for model in json.loads(process.stdout)}
    for model in models.values():
        assert {"name", "seed", "paper", "input", "recipe", "parameters", "trainable_parameters", "presets"} <= set(
            model
        )
    assert models["atscnn"]["parameters"] == 4_213_815
    assert models["dual_atme"]["parameters"] == 4_833_193


def test_unknown_model_is_named_with_a_suggestion():
    assert_one_line_error(mer("models", "dual_atmee"), 2, "'dual_atmee'", "Did you mean 'dual_atme'?")


def test_recipes_show_their_hash():
    process = mer("recipes", "--json")
    recipes = {recipe["name"]: recipe for recipe in json.loads(process.stdout)}
    assert len(recipes["onset_apex_28_hars"]["hash"]) == 16


def test_absent_dataset_folder_names_what_is_expected(tmp_path):
    process = mer("data", "check", "--dataset", "casme2", tmp_path / "nowhere")
    assert_one_line_error(process, 2, "nowhere", "CASME2")


def test_unknown_dataset_lists_the_known_ones(tmp_path):
    assert_one_line_error(mer("data", "check", "--dataset", "casme9", tmp_path), 2, "casme9", "casme2")


def test_synthetic_set_is_read_by_the_ordinary_reader(tmp_path):
    out = tmp_path / "a folder with spaces"
    process = mer(
        "data", "synth", out, "--subjects", 2, "--clips-per-subject", 3, "--seed", 5, "--workers", 1, "--json"
    )
    assert process.returncode == 0, process.stderr
    assert all(line.startswith("clips: ") for line in process.stderr.splitlines())  # on a slow machine
    check = mer("data", "check", "--dataset", "casme2", out, "--json")
    facts = json.loads(check.stdout)
    assert facts["subjects"] == 2
    assert facts["clips"] + len(facts["skipped"]) == 6
    assert {"dataset", "clips", "subjects", "classes", "missing", "corrections", "skipped"} <= set(facts)


@pytest.mark.parametrize("arguments", [("--subjects", 0), ("--clips-per-subject", 0), ("--layout", "casme9")])
def test_synth_refuses_settings_that_make_nothing(tmp_path, arguments):
    assert mer("data", "synth", tmp_path / "out", *arguments).returncode == 2
    assert not (tmp_path / "out").exists()


PREDICTIONS = """dataset,subject,clip,fold,label,prediction,p_0,p_1,p_2
casme2,sub01,a,casme2/sub01,0,0,0.8,0.1,0.1
casme2,sub01,b,casme2/sub01,1,1,0.1,0.8,0.1
casme2,sub02,a,casme2/sub02,2,0,0.5,0.1,0.4
casme2,sub02,b,casme2/sub02,0,0,0.9,0.1,0.0
"""


def test_evaluate_prints_pooled_scores(tmp_path):
    file = tmp_path / "predictions.csv"
    file.write_text(PREDICTIONS)
    result = json.loads(mer("evaluate", file, "--json").stdout)["full"]
    assert result["confusion"] == [[2, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert result["uar"] == pytest.approx((1 + 1 + 0) / 3)
    assert result["uf1"] == pytest.approx((2 * 2 / (2 * 2 + 1) + 1 + 0) / 3)
    shown = mer("evaluate", file).stdout
    assert "UF1" in shown and "0.600" in shown and "surprise" in shown


def test_evaluate_names_the_malformed_line(tmp_path):
    file = tmp_path / "predictions.csv"
    file.write_text(PREDICTIONS + "casme2,sub03,a,x,zero,0,1,0,0\n")
    assert_one_line_error(mer("evaluate", file), 2, "predictions.csv", "6")
    assert_one_line_error(mer("evaluate", tmp_path / "absent.csv"), 2, "absent.csv")


STOPPABLE = """
import os, signal, sys
from mer_tf import cli

def add(verbs):
    parser = verbs.add_parser("models")
    parser.set_defaults(run=run, resumes=sys.argv[2])

def run(arguments):
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
    except KeyboardInterrupt as error:
        raise RuntimeError("KeyboardInterrupt [while running 'Write']") from error  # as Beam does

cli.VERBS["models"] = "__main__:add"
sys.exit(cli.main(["models"]))
"""


@pytest.mark.parametrize(
    ("number", "status", "kept", "message"),
    [
        (signal.SIGINT, 130, "", "interrupted; the same command starts from the beginning"),
        (signal.SIGINT, 130, "folds are kept", "interrupted; run the same command again to go on: folds are kept"),
        (signal.SIGTERM, 143, "", "stopped by SIGTERM; the same command starts from the beginning"),
    ],
)
def test_signals_are_told_whatever_became_of_them_on_the_way(number, status, kept, message):
    words = [sys.executable, "-c", STOPPABLE, str(int(number)), kept]
    process = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert_one_line_error(process, status, message)


def test_a_signal_that_was_to_be_ignored_stays_so():
    code = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{STOPPABLE}"
    process = subprocess.run(
        [sys.executable, "-c", code, str(int(signal.SIGINT)), ""], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (process.returncode, process.stderr) == (0, "")
