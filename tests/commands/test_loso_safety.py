"""``mer loso`` on a full disk, killed by the system, and with weights kept: what is said, and what is left."""

from __future__ import annotations

import os
import pathlib
import re
import resource
import subprocess
import sys

import pytest
from test_loso_command import SUBJECTS, write_pictures

from mer_tf import atomic
from mer_tf.cli import main

pytest.importorskip("tensorflow")
ROOT = pathlib.Path(__file__).parents[2]


def loso(out, source, *arguments):
    return main(["loso", "--model", "linear_flow", "--out", str(out), *map(str, source), *arguments])


def test_a_disk_that_takes_no_more_is_told_and_the_run_goes_on_later(tmp_path, capfd):
    source = write_pictures(tmp_path, SUBJECTS)
    assert loso(tmp_path / "whole", source) == 0
    capfd.readouterr()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))  # folds fit, what is written of the whole run does not
    try:
        assert loso(tmp_path / "run", source) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said = capfd.readouterr().err.splitlines()[-1]
    assert str(tmp_path / "run") in said and "larger than this process or file system may write" in said
    assert len(list((tmp_path / "run" / "folds").rglob("*.json"))) == 4
    assert not (tmp_path / "run" / "passport.json").exists() and not list(tmp_path.rglob(f"{atomic.PREFIX}*"))
    assert re.search(r"ended by \w+Error: .*File too large", (tmp_path / "run" / "mer.log").read_text())
    assert loso(tmp_path / "run", source) == 0
    files = [(tmp_path / name / "predictions.csv").read_bytes() for name in ("whole", "run")]
    assert files[0] == files[1]


def test_weights_of_a_hand_crafted_system_are_refused_before_anything_is_read(tmp_path, capsys):
    source = ["--flow-images", tmp_path / "nowhere", "--labels", tmp_path / "nowhere.csv"]
    assert loso(tmp_path / "run", source, "--save-models") == 2
    error = capsys.readouterr().err
    assert "'linear_flow' is a hand-crafted feature without weights" in error and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_runs_killed_at_random_moments_end_with_the_same_files():
    """Three of the hundred kills of the benchmark."""
    command = [sys.executable, "benchmarks/kill_loso.py", "--kills", "3", "--subjects", "4", "--epochs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "--save-models"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [cell.strip() for cell in done.stdout.splitlines()[-1].strip("|").split("|")]
    assert cells[:3] == ["ststnet", "1", "3"] and int(cells[5]) >= 5 and cells[6] == "0"
