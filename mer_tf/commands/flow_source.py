"""Arguments that name motion which was computed elsewhere, as pictures or arrays, shared by the verbs that train."""

from __future__ import annotations

import argparse
import os

from mer_tf.console import Console, fill
from mer_tf.errors import ConfigError
from mer_tf.recipes.outside import VALUES, VALUES_HELP

DEFAULT_MAPPING = "megc2019"
# Name of the argument -> the array of a recipe that it stands for.
_MAPS = {"flow_images": "face", "flow_arrays": "face", "puzzle_images": "puzzle"}


def add_flow(parser, *, several: bool = False) -> None:
    """Adds ``--data`` and what may be given instead of it; ``several`` lets ``--data`` be given more than once."""
    if several:
        parser.add_argument(
            "--data",
            action="append",
            metavar="DIR",
            help="folder written by 'mer prepare'; once for each recipe that the systems take",
        )
    else:
        parser.add_argument("--data", help="folder written by 'mer prepare'")
    parser.add_argument(
        "--flow-images",
        metavar="DIR",
        help="instead of --data: onset-apex flow of the whole face as 8-bit pictures, R, G, B = u, v, strain, square, "
        "one per clip ('mer models --takes flow-images' lists the models)",
    )
    parser.add_argument(
        "--flow-arrays",
        metavar="DIR",
        help="instead of --data: the same flow in pixels, as .flo, .npy or .npz; the strain is computed",
    )
    parser.add_argument(
        "--puzzle-images", metavar="DIR", help="pictures of the HARS puzzle, for the models that take the puzzle"
    )
    parser.add_argument("--labels", metavar="CSV", help="with flow: columns dataset, sub, filename_o, label")
    parser.add_argument(
        "--mapping", help=f"with flow: label mapping whose classes the labels are (default: {DEFAULT_MAPPING})"
    )
    parser.add_argument("--values", choices=tuple(VALUES), help=f"with flow: {VALUES_HELP} (default: recipe)")
    parser.add_argument("--strict", action="store_true", help="with flow: stop at the first file absent or unusable")


def check_flow(arguments, recipe) -> None:
    """Raises ``ConfigError`` unless the arguments name exactly the data that the model of this recipe takes."""
    from mer_tf.recipes.outside import maps_of

    given = {name: map_ for name, map_ in _MAPS.items() if getattr(arguments, name) is not None}
    if arguments.data is not None:
        others = (*given, "labels", "mapping", "values", "strict")
        extra = [_flag(name) for name in others if getattr(arguments, name) not in (None, False)]
        if extra:
            raise ConfigError(f"{extra[0]} does not go with --data: give prepared records or flow")
        return
    if not given:
        raise ConfigError(
            "give --data DIR (of 'mer prepare'), --flow-images DIR --labels CSV, or --flow-arrays DIR --labels CSV"
        )
    if {"flow_images", "flow_arrays"} <= set(given):
        raise ConfigError("--flow-images and --flow-arrays are two ways to give the same; leave one out")
    wanted = maps_of(recipe)
    kind = "flow arrays" if "flow_arrays" in given else "flow images"
    if not wanted:
        raise ConfigError(
            f"model {arguments.model!r} cannot run on {kind}: it takes {_needs(recipe)}, which the flow from onset to "
            f"apex does not hold; prepare the clips with 'mer prepare --recipe {recipe.name}' and give --data "
            "('mer models --takes flow-images' lists the models that can)"
        )
    if "flow_arrays" in given and "puzzle" in wanted:
        raise ConfigError(
            f"model {arguments.model!r} takes the flow of the HARS puzzle, which arrays of the whole face do not hold; "
            f"prepare the clips with 'mer prepare --recipe {recipe.name}' and give --data"
        )
    missing = [name for name in wanted if name not in given.values()]
    unused = [name for name, map_ in given.items() if map_ not in wanted]
    if missing:
        flag = "--puzzle-images" if missing[0] == "puzzle" else "--flow-images"
        what = f"model {arguments.model!r} takes {missing[0]} images: give them with {flag} DIR"
        if unused:
            raise ConfigError(f"{what}, and leave {_flag(unused[0])} out")
        parts = _parts(arguments.model, set(given.values()))
        raise ConfigError(f"{what} too" + "".join(f", or run the branch that needs none: --model {p}" for p in parts))
    if unused:
        raise ConfigError(f"model {arguments.model!r} takes no {_MAPS[unused[0]]} images; leave {_flag(unused[0])} out")
    if arguments.labels is None:
        raise ConfigError("give the labels of the flow with --labels CSV (dataset, sub, filename_o, label)")


def maps_for(arguments, recipe, recipes):
    """The arguments without pictures that the model of this recipe does not take and one of another recipe does.

    Args:
        arguments: Parsed arguments.
        recipe: Recipe of the model.
        recipes: Recipes of all models that the arguments are for.
    """
    from mer_tf.recipes.outside import maps_of

    own, taken = maps_of(recipe), {map_ for one in recipes for map_ in maps_of(one)}
    without = {name: None for name, map_ in _MAPS.items() if map_ not in own and map_ in taken}
    return argparse.Namespace(**{**vars(arguments), **without})


def read_flow(arguments, recipe) -> dict:
    """What the arguments name, by array of the recipe; empty with ``--data``. Warnings go to the console.

    Raises:
        BadInputError, ClipError: As ``mer_tf.datasets.flow_images``.
    """
    if arguments.data is not None:
        return {}
    from mer_tf.datasets.flow_images import read_flow_arrays, read_flow_images
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.datasets.summary import problem_lines

    options = {
        "classes": get_mapping(arguments.mapping or DEFAULT_MAPPING).classes,
        "strict": arguments.strict,
    }
    maps = {}
    for name, map_ in _MAPS.items():
        folder = getattr(arguments, name)
        if folder is None:
            continue
        if name == "flow_arrays":
            maps[map_] = read_flow_arrays(folder, arguments.labels, recipe.crop_size, **options)
        else:
            maps[map_] = read_flow_images(folder, arguments.labels, **options)
    console = Console()
    warnings = {p.message: p for images in maps.values() for p in images.problems if p.severity == "warning"}
    for line in problem_lines(warnings.values())[0]:
        console.note(fill(line))
    return maps


def flow_data(arguments, recipe, maps: dict):
    """``MotionData`` of what ``read_flow`` read."""
    from mer_tf.datasets.origin import is_synthetic
    from mer_tf.training import from_flow_images

    folders = [getattr(arguments, name) for name in _MAPS if getattr(arguments, name) is not None]
    drawn = any(map(is_synthetic, [*folders, os.path.dirname(os.path.abspath(arguments.labels))]))
    mapping, values = arguments.mapping or DEFAULT_MAPPING, arguments.values or "recipe"
    return from_flow_images(maps, recipe, mapping=mapping, synthetic=drawn, values=values)


def _needs(recipe) -> str:
    """What a recipe takes of a clip beside its onset-apex flow."""
    from mer_tf.recipes import ARRAY_KINDS, MOTION

    words = {
        "flow": "the flow of a sequence of frames",
        "frames": "the frames of a clip",
        "onset_image": "the onset frame",
        "apex_image": "the apex frame",
        "dynamic": "the dynamic image of a clip",
        "parsing": "masks of the parts of the face",
        "landmarks": "points of the face",
    }
    return " and ".join(words[name] for name in recipe.arrays if ARRAY_KINDS[name] != MOTION)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _parts(model: str, maps: set[str]) -> list[str]:
    """Models of the same class that take exactly these maps."""
    from mer_tf.recipes import get_recipe
    from mer_tf.recipes.outside import maps_of
    from mer_tf.systems.registry import MODELS, get_model_card

    builder = get_model_card(model).builder
    return [
        card.name
        for card in MODELS.values()
        if card.builder == builder and set(maps_of(get_recipe(card.recipe))) == maps
    ]
