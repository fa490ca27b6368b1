"""Runs the pipeline on this machine, node by node, and tells how each one went.

TFX's own local runner says nothing while it works. ``ProgressRunner`` launches the same nodes with the same
launcher, and reports the state that ML Metadata holds afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import logging
import os
import time
from collections.abc import Callable

from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import launcher, partial_run_utils, runtime_parameter_utils

from mer_tf import atomic, output, processes, run_files
from mer_tf.components import reports
from mer_tf.errors import ConfigError, MerError, MissingFileError, OutputError
from mer_tf.export import newest_version
from mer_tf.preparation.report import FAULTS
from mer_tf.preprocessing import ClipPreprocessor
from mer_tf.served import SAVED_MODEL
from mer_tf.tfx_pipeline import configs, status
from mer_tf.tfx_pipeline.configs import PipelineConfig
from mer_tf.tfx_pipeline.pipeline import create_pipeline
from mer_tf.training.cross_validation import check_model

_LOG = logging.getLogger(__name__)

EXECUTED = "executed"
CACHED = "cached"
SKIPPED = "skipped"
FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class ComponentRun:
    """How one component went.

    Attributes:
        name: Node id.
        state: ``"running"`` (progress only), ``"executed"``, ``"cached"``, ``"skipped"`` or ``"failed"``.
        seconds: Wall time, including what TFX does around the work.
        index: Position, from 1.
        total: Number of components.
    """

    name: str
    state: str
    seconds: float
    index: int
    total: int


@dataclasses.dataclass(frozen=True)
class PipelineResult:
    """What a run left behind; paths are empty where a step did not produce the thing.

    Attributes:
        components: One entry per component, in order.
        metrics: Pooled metrics of the cross-validation, as in the passport.
        blessed: Whether the Evaluator blessed the model.
        servable: Whether LoadAndQuery did.
        pushed_model: Version folder that was pushed, or ``""``.
        serving_dir: Folder of versions, for a server.
        predictions: ``predictions.csv`` of the cross-validation.
        passport: ``passport.json`` of the cross-validation.
        log_dir: Folder for TensorBoard: folds and final model.
        evaluation: Folder of the Evaluator's results.
        metadata: SQLite file that holds the lineage.
        clips: Number of clips that reached training.
        faults: One dictionary per clip left out (``clip``, ``error``, ``message``).
    """

    components: tuple[ComponentRun, ...]
    metrics: dict
    blessed: bool
    servable: bool
    pushed_model: str
    serving_dir: str
    predictions: str
    passport: str
    log_dir: str
    evaluation: str
    metadata: str
    clips: int
    faults: tuple[dict, ...]

    @property
    def cached(self) -> bool:
        """Whether every component took its result from an earlier run."""
        return all(run.state == CACHED for run in self.components)

    def to_json(self) -> dict:
        """Plain dictionary."""
        return dataclasses.asdict(self)


class ProgressRunner(LocalDagRunner):
    """LocalDagRunner that reports every node.

    Args:
        on_component: Called with a ``ComponentRun`` when a node starts (state ``"running"``) and when it ends.
        serving_dir: Folder that Pusher pushes to. What it pushed is taken from the cache only while servers would load
            it; else the model is pushed again.
    """

    def __init__(self, on_component: Callable[[ComponentRun], None] | None = None, serving_dir: str = ""):
        super().__init__()
        self._on_component = on_component or (lambda run: None)
        self._serving_dir = serving_dir
        self.runs: list[ComponentRun] = []
        self.execution_ids: dict[str, int] = {}

    def run_with_ir(self, pipeline, run_options=None) -> None:
        """Launches the nodes in order, as the base class does; see there for the arguments."""
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection_kind = deployment.metadata_connection_config.WhichOneof("connection_config")
        connection = getattr(deployment.metadata_connection_config, connection_kind)
        if run_options:
            partial = run_options.partial_run
            partial_run_utils.mark_pipeline(
                pipeline,
                from_nodes=partial.from_nodes or None,
                to_nodes=partial.to_nodes or None,
                snapshot_settings=partial.snapshot_settings,
            )
        nodes = [
            node.pipeline_node for node in pipeline.nodes if not node.pipeline_node.execution_options.HasField("skip")
        ]
        for index, node in enumerate(nodes, 1):
            self._launch(pipeline, deployment, connection, node, index, len(nodes))

    def _launch(self, pipeline, deployment, connection, node, index: int, total: int) -> None:
        name = node.node_info.id

        def report(state: str, seconds: float) -> ComponentRun:
            run = ComponentRun(name, state, round(seconds, 3), index, total)
            self._on_component(run)
            return run

        report("running", 0.0)
        start = time.perf_counter()
        state = FAILED
        try:
            if node.execution_options.run.perform_snapshot:
                with metadata.Metadata(connection) as handle:
                    partial_run_utils.snapshot(handle, pipeline)
            if name == "Pusher" and not self._push_stands(connection):
                node.execution_options.caching_options.enable_cache = False
            info = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
            ).launch()
            state = SKIPPED
            if info is not None and info.execution_id:
                self.execution_ids[name] = info.execution_id
                with metadata.Metadata(connection) as handle:
                    state = status.execution_state(handle.store, info.execution_id)
        except Exception as error:
            raise _named(error, name) from error
        finally:
            self.runs.append(report(state, time.perf_counter() - start))

    def _push_stands(self, connection) -> bool:
        """Whether an earlier push of this run's model is what servers load, or there was none."""
        with metadata.Metadata(connection) as handle:
            models = status.execution_outputs(handle.store, self.execution_ids.get("Trainer", 0)).get("model", ())
            pushed = [
                status.pushed_destination(artifact)
                for model in models
                for artifact in status.made_of(handle.store, model.id, "PushedModel")
            ]
        pushed = [destination for destination in pushed if destination]
        newest = newest_version(self._serving_dir)
        loaded = os.path.join(self._serving_dir, str(newest))
        stands = loaded in pushed and os.path.isfile(os.path.join(loaded, SAVED_MODEL))
        if pushed and not stands:
            _LOG.warning("the newest version in %s is %s, not this model's; pushing again", self._serving_dir, newest)
        return stands or not pushed


def run_local(
    config: PipelineConfig,
    out: str | os.PathLike,
    *,
    on_component: Callable[[ComponentRun], None] | None = None,
) -> PipelineResult:
    """Runs the whole pipeline in this process; unchanged components come from the cache.

    Args:
        config: The pipeline.
        out: Folder of everything the pipeline writes (``PipelineConfig.below``): artifacts, ``metadata.sqlite``,
            ``serving/mer``, ``logs``.
        on_component: Called with a ``ComponentRun`` when a component starts and when it ends.

    Returns:
        What the run left behind.

    Raises:
        MerError: What went wrong, by its own name where it was raised by this project.
    """
    out = os.path.abspath(out)
    config = config.below(out)
    if not os.path.isfile(os.path.join(config.manifest_dir, run_files.MANIFEST_FILE)):
        raise MissingFileError(
            f"{config.manifest_dir} holds no {run_files.MANIFEST_FILE}; write it from a dataset folder first"
        )
    if os.path.exists(out) and not os.path.isdir(out):
        raise ConfigError(f"{out} is a file; choose a folder for the pipeline's output")
    ClipPreprocessor(config.recipe, landmark_model=config.landmark_model).versions()  # refuses what is not there
    check_model(config.train, config.recipe)  # hours of preprocessing come before training does
    pipeline = create_pipeline(config)
    os.makedirs(out, exist_ok=True)
    runner = ProgressRunner(on_component, config.serving_dir)
    mark = os.path.join(out, configs.RUNNING_FILE)
    atomic.write_text(mark, json.dumps(processes.mark()))
    try:
        runner.run(pipeline)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(mark)
    return _result(runner, config.metadata, config.serving_dir, out)


def _result(runner: ProgressRunner, database: str, serving_dir: str, out: str) -> PipelineResult:
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(database)) as handle:
        outputs = {
            name: status.execution_outputs(handle.store, execution) for name, execution in runner.execution_ids.items()
        }

    def artifact(component: str, channel: str):
        found = outputs.get(component, {}).get(channel)
        return found[0] if found else status.ArtifactInfo.nothing()

    loso = artifact("LosoTrainer", "run").uri
    passport = _existing(loso, run_files.PASSPORT_FILE)
    metrics = {}
    if passport:
        with open(passport, encoding="utf-8") as file:
            metrics = json.load(file).get("metrics", {})
    pushed = artifact("Pusher", "pushed_model")
    clips = artifact("ClipExampleGen", "examples")
    motion = artifact("MotionTransform", "motion")
    faults = [
        fault
        for path in (
            os.path.join(clips.uri, run_files.CLIPS_FILE),
            os.path.join(motion.uri, "report", configs.SPLIT, run_files.CLIPS_FILE),
        )
        for fault in _faults(path)
    ]
    return PipelineResult(
        components=tuple(runner.runs),
        metrics=metrics,
        blessed=artifact("Evaluator", "blessing").properties.get("blessed") == 1,
        servable=artifact("LoadAndQuery", "blessing").properties.get("blessed") == 1,
        pushed_model=status.pushed_destination(pushed),
        serving_dir=serving_dir,
        predictions=_existing(loso, run_files.PREDICTIONS_FILE),
        passport=passport,
        log_dir=_collect_logs(
            os.path.join(out, configs.LOGS_FOLDER),
            {"loso": _existing(loso, "logs"), "final": artifact("Trainer", "model_run").uri},
        ),
        evaluation=artifact("Evaluator", "evaluation").uri,
        metadata=database,
        clips=motion.properties.get("clips", 0),
        faults=tuple(faults),
    )


def _existing(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    return path if folder and os.path.exists(path) else ""


def _faults(path: str) -> list[dict]:
    if not os.path.isfile(path):
        return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)[FAULTS]


def _collect_logs(folder: str, sources: dict[str, str]) -> str:
    """One folder for TensorBoard, with a link to the logs of each kind."""
    os.makedirs(folder, exist_ok=True)
    for name, source in sources.items():
        link = os.path.join(folder, name)
        if os.path.islink(link):
            os.unlink(link)
        if source and os.path.isdir(source) and not os.path.exists(link):
            os.symlink(os.path.relpath(source, folder), link)
    return folder


def _named(error: Exception, component: str) -> MerError:
    found = reports.find_named_error(error)
    if found is not None:
        return found
    said = output.explain(error)
    if said is not None:
        return OutputError(f"{component}: {said}")
    first = next((line for line in str(error).splitlines() if line.strip()), "no message")
    return MerError(f"{component} failed: {type(error).__name__}: {first[:300]}; the log holds the traceback")
