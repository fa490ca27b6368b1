from __future__ import annotations

import argparse
import dataclasses
import json

import pytest

from mer_tf.cli import main
from mer_tf.commands.fields import add_fields, read_fields
from mer_tf.errors import ConfigError
from mer_tf.preprocessing.flow.liteflownet_settings import FlowTrainConfig
from mer_tf.recipes import get_recipe


def test_one_recipe_tells_its_settings_and_what_it_assumes(capsys):
    assert main(["recipes", "evm_16x64"]) == 0
    text = capsys.readouterr().out
    recipe = get_recipe("evm_16x64")
    assert recipe.hash in text and "factor 11.0, f_low 0.5, f_high 10.0" in text
    assert len(recipe.assumptions) == 4 and all(assumed in text for assumed in recipe.assumptions)
    assert "\nflow" not in text  # nothing of a method that is not used
    assert main(["recipes", "onset_apex_28_hars", "--json"]) == 0
    recipe = get_recipe("onset_apex_28_hars")
    assert json.loads(capsys.readouterr().out) == {**recipe.to_json(), "hash": recipe.hash}


def test_an_unknown_recipe_is_bad_input(capsys):
    assert main(["recipes", "evm_16"]) == 2
    assert "Did you mean 'evm_16x64'" in capsys.readouterr().err


@dataclasses.dataclass(frozen=True)
class Settings:
    """For the test.

    Attributes:
        first_number: How many, at most
            100 %.
        kind: ``"a"`` or ``"b"``.
        other: Not asked for.
    """

    first_number: int = 3
    kind: str = "a"
    other: float = 0.5

    def __post_init__(self):
        if self.first_number > 100:
            raise ValueError("first_number must be at most 100")


def test_flags_are_the_fields_of_the_settings():
    parser = argparse.ArgumentParser()
    add_fields(parser, Settings, leave=("other",), choices={"kind": ("a", "b")})
    text = " ".join(parser.format_help().split())
    assert '--first-number INT How many, at most 100 % (default: 3)' in text  # fmt: skip
    assert '--kind {a,b} "a" or "b" (default: a)' in text and "--other" not in text
    assert read_fields(parser.parse_args([]), Settings) == Settings()
    arguments = parser.parse_args(["--first-number", "7", "--kind", "b"])
    assert read_fields(arguments, Settings, other=0.25) == Settings(7, "b", 0.25)
    with pytest.raises(ConfigError, match="at most 100"):
        read_fields(parser.parse_args(["--first-number", "101"]), Settings)
    with pytest.raises(SystemExit):
        parser.parse_args(["--kind", "c"])


def test_every_training_setting_of_liteflownet_has_a_flag():
    parser = argparse.ArgumentParser()
    add_fields(parser, FlowTrainConfig)
    names = [field.name for field in dataclasses.fields(FlowTrainConfig)]
    assert list(vars(parser.parse_args([]))) == names
