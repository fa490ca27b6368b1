"""Counts of every system from two checked files, without TensorFlow.

``counts.json`` holds the sums, ``layers.json`` the layers; ``mer models --recount`` makes both again and a test
compares them with the networks. How is counted: ``mer_tf.models.complexity``.
"""

from __future__ import annotations

import functools
import importlib
import importlib.resources
import json
import os

from mer_tf.errors import UnknownNameError

SUMS = "counts.json"
LAYERS = "layers.json"
# Columns of a row of ``layers.json``.
LAYER_COLUMNS = ("name", "kind", "output", "parameters", "fixed", "flops", "traffic", "activations")
SUM_KEYS = ("parameters", "trainable_parameters", "fixed", "flops", "traffic", "activations")


@functools.cache
def all_counts() -> dict[str, dict]:
    """Registry name -> sums (``SUM_KEYS``), or ``{"dimension": {preset: length}}`` of a hand-crafted feature."""
    return _read(SUMS)


def get_counts(name: str) -> dict:
    """The sums of one system."""
    try:
        return all_counts()[name]
    except KeyError:
        raise UnknownNameError("counted model", name, all_counts()) from None


@functools.cache
def all_layers() -> dict[str, list[list]]:
    """Registry name -> rows (``LAYER_COLUMNS``) in the order of the computation; networks only."""
    return _read(LAYERS)


def count_all(names=None) -> tuple[dict[str, dict], dict[str, list[list]]]:
    """Counts systems anew (imports TensorFlow).

    Args:
        names: Registry names. Defaults to all.

    Returns:
        What the two files hold of them.
    """
    from mer_tf.models.registry import MODELS, get_model_card

    sums, layers = {}, {}
    for name in MODELS if names is None else names:
        card = get_model_card(name)
        if not card.is_network:
            sums[name] = {"dimension": _dimensions(card)}
            continue
        from mer_tf.models.complexity import count_system

        found = count_system(name)
        sums[name] = {key: getattr(found, key) for key in SUM_KEYS}
        layers[name] = [[_plain(getattr(row, key)) for key in LAYER_COLUMNS] for row in found.layers]
    return sums, layers


def write_counts(folder: str | os.PathLike | None = None) -> list[str]:
    """Counts all systems and writes both files.

    Args:
        folder: Where to. Defaults to this package.

    Returns:
        Paths of the files.
    """
    from mer_tf.atomic import write_text

    folder = os.fspath(folder or os.path.dirname(os.path.abspath(__file__)))
    paths = []
    for file, content in zip((SUMS, LAYERS), count_all()):
        path = os.path.join(folder, file)
        write_text(path, to_text(content))
        paths.append(path)
    return paths


def to_text(content: dict) -> str:
    """JSON with one system, or one layer, per line."""
    lines = []
    for name, value in content.items():
        if isinstance(value, list):
            rows = ",\n".join(f"  {json.dumps(row)}" for row in value)
            lines.append(f" {json.dumps(name)}: [\n{rows}\n ]")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _dimensions(card) -> dict[str, int]:
    """Preset -> length of the feature."""
    from mer_tf.handcrafted.trainer import FeatureTrainer
    from mer_tf.training.config import TrainConfig

    found = {}
    for preset in card.presets:
        trainer = FeatureTrainer(TrainConfig.from_preset(card.name, preset))
        module = importlib.import_module(card.builder.partition(":")[0])
        found[preset] = int(module.feature_dim(trainer.feature))
    return found


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def _read(file: str) -> dict:
    return json.loads(importlib.resources.files("mer_tf.models").joinpath(file).read_text(encoding="utf-8"))
