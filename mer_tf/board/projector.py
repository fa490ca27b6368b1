"""Tables for TensorBoard's projector: clips as points, to be coloured by class, data set, subject or prediction.

What is shown exists for every clip alike: what the network is given, averaged, and what was predicted while the clip
was held out. Activations of the networks are not, as each fold has a network of its own and their axes do not agree.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

import numpy as np

from mer_tf import atomic
from mer_tf.console import printable, shown
from mer_tf.systems.floors.floors import LinearFlowConfig, linear_flow
from mer_tf.types import Prediction

CONFIG_FILE = "projector_config.pbtxt"
CLIPS_FILE, INPUTS_FILE, PROBABILITIES_FILE = "clips.tsv", "inputs.tsv", "probabilities.tsv"
MOST = 5000  # clips
_COLOURS = 50  # the projector colours no more different words; numbers it does
_GRID = LinearFlowConfig().grid


def averaged(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Each channel of the network's inputs averaged over a grid of 7x7 cells, as system ``linear_flow`` does.

    Args:
        tensors: Name -> (clips, [frames,] height, width, channels); of a sequence the mean over its frames is taken.
            What is no map (points) is taken as it is.

    Returns:
        float64 (clips, values).
    """
    parts = []
    for array in tensors.values():
        maps = array.mean(axis=1) if array.ndim == 5 else array
        if maps.ndim != 4:
            parts.append(maps.reshape(len(maps), -1))
            continue
        grid = LinearFlowConfig((min(_GRID[0], maps.shape[1]), min(_GRID[1], maps.shape[2])))
        parts.append(np.stack([linear_flow(one, grid) for one in maps]))
    return np.concatenate(parts, axis=1)


def write_projector(
    folder: str, predictions: Sequence[Prediction], classes: Sequence[str], inputs: np.ndarray | None
) -> None:
    """Writes the tables and, last, the file that names them.

    Args:
        folder: Folder of logs.
        predictions: One for each clip, at most ``MOST``.
        classes: Names of the classes.
        inputs: (clips, values) from ``averaged``, in the same order; None where there are none.
    """
    # With a single value there is nothing to spread out.
    tables = {"input_averaged_over_7x7_cells": (INPUTS_FILE, inputs)} if inputs is not None and inputs.size else {}
    probabilities = np.array([p.probabilities for p in predictions])
    tables["probabilities_when_held_out"] = (PROBABILITIES_FILE, probabilities)
    config = []
    for name, (file, values) in tables.items():
        lines = ("\t".join(f"{value:.6g}" for value in row) for row in values.tolist())
        atomic.write_text(os.path.join(folder, file), "".join(f"{line}\n" for line in lines))
        config += [
            "embeddings {",
            f'  tensor_name: "{name}"',
            f'  tensor_path: "{file}"',
            f'  metadata_path: "{CLIPS_FILE}"',
            "}",
        ]
    atomic.write_text(os.path.join(folder, CLIPS_FILE), _clips(predictions, classes))
    atomic.write_text(os.path.join(folder, CONFIG_FILE), "\n".join(config) + "\n")


def remove_projector(folder: str) -> None:
    """Removes the tables of an earlier run, the file that names them first."""
    for name in (CONFIG_FILE, CLIPS_FILE, INPUTS_FILE, PROBABILITIES_FILE):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            os.unlink(path)


def spread(count: int, most: int = MOST) -> list[int]:
    """At most so many rows of all, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def _clips(predictions: Sequence[Prediction], classes: Sequence[str]) -> str:
    subjects = [f"{p.dataset}/{p.subject}" for p in predictions]
    numbers = {subject: number for number, subject in enumerate(sorted(set(subjects)), 1)}
    header = ["clip", "class", "predicted", "right", "data set", "subject", "probability of class"]
    if len(numbers) > _COLOURS:
        header.append("number of subject")
    lines = [header]
    for p, subject in zip(predictions, subjects):
        line = [
            f"{subject}/{p.clip}",
            classes[p.label],
            classes[p.prediction],
            "right" if p.label == p.prediction else "wrong",
            p.dataset,
            subject,
            f"{p.probabilities[p.label]:.3f}",
        ]
        lines.append([*line, str(numbers[subject])] if len(numbers) > _COLOURS else line)
    return "".join("\t".join(map(_cell, line)) + "\n" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s", " ", printable(shown(text)))
