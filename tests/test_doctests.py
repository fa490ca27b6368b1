"""Examples in docstrings give what they say; those of modules that load TensorFlow are slow tests."""

from __future__ import annotations

import ast
import doctest
import importlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
HEAVY = {"keras", "tensorflow"}


def with_examples() -> dict[str, pathlib.Path]:
    """Modules of the packages that have an example, by name."""
    packages = ("mer_tf", "components", "tfx_pipeline", "serving")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    names = {file: ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files}
    names = {file: name if name.startswith("mer_tf") else f"mer_tf.{name}" for file, name in names.items()}
    return {names[file]: file for file in sorted(files) if ">>> " in file.read_text(encoding="utf-8")}


def is_heavy(file: pathlib.Path) -> bool:
    """Whether a module, or an example in it, imports TensorFlow or Keras."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
    return bool(found & HEAVY) or ">>> import tensorflow" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if is_heavy(file) else []) for name, file in with_examples().items()],
)
def test_examples_give_what_they_say(name):
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried and not failed
