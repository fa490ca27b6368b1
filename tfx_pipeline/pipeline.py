"""The pipeline as one function of explicit arguments; runners only supply the values."""

from __future__ import annotations

import os

import tensorflow_data_validation as tfdv
from tfx.components import (
    Evaluator,
    ExampleValidator,
    SchemaGen,
    StatisticsGen,
    Transform,
)
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, transform_pb2

from mer_tf import features, numerics
from mer_tf.components.clip_example_gen.component import ClipExampleGen
from mer_tf.components.final_trainer.component import Trainer
from mer_tf.components.load_and_query.component import LoadAndQuery
from mer_tf.components.loso_evaluator.config import eval_config
from mer_tf.components.loso_trainer.component import LosoTrainer
from mer_tf.components.motion_transform.component import MotionTransform
from mer_tf.components.pusher.component import Pusher
from mer_tf.errors import ConfigError
from mer_tf.tfx_pipeline import configs
from mer_tf.tfx_pipeline.configs import PipelineConfig
from mer_tf.training.initial import weights_hash


def create_pipeline(config: PipelineConfig) -> Pipeline:
    """From a manifest of clips to a pushed model, for any TFX runner.

    Raises:
        ConfigError: The config names no folder for artifacts or served models.
    """
    for name in ("pipeline_root", "serving_dir"):
        if not getattr(config, name):
            raise ConfigError(f"{name} must be a folder or bucket. Received: {getattr(config, name)!r}")
    recipe, train = config.recipe, config.train
    # Part of the cache key by content. Where another machine will read the file, its name has to do.
    weights = weights_hash(train.initial_weights) if os.path.isfile(train.initial_weights) else ""
    made_with = numerics.deciding()  # likewise, of every step that computes with TensorFlow

    clips = ClipExampleGen(config.manifest_dir, strict=config.strict, data_root=config.data_root, frames=recipe.frames)
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
        strict=config.strict,
        workers=config.workers,
        landmark_model=config.landmark_model,
    )
    transform = Transform(
        examples=motion.outputs["motion"],
        schema=motion.outputs["schema"],
        preprocessing_fn=configs.PREPROCESSING_FN,
        # The names are required; nothing is analysed, since a statistic over all clips would leak between folds.
        splits_config=transform_pb2.SplitsConfig(analyze=[configs.SPLIT], transform=[configs.SPLIT]),
        custom_config={"recipe": recipe.to_json(), "made_with": made_with},
        disable_analyzer_cache=True,
        disable_statistics=True,
    )
    # Turning and cropping clips in training needs flow in pixels, which the network's inputs no longer are.
    arrays = train.needs_arrays(recipe)
    examples = motion.outputs["motion"] if arrays else transform.outputs["transformed_examples"]
    loso = LosoTrainer(
        examples=examples,
        clips=clips.outputs["examples"],
        recipe=recipe,
        train_config=train,
        protocol=config.protocol,
        initial_weights=weights,
        workers=config.workers,
        resume_dir=config.resume_dir or os.path.join(config.pipeline_root, configs.RESUME_FOLDER),
    )
    trainer = Trainer(
        examples=examples,
        transform_graph=transform.outputs["transform_graph"],
        run=loso.outputs["run"],
        run_fn=configs.RUN_FN,
        split=configs.SPLIT,
        custom_config={
            "recipe": recipe.to_json(),
            "train_config": train.to_json(),
            "initial_weights": weights,
            "made_with": made_with,
        },
    )
    evaluator = Evaluator(
        examples=loso.outputs["predictions"],
        example_splits=[configs.SPLIT],
        model=trainer.outputs["model"],
        eval_config=eval_config(num_classes=train.num_classes, min_uf1=config.min_uf1),
        module_path=configs.EVALUATOR_MODULE,
    )
    query = LoadAndQuery(model=trainer.outputs["model"], examples=motion.outputs["motion"])
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=query.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.serving_dir)
        ),
    )
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=config.pipeline_root,
        components=[
            clips, statistics, schema, validator, motion, transform, loso, trainer, evaluator, query, pusher,
        ],
        enable_cache=config.cache,
        metadata_connection_config=(
            metadata.sqlite_metadata_connection_config(config.metadata) if config.metadata else None
        ),
        beam_pipeline_args=list(config.beam_args),
    )  # fmt: skip
