"""Recipes from a JSON file: the printed one is the start, a changed one is never taken for the published one."""

from __future__ import annotations

import json

import pytest

from mer_tf.cli import main
from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.recipes import get_recipe

NAME = "onset_apex_28_minmax"


def file(tmp_path, called="my.json", **changes):
    path = tmp_path / called
    path.write_text(json.dumps({**get_recipe(NAME).to_json(), "hash": "0" * 16, **changes}))
    return str(path)


def test_the_printed_recipe_is_the_registered_one(tmp_path, capsys):
    assert main(["recipes", NAME, "--json"]) == 0
    (tmp_path / "printed.json").write_text(capsys.readouterr().out)
    assert get_recipe(str(tmp_path / "printed.json")) is get_recipe(NAME)


def test_a_changed_one_has_the_file_s_name_and_says_what_was_changed(tmp_path):
    flow = {**get_recipe(NAME).flow.to_json(), "tau": 0.2}
    recipe = get_recipe(file(tmp_path, crop_size=96, flow=flow))
    assert recipe.name == "my" and recipe.hash != get_recipe(NAME).hash
    assert recipe.source == f"my.json: {NAME} with other flow.tau, crop_size"
    assert all(text.startswith(f"{NAME}: ") for text in recipe.assumptions)
    assert recipe.inputs == {"face": (96, 96, 3)}


def test_a_name_of_one_s_own_stays(tmp_path):
    recipe = get_recipe(file(tmp_path, called="x.json", crop_size=96), faces="best")
    named = get_recipe(file(tmp_path, called="y.json", **{"crop_size": 96, "source": "me"}))
    assert recipe.face.several_faces == "best" and named.source.startswith("y.json: ")
    path = tmp_path / "z.json"
    path.write_text(json.dumps({**named.to_json(), "name": "wide", "source": "me"}))
    assert (get_recipe(str(path)).name, get_recipe(str(path)).source) == ("wide", "me")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"crop_sze": 3}, "Did you mean 'crop_size'"),
        ({"crop_size": 3}, "at least 32"),
        ({"views": 3}, "recipe file"),
        ({"flow": {"method": "tvl2"}}, "unknown flow method 'tvl2'"),
        ({"name": 3}, "recipe file"),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=said):
        get_recipe(file(tmp_path, **changes))


def test_files_that_are_no_recipes(tmp_path):
    with pytest.raises(MissingFileError, match="mer recipes NAME --json"):
        get_recipe(str(tmp_path / "absent.json"))
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ConfigError, match="one JSON object"):
        get_recipe(str(tmp_path / "list.json"))
    with pytest.raises(ConfigError, match="rename it"):
        get_recipe(file(tmp_path, called=f"{NAME}.json", crop_size=96))
