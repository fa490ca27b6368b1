"""Wiring: what create_pipeline and run_local refuse before any work."""

from __future__ import annotations

import dataclasses
import os

import pytest

from mer_tf.errors import AnnotationError, ConfigError, MissingFileError, UnknownNameError
from mer_tf.recipes import get_recipe
from mer_tf.training import TrainConfig
from tfx_pipeline import modules
from tfx_pipeline.local_runner import run_local
from tfx_pipeline.pipeline import create_pipeline

pytestmark = pytest.mark.tfx


def create(**changes):
    settings = {
        "pipeline_name": "p",
        "pipeline_root": "/root",
        "manifest_dir": "/manifest",
        "serving_dir": "/serving",
        "train_config": TrainConfig(model="dual_atme"),
        **changes,
    }
    return create_pipeline(**settings)


def test_eleven_components_in_an_order_that_can_run():
    ids = [component.id for component in create().components]
    assert len(ids) == 11
    for before, after in (
        ("ClipExampleGen", "StatisticsGen"),
        ("StatisticsGen", "SchemaGen"),
        ("SchemaGen", "ExampleValidator"),
        ("MotionTransform", "Transform"),
        ("Transform", "LosoTrainer"),
        ("Trainer", "Evaluator"),
        ("Evaluator", "Pusher"),
        ("LoadAndQuery", "Pusher"),
    ):
        assert ids.index(before) < ids.index(after)


def test_cache_is_on_unless_refused():
    assert create().enable_cache is True
    assert create(enable_cache=False).enable_cache is False


@pytest.mark.parametrize("model", ["dual_atme", "atscnn"])
def test_each_model_gets_the_recipe_it_declares(model):
    pipeline = create(train_config=TrainConfig(model=model))
    (motion,) = [component for component in pipeline.components if component.id == "MotionTransform"]
    recipe = {"dual_atme": "onset_apex_28_hars", "atscnn": "onset_apex_128_streams"}[model]
    assert f'"name": "{recipe}"' in motion.exec_properties["recipe"]


def test_a_recipe_the_model_does_not_take():
    with pytest.raises(ConfigError, match="dual_atme"):
        create(recipe=get_recipe("onset_apex_128_streams"))


def test_a_changed_recipe_that_still_fits_is_taken():
    recipe = get_recipe("onset_apex_28_hars")
    changed = dataclasses.replace(recipe, flow=dataclasses.replace(recipe.flow, warps=2))
    pipeline = create(recipe=changed)
    (motion,) = [component for component in pipeline.components if component.id == "MotionTransform"]
    assert '"warps": 2' in motion.exec_properties["recipe"]


@pytest.mark.parametrize("settings", [{"eval_threshold_uf1": 1.2}, {"preprocess_workers": 0}, {"fold_workers": -1}])
def test_values_out_of_range(settings):
    with pytest.raises(ConfigError, match="Received"):
        create(**settings)


def test_unknown_model():
    with pytest.raises(UnknownNameError, match="Did you mean 'dual_atme'"):
        create(train_config=TrainConfig(model="dual_atm"))


def test_no_manifest(tmp_path):
    with pytest.raises(MissingFileError, match=r"holds no manifest\.csv"):
        run_local(out=tmp_path / "out", manifest_dir=tmp_path, train_config=TrainConfig(model="dual_atme"))
    assert not os.path.exists(tmp_path / "out")


def test_no_landmark_model_stops_before_anything_runs(tmp_path):
    (tmp_path / "manifest.csv").write_text("#")
    with pytest.raises(MissingFileError, match=r"nowhere\.dat"):
        run_local(
            out=tmp_path / "out",
            manifest_dir=tmp_path,
            train_config=TrainConfig(model="dual_atme"),
            landmark_model=str(tmp_path / "nowhere.dat"),
        )
    assert not os.path.exists(tmp_path / "out")


def test_a_component_that_fails_is_reported_and_its_error_keeps_its_name(tmp_path):
    (tmp_path / "landmarks.dat").write_bytes(b"never read")
    (tmp_path / "manifest.csv").write_text("not a manifest\n")
    seen = []
    with pytest.raises(AnnotationError, match="is not a manifest"):
        run_local(
            out=tmp_path / "out",
            manifest_dir=tmp_path,
            train_config=TrainConfig(model="dual_atme"),
            landmark_model=str(tmp_path / "landmarks.dat"),
            on_component=seen.append,
        )
    assert [(run.name, run.state) for run in seen] == [("ClipExampleGen", "running"), ("ClipExampleGen", "failed")]


def test_preprocessing_of_a_clip_does_not_depend_on_the_others():
    """A statistic over clips would carry held-out subjects into training."""
    import numpy as np
    import tensorflow as tf

    recipe = get_recipe("onset_apex_28_hars")
    rng = np.random.default_rng(0)
    inputs = {name: tf.constant(rng.normal(size=(2, *shape)), tf.float32) for name, shape in recipe.inputs.items()}
    inputs |= {name: tf.constant([b"a", b"b"]) for name in modules.KEPT if name != "label"}
    inputs["label"] = tf.constant([0, 1], tf.int64)
    outputs = modules.preprocessing_fn(inputs, {"recipe": recipe.to_json()})
    assert set(outputs) == set(recipe.network_inputs) | set(modules.KEPT) | {"motion_magnitude"}
    # Run on one clip alone, the result of that clip is the same to the bit.
    alone = modules.preprocessing_fn({k: v[:1] for k, v in inputs.items()}, {"recipe": recipe.to_json()})
    for name in recipe.network_inputs:
        np.testing.assert_array_equal(alone[name][0], outputs[name][0])
