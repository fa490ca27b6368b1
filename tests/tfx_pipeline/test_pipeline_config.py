"""``PipelineConfig``: validated, and back from JSON as it was."""

from __future__ import annotations

import json
import os

import pytest

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.recipes import get_recipe
from mer_tf.tfx_pipeline.configs import PipelineConfig
from mer_tf.training import TrainConfig

TRAIN = TrainConfig(model="astnet", epochs=3, model_options={"attention": "none"})


def test_json_brings_it_back():
    config = PipelineConfig(
        TRAIN,
        "/manifest",
        recipe=get_recipe("flow_10x224"),
        protocol="tenfold_subject",
        min_uf1=0.5,
        strict=True,
        workers=3,
        data_root="/data",
        cache=False,
        beam_args=["--runner=DirectRunner"],
    )
    assert PipelineConfig.from_json(json.dumps(config.to_json())) == config
    assert PipelineConfig.from_json(config.to_json()).recipe.hash == get_recipe("flow_10x224").hash


def test_the_recipe_is_the_models_own_unless_given():
    assert PipelineConfig(TrainConfig(model="atscnn"), "m").recipe == get_recipe("onset_apex_128_streams")


def test_below_a_folder_everything_is_absolute(tmp_path):
    config = PipelineConfig(TrainConfig(model="dual_atme"), "manifest", serving_dir="served").below(tmp_path / "out")
    assert config.serving_dir == os.path.abspath("served")
    assert PipelineConfig(TrainConfig(model="dual_atme"), "m").below(tmp_path).serving_dir == str(
        tmp_path / "serving" / "mer"
    )
    assert config.pipeline_root == str(tmp_path / "out" / "artifacts")
    assert config.metadata == str(tmp_path / "out" / "metadata.sqlite")


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"protocol": "losso"}, UnknownNameError, "Did you mean 'loso'"),
        ({"min_uf1": float("nan")}, ConfigError, "min_uf1"),
        ({"workers": True}, ConfigError, "workers"),
        ({"strict": "yes"}, ConfigError, "strict"),
        ({"beam_args": "--runner=x"}, ConfigError, "beam_args"),
        ({"manifest_dir": ""}, ConfigError, "manifest_dir"),
        ({"pipeline_root": None}, ConfigError, "pipeline_root"),
        ({"data_root": 3}, ConfigError, "data_root"),
        ({"train": {"model": "dual_atme"}}, ConfigError, "TrainConfig"),
        ({"train": TrainConfig(model="lbp_top")}, ConfigError, "not a network"),
        ({"recipe": get_recipe("onset_apex_128_streams")}, ConfigError, "dual_atme"),
    ],
)
def test_values_that_cannot_be(changes, error, said):
    with pytest.raises(error, match=said):
        PipelineConfig(**{"train": TrainConfig(model="dual_atme"), "manifest_dir": "m", **changes})


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"fold_workers": 2}, UnknownNameError, "fold_workers"),
        ("{", ConfigError, "not JSON"),
        ([], ConfigError, "must be an object"),
        ({}, ConfigError, "lack train"),
    ],
)
def test_json_that_cannot_be(settings, error, said):
    with pytest.raises(error, match=said):
        PipelineConfig.from_json(settings)
