"""Mirroring of what the network takes, where that can be done without the clip itself."""

from __future__ import annotations

import numpy as np

from mer_tf.errors import ConfigError
from mer_tf.preprocessing.augment import MIRROR_PARSING
from mer_tf.recipes import MIRRORS, Recipe

# Normalisations that begin at 0 -> where they end.
_HIGHEST = {"minmax": np.float32(1), "bytes": np.float32(255)}


def mirror_network_input(tensors: dict[str, np.ndarray], recipe: Recipe) -> dict[str, np.ndarray]:
    """Mirrors a batch of network inputs, whatever their normalisation.

    Args:
        tensors: As ``network_input`` gives them: ``(batch, [frames,] height, width, channels)``.
        recipe: Their recipe; its ``mirrors_in_network`` must hold.

    Returns:
        What ``network_input`` would give for the mirrored clip (up to one 8-bit level on exact ties): u is negated,
        under ``"minmax"`` it becomes ``1 - u`` and under ``"bytes"`` ``255 - u``, and a constant u stays at zero; left
        and right parts of the face change places in parsing masks.

    Raises:
        ConfigError: The mirrored tensors cannot be made of these alone (colour wheel, points).
    """
    mirrored = {}
    for view in recipe.views:
        if view.name not in tensors:
            continue
        if not view.mirrors:
            raise ConfigError(
                f"view {view.name!r} of recipe {recipe.name!r} cannot be mirrored by itself; mirror the arrays instead"
            )
        tensor = np.asarray(tensors[view.name])[..., ::-1, :].copy()
        rule = MIRRORS[view.content]
        if rule == "parsing":
            tensor = tensor[..., list(MIRROR_PARSING)]
        elif rule == "u":
            channels = slice(None) if view.content == "u" else slice(1)  # a lone u may be repeated
            u = tensor[..., channels]
            if view.normalisation in _HIGHEST:
                alive = np.any(u != 0, axis=tuple(range(1, u.ndim - 1)), keepdims=True)
                tensor[..., channels] = np.where(alive, _HIGHEST[view.normalisation] - u, u)
            else:
                tensor[..., channels] = -u
        mirrored[view.name] = tensor
    return mirrored
