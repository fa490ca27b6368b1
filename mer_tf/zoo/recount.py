"""Counts every system anew and writes the two files that ``mer_tf.systems.counts`` reads."""

from __future__ import annotations

import importlib
import json
import os

from mer_tf.atomic import write_text
from mer_tf.systems import counts
from mer_tf.systems.counts import LAYER_COLUMNS, LAYERS, SUM_KEYS, SUMS
from mer_tf.systems.registry import MODELS, get_model_card
from mer_tf.training.config import TrainConfig
from mer_tf.training.feature_trainer import FeatureTrainer
from mer_tf.zoo.complexity import count_system


def count_all(names=None) -> tuple[dict[str, dict], dict[str, list[list]]]:
    """Counts systems anew (imports TensorFlow).

    Args:
        names: Registry names. Defaults to all.

    Returns:
        What the two files hold of them.
    """
    sums, layers = {}, {}
    for name in MODELS if names is None else names:
        card = get_model_card(name)
        if not card.is_network:
            sums[name] = {"dimension": _dimensions(card)}
            continue
        found = count_system(name)
        sums[name] = {key: getattr(found, key) for key in SUM_KEYS}
        layers[name] = [[_plain(getattr(row, key)) for key in LAYER_COLUMNS] for row in found.layers]
    return sums, layers


def write_counts(folder: str | os.PathLike | None = None) -> list[str]:
    """Counts all systems and writes both files.

    Args:
        folder: Where to. Defaults to ``mer_tf/systems``.

    Returns:
        Paths of the files.
    """
    folder = os.fspath(folder or os.path.dirname(os.path.abspath(counts.__file__)))
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

    found = {}
    for preset in card.presets:
        trainer = FeatureTrainer(TrainConfig.from_preset(card.name, preset))
        module = importlib.import_module(card.builder.partition(":")[0])
        found[preset] = int(module.feature_dim(trainer.feature))
    return found


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
