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
    "mer_tf.run_files", "mer_tf.files", "mer_tf.frames", "mer_tf.aliases", "mer_tf.watch", "mer_tf",
)  # fmt: skip


def package_of(module: str) -> str:
    """The package that a module is of; the three that lie beside the library are imported below its name."""
    parts = module.split(".")
    return parts[1] if parts[0] == "mer_tf" and len(parts) > 1 and parts[1] in OWN else parts[0]


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
            assert package_of(module) not in OWN - ALLOWED[package], f"{path.relative_to(ROOT)} imports {module}"


def test_the_packages_beside_the_library_have_one_name():
    """Loaded by the folder's own name as well, a module would be there twice, and its Keras layers registered twice."""
    for folder in (*OWN, "benchmarks", "examples", "tests", "tools"):
        for path in sources(folder):
            for module in imported_modules(path):
                assert module.split(".")[0] not in OWN - {"mer_tf"}, f"{path.relative_to(ROOT)} imports {module}"


@pytest.mark.parametrize("first", ["", "mer_tf."])
def test_in_a_checkout_the_folders_names_stand_for_the_same_modules(first):
    names = ("components.artifacts", "serving.client", "tfx_pipeline.configs", "components.loso_trainer.records")
    code = "import importlib, sys\n" + "".join(
        f"""
importlib.import_module({first!r} + {name!r})
one, other = importlib.import_module({name!r}), importlib.import_module("mer_tf." + {name!r})
assert one is other and one.__name__ == one.__spec__.name == "mer_tf." + {name!r}, (one, other)
"""
        for name in names
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_library_does_not_know_tfx_beam_or_grpc():
    for path in sources("mer_tf"):
        for module in imported_modules(path):
            assert module.split(".")[0] not in FOREIGN_TO_LIBRARY, f"{path.relative_to(ROOT)} imports {module}"


def test_serving_uses_the_preprocessing_only():
    for path in sources("serving"):
        for module in imported_modules(path):
            if package_of(module) == "mer_tf":
                assert module == "mer_tf" or module.startswith(SERVING_USES[:-1]), f"{path.name} imports {module}"


def test_kubeflow_is_not_importable():
    assert not (ROOT / "kubeflow" / "__init__.py").exists()
    assert not list((ROOT / "kubeflow").glob("*.py"))


def test_a_wrong_import_would_be_seen(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(
        "def f():\n    from mer_tf.tfx_pipeline.pipeline import create_pipeline\n    return create_pipeline\n"
    )
    assert imported_modules(path) == {"mer_tf.tfx_pipeline.pipeline"}
    assert package_of("mer_tf.tfx_pipeline.pipeline") == "tfx_pipeline" and package_of("mer_tf.types") == "mer_tf"


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
