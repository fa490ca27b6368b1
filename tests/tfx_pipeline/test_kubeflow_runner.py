"""The compiled specification holds every component and the command that starts it."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest
import yaml

from mer_tf.errors import ConfigError, MissingPackageError
from mer_tf.tfx_pipeline.configs import PipelineConfig
from mer_tf.tfx_pipeline.kubeflow_runner import compile_kubeflow
from mer_tf.training import TrainConfig

pytestmark = pytest.mark.tfx

COMPONENTS = {
    "ClipExampleGen": "mer_tf.components.clip_example_gen.executor.Executor",
    "StatisticsGen": "tfx.components.statistics_gen.executor.Executor",
    "SchemaGen": "tfx.components.schema_gen.executor.Executor",
    "ExampleValidator": "tfx.components.example_validator.executor.Executor",
    "MotionTransform": "mer_tf.components.motion_transform.executor.Executor",
    "Transform": "tfx.components.transform.executor.Executor",
    "LosoTrainer": "mer_tf.components.loso_trainer.executor.Executor",
    "Trainer": "mer_tf.components.final_trainer.executor.Executor",
    "Evaluator": "tfx.components.evaluator.executor.Executor",
    "LoadAndQuery": "mer_tf.components.load_and_query.executor.Executor",
    "Pusher": "mer_tf.components.pusher.executor.Executor",
}
IMAGE = "registry.example/mer-tf:test"


def compile_to(path, **changes):
    settings = {
        "pipeline_root": "/artifacts",
        "manifest_dir": "/data/manifest",
        "serving_dir": "/models/mer",
        "train": TrainConfig(model="dual_atme"),
        **changes,
    }
    return compile_kubeflow(PipelineConfig(**settings), path, image=IMAGE)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    pytest.importorskip("kfp")
    path = tmp_path_factory.mktemp("kubeflow") / "sub folder" / "pipeline.yaml"
    job = compile_to(path, data_root="/data/casme2", protocol="tenfold_subject", beam_args=["--runner=DirectRunner"])
    with open(path, encoding="utf-8") as file:
        return job, yaml.safe_load(file)


def containers(spec):
    """Container by task name."""
    executors = spec["deploymentSpec"]["executors"]
    return {
        name: executors[spec["components"][task["componentRef"]["name"]]["executorLabel"]]["container"]
        for name, task in spec["root"]["dag"]["tasks"].items()
    }


def test_every_component_is_there_with_its_command(compiled):
    _, spec = compiled
    found = containers(spec)
    assert set(found) == set(COMPONENTS)
    for name, executor in COMPONENTS.items():
        container = found[name]
        assert container["image"] == IMAGE
        assert container["command"][-1] == "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
        arguments = container["args"]
        assert arguments[arguments.index("--executor_class_path") + 1] == executor


def test_every_named_executor_can_be_imported(compiled):
    for container in containers(compiled[1]).values():
        module, _, name = container["args"][container["args"].index("--executor_class_path") + 1].rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_the_projects_own_artifact_type_is_found_as_a_container_looks_for_it(compiled):
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils
    from tfx.utils import import_utils

    from mer_tf.components.artifacts import LosoRun

    output = compiled[1]["components"]["LosoTrainer"]["outputDefinitions"]["artifacts"]["run"]
    assert yaml.safe_load(output["artifactType"]["instanceSchema"])["title"] == LosoRun.TYPE_NAME
    schema = kubeflow_v2_entrypoint_utils.pipeline_pb2.ArtifactTypeSchema(
        instance_schema=output["artifactType"]["instanceSchema"]
    )
    path = kubeflow_v2_entrypoint_utils._retrieve_class_path(schema)
    assert import_utils.import_class_by_path(path) is LosoRun


def test_edges_follow_the_data(compiled):
    tasks = compiled[1]["root"]["dag"]["tasks"]
    upstream = {name: set(task.get("dependentTasks", ())) for name, task in tasks.items()}
    assert upstream["ClipExampleGen"] == set()
    assert upstream["Pusher"] == {"Trainer", "Evaluator", "LoadAndQuery"}
    assert upstream["Evaluator"] == {"LosoTrainer", "Trainer"}
    assert upstream["LosoTrainer"] == {"ClipExampleGen", "Transform"}
    assert upstream["Transform"] == {"MotionTransform"}


def test_example_gen_has_its_file_driver(compiled):
    _, spec = compiled
    label = spec["components"]["ClipExampleGen"]["executorLabel"]
    driver = spec["deploymentSpec"]["executors"][label]["container"]["lifecycle"]["preCacheCheck"]
    assert "tfx.orchestration.kubeflow.v2.file_based_example_gen.driver" in driver["command"]


def test_values_reach_the_specification(compiled):
    job, spec = compiled
    text = json.dumps(spec)
    for value in ("/data/manifest", "/data/casme2", "/models/mer", "--runner=DirectRunner", "tenfold_subject"):
        assert value in text
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "/artifacts"
    assert spec["schemaVersion"] == "2.1.0"


def test_json_holds_the_whole_job(tmp_path):
    pytest.importorskip("kfp")
    job = compile_to(tmp_path / "pipeline.json")
    with open(tmp_path / "pipeline.json", encoding="utf-8") as file:
        assert json.load(file) == job
    assert set(containers(job["pipelineSpec"])) == set(COMPONENTS)


def test_without_kfp_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kfp", None)
    with pytest.raises(MissingPackageError, match="the extra 'kubeflow'"):
        compile_to(tmp_path / "pipeline.yaml")


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"\.yaml, \.yml or \.json"):
        compile_to(tmp_path / "pipeline.txt")


def test_initial_weights_are_a_path_of_the_containers(tmp_path):
    pytest.importorskip("kfp")
    with pytest.raises(ConfigError, match="absolute path as the containers see it"):
        compile_to(tmp_path / "p.yaml", train=TrainConfig(model="dual_atme", initial_weights="weights.npz"))
    assert not (tmp_path / "p.yaml").exists()
    job = compile_to(tmp_path / "p.yaml", train=TrainConfig(model="dual_atme", initial_weights="/data/weights.npz"))
    assert "/data/weights.npz" in json.dumps(job["pipelineSpec"])
