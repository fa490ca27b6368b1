"""The whole pipeline on a tiny synthetic set: run, cache, lineage, then the pushed model over gRPC."""

from __future__ import annotations

import glob
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mer_tf.datasets import read_casme2, write_manifest
from mer_tf.errors import BadInputError, MissingFileError
from mer_tf.metrics.predictions import read_predictions
from mer_tf.preprocessing import ClipPreprocessor, find_landmark_model, needed_frames
from mer_tf.recipes import get_recipe
from mer_tf.synthetic import write_synthetic_dataset
from mer_tf.tfx_pipeline import status
from mer_tf.tfx_pipeline.configs import PipelineConfig
from mer_tf.tfx_pipeline.local_runner import run_local
from mer_tf.training import TrainConfig

pytestmark = [pytest.mark.tfx, pytest.mark.e2e, pytest.mark.dlib]

COMPONENTS = [
    "ClipExampleGen", "Evaluator", "ExampleValidator", "LoadAndQuery", "LosoTrainer", "MotionTransform", "Pusher",
    "SchemaGen", "StatisticsGen", "Trainer", "Transform",
]  # fmt: skip
CONFIG = TrainConfig(model="dual_atme", epochs=2, batch_size=16)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The set, what two runs said, and what was reported while the first one went."""
    pytest.importorskip("dlib")
    try:
        find_landmark_model()
    except MissingFileError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("e2e run")  # a blank in the path, as on many desktops
    write_synthetic_dataset(folder / "clips", subjects=4, clips_per_subject=3, frames_per_clip=(8, 8), seed=0)
    table = read_casme2(folder / "clips")
    # Two epochs on eleven clips: the gate itself is tested elsewhere.
    config = PipelineConfig(CONFIG, folder / "manifest", min_uf1=0.0)
    seen = []
    write_manifest(table, folder / "manifest" / "manifest.csv", recipe_frames="needed")
    first = run_local(config, folder / "out", on_component=seen.append)
    write_manifest(table, folder / "manifest" / "manifest.csv", recipe_frames="needed")
    second = run_local(config, folder / "out")
    return table, first, second, seen


def test_each_component_is_executed_once(runs):
    _, first, _, seen = runs
    assert sorted(run.name for run in first.components) == COMPONENTS
    assert {run.state for run in first.components} == {"executed"}
    assert [(run.name, run.state) for run in seen] == [
        (run.name, state) for run in first.components for state in ("running", "executed")
    ]
    assert [run.index for run in first.components] == list(range(1, 12))


def test_the_second_run_comes_from_the_cache(runs):
    _, first, second, _ = runs
    assert [run.state for run in second.components] == ["cached"] * 11
    assert second.cached and not first.cached
    assert second.pushed_model == first.pushed_model
    assert second.metrics == first.metrics


def test_every_clip_is_predicted_by_a_model_that_had_not_seen_its_subject(runs):
    table, first, _, _ = runs
    predictions = read_predictions(first.predictions)
    assert sorted(f"{p.dataset}/{p.subject}/{p.clip}" for p in predictions) == sorted(clip.key for clip in table.clips)
    assert all(p.fold == f"{p.dataset}/{p.subject}" for p in predictions)
    assert first.metrics["full"]["n"] == first.clips == len(table.clips)
    assert first.faults == ()


def test_logs_for_tensorboard_lie_in_one_folder(runs):
    _, first, _, _ = runs
    assert glob.glob(os.path.join(first.log_dir, "loso", "casme2", "sub01", "events*"))
    assert glob.glob(os.path.join(first.log_dir, "final", "**", "events*"), recursive=True)


def test_status_and_lineage(runs):
    _, first, second, _ = runs
    newest, oldest = status.pipeline_runs(first.metadata)[-2:]  # another test here may have run it again
    assert {execution.state for execution in newest.executions} == {"cached"}
    assert {execution.state for execution in oldest.executions} == {"executed"}
    assert sorted(execution.component for execution in oldest.executions) == COMPONENTS
    behind = [execution.component for execution in status.lineage(second.metadata, second.pushed_model)]
    assert behind[0] == "Pusher"
    assert set(behind) == set(COMPONENTS) - {"StatisticsGen", "SchemaGen", "ExampleValidator"}
    assert json.dumps(newest.to_json())
    with pytest.raises(BadInputError, match="no artifact"):
        status.lineage(first.metadata, "/nowhere")


def test_status_without_a_run(tmp_path):
    with pytest.raises(MissingFileError, match="run the pipeline first"):
        status.pipeline_runs(tmp_path / "metadata.sqlite")
    (tmp_path / "metadata.sqlite").write_text("no database " * 100)
    with pytest.raises(BadInputError, match="no metadata file"):
        status.pipeline_runs(tmp_path / "metadata.sqlite")


def test_the_pushed_model_answers_over_grpc_as_in_memory(runs):
    pytest.importorskip("tensorflow_serving")
    from mer_tf.serving.client import PredictionClient
    from mer_tf.serving.server import MerServer

    table, first, _, _ = runs
    assert first.blessed and first.servable
    assert os.path.basename(first.pushed_model).isdigit()
    clip = table.clips[0]
    onset, apex, _ = needed_frames(clip)
    with ClipPreprocessor(get_recipe("onset_apex_28_hars")) as preprocessor:
        with open(clip.frame_path(onset), "rb") as a, open(clip.frame_path(apex), "rb") as b:
            tensors = preprocessor.process(a.read(), b.read()).tensors
    with MerServer(first.serving_dir) as server, PredictionClient(server.address) as client:
        client.wait_ready(30)
        answer = client.predict(tensors)
    assert str(answer["version"]) == os.path.basename(first.pushed_model)
    assert set(answer["probabilities"]) == {"negative", "positive", "surprise"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    model = tf.saved_model.load(first.pushed_model)
    batch = {name: tf.constant(array[np.newaxis]) for name, array in tensors.items()}
    expected = model.signatures["serving_default"](**batch)["probabilities"].numpy()[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=1e-6)


def test_the_pushed_model_tells_its_training(runs):
    from mer_tf.export import read_description

    table, first, _, _ = runs
    told = read_description(first.pushed_model)
    assert set(told["versions"]) == {"opencv", "dlib", "landmark_model"}
    assert told["gate"]["unit"] == "px" and 0 < told["gate"]["floor"] < told["gate"]["training"]["median"]
    assert told["gate"]["training"]["clips"] == len(table.clips)
    assert told["trained_on"]["datasets"] == {"casme2": len(table.clips)}
    assert told["trained_on"]["synthetic"] is True
    assert told["trained_on"]["loso"]["uf1"] == first.metrics["full"]["uf1"]
    with open(first.passport, encoding="utf-8") as file:
        assert told["trained_on"]["data_fingerprint"] == json.load(file)["data_fingerprint"]


@pytest.mark.parametrize("case", ["cleared away", "not the newest"])
def test_a_model_that_servers_would_not_load_is_pushed_again(runs, tmp_path, case):
    """Everything else comes from the cache; the version that is told is the one that is served."""
    _, first, second, _ = runs
    pushed, serving = second.pushed_model, second.serving_dir
    ahead = os.path.join(serving, "20301231235959")  # a date as version
    before = set(os.listdir(serving))
    if case == "cleared away":
        os.rename(pushed, tmp_path / "away")
    else:
        os.mkdir(ahead)
    config = PipelineConfig(
        CONFIG, os.path.join(os.path.dirname(os.path.dirname(first.metadata)), "manifest"), min_uf1=0.0
    )
    try:
        third = run_local(config, os.path.dirname(first.metadata))
        fourth = run_local(config, os.path.dirname(first.metadata))
        assert {run.name: run.state for run in third.components if run.state != "cached"} == {"Pusher": "executed"}
        assert os.path.basename(third.pushed_model) == max(os.listdir(serving), key=int)
        assert os.path.isfile(os.path.join(third.pushed_model, "saved_model.pb"))
        assert fourth.cached and fourth.pushed_model == third.pushed_model
    finally:
        if case == "cleared away":
            os.rename(tmp_path / "away", pushed)
        else:
            os.rmdir(ahead)
        for version in set(os.listdir(serving)) - before:  # the other tests know one version
            shutil.rmtree(os.path.join(serving, version))
