"""Specification of MotionTransform."""

from __future__ import annotations

import json

from tfx import types
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from mer_tf.components.motion_transform.executor import Executor
from mer_tf.preprocessing.deciding import deciding
from mer_tf.recipes import Recipe


class MotionTransformSpec(ComponentSpec):
    """Channels and parameters; parameters are plain text and numbers, as every TFX runner carries them."""

    PARAMETERS = {  # noqa: RUF012
        "recipe": ExecutionParameter(type=str),
        "strict": ExecutionParameter(type=int),
        "workers": ExecutionParameter(type=int),
        "landmark_model": ExecutionParameter(type=str, optional=True),
        # Not read: results of other code, OpenCV or dlib, landmark model or weights are not taken from the cache.
        "made_with": ExecutionParameter(type=str),
    }
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "motion": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
    }


class MotionTransform(BaseBeamComponent):
    """Makes the arrays of one recipe: detection, alignment, magnification, flow, strain.

    Recipes with trained networks find their weights by ``MER_MAGNIFIER_WEIGHTS`` and ``MER_LITEFLOWNET_WEIGHTS``, the
    detector its landmark model by ``landmark_model`` or ``MER_LANDMARK_MODEL``, on the machine that describes the
    pipeline (where their content and the versions of OpenCV and dlib go into the key of the cache) and on every worker.

    Output channels:
        ``motion``: ``Examples`` of motion records (``mer_tf.records``), with a ``clips.json`` report and the custom
        properties ``clips`` and ``faults``.
        ``schema``: ``Schema`` of exactly these records; shapes come from the recipe, not from inference.

    Args:
        examples: Clip records of ClipExampleGen.
        recipe: What turns a clip into a model's input.
        strict: Whether a fault of one clip stops the run instead of being counted.
        workers: Processes that a Beam worker spreads its clips over; 1 for runners that scale by themselves.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
    """

    SPEC_CLASS = MotionTransformSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        *,
        recipe: Recipe,
        strict: bool = False,
        workers: int = 1,
        landmark_model: str | None = None,
    ):
        super().__init__(
            MotionTransformSpec(
                examples=examples,
                recipe=json.dumps(recipe.to_json(), sort_keys=True),
                strict=int(strict),
                workers=workers,
                landmark_model=landmark_model,
                made_with=json.dumps(deciding(recipe, landmark_model), sort_keys=True),
                motion=types.Channel(type=standard_artifacts.Examples),
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )
