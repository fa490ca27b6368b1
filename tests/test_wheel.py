"""The wheel, installed where there is no checkout: what lies in it, what it says of itself, and a short end to end.

The environment is empty but for the wheel; the packages that it requires are those of this environment, seen through
a path file, so that no package index is asked.
"""

from __future__ import annotations

import email
import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from mer_tf.errors import MissingFileError
from mer_tf.preprocessing import find_landmark_model

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[1]
# As on the machine of a client: none of these can be imported.
CLIENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "tensorflow_serving", "tensorboard", "tfx", "apache_beam",
                                  "scipy", "sklearn", "pandas", "matplotlib", "openpyxl"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from mer_tf.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run(*command, cwd, check=True, **variables) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=cwd, env={**environment, **variables}, check=False
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, as building leaves folders behind."""
    copy, out = tmp_path_factory.mktemp("source") / "mer-tf", tmp_path_factory.mktemp("dist")
    left = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=left)
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index")
    run(*pip, "-w", out, copy, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Python of an environment with the wheel alone."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    site = pathlib.Path(paths["purelib"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "requirements.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin" / "python"


def test_only_mer_tf_lies_at_the_top(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"mer_tf", wheel.name.split("-py3")[0] + ".dist-info"}
    for path in ROOT.joinpath("mer_tf").rglob("*"):
        if path.suffix in (".py", ".json", ".csv", ".typed"):
            assert str(path.relative_to(ROOT)) in names
    for beside in ("components", "serving", "tfx_pipeline"):
        for path in (ROOT / beside).rglob("*.py"):
            assert f"mer_tf/{path.relative_to(ROOT)}" in names
    assert "mer_tf/serving/model_config/models.config" in names and not any("test" in name for name in names)


def test_what_it_says_of_itself(wheel):
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(wheel.name.split("-py3")[0] + ".dist-info/METADATA").decode()
    told = email.message_from_string(text)
    assert told["Author"] and told["License"] == "Apache-2.0" and told["License-File"] == "LICENSE"
    assert told["Description-Content-Type"] == "text/markdown" and "# mer-tf" in told.get_payload()
    assert {"Programming Language :: Python :: 3.11", "Typing :: Typed"} <= set(told.get_all("Classifier"))
    assert all(" https://doi.org/10." in url for url in told.get_all("Project-URL"))
    extras = {"tensorflow", "face", "client", "serving", "pipeline", "kubeflow", "addons"}
    assert extras <= set(told.get_all("Provides-Extra"))
    required = told.get_all("Requires-Dist")
    for line in required:
        if line.startswith("tensorflow"):  # who asks a server needs none
            assert "extra ==" in line and "client" not in line
        assert "<" in line.split(";")[0] or "dev" in line, f"{line} has no upper bound"


def test_end_to_end_without_a_checkout(python, tmp_path):
    pytest.importorskip("dlib")
    try:
        find_landmark_model()
    except MissingFileError as error:
        pytest.skip(str(error))
    mer = (python, "-m", "mer_tf.cli")
    where = run(python, "-c", "import mer_tf; print(mer_tf.__file__, mer_tf.IN_CHECKOUT)", cwd=tmp_path).stdout
    assert str(ROOT) not in where and where.strip().endswith("False")
    run(*mer, "data", "synth", "clips", "--subjects", 4, "--clips-per-subject", 6, cwd=tmp_path)
    checked = json.loads(run(*mer, "data", "check", "clips", "--json", cwd=tmp_path).stdout)
    assert checked["clips"] > 18  # some show what the mapping drops
    recipe = ("--recipe", "onset_apex_28_minmax")
    run(*mer, "prepare", *recipe, "--data", "clips", "--out", "motion", "--workers", 2, cwd=tmp_path)
    run(*mer, "loso", "--model", "ststnet", "--data", "motion", "--epochs", 1, "--out", "run", cwd=tmp_path)
    assert "UF1" in run(*mer, "evaluate", "run/predictions.csv", cwd=tmp_path).stdout
    run(*mer, "report", "run", "--out", "report.html", cwd=tmp_path)
    assert "ststnet" in (tmp_path / "report.html").read_text()
    run(*mer, "train", "--model", "ststnet", "--data", "motion", "--epochs", 1, "--out", "model", cwd=tmp_path)

    frames = sorted((tmp_path / "clips").rglob("*.jpg"))[0].parent
    (tmp_path / "client.py").write_text(CLIENT)
    serve = [str(python), "-m", "mer_tf.cli", "serve", "--model", "model", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as server:
        try:
            address = server.stdout.readline().split(" on ")[1].split()[0]
            client = (python, "client.py", "predict", frames, "--server", address, "--json")
            answer = json.loads(run(*client, cwd=tmp_path).stdout)
        finally:
            server.terminate()
    assert set(answer["probabilities"]) == {"negative", "positive", "surprise"}
    asked = run(python, "client.py", "predict", frames, "--model", "model", cwd=tmp_path, check=False)
    assert asked.returncode == 2 and "install the extra 'tensorflow': pip install 'mer-tf[tensorflow]'" in asked.stderr


def test_the_pipeline_is_found_by_the_names_that_specifications_hold(python, tmp_path):
    pytest.importorskip("tfx")
    from mer_tf.tfx_pipeline.configs import EVALUATOR_MODULE, RUN_FN

    code = (
        "import importlib, mer_tf; "
        f"importlib.import_module({EVALUATOR_MODULE!r}); importlib.import_module({RUN_FN.rpartition('.')[0]!r}); "
        "from mer_tf.components.motion_transform.executor import Executor; print(mer_tf.LosoRun.TYPE_NAME)"
    )
    assert run(python, "-c", code, cwd=tmp_path).stdout.strip() == "mer_tf.LosoRun"
