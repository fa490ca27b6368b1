from __future__ import annotations

import json

import pytest

from mer_tf.errors import ConfigError
from mer_tf.recipes import RECIPES, Recipe, get_recipe


def test_hashes_of_what_was_prepared_before_do_not_change():
    assert get_recipe("onset_apex_28_hars").hash == "1d1ac132bb7fa773"
    assert get_recipe("onset_apex_128_streams").hash == "2735c6f99a4fc699"


def test_every_recipe_has_its_own_hash_and_comes_back_from_json():
    assert len({recipe.hash for recipe in RECIPES.values()}) == len(RECIPES)
    for recipe in RECIPES.values():
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_one_map_of_the_two():
    assert set(get_recipe("onset_apex_28").inputs) == {"face"}
    assert set(get_recipe("onset_apex_28_puzzle").inputs) == {"puzzle"}
    assert get_recipe("onset_apex_28_puzzle").network_inputs == {"puzzle": (28, 28, 3)}


@pytest.mark.parametrize("settings", [{}, {"puzzle_size": 112, "split_channels": True}])
def test_no_map_at_all_and_streams_without_a_face(settings):
    with pytest.raises(ConfigError, match="face_map"):
        Recipe("a", "b", face_map=False, **settings)
