"""Names that several packages share stand once: in ``mer_tf.served`` and ``mer_tf.run_files``."""

from __future__ import annotations

import ast
import pathlib

import pytest

from mer_tf import run_files, served

ROOT = pathlib.Path(__file__).parents[1]
HOMES = {ROOT / "mer_tf/served.py", ROOT / "mer_tf/run_files.py"}
FILES = [value for name, value in vars(run_files).items() if name.endswith("_FILE")]
# Words such as "examples" and "class" have other meanings too.
SERVED = [served.BY_TENSORS, served.DESCRIBE, served.EXTRA_FOLDER, served.DESCRIPTION_FILE, served.WARMUP_FILE]


def texts(path: pathlib.Path) -> list[str]:
    """Strings of a module, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    spoken = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken
    ]


@pytest.fixture(scope="module")
def modules():
    packages = ("mer_tf", "components", "serving", "tfx_pipeline")
    found = sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))
    return {path: texts(path) for path in found if path not in HOMES}


@pytest.mark.parametrize("name", [*FILES, *SERVED])
def test_a_name_is_typed_once(modules, name):
    found = [
        str(path.relative_to(ROOT))
        for path, strings in modules.items()
        if name in strings  # within a message it is prose
    ]
    assert found == []


def test_both_modules_load_nothing():
    for path in HOMES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert [getattr(node, "module", None) for node in imported] == ["__future__"]
