"""Specification of LosoTrainer."""

from __future__ import annotations

import json

from tfx import types
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from mer_tf import numerics
from mer_tf.components.artifacts import LosoRun
from mer_tf.components.loso_trainer.executor import Executor
from mer_tf.recipes import Recipe
from mer_tf.training import TrainConfig


class LosoTrainerSpec(ComponentSpec):
    """Channels and parameters; parameters are plain text and numbers, as every TFX runner carries them."""

    PARAMETERS = {  # noqa: RUF012
        "recipe": ExecutionParameter(type=str),
        "train_config": ExecutionParameter(type=str),
        "protocol": ExecutionParameter(type=str),
        # SHA-256 of the initial weights: results with other weights under the same path are not taken from the cache.
        "initial_weights": ExecutionParameter(type=str),
        "workers": ExecutionParameter(type=int),
        "resume_dir": ExecutionParameter(type=str, optional=True),
        # Not read: results of other code, TensorFlow or settings of its kernels are not taken from the cache.
        "made_with": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "clips": ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {  # noqa: RUF012
        "predictions": ChannelParameter(type=standard_artifacts.Examples),
        "run": ChannelParameter(type=LosoRun),
    }


class LosoTrainer(BaseBeamComponent):
    """Trains one model per fold of a protocol and pools what they say of the clips they have not seen.

    Output channels:
        ``predictions``: ``Examples`` of prediction records for the stock Evaluator.
        ``run``: ``LosoRun`` with predictions, passport, one JSON per fold and TensorBoard logs.

    Args:
        examples: Transformed examples: network inputs, label and facts.
        clips: Clip records, whose data fingerprint goes into the passport.
        recipe: Recipe of the inputs.
        train_config: What to train and how.
        protocol: Name of the protocol that makes the folds.
        initial_weights: SHA-256 of the weights that ``train_config`` names; ``""`` where there are none, or where
            they cannot be read while the pipeline is made.
        workers: Processes that each Beam worker spreads its folds over.
        resume_dir: Folder that keeps finished folds of an unfinished run; None keeps nothing.
    """

    SPEC_CLASS = LosoTrainerSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        clips: types.BaseChannel,
        *,
        recipe: Recipe,
        train_config: TrainConfig,
        protocol: str = "loso",
        initial_weights: str = "",
        workers: int = 1,
        resume_dir: str | None = None,
    ):
        super().__init__(
            LosoTrainerSpec(
                examples=examples,
                clips=clips,
                recipe=json.dumps(recipe.to_json(), sort_keys=True),
                train_config=json.dumps(train_config.to_json(), sort_keys=True),
                protocol=protocol,
                initial_weights=initial_weights,
                workers=workers,
                resume_dir=resume_dir,
                made_with=json.dumps(numerics.deciding(), sort_keys=True),
                predictions=types.Channel(type=standard_artifacts.Examples),
                run=types.Channel(type=LosoRun),
            )
        )
