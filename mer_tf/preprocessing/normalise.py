"""The second half of a recipe: motion in pixels to network inputs, with TensorFlow operations only.

Runs eagerly, inside ``tf.function``, inside a TFX Transform graph and inside a SavedModel; the batch dimension may
be unknown. Every statistic is of one sample, so there is nothing to fit and nothing to leak between folds.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mer_tf.errors import ConfigError
from mer_tf.recipes import Recipe

CONSTANT = 1e-8  # a channel whose values span less than this is constant: all zeros


def network_input(tensors: dict[str, tf.Tensor], recipe: Recipe) -> dict[str, tf.Tensor]:
    """Normalises, reduces and splits motion tensors.

    Args:
        tensors: Per entry of ``recipe.inputs`` a ``(batch, height, width, 3)`` float32 tensor of u, v (pixels of
            that map) and strain. Other entries are ignored.
        recipe: What to make.

    Returns:
        Per entry of ``recipe.network_inputs`` a ``(batch, side, side, channels)`` float32 tensor. Value ranges by
        normalisation, each per sample and channel: ``"none"`` u, v in pixels of the reduced map (a flow resized by
        s is multiplied by s) and strain as it was; ``"minmax"`` 0 to 1; ``"pm1"`` -1 to 1 in steps of 2/255 before
        reduction, because the published pictures are 8-bit files; ``"symmetric"`` -1 to 1 with no motion at 0. A
        constant channel (span under 1e-8) is all zeros under every normalisation.

    Raises:
        ConfigError: A tensor of the recipe is absent or has another shape.

    Source: seed 001 (28x28x3, -1 to 1); specification preprocessing 8.5.
    """
    outputs = {}
    for name, shape in recipe.inputs.items():
        if name not in tensors:
            raise ConfigError(
                f"recipe {recipe.name!r} needs the tensors {', '.join(recipe.inputs)}. "
                f"Received: {', '.join(sorted(tensors)) or 'none'}"
            )
        tensor = tf.cast(tf.convert_to_tensor(tensors[name]), tf.float32)
        if tensor.shape.rank not in (None, 4) or not tensor.shape[1:].is_compatible_with(shape):
            raise ConfigError(
                f"tensor {name!r} of recipe {recipe.name!r} must be (batch, {', '.join(map(str, shape))}). "
                f"Received: {tuple(tensor.shape)}"
            )
        tensor = tf.ensure_shape(tensor, (None, *shape))
        outputs[name] = _reduce(normalise(tensor, recipe.normalisation), recipe.network_size, recipe.normalisation)
    if not recipe.split_channels:
        return outputs
    u, v, strain = tf.split(outputs["face"], 3, axis=-1)
    return {"u": u, "v": v, "strain": strain}


def normalise(tensor: tf.Tensor, name: str) -> tf.Tensor:
    """Scales ``(batch, height, width, 3)`` motion per sample and channel; see ``network_input``."""
    if name == "none":
        return tensor
    low = tf.reduce_min(tensor, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(tensor, axis=(1, 2), keepdims=True)
    span = high - low
    alive = span >= CONSTANT
    if name == "symmetric":
        largest = tf.maximum(tf.abs(low), tf.abs(high))
        scaled = tensor / tf.where(alive, largest, tf.ones_like(largest))
    elif name in ("minmax", "pm1"):
        scaled = (tensor - low) / tf.where(alive, span, tf.ones_like(span))
        if name == "pm1":
            scaled = tf.round(scaled * 255.0) * (2.0 / 255.0) - 1.0
    else:
        raise ConfigError(f"normalisation must be 'none', 'minmax', 'pm1' or 'symmetric'. Received: {name!r}")
    return tf.where(alive, scaled, tf.zeros_like(scaled))


def area_weights(size: int, new_size: int) -> np.ndarray:
    """``(new_size, size)`` float32: each row averages the source pixels a new pixel covers; rows sum to 1.

    Enlarging is bilinear between half-pixel centres.
    """
    scale = size / new_size
    weights = np.zeros((new_size, size))
    for row in range(new_size):
        if scale >= 1:
            start, end = row * scale, (row + 1) * scale
            for column in range(int(start), min(int(np.ceil(end)), size)):
                weights[row, column] = max(min(end, column + 1) - max(start, column), 0.0)
        else:
            centre = min(max((row + 0.5) * scale - 0.5, 0.0), size - 1.0)
            left = int(centre)
            weights[row, left] += 1.0 - (centre - left)
            weights[row, min(left + 1, size - 1)] += centre - left
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _reduce(tensor: tf.Tensor, side: int, normalisation: str) -> tf.Tensor:
    height, width, channels = (int(size) for size in tensor.shape[1:])
    if (height, width) == (side, side):
        return tensor
    if height % side == 0 and width % side == 0:
        # Plain means; a matrix product could run in a reduced float format on an accelerator.
        blocks = tf.reshape(tensor, (-1, side, height // side, side, width // side, channels))
        tensor = tf.reduce_mean(blocks, axis=(2, 4))
    else:
        tensor = tf.einsum("ij,bjkc->bikc", tf.constant(area_weights(height, side)), tensor)
        tensor = tf.einsum("lk,bikc->bilc", tf.constant(area_weights(width, side)), tensor)
    if normalisation == "none":
        tensor = tensor * tf.constant([side / width, side / height, 1.0], tf.float32)
    return tensor
