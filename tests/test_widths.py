"""What a person reads in a terminal of 100 columns fits it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from mer_tf.cli import VERBS, main
from mer_tf.console import fill, table
from mer_tf.metrics.predictions import write_epoch_predictions, write_predictions
from mer_tf.systems.registry import MODELS
from mer_tf.types import Prediction

WIDTH = 100


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def assert_fits(text):
    lines = text.splitlines()
    assert lines
    for line in lines:
        assert len(line) <= WIDTH, line


@pytest.mark.parametrize(
    "words",
    [
        ["models"],
        ["models", "--takes", "clips"],
        ["recipes"],
        ["data", "sets"],
        ["data", "sets", "oulu_casia"],
        *([f"{verb}", "--help"] for verb in VERBS),
    ],
)
def test_lists_and_help(words, capsys):
    if words[0] in ("prepare", "pipeline", "serve", "predict"):
        pytest.importorskip("tfx")
    with contextlib.suppress(SystemExit):  # what '--help' ends with
        assert main(words) == 0
    assert_fits(capsys.readouterr().out)


def test_the_page_of_every_system(capsys):
    for name in MODELS:
        assert main(["models", name]) == 0
    assert_fits(capsys.readouterr().out)


def test_wide_is_wide(capsys):
    for verb in ("models", "recipes"):
        assert main([verb, "--wide"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) > WIDTH


@pytest.fixture
def predictions(tmp_path):
    """Two files of the same clips, one with epochs, with names as long as datasets have them."""
    rng = np.random.default_rng(0)
    rows = []
    for subject in range(9):
        for clip in range(6):
            p = rng.dirichlet(np.ones(3))
            dataset = ("smic_hs", "casme2", "samm")[subject % 3]
            one = Prediction(
                dataset, f"s{subject}", f"c{clip}", f"{dataset}/s{subject}", clip % 3, int(p.argmax()), tuple(p)
            )
            rows.append(one)
    other = [dataclasses.replace(p, prediction=p.label) for p in rows]
    write_predictions(tmp_path / "a.csv", rows)
    write_predictions(tmp_path / "b.csv", other)
    write_epoch_predictions(tmp_path / "epochs.csv", {1: rows, 2: other})
    return tmp_path


def test_scores(predictions, capsys):
    assert main(["evaluate", str(predictions / "a.csv"), "--draws", "20", "--averages", "all"]) == 0
    assert main(["evaluate", str(predictions / "epochs.csv"), "--draws", "20", "--averages", "all"]) == 0
    assert main(["compare", str(predictions / "a.csv"), str(predictions / "b.csv"), "--draws", "20"]) == 0
    assert_fits(capsys.readouterr().out)


def test_a_dataset(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--subjects", "2", "--clips-per-subject", "2", "--workers", "1", "--layout", "samm"]
    damage = ["--damage", "missing_clip", "--damage", "gap"]
    assert main(["data", "synth", "set", *words, *damage]) == 0
    assert main(["data", "check", "--dataset", "samm", "set", "--images"]) == 0
    assert_fits(capsys.readouterr().out)


def test_executions_of_a_pipeline():
    pytest.importorskip("tfx")
    from mer_tf.tfx_pipeline.cli import _executions
    from mer_tf.tfx_pipeline.status import ArtifactInfo, ExecutionInfo

    out = "/a/folder/that/lies/quite/deep/in/the/file/system/of/this/machine/runs/dual_atme-1"
    uris = [f"{out}/artifacts/LosoTrainer/{name}/17" for name in ("predictions", "run")]
    outputs = {uri: (ArtifactInfo(1, "x", uri, {}),) for uri in uris}
    text = _executions([ExecutionInfo(17, "LosoTrainer", "executed", 0.0, 61.25, {}, outputs)], out)
    assert_fits(text)
    assert "artifacts/LosoTrainer/run/17" in text and "/a/folder" not in text


def test_tables_break_text_between_words_and_keep_numbers():
    rows = [("onset_apex_28_hars", "two words " * 12, 1234567), ("b", "", None)]
    text = table(("name", "said", "n"), rows)
    assert_fits(text)
    assert "onset_apex_28_hars" in text and "1,234,567" in text and text.count("two words") == 12
    assert max(map(len, table(("name", "said", "n"), rows, wide=True).splitlines())) > WIDTH
    assert_fits(table(("path",), [("/x" * 80,)]))  # nothing else helps


def test_elsewhere_than_in_a_terminal_nothing_is_wrapped(monkeypatch):
    monkeypatch.delenv("COLUMNS")
    command = [sys.executable, "-m", "mer_tf.cli", "models"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout
    assert [line.split()[0] for line in out.splitlines()[2:-2]] == list(MODELS)
    monkeypatch.setenv("COLUMNS", "20")
    assert fill("one two three four five") == "one two three four\n  five"
