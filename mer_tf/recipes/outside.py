"""What a recipe makes of motion that was computed elsewhere: of its two halves only the second is run.

Which systems run on such motion follows from the arrays of their recipes: those that are made of nothing but the motion
from onset to apex, as one field of the whole face (``"face"``), of the HARS puzzle (``"puzzle"``), or of both.
"""

from __future__ import annotations

import dataclasses

from mer_tf.errors import look_up
from mer_tf.recipes.schema import ARRAY_KINDS, MOTION, NO_FLOW, NO_MAGNIFICATION, PICTURED, Recipe

# Range of the values that the network takes -> normalisation of the views that show u, v and strain as they are; ""
# leaves that of the recipe.
VALUES = {"recipe": "", "0..1": "minmax", "-1..1": "pm1", "0..255": "bytes", "zero-centred": "bytes"}
ZERO_CENTRED = "zero-centred"  # the mean of the training clips is taken off, fold by fold
VALUES_HELP = (
    "range of u, v and strain in the network: recipe (that of the model's recipe), 0..1, -1..1, 0..255 (as STSTNet's "
    "Python code) or zero-centred (0..255 less the mean of the training clips, as its Matlab code)"
)
# Of pictures there are no pixels, which these normalisations take: zero motion is assumed in the middle of their range.
_IN_PIXELS = ("none", "symmetric", "fixed")
_SAID = {
    "none": "u and v in pixels of the input, strain as computed",
    "minmax": "0..1",
    "pm1": "-1..1",
    "bytes": "0..255",
    "centred": "u and v -1..1 with the middle gray as no motion, strain 0..1",
    "symmetric": "-1..1, no motion at 0",
    "fixed": "pixels over a scale, cut to -1..1",
    "standard": "mean 0, deviation 1",
    "unit": "0..1",
    "imagenet": "0..1, less ImageNet's mean over its deviation",
    "imagenet_mean": "0..1, less ImageNet's mean",
}


def maps_of(recipe: Recipe) -> tuple[str, ...]:
    """The maps that can stand for a recipe's arrays: ``"face"``, ``"puzzle"`` or both; none where it needs more."""
    alone = all(ARRAY_KINDS[name] == MOTION for name in recipe.arrays)
    return recipe.arrays if alone else ()


def outside_recipe(recipe: Recipe, values: str = "recipe", *, pictures: bool) -> Recipe:
    """The recipe of which only the second half is run, on motion from outside.

    Args:
        recipe: A recipe whose ``maps_of`` are not empty.
        values: A key of ``VALUES``.
        pictures: Whether the motion is there as 8-bit pictures, which have no pixels; else as flow in pixels.

    Returns:
        A recipe that names no flow method and no magnification; its ``views`` say what the network takes. What is
        derived (a magnitude, parts of the strain) keeps the normalisation of the recipe.

    Raises:
        UnknownNameError: No such ``values``.
    """
    chosen = look_up("range of values", values, VALUES)

    def seen(view):
        if view.content not in PICTURED:
            return view
        own = "centred" if pictures and view.normalisation in _IN_PIXELS else view.normalisation
        return dataclasses.replace(view, normalisation=chosen or own)

    return dataclasses.replace(
        recipe,
        source=f"{'pictures' if pictures else 'flow'} from outside, in place of: {recipe.source}",
        views=tuple(map(seen, recipe.views)),
        flow=NO_FLOW,
        magnify=NO_MAGNIFICATION,
        assumptions=(),
    )


def values_said(recipe: Recipe, values: str) -> dict[str, str]:
    """For each input of the network what range its values have, for a person."""
    said = {}
    for view in recipe.views:
        text = _SAID[view.normalisation]
        if view.content not in PICTURED:
            text = f"{view.content} computed from u and v, {text}"
        elif values == ZERO_CENTRED:
            text += " less the mean of the training clips"
        said[view.name] = text
    return said
