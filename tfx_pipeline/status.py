"""What ML Metadata knows of past runs: states, times, and where an artifact came from.

Reads the SQLite file alone, without TFX or TensorFlow, so it answers at once.
"""

from __future__ import annotations

import dataclasses
import json
import os

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from mer_tf import processes
from mer_tf.errors import BadInputError, MissingFileError

_STATES = {
    metadata_store_pb2.Execution.COMPLETE: "executed",
    metadata_store_pb2.Execution.CACHED: "cached",
    metadata_store_pb2.Execution.RUNNING: "running",
    metadata_store_pb2.Execution.FAILED: "failed",
    metadata_store_pb2.Execution.CANCELED: "canceled",
}
_INPUT_EVENTS = (
    metadata_store_pb2.Event.INPUT,
    metadata_store_pb2.Event.DECLARED_INPUT,
    metadata_store_pb2.Event.INTERNAL_INPUT,
)
_OUTPUT_EVENTS = (
    metadata_store_pb2.Event.OUTPUT,
    metadata_store_pb2.Event.DECLARED_OUTPUT,
    metadata_store_pb2.Event.INTERNAL_OUTPUT,
)


@dataclasses.dataclass(frozen=True)
class ArtifactInfo:
    """One artifact.

    Attributes:
        id: Number in the store.
        type: Type name.
        uri: Where it lies.
        properties: Properties and custom properties.
    """

    id: int
    type: str
    uri: str
    properties: dict

    @classmethod
    def nothing(cls) -> ArtifactInfo:
        """Stands for an artifact that was not produced."""
        return cls(0, "", "", {})


@dataclasses.dataclass(frozen=True)
class ExecutionInfo:
    """One execution of a component.

    Attributes:
        id: Number in the store.
        component: Node id.
        state: ``"executed"``, ``"cached"``, ``"running"``, ``"stopped"`` (it was running when its process ended),
            ``"failed"``, ``"canceled"`` or ``"unknown"``.
        started: Seconds since 1970.
        finished: Seconds since 1970 of the last change.
        inputs: Artifacts by channel.
        outputs: Artifacts by channel.
    """

    id: int
    component: str
    state: str
    started: float
    finished: float
    inputs: dict[str, tuple[ArtifactInfo, ...]]
    outputs: dict[str, tuple[ArtifactInfo, ...]]


@dataclasses.dataclass(frozen=True)
class RunInfo:
    """One run of a pipeline.

    Attributes:
        pipeline: Pipeline name.
        run: Run id (a time stamp where the local runner made it).
        executions: Executions in the order they were registered.
    """

    pipeline: str
    run: str
    executions: tuple[ExecutionInfo, ...]

    def to_json(self) -> dict:
        """Plain dictionary."""
        return dataclasses.asdict(self)

    def stopped(self) -> RunInfo:
        """The same where nobody works on it any more."""
        return dataclasses.replace(
            self,
            executions=tuple(
                dataclasses.replace(one, state="stopped") if one.state == "running" else one for one in self.executions
            ),
        )


def open_store(database: str | os.PathLike) -> metadata_store.MetadataStore:
    """The store in a SQLite file, read only.

    Raises:
        MissingFileError: Where the file is not there.
        BadInputError: Where it is no ML Metadata file.
    """
    database = os.fspath(database)
    if not os.path.isfile(database):
        raise MissingFileError(f"{database} is not there; run the pipeline first, or name its metadata.sqlite")
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = database
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    try:
        store = metadata_store.MetadataStore(config)
        store.get_context_types()
    except Exception as error:
        raise BadInputError(f"{database} is no metadata file of a pipeline ({type(error).__name__})") from error
    return store


def earlier_root(database: str | os.PathLike, root: str | os.PathLike) -> str:
    """Folder of the artifacts of the last run where it is not ``root``; ``""`` where it is, or nothing was run yet."""
    if not os.path.isfile(database):
        return ""
    newest = max(open_store(database).get_artifacts(), key=lambda artifact: artifact.id, default=None)
    if newest is None:
        return ""
    found = os.path.dirname(os.path.dirname(os.path.dirname(newest.uri)))  # ROOT/component/channel/number
    return "" if found == os.fspath(root) else found


def pipeline_runs(
    database: str | os.PathLike, limit: int | None = None, *, running: bool | None = None
) -> list[RunInfo]:
    """Runs, newest first.

    Args:
        database: The SQLite file.
        limit: At most that many.
        running: Whether the newest run is still at work; None where that cannot be told. What a process that is gone
            had under way stays "running" in ML Metadata for ever, and is "stopped" here.
    """
    store = open_store(database)
    try:
        contexts = store.get_contexts_by_type("pipeline_run")
    except Exception:  # no run has been registered yet
        return []
    contexts = sorted(contexts, key=lambda context: context.id, reverse=True)[:limit]
    runs = [_run(store, context) for context in contexts]
    return [run if not number and running in (True, None) else run.stopped() for number, run in enumerate(runs)]


def is_running(mark: str | os.PathLike) -> bool | None:
    """Whether the process that left its mark in a file (``mer_tf.processes``) still runs a pipeline.

    Returns:
        False where there is no such file: a run removes it at its end. None where the run is on another machine.
    """
    try:
        with open(mark, encoding="utf-8") as file:
            return processes.is_running(json.load(file))
    except (OSError, ValueError, AttributeError):
        return False


def lineage(database: str | os.PathLike, uri: str) -> list[ExecutionInfo]:
    """Every execution that an artifact came from, nearest first.

    Args:
        database: The SQLite file.
        uri: Folder of the artifact, or of a pushed version.

    Raises:
        BadInputError: Where no artifact lies there.
    """
    store = open_store(database)
    uri = os.path.abspath(uri)
    wanted = [
        artifact
        for artifact in store.get_artifacts()
        if uri in (artifact.uri, artifact.custom_properties["pushed_destination"].string_value)
    ]
    if not wanted:
        raise BadInputError(f"no artifact of this pipeline lies at {uri}")
    found: dict[int, ExecutionInfo] = {}
    front, seen = [wanted[-1].id], set()
    while front:
        seen.update(front)
        events = store.get_events_by_artifact_ids(front)
        producers = sorted({e.execution_id for e in events if e.type in _OUTPUT_EVENTS} - set(found))
        # A cached execution lists the same artifact as output: the one that made it is the earliest.
        executions = [execution_info(store, number) for number in producers]
        made = [info for info in executions if info.state != "cached"] or executions[:1]
        found |= {info.id: info for info in made}
        front = [
            artifact.id
            for info in made
            for artifacts in info.inputs.values()
            for artifact in artifacts
            if artifact.id not in seen
        ]
    return list(found.values())


def execution_state(store: metadata_store.MetadataStore, execution_id: int) -> str:
    """State of an execution in words."""
    (execution,) = store.get_executions_by_id([execution_id])
    return _STATES.get(execution.last_known_state, "unknown")


def execution_outputs(store: metadata_store.MetadataStore, execution_id: int) -> dict[str, tuple[ArtifactInfo, ...]]:
    """Output artifacts of an execution by channel."""
    return _artifacts(store, execution_id, _OUTPUT_EVENTS)


def made_of(store: metadata_store.MetadataStore, artifact_id: int, kind: str) -> list[ArtifactInfo]:
    """Artifacts of type ``kind`` that came out of executions which took this artifact in."""
    taken = [event for event in store.get_events_by_artifact_ids([artifact_id]) if event.type in _INPUT_EVENTS]
    outputs = [execution_outputs(store, number) for number in sorted({event.execution_id for event in taken})]
    return [info for made in outputs for infos in made.values() for info in infos if info.type == kind]


def pushed_destination(artifact: ArtifactInfo) -> str:
    """Folder of the version that a ``PushedModel`` stands for; ``""`` where nothing was pushed."""
    return artifact.properties["pushed_destination"] if artifact.properties.get("pushed") == 1 else ""


def execution_info(store: metadata_store.MetadataStore, execution_id: int) -> ExecutionInfo:
    """Everything about one execution."""
    (execution,) = store.get_executions_by_id([execution_id])
    nodes = [context.name for context in store.get_contexts_by_execution(execution_id) if context.type == "node"]
    return ExecutionInfo(
        id=execution_id,
        component=nodes[0].rsplit(".", 1)[-1] if nodes else execution.type,
        state=_STATES.get(execution.last_known_state, "unknown"),
        started=execution.create_time_since_epoch / 1000,
        finished=execution.last_update_time_since_epoch / 1000,
        inputs=_artifacts(store, execution_id, _INPUT_EVENTS),
        outputs=_artifacts(store, execution_id, _OUTPUT_EVENTS),
    )


def _run(store, context) -> RunInfo:
    executions = sorted(store.get_executions_by_context(context.id), key=lambda execution: execution.id)
    pipelines = {
        parent.name
        for execution in executions[:1]
        for parent in store.get_contexts_by_execution(execution.id)
        if parent.type == "pipeline"
    }
    infos = tuple(execution_info(store, execution.id) for execution in executions)
    return RunInfo(next(iter(pipelines), ""), context.name, infos)


def _artifacts(store, execution_id: int, kinds) -> dict[str, tuple[ArtifactInfo, ...]]:
    events = [event for event in store.get_events_by_execution_ids([execution_id]) if event.type in kinds]
    artifacts = {a.id: a for a in store.get_artifacts_by_id(sorted({event.artifact_id for event in events}))}
    channels: dict[str, list[ArtifactInfo]] = {}
    for event in events:
        key = next((step.key for step in event.path.steps if step.WhichOneof("value") == "key"), "")
        channels.setdefault(key, []).append(_artifact(artifacts[event.artifact_id]))
    return {key: tuple(values) for key, values in channels.items()}


def _artifact(artifact) -> ArtifactInfo:
    properties = {}
    for source in (artifact.properties, artifact.custom_properties):
        for name, value in source.items():
            kind = value.WhichOneof("value")
            if kind in ("int_value", "double_value", "string_value", "bool_value"):
                properties[name] = getattr(value, kind)
    return ArtifactInfo(artifact.id, artifact.type, artifact.uri, properties)
