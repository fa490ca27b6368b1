"""Mirroring of what the network takes, where that can be done without the clip itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mer_tf.errors import ConfigError
from mer_tf.preprocessing.augment import MIRROR_PARSING
from mer_tf.recipes import MIRRORS, Recipe

# Normalisations that begin at 0 -> where they end.
_HIGHEST = {"minmax": 1.0, "bytes": 255.0}


def mirror_network_input(tensors: Mapping[str, tf.Tensor], recipe: Recipe) -> dict[str, tf.Tensor]:
    """Mirrors a batch of network inputs, whatever their normalisation, with TensorFlow operations only.

    Args:
        tensors: As ``network_input`` gives them, float32: ``(batch, [frames,] height, width, channels)``.
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
        tensor = tf.convert_to_tensor(tensors[view.name])
        axes = tensor.shape.rank
        tensor = tf.reverse(tensor, [axes - 2])
        rule = MIRRORS[view.content]
        if rule == "parsing":
            tensor = tf.gather(tensor, MIRROR_PARSING, axis=-1)
        elif rule == "u":
            horizontal = np.ones(tensor.shape[-1], bool)
            if view.content != "u":  # a lone u may be repeated
                horizontal[1:] = False
            if view.normalisation in _HIGHEST:
                alive = tf.reduce_any(tensor != 0, axis=range(1, axes - 1), keepdims=True)
                tensor = tf.where(horizontal & alive, _HIGHEST[view.normalisation] - tensor, tensor)
            else:
                tensor = tensor * np.where(horizontal, np.float32(-1), np.float32(1))
        mirrored[view.name] = tensor
    return mirrored
