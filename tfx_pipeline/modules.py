"""Functions that TFX components call by name: thin calls into ``mer_tf``."""

from __future__ import annotations

import json
import logging

from mer_tf import features
from mer_tf.recipes import Recipe

_LOG = logging.getLogger(__name__)

# Facts that travel through Transform beside the tensors.
KEPT = (
    features.DATASET, features.SUBJECT, features.CLIP, features.MAPPING, features.LABEL, features.RECIPE_HASH,
    features.PROVENANCE, features.ONSET, features.OFFSET, features.FPS,
)  # fmt: skip


def preprocessing_fn(inputs: dict, custom_config: dict) -> dict:
    """Network inputs of each clip, by per-sample TensorFlow operations only.

    No TFT analyzer is used: a statistic over all clips would carry held-out subjects into training.

    Args:
        inputs: Motion tensors (batch, height, width, 3) float32 and facts (batch,).
        custom_config: ``recipe``: the recipe as a dictionary.

    Returns:
        ``recipe.network_inputs``, the facts that splitting and scoring need, and those that the exported model tells.
    """
    from mer_tf.preprocessing import network_input
    from mer_tf.preprocessing.gate import motion_magnitude, motion_unit

    recipe = Recipe.from_json(custom_config["recipe"])
    arrays = {name: inputs[name] for name in recipe.inputs}
    outputs = network_input(arrays, recipe)
    if motion_unit(recipe):
        outputs[features.MOTION_MAGNITUDE] = motion_magnitude(arrays, recipe)
    return {**outputs, **{name: inputs[name] for name in KEPT}}


def run_fn(fn_args) -> None:
    """Trains the final model on all clips and exports it with the graph of Transform.

    Args:
        fn_args: TFX's arguments; ``custom_config`` holds ``recipe`` and ``train_config`` as dictionaries,
            ``initial_weights``, the hash of that file where it is known, and where the cross-validation is known, the
            path of its passport as ``loso``.
    """
    import tensorflow_transform as tft
    from tfx.dsl.io import fileio

    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.export import export_saved_model
    from mer_tf.systems.own import short_name
    from mer_tf.training import TrainConfig, read_training_records, train_final, training_description
    from mer_tf.training.initial import check_initial_weights

    recipe = Recipe.from_json(fn_args.custom_config["recipe"])
    config = TrainConfig.from_json(fn_args.custom_config["train_config"])
    files = sorted(file for pattern in fn_args.train_files for file in fileio.glob(pattern))
    check_initial_weights(config, fn_args.custom_config["initial_weights"])
    data = read_training_records(files, recipe, config)
    model = train_final(data, config, log_dir=fn_args.model_run_dir)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    spec = transform.raw_feature_spec()
    description = export_saved_model(
        model,
        recipe,
        get_mapping(data.mapping).classes,
        fn_args.serving_model_dir,
        model_name=short_name(config.model),
        transform=transform.transform_features_layer(),
        # Requests carry motion alone; TFT leaves out what depends on the facts.
        feature_spec={name: spec[name] for name in recipe.inputs},
        training=training_description(files, recipe, config, data.fingerprint, fn_args.custom_config.get("loso")),
    )
    _LOG.info("exported %s", json.dumps(description, sort_keys=True))
