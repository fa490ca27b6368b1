"""The pipeline as one function of explicit arguments; runners only supply the values."""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow_data_validation as tfdv
from tfx.components import (
    Evaluator,
    ExampleValidator,
    Pusher,
    SchemaGen,
    StatisticsGen,
    Transform,
)
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, transform_pb2

from components.clip_example_gen.component import ClipExampleGen
from components.final_trainer.component import Trainer
from components.load_and_query.component import LoadAndQuery
from components.loso_evaluator.config import eval_config
from components.loso_trainer.component import LosoTrainer
from components.motion_transform.component import MotionTransform
from mer_tf import features
from mer_tf.errors import ConfigError
from mer_tf.recipes import Recipe, get_recipe
from mer_tf.systems.registry import check_network, check_recipe, get_model_card
from mer_tf.training import TrainConfig
from tfx_pipeline import configs


def create_pipeline(
    *,
    pipeline_name: str,
    pipeline_root: str,
    manifest_dir: str,
    train_config: TrainConfig,
    serving_dir: str,
    recipe: Recipe | None = None,
    eval_threshold_uf1: float = configs.EVAL_THRESHOLD_UF1,
    data_root: str | None = None,
    strict: bool = False,
    landmark_model: str | None = None,
    preprocess_workers: int = 1,
    fold_workers: int = 1,
    resume_dir: str | None = None,
    enable_cache: bool = True,
    metadata_connection_config=None,
    beam_pipeline_args: Sequence[str] = (),
) -> Pipeline:
    """From a manifest of clips to a pushed model.

    Args:
        pipeline_name: Name under which runs are recorded.
        pipeline_root: Folder (or bucket) of the artifacts.
        manifest_dir: Folder holding ``manifest.csv``.
        train_config: What to train and how; names the model.
        serving_dir: Folder that receives versions of the model for TensorFlow Serving.
        recipe: What turns clips into the model's input; default the one the model declares.
        eval_threshold_uf1: Smallest pooled UF1 of the cross-validation that is blessed, 0 to 1.
        data_root: Folder of the frames, where it is not the one the manifest was written with.
        strict: Whether a fault of one clip stops the run.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
        preprocess_workers: Processes a Beam worker spreads preprocessing over.
        fold_workers: Processes a Beam worker spreads folds over.
        resume_dir: Folder for finished folds of an unfinished run; default below ``pipeline_root``.
        enable_cache: Whether unchanged components take their results from an earlier run.
        metadata_connection_config: Where runs are recorded; None where the platform decides.
        beam_pipeline_args: Arguments of the Beam runner. Empty is quickest locally: with any argument TFX builds
            a source package of itself for every Beam component.

    Returns:
        The pipeline, for any TFX runner.

    Raises:
        ConfigError: Where the model is not a network or does not take the recipe, or a value is out of range.
    """
    recipe = _fitting_recipe(train_config, recipe)
    for name, value in (("preprocess_workers", preprocess_workers), ("fold_workers", fold_workers)):
        if value < 1:
            raise ConfigError(f"{name} must be at least 1. Received: {value}")

    clips = ClipExampleGen(manifest_dir, strict=strict, data_root=data_root, frames=recipe.frames)
    statistics = StatisticsGen(
        examples=clips.outputs["examples"],
        # Facts only: value counts of image bytes say nothing and keep every frame in memory.
        stats_options=tfdv.StatsOptions(feature_allowlist=list(features.FACTS)),
    )
    schema = SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=True)
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    motion = MotionTransform(
        examples=clips.outputs["examples"],
        recipe=recipe,
        strict=strict,
        workers=preprocess_workers,
        landmark_model=landmark_model,
    )
    transform = Transform(
        examples=motion.outputs["motion"],
        schema=motion.outputs["schema"],
        preprocessing_fn=configs.PREPROCESSING_FN,
        # The names are required; nothing is analysed, since a statistic over all clips would leak between folds.
        splits_config=transform_pb2.SplitsConfig(analyze=[configs.SPLIT], transform=[configs.SPLIT]),
        custom_config={"recipe": recipe.to_json()},
        disable_analyzer_cache=True,
        disable_statistics=True,
    )
    # Turning and cropping clips in training needs flow in pixels, which the network's inputs no longer are.
    arrays = train_config.needs_arrays(recipe)
    examples = motion.outputs["motion"] if arrays else transform.outputs["transformed_examples"]
    loso = LosoTrainer(
        examples=examples,
        clips=clips.outputs["examples"],
        recipe=recipe,
        train_config=train_config,
        workers=fold_workers,
        resume_dir=resume_dir or os.path.join(pipeline_root, configs.RESUME_FOLDER),
    )
    trainer = Trainer(
        examples=examples,
        transform_graph=transform.outputs["transform_graph"],
        run=loso.outputs["run"],
        run_fn=configs.RUN_FN,
        split=configs.SPLIT,
        custom_config={"recipe": recipe.to_json(), "train_config": train_config.to_json()},
    )
    evaluator = Evaluator(
        examples=loso.outputs["predictions"],
        example_splits=[configs.SPLIT],
        model=trainer.outputs["model"],
        eval_config=eval_config(num_classes=train_config.num_classes, min_uf1=eval_threshold_uf1),
        module_path=configs.EVALUATOR_MODULE,
    )
    query = LoadAndQuery(model=trainer.outputs["model"], examples=motion.outputs["motion"])
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=query.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving_dir)
        ),
    )
    return Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[
            clips, statistics, schema, validator, motion, transform, loso, trainer, evaluator, query, pusher,
        ],
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )  # fmt: skip


def _fitting_recipe(train_config: TrainConfig, recipe: Recipe | None) -> Recipe:
    check_network(train_config.model)
    if recipe is None:
        return get_recipe(get_model_card(train_config.model).recipe)
    check_recipe(train_config.model, recipe, train_config.model_options)
    return recipe
