"""Every example runs, in the order of ``examples/README.md``, on a few drawn clips."""

from __future__ import annotations

import json
import pathlib
import re
import runpy
import sys

import pytest

from mer_tf.synthetic import write_synthetic_dataset

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
LONGEST = 40  # lines
pytestmark = [pytest.mark.slow, pytest.mark.dlib]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    write_synthetic_dataset(folder / "clips", subjects=3, clips_per_subject=6, seed=0, workers=1)
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    def run(name: str, *arguments) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def motion(folder):
    runpy.run_path(str(EXAMPLES / "write_records.py"))["main"](str(folder / "clips"), str(folder / "motion"))
    return folder / "motion"


def test_check_dataset(folder, run):
    said = run("check_dataset.py", folder / "clips")
    assert "16 clips of 3 subjects" in said and "drawn clips" in said


def test_preprocess_clip(folder, run):
    said = run("preprocess_clip.py", folder / "clips")
    assert "array face: (112, 112, 3)" in said and "network input face: (28, 28, 3)" in said


def test_write_records(folder, run):
    assert "16 records" in run("write_records.py", folder / "clips", folder / "again")


def test_train_fold(motion, run):
    said = run("train_fold.py", motion, "ststnet", 2)
    train, test = map(int, re.search(r"(\d+) clips train, (\d+) are held out", said).groups())
    assert train + test == 16 and said.count("predicted") == test


def test_loso_and_comparison(motion, folder, run):
    for seed in (1, 2):
        assert "UF1" in run("run_loso.py", motion, folder / f"run-{seed}", "ststnet", 2, seed)
    assert json.loads((folder / "run-1" / "passport.json").read_text())["synthetic"] is True
    said = run("compare_runs.py", folder / "run-1", folder / "run-2")
    assert "16 clips in common" in said and "uf1" in said


def test_export_and_ask(motion, folder, run):
    said = run("export_and_ask.py", motion, folder / "model", "ststnet", 2)
    assert any(f"served {name}" in said for name in ("negative", "positive", "surprise"))


def test_python_api(folder, run):
    said = run("python_api.py", folder / "clips", folder / "api")
    assert "16 clips of 3 subjects" in said and "3 folds, UF1" in said and (folder / "api" / "report.md").is_file()


def test_own_material(folder, run):
    said = run("own_material.py", folder / "clips", folder / "own")
    assert "label mapping two@" in said and "net.py:build: UF1" in said


def test_notebooks_run(folder, tmp_path):
    pytest.importorskip("nbclient")
    tool = runpy.run_path(str(EXAMPLES.parent / "tools/notebooks.py"))
    (tmp_path / "build").mkdir()
    (tmp_path / "build/examples").symlink_to(folder)
    for name, said in (("python_api", "3 folds, UF1"), ("own_material", "net.py:build: UF1")):
        assert said in tool["execute"](EXAMPLES / f"{name}.ipynb", str(tmp_path))


def test_examples_are_short_and_on_their_page():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f"examples/{path.name}" in page
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= LONGEST or path.name == "demo.py", f"{path.name}: {lines} lines"
