"""Recipes of users: a JSON file in the form that ``mer recipes NAME --json`` prints."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping

from mer_tf.errors import ConfigError
from mer_tf.files import read_json
from mer_tf.recipes.schema import Recipe

REMEDY = "print one to start from with 'mer recipes NAME --json'"
_WORDS = ("name", "source", "assumptions", "hash")


def is_file_name(name: str) -> bool:
    """Whether a name is that of a file and not of a registered recipe."""
    return isinstance(name, str) and (name.endswith(".json") or "/" in name or os.sep in name)


def read_recipe(path: str | os.PathLike, registered: Mapping[str, Recipe]) -> Recipe:
    """The recipe of a file.

    A file that still has the name of a registered recipe and other numbers is named after itself, and its source says
    what was changed: nothing made with it may pass for the published recipe.

    Args:
        path: JSON file; ``name`` and ``source`` may be left out, and a ``hash`` is not heeded.
        registered: Recipe by name.

    Raises:
        MissingFileError, BadInputError: The file cannot be read.
        ConfigError: It is no recipe, or a setting is unknown or out of range; or it would have to be named after
            itself and is called like a registered recipe too.
    """
    path = os.fspath(path)
    settings = read_json(path, "recipe file", REMEDY)
    if not isinstance(settings, dict):
        raise ConfigError(f"recipe file {path!r} must hold one JSON object; {REMEDY}")
    settings = {key: value for key, value in settings.items() if key != "hash"}
    stem = os.path.basename(path).removesuffix(".json")
    settings = {"name": stem, "source": os.path.basename(path), **settings}
    try:
        recipe = Recipe.from_json(settings)
    except (ConfigError, TypeError, AttributeError) as error:  # the last two of values of another JSON type
        raise ConfigError(f"recipe file {path!r}: {error}") from error
    if not isinstance(recipe.name, str) or not recipe.name or not isinstance(recipe.source, str):
        raise ConfigError(f"recipe file {path!r}: name and source must be text. Received: {recipe.name!r}")
    published = registered.get(recipe.name)
    if published is None:
        return recipe
    if published.hash == recipe.hash:
        return published
    if stem in registered:
        raise ConfigError(
            f"recipe file {path!r} is called like the registered recipe {stem!r} and gives other numbers; rename it"
        )
    changed = ", ".join(_changes(published.to_json(), recipe.to_json()))
    source = f"{os.path.basename(path)}: {published.name} with other {changed}"
    assumed = [f"{published.name}: {text}" for text in recipe.assumptions]
    return Recipe.from_json({**recipe.to_json(), "name": stem, "source": source, "assumptions": assumed})


def _changes(one: Mapping, other: Mapping, prefix: str = "", leave: Collection[str] = _WORDS) -> Iterator[str]:
    """Dotted names of the settings that differ."""
    for key in [*one, *(key for key in other if key not in one)]:
        before, after = one.get(key), other.get(key)
        if key in leave or before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _changes(before, after, f"{prefix}{key}.", ())
        else:
            yield f"{prefix}{key}"
