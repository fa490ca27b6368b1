"""Motion that was computed elsewhere, as pictures or as arrays, as data of a cross-validation or a training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mer_tf.datasets.flow_images import FlowImages
from mer_tf.datasets.mappings import get_mapping
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.recipes import Recipe
from mer_tf.recipes.outside import ZERO_CENTRED, maps_of, outside_recipe, values_said
from mer_tf.training.data import MotionData

_BATCH = 64
_FORMS = {True: "8-bit pictures, R, G, B as u, v, strain", False: "flow in pixels; the strain is computed here"}
_LOST = (
    "8-bit pictures hold no pixels: how far a face moves is not known, nor, where each channel was scaled by its own "
    "range, which gray is no motion; a step is 1/255 of the range"
)


def from_flow_images(
    maps: Mapping[str, FlowImages],
    recipe: Recipe,
    *,
    mapping: str = "megc2019",
    synthetic: bool = False,
    values: str = "recipe",
) -> MotionData:
    """Precomputed flow as the input of a network.

    Args:
        maps: What was read, by the name of the recipe's array (``"face"``, ``"puzzle"``): pictures of any square side
            or arrays brought to the recipe's side. Where there are several, clips that one of them lacks are left out
            and the set is partial.
        recipe: Recipe whose arrays they stand for.
        mapping: Label mapping whose class indices the labels are.
        synthetic: Whether they are of drawn clips.
        values: Range of the values in the network, a key of ``mer_tf.recipes.outside.VALUES``.

    Returns:
        The clips in order of their keys. Of pictures the network's tensors (``picture_input``), of arrays the recipe's;
        its recipe is that of ``outside_recipe``. A channel of one value only is no motion, all zeros, as under every
        recipe.

    Raises:
        ConfigError: Maps that are not the recipe's, arrays of another side, labels that differ between maps, or a label
            that the mapping does not have.
        EmptySplitError: No clip is in all maps.

    Source: Zhou et al., Entropy 2023 (the Dual-ATME paper) and STSTNet, whose authors publish such pictures.
    """
    wanted = maps_of(recipe)
    if set(maps) != set(wanted):
        if not wanted:
            raise ConfigError(f"recipe {recipe.name!r} needs {', '.join(recipe.arrays)}, which flow does not hold")
        raise ConfigError(
            f"recipe {recipe.name!r} takes flow images for {', '.join(wanted)}. Received: {', '.join(maps) or 'none'}"
        )
    pictures = all(images.images.dtype == np.uint8 for images in maps.values())
    for name, images in maps.items():
        height, width = images.images.shape[1:3]
        if height != width:
            raise ConfigError(f"the {name} pictures are {width}x{height}; the flow of a square face crop is expected")
        if not pictures and images.images.shape[1:] != recipe.inputs[name]:
            raise ConfigError(
                f"the {name} arrays are {width}x{height}, recipe {recipe.name!r} takes {recipe.crop_size} px; "
                "read them for that side"
            )
    rows = {name: {key: row for row, key in enumerate(images.keys)} for name, images in maps.items()}
    first = next(iter(maps))
    common = [key for key in sorted(rows[first]) if all(key in found for found in rows.values())]
    if not common:
        raise EmptySplitError(f"no clip has a picture for each of {', '.join(maps)}")
    labels = {name: images.labels[[rows[name][key] for key in common]] for name, images in maps.items()}
    for name, found in labels.items():
        if (found != labels[first]).any():
            key = common[int(np.argmax(found != labels[first]))]
            raise ConfigError(f"clip {key} has one label among the {first} pictures and another among the {name} ones")
    classes = get_mapping(mapping).classes
    if labels[first].max() >= len(classes):
        raise ConfigError(f"label {labels[first].max()} is not one of mapping {mapping!r} ({', '.join(classes)})")
    shown = outside_recipe(recipe, values, pictures=pictures)
    tensors = {name: maps[name].images[[rows[name][key] for key in common]] for name in wanted}
    images = maps[first]
    order = [rows[first][key] for key in common]
    return MotionData(
        tensors=_network_tensors(tensors, shown) if pictures else tensors,
        labels=labels[first],
        datasets=tuple(images.datasets[row] for row in order),
        subjects=tuple(images.subjects[row] for row in order),
        clips=tuple(images.clips[row] for row in order),
        recipe=shown,
        network=pictures,
        mapping=mapping,
        synthetic=synthetic,
        partial=any(one.partial or len(one) > len(common) for one in maps.values()),
        zero_centred=values == ZERO_CENTRED,
    )


def flow_facts(maps: Mapping[str, FlowImages], recipe: Recipe, values: str = "recipe") -> dict:
    """What a passport says of motion that somebody else computed.

    Args:
        maps: As ``from_flow_images``.
        recipe: The model's own.
        values: As ``from_flow_images``.

    Returns:
        JSON-able: ``source`` (``"pictures from outside"`` or ``"arrays from outside"``), ``form``, ``note``, ``maps``,
        ``sizes`` (number of clips by side, per map), ``resized`` (per input of the network), ``enlarged``, ``values``
        and ``values_by_input``, ``lost`` (what pictures do not hold, or ``""``), ``used`` and ``not_run`` (parts of the
        recipe), ``skipped``.
    """
    pictures = all(images.images.dtype == np.uint8 for images in maps.values())
    shown = outside_recipe(recipe, values, pictures=pictures)
    what = "pictures" if pictures else "arrays"
    resized, enlarged = {}, []
    for view in recipe.views:
        sides = maps[view.array].sizes
        target = recipe.network_inputs[view.name][0]
        steps = [target] if pictures else [recipe.crop_size, target]
        if set(sides) != {target} or steps[0] != target:
            path = [_sides(sides), *(f"{side}x{side}" for side in dict.fromkeys(steps))]
            resized[view.name] = " to ".join(dict.fromkeys(path))
        if sides and min(sides) < min(recipe.crop_size, target):
            enlarged.append(view.name)
    return {
        "source": f"{what} from outside",
        "form": _FORMS[pictures],
        "note": f"flow {what} made elsewhere: with which detector, alignment and flow method is not known, and nothing "
        "of the kind was run here; 'recipe' names the kind of input, of which only 'used' was applied",
        "maps": list(maps),
        "sizes": {name: {str(side): count for side, count in images.sizes.items()} for name, images in maps.items()},
        "resized": resized,
        "enlarged": enlarged,
        "values": values,
        "values_by_input": values_said(shown, values),
        "lost": _LOST if pictures else "",
        "used": ["views"],
        "not_run": [key for key in recipe.to_json() if key not in ("name", "source", "views")],
        "skipped": sorted({p.message for images in maps.values() for p in images.problems if p.dropped}),
    }


def flow_notes(facts: Mapping) -> list[str]:
    """What a person should know of such data before training starts; ``facts`` are those of ``flow_facts``."""
    said = ", ".join(f"{name}: {text}" for name, text in facts["values_by_input"].items())
    notes = [f"{facts['source']}, taken as {said}"]
    if facts["enlarged"]:
        told = ", ".join(f"{name} {facts['resized'][name]}" for name in facts["enlarged"])
        notes.append(f"note: enlarged ({told}): that adds no detail to what smaller flow holds")
    return notes


def _sides(sides: Mapping[int, int]) -> str:
    named = [f"{side}x{side}" for side in sides]
    return named[0] if len(named) == 1 else f"{named[0]}..{named[-1]}"


def _network_tensors(tensors: Mapping[str, np.ndarray], recipe: Recipe) -> dict[str, np.ndarray]:
    from mer_tf.preprocessing import picture_input

    count = len(next(iter(tensors.values())))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in recipe.network_inputs}
    for start in range(0, count, _BATCH):
        batch = {name: array[start : start + _BATCH] for name, array in tensors.items()}
        for name, tensor in picture_input(batch, recipe).items():
            parts[name].append(np.asarray(tensor))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}
