from __future__ import annotations

import dataclasses
import json

import pytest

from mer_tf import features
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.recipes import (
    ARRAY_KINDS,
    RECIPES,
    FaceConfig,
    FlowConfig,
    FramesConfig,
    MagnifyConfig,
    Recipe,
    View,
    get_recipe,
)


def test_hashes_of_what_was_prepared_before_do_not_change():
    assert get_recipe("onset_apex_28_hars").hash == "08fd0f38c6faeedf"
    assert get_recipe("onset_apex_128_streams").hash == "8d9b0c5d4e429e2d"


def test_every_recipe_has_its_own_hash_and_comes_back_from_json():
    assert len({recipe.hash for recipe in RECIPES.values()}) == len(RECIPES)
    for recipe in RECIPES.values():
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize("part", ["frames", "face", "magnify", "flow"])
def test_every_setting_of_every_part_changes_the_hash(part):
    recipe = get_recipe("evm_16x64")
    config = getattr(recipe, part)
    other = {
        "span": "onset_to_apex", "count": 7, "interpolation": "tim", "apex": "frequency", "detector": "haar",
        "upsample": 2, "max_upsample": 2, "several_faces": "best", "align": "none", "crop": "clip_box",
        "on_failure": "skip", "method": {"magnify": "learned", "flow": "dis"}.get(part), "mode": "dynamic",
        "median": 3,
        "backend": "tensorflow", "border": "zero", "pairs": "onset", "match_brightness": True, "dis_preset": "fast",
    }  # fmt: skip
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in ("align", "crop"):
            continue  # bound to each other; below
        changed = other[field.name] if field.name in other else (value * 0.5 if value < 1 else value + 1)
        if field.name == "f_low":
            changed = 1.0
        part_changed = dataclasses.replace(config, **{field.name: changed})
        assert dataclasses.replace(recipe, **{part: part_changed}).hash != recipe.hash, field.name
    assert get_recipe("apex_224_gray").face.crop != recipe.face.crop


def test_what_goes_with_nothing():
    for settings, said in (
        ({"arrays": ()}, "arrays"),
        ({"arrays": ("face", "face")}, "arrays"),
        ({"arrays": ("puzzle",)}, "puzzle_size"),
        ({"arrays": ("frames",), "views": (View("frames", "frames", "image"),)}, "span"),
        ({"views": (View("frames", "frames", "image"),)}, "does not make"),
        ({"views": (View("a", "face", "u"), View("a", "face", "v"))}, "different names"),
        ({"frames": FramesConfig(span="apex")}, "onset"),
        ({"magnify": MagnifyConfig(method="eulerian", factor=3.0)}, "magnification"),
        ({"crop_size": 16}, "crop_size"),
        ({"face": FaceConfig(crop="clip_box")}, "clip_box"),
    ):
        with pytest.raises(ConfigError, match=said):
            Recipe("a", "b", **settings)
    for build in (
        lambda: View("a", "face", "image"),
        lambda: View("a", "face", "motion", "median"),
        lambda: View("a", "face", "motion", repeat=3),
        lambda: FramesConfig(span="onset_to_apex"),
        lambda: FramesConfig(count=5),
        lambda: MagnifyConfig(factor=0.5),
        lambda: FlowConfig(method="horn_schunck"),
        lambda: FaceConfig(detector="mtcnn"),
    ):
        with pytest.raises(ConfigError):
            build()


def test_unknown_keys_are_refused_at_every_level():
    settings = get_recipe("evm_16x64").to_json()
    for key in ("frames", "face", "magnify", "flow"):
        with pytest.raises(UnknownNameError, match="sise"):
            Recipe.from_json({**settings, key: {**settings[key], "sise": 1}})
    with pytest.raises(UnknownNameError, match="sise"):
        Recipe.from_json({**settings, "sise": 1})
    with pytest.raises(ConfigError, match="object"):
        Recipe.from_json([])


def test_one_map_of_the_two():
    assert set(get_recipe("onset_apex_28").inputs) == {"face"}
    assert set(get_recipe("onset_apex_28_puzzle").inputs) == {"puzzle"}
    assert get_recipe("onset_apex_28_puzzle").network_inputs == {"puzzle": (28, 28, 3)}


def test_no_tensor_is_called_as_a_fact_of_a_record():
    facts = {*features.FACTS, features.RECIPE, features.RECIPE_HASH, features.PROVENANCE}
    assert not facts & set(ARRAY_KINDS)
    # The network's inputs stand beside the facts that Transform passes on.
    passed_on = {"dataset", "subject", "clip", "mapping", "label", "recipe_hash"}
    assert not any(passed_on & set(recipe.network_inputs) for recipe in RECIPES.values())
