"""The storeys inside ``mer_tf``: a module imports what stands on its own floor or below, never above."""

from __future__ import annotations

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# From the ground up; what stands on one line may import each other.
FLOORS = (
    (
        "errors",
        "types",
        "atomic",
        "console",
        "document",
        "features",
        "files",
        "frames",
        "numerics",
        "output",
        "plugins",
        "addons",
        "aliases",
        "processes",
        "served",
        "run_files",
    ),
    ("checks",),
    # Recipes name methods of preprocessing by their settings, and preprocessing reads recipes: see the last test.
    ("layers", "preprocessing", "recipes", "records"),
    ("datasets",),
    ("metrics", "preparation", "protocols", "synthetic"),
    ("systems",),
    ("passport", "board"),
    ("training",),
    ("export",),
    ("report", "zoo", "show", "watch"),
    ("commands", "api"),
    ("cli",),
)
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}


def modules():
    return sorted(path for path in (ROOT / "mer_tf").rglob("*.py") if path != ROOT / "mer_tf/__init__.py")


def floor_of(path: pathlib.Path) -> str:
    return path.relative_to(ROOT / "mer_tf").parts[0].removesuffix(".py")


def imported(path: pathlib.Path) -> set[str]:
    """Parts of ``mer_tf`` that a module imports, also inside functions and for type checkers."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "mer_tf":
                names = [f"mer_tf.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("mer_tf.")}
    return found - {"__version__"}


def test_every_part_stands_on_a_floor():
    assert {floor_of(path) for path in modules()} == set(LEVEL)


@pytest.mark.parametrize("part", LEVEL)
def test_nothing_is_imported_from_above(part):
    upward = [
        f"{path.relative_to(ROOT)} imports mer_tf.{other}"
        for path in modules()
        if floor_of(path) == part
        for other in imported(path)
        if LEVEL[other] > LEVEL[part]
    ]
    assert not upward


def test_methods_know_no_recipe():
    for folder in ("flow", "magnify"):
        for path in (ROOT / "mer_tf/preprocessing" / folder).glob("*.py"):
            assert "recipes" not in imported(path), path


def test_long_files_say_why():
    """Above 500 lines a module's docstring gives the reason."""
    packages = ("mer_tf", "components", "serving", "tfx_pipeline")
    for path in (path for package in packages for path in (ROOT / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 500:
            assert "one long file, because" in (ast.get_docstring(ast.parse(text)) or ""), path
