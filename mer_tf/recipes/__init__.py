"""Recipes: named, complete, hashed configurations of what turns a clip into a model's input.

One module per paper holds the recipes published with it; ``schema`` holds what they are made of. Importing this package
loads neither TensorFlow nor OpenCV.
"""

from __future__ import annotations

import dataclasses

from mer_tf.errors import ConfigError, look_up
from mer_tf.recipes import astnet, atscnn, cbamnet, dual_atme, micro_attention, rivals
from mer_tf.recipes.former import FORMER_HASHES, logger
from mer_tf.recipes.own import is_file_name, read_recipe
from mer_tf.recipes.schema import (
    ALIGNMENTS,
    ARRAY_KINDS,
    CONTENTS,
    CROPS,
    DETECTORS,
    INTERPOLATIONS,
    MIRRORS,
    MOTION,
    NORMALISATIONS,
    PICTURED,
    SPANS,
    FaceConfig,
    FramesConfig,
    Recipe,
    View,
)

__all__ = [
    "ALIGNMENTS",
    "ARRAY_KINDS",
    "CONTENTS",
    "CROPS",
    "DETECTORS",
    "FACES",
    "INTERPOLATIONS",
    "MIRRORS",
    "MOTION",
    "NORMALISATIONS",
    "PICTURED",
    "RECIPES",
    "SPANS",
    "FaceConfig",
    "FramesConfig",
    "Recipe",
    "View",
    "current_hash",
    "get_recipe",
    "recipe_of_hash",
    "same_recipe",
]


def _collect(*papers) -> dict[str, Recipe]:
    named: dict[str, Recipe] = {}
    for recipe in (recipe for paper in papers for recipe in paper.RECIPES):
        if recipe.name in named:
            raise ConfigError(f"two recipes are called {recipe.name!r}")
        if recipe.measures_motion and recipe.flow.method == "none":
            raise ConfigError(f"recipe {recipe.name!r} measures motion and names no flow method")
        named[recipe.name] = recipe
    return named


# Choice of a user -> ``FaceConfig.several_faces``.
FACES = {"one": "error", "best": "best", "largest": "largest"}

RECIPES = _collect(dual_atme, atscnn, micro_attention, cbamnet, astnet, rivals)


def get_recipe(name: str, faces: str | None = None) -> Recipe:
    """The recipe of that name or file; an unknown name lists the known ones.

    Args:
        name: Registry name, or path of a JSON file as ``mer recipes NAME --json`` prints it (``my.json``).
        faces: What to do where several faces are found, a key of ``FACES``; None as the recipe says. Another choice
            than the recipe's gives another hash.
    """
    own = name not in RECIPES and is_file_name(name)
    recipe = read_recipe(name, RECIPES) if own else look_up("recipe", name, RECIPES, "mer recipes")
    if faces is None:
        return recipe
    face = dataclasses.replace(recipe.face, several_faces=look_up("choice of faces", faces, FACES))
    return dataclasses.replace(recipe, face=face)


def recipe_of_hash(name: str, recipe_hash: str) -> Recipe | None:
    """The recipe of that name under the choice of faces that gives the hash; as it is registered where none does.

    None where no recipe has that name.
    """
    if name not in RECIPES:
        return None
    chosen = (get_recipe(name, faces) for faces in FACES)
    return next((recipe for recipe in chosen if recipe.hash == recipe_hash), RECIPES[name])


def current_hash(recipe_hash: str) -> str:
    """The hash that a named recipe has now, for one that the release before gave it; any other hash as it is."""
    name = FORMER_HASHES.get(recipe_hash)
    return recipe_hash if name is None else RECIPES[name].hash


def same_recipe(one: str, other: str) -> bool:
    """Whether two recipe hashes stand for the same numbers; a hash of the release before is noted in the log."""
    if one == other:
        return True
    same = current_hash(one) == current_hash(other)
    if same:
        old = one if one in FORMER_HASHES else other
        logger.info("recipe hash %s is that of %r in the release before; accepted", old, FORMER_HASHES[old])
    return same
