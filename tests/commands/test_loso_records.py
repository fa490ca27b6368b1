"""``mer loso --data``: the records say which recipe made them; another than the model's own may do."""

from __future__ import annotations

import dataclasses
import json

import pytest
from records_helper import write_records

from mer_tf.cli import main
from mer_tf.recipes import get_recipe
from mer_tf.systems.registry import check_recipe

pytest.importorskip("tensorflow")


def loso(folder, out, model="ststnet"):
    return main(["loso", "--model", model, "--epochs", "1", "--workers", "1", "--data", str(folder), "--out", str(out)])


def test_a_recipe_of_the_same_inputs_is_taken_and_named(tmp_path, capfd):
    other = get_recipe("onset_apex_28")
    assert loso(write_records(tmp_path / "data", other), tmp_path / "run") == 0
    passport = json.loads((tmp_path / "run" / "passport.json").read_text())
    assert (passport["recipe"]["name"], passport["recipe_hash"]) == (other.name, other.hash)
    assert "prepared with recipe 'onset_apex_28'; that of the model is 'onset_apex_28_minmax'" in capfd.readouterr().err


def test_the_models_own_recipe_needs_no_note(tmp_path, capfd):
    assert loso(write_records(tmp_path / "data", get_recipe("onset_apex_28_minmax")), tmp_path / "run") == 0
    assert "note: the clips were prepared" not in capfd.readouterr().err


def test_records_of_another_choice_of_faces_are_taken(tmp_path):
    recipe = get_recipe("onset_apex_28_minmax", "largest")
    assert loso(write_records(tmp_path / "data", recipe), tmp_path / "run") == 0
    assert json.loads((tmp_path / "run" / "passport.json").read_text())["recipe_hash"] == recipe.hash


def test_a_recipe_of_other_inputs_is_refused(tmp_path, capfd):
    assert loso(write_records(tmp_path / "data", get_recipe("onset_apex_28_uv")), tmp_path / "run") == 2
    said = capfd.readouterr().err
    assert "takes face 28x28x3 (recipe 'onset_apex_28_minmax'), but recipe 'onset_apex_28_uv' yields u 28x28x1" in said


def test_a_recipe_nobody_knows_is_told_by_its_hash(tmp_path, capfd):
    recipe = get_recipe("onset_apex_28_minmax")
    own = dataclasses.replace(recipe, flow=dataclasses.replace(recipe.flow, warps=2), name="mine")
    assert loso(write_records(tmp_path / "data", own), tmp_path / "run") == 2
    assert f"made with recipe hash {own.hash}, but recipe 'onset_apex_28_minmax'" in capfd.readouterr().err


def test_a_damaged_file_is_told_by_its_name(tmp_path, capfd):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "motion-0.gz").write_bytes(b"no record " * 10)
    assert loso(tmp_path / "data", tmp_path / "run") == 2
    assert "motion-0.gz: not a gzip-compressed TFRecord file" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("model", "recipe"),
    [
        ("astnet", "magnified_flow_10x224_classic"),
        ("astnet", "flow_10x224"),
        ("astnet_no_magnification", "flow_10x224_classic"),
    ],
)
def test_recipes_without_trained_weights_fit_the_networks_of_those_with_them(model, recipe):
    check_recipe(model, get_recipe(recipe))
