"""How much a clip moves, as one number: what tells a still face from an expression before a class is named.

TensorFlow operations only, since the measure runs inside the served model on the very arrays it is given.
"""

from __future__ import annotations

import tensorflow as tf

from mer_tf.recipes import MOTION, Recipe

QUANTILE = 0.99
_CELL = 4  # px; camera noise of single pixels averages out inside a cell, displacement of an edge does not


def motion_unit(recipe: Recipe) -> str:
    """``"px"`` of flow, ``"gray levels"`` of difference, or ``""`` where the recipe's arrays show no motion."""
    if _flows(recipe):
        return "px"
    return "gray levels" if _pictures(recipe) else ""


def motion_magnitude(tensors: dict, recipe: Recipe) -> tf.Tensor:
    """Motion of each clip.

    Of flow it is the 99th percentile of its length in pixels; of pictures the 99th percentile of the difference from
    the first one in gray levels, of means over cells of 4x4 pixels. Of several arrays, and of several pairs of frames,
    the largest counts.

    Args:
        tensors: The recipe's ``inputs``, (batch, ...) float32, before any normalisation.
        recipe: Recipe of the tensors, whose ``motion_unit`` is not empty.

    Returns:
        (batch,) float32, at least 0.

    Assumption: a percentile, since the largest value of a flow field is that of its worst pixel, and the mean of a
    face that moves one brow is small; the 99th is the moving 1 % of a 112x112 crop, a square of 11 pixels.
    """
    found = [_quantile(tf.norm(tf.cast(tensors[name], tf.float32)[..., :2], axis=-1)) for name in _flows(recipe)]
    if not found:
        found = [_quantile(difference) for difference in _differences(tensors, recipe)]
    return tf.reduce_max(tf.stack(found), axis=0)


def _flows(recipe: Recipe) -> list[str]:
    return [name for name, kind in recipe.kinds.items() if kind in (MOTION, "flow")]


def _pictures(recipe: Recipe) -> list[str]:
    if "frames" in recipe.arrays:
        return ["frames"]
    return ["onset_image", "apex_image"] if {"onset_image", "apex_image"} <= set(recipe.arrays) else []


def _differences(tensors: dict, recipe: Recipe) -> list[tf.Tensor]:
    names = _pictures(recipe)
    images = [tf.cast(tensors[name], tf.float32) for name in names]
    frames = images[0] if len(images) == 1 else tf.stack(images, axis=1)
    _, count, height, width, channels = frames.shape
    gray = tf.reshape(tf.reduce_mean(frames, axis=-1), (-1, height, width, 1))
    cells = tf.nn.avg_pool2d(gray, _CELL, _CELL, "VALID")
    cells = tf.reshape(cells, (-1, count, height // _CELL, width // _CELL))
    return [tf.abs(cells[:, 1:] - cells[:, :1])]


def _quantile(maps: tf.Tensor) -> tf.Tensor:
    """99th percentile over each map of (batch[, pairs], height, width); the largest of the pairs."""
    height, width = maps.shape[-2:]
    pairs = maps.shape[1] if maps.shape.rank == 4 else 1
    size = height * width
    flat = tf.reshape(maps, (-1, size))
    kept = max(1, round((1 - QUANTILE) * size))
    value = tf.math.top_k(flat, kept, sorted=True).values[:, -1]
    return tf.reduce_max(tf.reshape(value, (-1, pairs)), axis=1)
