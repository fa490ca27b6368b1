"""Artifact types of this project that TFX has no standard type for."""

from __future__ import annotations

from tfx.types.artifact import Artifact


class LosoRun(Artifact):
    """Everything one leave-one-subject-out run leaves behind.

    Files under the artifact's URI: ``predictions.csv``, ``passport.json``, ``folds/`` (one JSON per fold) and
    ``logs/`` (TensorBoard, one folder per fold). Custom properties: ``model``, ``recipe_hash``, ``folds``.
    """

    # Kubeflow's compiler takes names of the form namespace.Title and no typed properties, and a container imports
    # the class by this very name: ``mer_tf`` resolves it.
    TYPE_NAME = "mer_tf.LosoRun"
