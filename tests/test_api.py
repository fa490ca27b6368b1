"""``import mer_tf as mer``: light, none of its names hidden by a module, and each call what its verb does."""

from __future__ import annotations

import inspect
import json
import pathlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import mer_tf as mer
from mer_tf.errors import BadInputError, ConfigError

sys.path.insert(0, str(pathlib.Path(__file__).parent / "commands"))


def test_importing_it_is_light():
    heavy = ("tensorflow", "keras", "cv2", "apache_beam", "tfx", "numpy", "dlib")
    code = f"import sys, mer_tf as mer; mer.loso, mer.read; print([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_name_is_that_of_a_module():
    modules = {module.name for module in pkgutil.iter_modules(mer.__path__)}
    assert not modules & set(mer.__all__)


def test_every_name_is_a_documented_function():
    for name in mer.__all__:
        function = getattr(mer, name)
        assert inspect.isfunction(function) and inspect.getdoc(function)
        assert name.startswith("list_") or "Returns:" in inspect.getdoc(function)


def test_reading(tmp_path):
    frames = tmp_path / "a"
    frames.mkdir()
    for number in range(1, 4):
        (frames / f"{number}.png").write_bytes(b"x")
    list_ = tmp_path / "clips.csv"
    list_.write_text("subject,clip,path,emotion\n1,a,a,fear\n2,b,a,disgust\n")
    (tmp_path / "my.json").write_text(json.dumps({"fear": "x", "disgust": "y"}))
    assert mer.read(list_).classes == ("disgust", "fear")
    assert mer.read(list_, mapping=tmp_path / "my.json").classes == ("x", "y")
    with pytest.raises(BadInputError):
        mer.read(tmp_path / "absent")


def test_a_sweep(tmp_path):
    from records_helper import write_records

    from mer_tf.recipes import get_recipe

    motion = write_records(tmp_path / "motion", get_recipe("onset_apex_28"))
    options = [{"logistic": {"c": [c]}} for c in (0.001, 1)]
    rows = mer.sweep(motion, ["linear_flow"], tmp_path / "out", seeds=(0, 1), model_options=options)
    assert [row["seeds"] for row in rows] == [[0, 1]] * 2 and {row["kind"] for row in rows} == {"runs"}
    folder = tmp_path / "out" / rows[0]["folder"] / "seed1"
    assert mer.evaluate(folder)["full"]["n"] == 6
    with pytest.raises(ConfigError, match="must be a list of the values to try"):
        mer.sweep(motion, ["linear_flow"], tmp_path / "out", epochs=3)
    with pytest.raises(ConfigError, match="at least one system"):
        mer.sweep(motion, [], tmp_path / "out")


def test_a_run_its_scores_its_report_and_its_model(tmp_path):
    from records_helper import write_records

    from mer_tf.recipes import get_recipe
    from mer_tf.serving.folder import FolderClient

    recipe = get_recipe("onset_apex_28_minmax")
    motion = write_records(tmp_path / "motion", recipe)
    passport = mer.loso(motion, "ststnet", tmp_path / "run", epochs=1, seed=3)
    assert passport["config"]["preset"] == "paper" and passport["seeds"]["global"] == 3
    assert mer.evaluate(tmp_path / "run")["full"] == passport["metrics"]["full"]
    assert "ststnet" in pathlib.Path(mer.write_report([tmp_path / "run"], tmp_path / "report.md")).read_text()
    with pytest.raises(ConfigError, match=r"must end in .html or .md"):
        mer.write_report([tmp_path / "run"], tmp_path / "report.pdf")
    with pytest.raises(ConfigError, match="follows from the labels"):
        mer.loso(motion, "ststnet", tmp_path / "other", num_classes=4)
    version = mer.train(motion, "ststnet", tmp_path / "model", epochs=1)
    with FolderClient(tmp_path / "model") as client:  # the newest of the versions
        told = client.describe()
        assert told.model == "ststnet" and told.trained_on["clips"] == 6 and str(told.version) in version
        answer = client.predict({"face": np.ones(recipe.inputs["face"], np.float32)})
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5) and answer["version"] == told.version
    with pytest.raises(BadInputError, match="no version in"):
        FolderClient(tmp_path)
