"""Artifact types of this project that TFX has no standard type for."""

from __future__ import annotations

from tfx.types.artifact import Artifact, Property, PropertyType


class LosoRun(Artifact):
    """Everything one leave-one-subject-out run leaves behind.

    Files under the artifact's URI: ``predictions.csv``, ``passport.json``, ``folds/`` (one JSON per fold) and
    ``logs/`` (TensorBoard, one folder per fold).

    Attributes:
        model: Registry name of the model.
        recipe_hash: Hash of the recipe its inputs were made with.
        folds: Number of folds.
    """

    TYPE_NAME = "MerLosoRun"
    PROPERTIES = {  # noqa: RUF012 - the name and form TFX looks for
        "model": Property(type=PropertyType.STRING),
        "recipe_hash": Property(type=PropertyType.STRING),
        "folds": Property(type=PropertyType.INT),
    }
