"""Counts of every system from two checked files, without TensorFlow.

``counts.json`` holds the sums, ``layers.json`` the layers; ``make counts`` makes both again and a test
compares them with the networks. How is counted: ``mer_tf.zoo``.
"""

from __future__ import annotations

import functools
import importlib.resources
import json

SUMS = "counts.json"
LAYERS = "layers.json"
# Columns of a row of ``layers.json``.
LAYER_COLUMNS = ("name", "kind", "output", "parameters", "fixed", "flops", "traffic", "activations")
SUM_KEYS = ("parameters", "trainable_parameters", "fixed", "flops", "traffic", "activations")


@functools.cache
def all_counts() -> dict[str, dict]:
    """Registry name -> sums (``SUM_KEYS``), or ``{"dimension": {preset: length}}`` of a hand-crafted feature."""
    return _read(SUMS)


@functools.cache
def all_layers() -> dict[str, list[list]]:
    """Registry name -> rows (``LAYER_COLUMNS``) in the order of the computation; networks only."""
    return _read(LAYERS)


def _read(file: str) -> dict:
    return json.loads(importlib.resources.files("mer_tf.systems").joinpath(file).read_text(encoding="utf-8"))
