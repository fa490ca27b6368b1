"""What the set-up says where it cannot go on; nothing is installed here."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """The files of the set-up alone, in a path with a space, without a virtual environment."""
    folder = tmp_path / "a checkout"
    for part in ("tools", "requirements"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "setup.py", folder)
    return folder


def run_setup(checkout, *extras, **environment) -> subprocess.CompletedProcess:
    tools = checkout / "only these"
    if not tools.exists():
        tools.mkdir()
        for name in ("sh", "cat", "cksum", "tr", "dirname", "mkdir", "date", "basename", "rm", "ls", "sed", "tail"):
            (tools / name).symlink_to(shutil.which(name))
    environment = {"PATH": str(tools), "HOME": str(checkout), **environment}
    command = ["sh", str(checkout / "tools" / "setup.sh"), *extras]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_without_a_python_3_10_the_remedies_are_named(checkout):
    process = run_setup(checkout)
    assert process.returncode == 2
    for remedy in ("no Python 3.10", "uv python install 3.10", "pyenv install 3.10", "make PYTHON="):
        assert remedy in process.stderr
    assert not (checkout / ".venv").exists()


def test_a_wrong_python_is_named(checkout):
    other = checkout / "python3.9"
    other.write_text("#!/bin/sh\necho 3.9\n")
    other.chmod(0o755)
    for given in (str(other), "/nowhere/python"):
        process = run_setup(checkout, PYTHON=given)
        assert process.returncode == 2
        assert f"PYTHON={given} is not a working Python 3.10" in process.stderr


def test_an_unknown_extra_lists_the_locks(checkout):
    process = run_setup(checkout, "kubeflux")
    assert process.returncode == 2
    assert "kubeflux" in process.stderr and "kubeflow" in process.stderr and "dev" in process.stderr


def test_locks_are_hashed_pin_what_matters_and_name_no_address():
    versions = {}
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text and "index-url" not in text and "find-links" not in text
        for block in text.split("\n"):
            if block and not block.startswith(" "):
                name, version = block.rstrip(" \\").split("==")
                name = name.split("[")[0]
                assert versions.setdefault(name, version) == version, f"{name} has two versions in the locks"
        assert text.count("==") <= text.count("--hash=sha256:")
    assert versions["protobuf"] == "3.20.3"
    assert versions["grpcio-health-checking"] == "1.48.2"
    assert int(versions["setuptools"].split(".")[0]) < 81
    assert [name for name in versions if name.startswith("opencv")] == ["opencv-contrib-python-headless"]
