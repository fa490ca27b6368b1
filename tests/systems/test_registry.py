from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.recipes import get_recipe
from mer_tf.systems.registry import FORMER_NAMES, MODELS, build_model, check_recipe, get_model_card
from mer_tf.training import TrainConfig


def test_cards_are_complete_and_json():
    assert set(MODELS) >= {"atscnn", "dual_atme"}
    for name, card in MODELS.items():
        row = json.loads(json.dumps(card.to_json()))
        assert set(row) >= {
            "name",
            "seed",
            "paper",
            "input",
            "recipe",
            "parameters",
            "trainable_parameters",
            "presets",
        }
        assert row["name"] == name
        assert card.default_preset == ("paper" if card.paper_id else "plain")
        get_recipe(card.recipe)


def test_unknown_model_suggests_the_near_one():
    with pytest.raises(UnknownNameError, match=r"unknown model 'atscn'\. Did you mean 'atscnn'\?"):
        get_model_card("atscn")


def test_a_former_name_is_accepted_and_noted(caplog):
    assert get_model_card("ststnet_seed004") is MODELS["ststnet_atscnn_setup"]
    assert "is now called 'ststnet_atscnn_setup'" in caplog.text
    assert TrainConfig.from_preset("ststnet_seed004").model == "ststnet_atscnn_setup"
    assert set(FORMER_NAMES.values()) <= set(MODELS) and not set(FORMER_NAMES) & set(MODELS)


def test_unknown_option_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="'literal_head'"):
        build_model("atscnn", literal_heat=True)


def test_option_of_a_wrong_type_is_a_config_error():
    with pytest.raises(ConfigError, match="atscnn"):
        build_model("atscnn", size="large")


def test_a_recipe_of_another_kind_is_refused():
    check_recipe("atscnn", get_recipe("onset_apex_128_streams"))
    with pytest.raises(
        ConfigError, match=r"onset_apex_28_hars.*prepare the clips with --recipe onset_apex_128_streams"
    ):
        check_recipe("atscnn", get_recipe("onset_apex_28_hars"))


def test_light_modules_do_not_import_tensorflow():
    code = (
        "import sys, mer_tf.systems.registry, mer_tf.metrics, mer_tf.metrics.predictions, mer_tf.protocols, "
        "mer_tf.passport; from mer_tf.training import TrainConfig; "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
