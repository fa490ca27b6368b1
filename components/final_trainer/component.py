"""Specification of Trainer."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter
from tfx.utils import json_utils

from mer_tf.components.artifacts import LosoRun
from mer_tf.components.final_trainer.executor import Executor


class TrainerSpec(standard_component_specs.TrainerSpec):
    """TFX's specification and one more channel."""

    INPUTS = {**standard_component_specs.TrainerSpec.INPUTS, "run": ChannelParameter(type=LosoRun)}  # noqa: RUF012


class Trainer(BaseComponent):
    """Trains the final model on all clips and exports it, by a ``run_fn`` as TFX's Trainer calls it.

    Output channels:
        ``model``: ``Model``, the exported SavedModel.
        ``model_run``: ``ModelRun`` with TensorBoard logs.

    Args:
        examples: Examples to train on.
        transform_graph: Graph of Transform, exported with the model.
        run: Run of LosoTrainer on the same examples; ``run_fn`` gets the path of its passport.
        run_fn: Python name of the function.
        split: Split of the examples.
        custom_config: What ``run_fn`` finds in ``custom_config``.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        run: types.BaseChannel,
        *,
        run_fn: str,
        split: str,
        custom_config: dict,
    ):
        super().__init__(
            TrainerSpec(
                examples=examples,
                transform_graph=transform_graph,
                run=run,
                run_fn=run_fn,
                train_args=trainer_pb2.TrainArgs(splits=[split]),
                eval_args=trainer_pb2.EvalArgs(splits=[split]),
                custom_config=json_utils.dumps(custom_config),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
