"""What decides the arrays of a recipe beside the recipe and the frames: the key of all arrays that are kept."""

from __future__ import annotations

import contextlib
import os

import cv2
import numpy as np

from mer_tf import numerics
from mer_tf.errors import MissingFileError, MissingPackageError
from mer_tf.preprocessing.face import detector_versions
from mer_tf.preprocessing.landmark_files import files_digest
from mer_tf.preprocessing.methods import Weights
from mer_tf.preprocessing.versions import file_digest
from mer_tf.recipes import Recipe


def networks(recipe: Recipe) -> dict[str, Weights]:
    """Part of the recipe -> the trained weights that it needs."""
    parts = {"magnify": recipe.magnify.weights, "flow": recipe.flow.weights if recipe.measures_motion else None}
    return {part: weights for part, weights in parts.items() if weights is not None}


def deciding(recipe: Recipe, landmark_model: str | os.PathLike | None = None) -> dict:
    """What decides a recipe's arrays beside recipe and frames: part of the key of all arrays that are kept.

    Files count by content, wherever they lie. What is not on this machine is absent, since arrays may be made on
    another; ``ClipPreprocessor.open`` is what asks for it.

    Args:
        recipe: The recipe.
        landmark_model: As ``ClipPreprocessor``.

    Returns:
        JSON-able: the code, versions as ``ClipPreprocessor.versions`` names them, landmark files of the detector
        ``"file"``, and, where the recipe computes a network, what decides TensorFlow's numbers.
    """
    computed = networks(recipe)
    found: dict = {
        "code": numerics.code_version(training=False),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    for weights in computed.values():
        path = os.environ.get(weights.variable)
        if path:
            found[f"{weights.name}_weights"] = file_digest(path)
    with contextlib.suppress(MissingFileError, MissingPackageError):
        found |= detector_versions(recipe.face, landmark_model)
    if recipe.face.detector == "file" and landmark_model is not None:
        found["landmark_files"] = files_digest(landmark_model)
    if computed:
        found |= {"packages": numerics.package_versions(), "environment": numerics.environment()}
    return found
