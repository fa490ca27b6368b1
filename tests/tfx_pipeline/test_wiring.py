"""Wiring: what create_pipeline and run_local refuse before any work."""

from __future__ import annotations

import dataclasses
import json
import os
import types

import pytest

from mer_tf.errors import AnnotationError, ConfigError, MissingFileError, UnknownNameError
from mer_tf.recipes import get_recipe
from mer_tf.tfx_pipeline import modules
from mer_tf.tfx_pipeline.configs import PipelineConfig
from mer_tf.tfx_pipeline.local_runner import run_local
from mer_tf.tfx_pipeline.pipeline import create_pipeline
from mer_tf.training import TrainConfig

pytestmark = pytest.mark.tfx


def create(**changes):
    settings = {
        "pipeline_root": "/root",
        "manifest_dir": "/manifest",
        "serving_dir": "/serving",
        "train": TrainConfig(model="dual_atme"),
        **changes,
    }
    return create_pipeline(PipelineConfig(**settings))


def parameters(pipeline, name):
    (component,) = [component for component in pipeline.components if component.id == name]
    return component.exec_properties


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
    assert create(cache=False).enable_cache is False


@pytest.mark.parametrize("model", ["dual_atme", "atscnn"])
def test_each_model_gets_the_recipe_it_declares(model):
    pipeline = create(train=TrainConfig(model=model))
    recipe = {"dual_atme": "onset_apex_28_hars", "atscnn": "onset_apex_128_streams"}[model]
    assert f'"name": "{recipe}"' in parameters(pipeline, "MotionTransform")["recipe"]


def test_a_recipe_the_model_does_not_take():
    with pytest.raises(ConfigError, match="dual_atme"):
        create(recipe=get_recipe("onset_apex_128_streams"))


def test_a_changed_recipe_that_still_fits_is_taken():
    recipe = get_recipe("onset_apex_28_hars")
    changed = dataclasses.replace(recipe, flow=dataclasses.replace(recipe.flow, warps=2))
    pipeline = create(recipe=changed)
    assert '"warps": 2' in parameters(pipeline, "MotionTransform")["recipe"]


@pytest.mark.parametrize("settings", [{"min_uf1": 1.2}, {"workers": 0}, {"serving_dir": ""}])
def test_values_out_of_range(settings):
    with pytest.raises(ConfigError, match="Received"):
        create(**settings)


def test_unknown_model():
    with pytest.raises(UnknownNameError, match="Did you mean 'dual_atme'"):
        create(train=TrainConfig(model="dual_atm"))


def test_no_manifest(tmp_path):
    with pytest.raises(MissingFileError, match=r"holds no manifest\.csv"):
        run_local(PipelineConfig(TrainConfig(model="dual_atme"), tmp_path), tmp_path / "out")
    assert not os.path.exists(tmp_path / "out")


def test_no_landmark_model_stops_before_anything_runs(tmp_path):
    (tmp_path / "manifest.csv").write_text("#")
    with pytest.raises(MissingFileError, match=r"nowhere\.dat"):
        run_local(
            PipelineConfig(TrainConfig(model="dual_atme"), tmp_path, landmark_model=tmp_path / "nowhere.dat"),
            tmp_path / "out",
        )
    assert not os.path.exists(tmp_path / "out")


def test_a_mistake_in_a_model_option_stops_before_anything_runs(tmp_path):
    (tmp_path / "landmarks.dat").write_bytes(b"never read")
    (tmp_path / "manifest.csv").write_text("not a manifest\n")
    train = TrainConfig(model="dual_atme", model_options={"sigmoidd": False})
    with pytest.raises(UnknownNameError, match="option of model 'dual_atme'"):
        run_local(PipelineConfig(train, tmp_path, landmark_model=tmp_path / "landmarks.dat"), tmp_path / "out")
    assert not os.path.exists(tmp_path / "out")


def test_initial_weights_are_known_by_their_content(tmp_path):
    weights = tmp_path / "weights.npz"
    keys = []
    for content in (b"one", b"two", b"one"):
        weights.write_bytes(content)
        pipeline = create(train=TrainConfig(model="dual_atme", initial_weights=str(weights)))
        trainer = json.loads(parameters(pipeline, "Trainer")["custom_config"])
        keys.append(parameters(pipeline, "LosoTrainer")["initial_weights"])
        assert keys[-1] == trainer["initial_weights"]
    assert keys[0] == keys[2] != keys[1]
    assert parameters(create(), "LosoTrainer")["initial_weights"] == ""


def keys(**changes):
    """Everything of a pipeline's components that goes into the keys of its cache, by component."""
    return {component.id: str(component.exec_properties) for component in create(**changes).components}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_the_landmark_model_is_known_by_its_content(tmp_path, monkeypatch):
    """Wherever it is named: by the argument or by the environment."""
    monkeypatch.delenv("MER_LANDMARK_MODEL", raising=False)
    path = tmp_path / "landmarks.dat"
    usual = keys()
    path.write_bytes(b"one")
    monkeypatch.setenv("MER_LANDMARK_MODEL", str(path))
    first = keys()
    assert changed(usual, first) == {"MotionTransform"}
    path.write_bytes(b"another")
    second = keys()
    assert changed(first, second) == {"MotionTransform"}
    monkeypatch.delenv("MER_LANDMARK_MODEL")
    given = keys(landmark_model=path)
    path.write_bytes(b"one again")
    assert changed(given, keys(landmark_model=path)) == {"MotionTransform"}


def test_landmark_files_are_known_by_their_content(tmp_path):
    recipe = get_recipe("onset_apex_28_hars")
    recipe = dataclasses.replace(recipe, face=dataclasses.replace(recipe.face, detector="file"))
    folder = tmp_path / "landmarks" / "casme2"
    folder.mkdir(parents=True)
    (folder / "EP01.csv").write_text("one")
    before = keys(recipe=recipe, landmark_model=folder.parent)
    (folder / "EP01.csv").write_text("two")
    assert changed(before, keys(recipe=recipe, landmark_model=folder.parent)) == {"MotionTransform"}


@pytest.mark.parametrize(
    ("package", "components"),
    [
        ("opencv", {"MotionTransform"}),
        ("dlib", {"MotionTransform"}),
        ("tensorflow", {"Transform", "LosoTrainer", "Trainer"}),
        ("keras", {"Transform", "LosoTrainer", "Trainer"}),
    ],
)
def test_an_upgrade_that_changes_numbers_changes_the_keys_of_what_it_computes(package, components, monkeypatch):
    from mer_tf import numerics
    from mer_tf.preprocessing import deciding

    before = keys()
    if package == "opencv":
        monkeypatch.setattr(deciding.cv2, "__version__", "99.1")
    elif package == "dlib":
        monkeypatch.setattr(deciding, "detector_versions", lambda config, model: {"dlib": "99.1"})
    else:
        known = numerics.package_versions()
        monkeypatch.setattr(numerics, "package_versions", lambda: {**known, package: "99.1"})
    assert changed(before, keys()) == components


def test_variables_that_choose_kernels_change_the_keys_of_training(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    before = keys()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert changed(before, keys()) == {"Transform", "LosoTrainer", "Trainer"}


def test_code_that_decides_numbers_changes_the_keys(monkeypatch):
    """A checkout changes between two releases: the version alone says nothing."""
    from mer_tf import numerics

    before = keys()
    monkeypatch.setattr(numerics, "code_version", lambda training=True: f"0+{training}")
    assert changed(before, keys()) == {"ClipExampleGen", "MotionTransform", "Transform", "LosoTrainer", "Trainer"}


def test_the_final_model_does_not_start_from_other_weights(tmp_path):
    (tmp_path / "weights.npz").write_bytes(b"changed since")
    config = TrainConfig(model="dual_atme", initial_weights=str(tmp_path / "weights.npz"))
    arguments = types.SimpleNamespace(
        custom_config={
            "recipe": get_recipe("onset_apex_28_hars").to_json(),
            "train_config": config.to_json(),
            "initial_weights": "0" * 64,
        },
        train_files=[],
    )
    with pytest.raises(ConfigError, match="not those that the pipeline was made with"):
        modules.run_fn(arguments)


def test_a_component_that_fails_is_reported_and_its_error_keeps_its_name(tmp_path):
    (tmp_path / "landmarks.dat").write_bytes(b"never read")
    (tmp_path / "manifest.csv").write_text("not a manifest\n")
    seen = []
    with pytest.raises(AnnotationError, match="is not a manifest"):
        run_local(
            PipelineConfig(TrainConfig(model="dual_atme"), tmp_path, landmark_model=tmp_path / "landmarks.dat"),
            tmp_path / "out",
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
