from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

import mer_tf
from mer_tf import passport as passports
from mer_tf.errors import EmptySplitError
from mer_tf.metrics.predictions import read_predictions
from mer_tf.recipes import get_recipe
from mer_tf.types import Prediction

CLASSES = ("negative", "positive", "surprise")


def predictions(subjects=4):
    rows = []
    for s in range(subjects):
        for k in range(3):
            guess = k if s else 0
            p = np.full(3, 0.1)
            p[guess] = 0.8
            rows.append(Prediction("casme2", f"sub{s:02}", f"c{k}", f"casme2/sub{s:02}", k, guess, tuple(p)))
    return rows


def write(tmp_path, rows=None, **options):
    settings = {
        "predictions": predictions() if rows is None else rows,
        "classes": CLASSES,
        "config": {"model": "dual_atme", "seed": 7},
        "recipe": get_recipe("onset_apex_28_hars"),
        "data_fingerprint": "abc",
        "protocol": "loso",
        "wall_seconds": 1.5,
        "draws": 100,
    }
    return passports.write_passport(tmp_path / "run", **{**settings, **options})


def test_fields_and_files(tmp_path):
    written = write(tmp_path)
    assert json.loads((tmp_path / "run" / "passport.json").read_text()) == written
    assert set(written) >= {
        "config",
        "recipe",
        "recipe_hash",
        "data_fingerprint",
        "protocol",
        "seeds",
        "versions",
        "commit",
        "predictions",
        "per_subject",
        "metrics",
        "bootstrap",
        "wall_seconds",
    }
    assert written["metrics"]["full"]["n"] == 12 and written["folds"] == 4
    assert written["metrics"]["full"]["confusion"] == [[4, 0, 0], [1, 3, 0], [1, 0, 3]]
    low, high = written["bootstrap"]["uf1"]
    assert low <= written["metrics"]["full"]["uf1"] <= high
    assert written["seeds"]["global"] == 7
    assert [row["subject"] for row in written["per_subject"]] == ["sub00", "sub01", "sub02", "sub03"]
    assert written["versions"]["mer-tf"] == mer_tf.__version__ and "tensorflow" in written["versions"]
    assert sorted(read_predictions(tmp_path / "run" / written["predictions"]), key=str) == sorted(
        predictions(), key=str
    )


def test_order_of_predictions_does_not_matter(tmp_path):
    assert write(tmp_path) == write(tmp_path, predictions()[::-1])


def test_numpy_values_are_written_as_numbers(tmp_path):
    written = write(tmp_path, extra={"seconds_per_fold": np.float32(0.5), "sizes": np.arange(2)})
    assert written["seconds_per_fold"] == 0.5 and written["sizes"] == [0, 1]


def test_refused_before_anything_is_written(tmp_path):
    with pytest.raises(EmptySplitError):
        write(tmp_path, [])
    with pytest.raises(ValueError, match="must not repeat"):
        write(tmp_path, extra={"metrics": {}})
    with pytest.raises(ValueError, match="finite"):
        write(tmp_path, extra={"loss": float("nan")})
    assert not (tmp_path / "run").exists()


def test_commit_is_null_outside_a_checkout(tmp_path, monkeypatch):
    (tmp_path / "mer_tf").mkdir()
    monkeypatch.setattr(mer_tf, "__file__", str(tmp_path / "mer_tf" / "__init__.py"))
    assert passports.git_commit() is None


def test_commit_of_a_checkout_marks_changes(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=tmp_path, check=True)

    (tmp_path / "mer_tf").mkdir()
    file = tmp_path / "mer_tf" / "__init__.py"
    file.write_text("")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    monkeypatch.setattr(mer_tf, "__file__", str(file))
    clean = passports.git_commit()
    assert clean is not None and len(clean) == 40
    file.write_text("changed")
    assert passports.git_commit() == clean + "+changes"
