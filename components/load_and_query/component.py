"""Specification of LoadAndQuery."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from mer_tf.components.load_and_query.executor import Executor


class LoadAndQuerySpec(ComponentSpec):
    """Channels and parameters."""

    PARAMETERS = {"max_queries": ExecutionParameter(type=int)}  # noqa: RUF012
    INPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)}  # noqa: RUF012


class LoadAndQuery(BaseComponent):
    """Loads the exported model from its files and asks it about real clips, before anything is pushed.

    TFX's InfraValidator starts a model server in Docker; this check needs neither and runs wherever the pipeline
    runs. It proves that the files load without this project's code and that both signatures answer alike and
    sensibly; it does not prove anything about a particular server.

    Output channels:
        ``blessing``: ``InfraBlessing`` as Pusher expects it; not blessed means that a question went wrong, and
        ``report.json`` beside it says which.

    Args:
        model: Exported model of Trainer.
        examples: Motion records of MotionTransform.
        max_queries: Largest number of clips asked about.
    """

    SPEC_CLASS = LoadAndQuerySpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, examples: types.BaseChannel, *, max_queries: int = 8):
        super().__init__(
            LoadAndQuerySpec(
                model=model,
                examples=examples,
                max_queries=max_queries,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
