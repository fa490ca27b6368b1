"""Which package may import which: mer_tf <- components <- tfx_pipeline <- kubeflow, mer_tf <- serving."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
OWN = {"mer_tf", "components", "tfx_pipeline", "serving"}
ALLOWED = {
    "mer_tf": {"mer_tf"},
    "components": {"mer_tf", "components", "serving"},
    "tfx_pipeline": {"mer_tf", "components", "tfx_pipeline", "serving"},
    "serving": {"mer_tf", "serving"},
}
# The library knows nothing of these; everything else of it works where they are not installed.
FOREIGN_TO_LIBRARY = {"tfx", "apache_beam", "grpc", "tensorflow_serving", "kfp"}
SERVING_USES = (
    "mer_tf.preprocessing", "mer_tf.recipes", "mer_tf.errors", "mer_tf.types", "mer_tf.console", "mer_tf.served",
    "mer_tf.run_files", "mer_tf.files", "mer_tf.frames", "mer_tf.watch", "mer_tf",
)  # fmt: skip


def imported_modules(path: pathlib.Path) -> set[str]:
    """Every module named by an import statement, also inside functions."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            modules.add(node.module)
    return modules


def sources(package: str):
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(OWN))
def test_no_import_goes_upward(package):
    assert sources(package), f"{package} holds no source"
    for path in sources(package):
        for module in imported_modules(path):
            top = module.split(".")[0]
            assert top not in OWN - ALLOWED[package], f"{path.relative_to(ROOT)} imports {module}"


def test_library_does_not_know_tfx_beam_or_grpc():
    for path in sources("mer_tf"):
        for module in imported_modules(path):
            assert module.split(".")[0] not in FOREIGN_TO_LIBRARY, f"{path.relative_to(ROOT)} imports {module}"


def test_serving_uses_the_preprocessing_only():
    for path in sources("serving"):
        for module in imported_modules(path):
            if module.split(".")[0] == "mer_tf":
                assert module == "mer_tf" or module.startswith(SERVING_USES[:-1]), f"{path.name} imports {module}"


def test_kubeflow_is_not_importable():
    assert not (ROOT / "kubeflow" / "__init__.py").exists()
    assert not list((ROOT / "kubeflow").glob("*.py"))


def test_a_wrong_import_would_be_seen(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("def f():\n    from tfx_pipeline.pipeline import create_pipeline\n    return create_pipeline\n")
    assert imported_modules(path) == {"tfx_pipeline.pipeline"}


@pytest.mark.parametrize(
    "module",
    [
        "mer_tf",
        "mer_tf.preprocessing",
        "mer_tf.training.feature_trainer",
        "mer_tf.datasets",
        "mer_tf.metrics",
        "mer_tf.systems.registry",
        "mer_tf.protocols",
        "mer_tf.report",
        "mer_tf.commands.loso",
        "mer_tf.commands.source",
        "mer_tf.cli",
    ],
)
def test_light_modules_import_nothing_heavy(module):
    code = (
        f"import sys, {module}\n"
        "heavy = {'tensorflow', 'keras', 'dlib', 'tfx', 'apache_beam', 'grpc'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
