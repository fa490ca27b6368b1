"""The Middlebury colour wheel in TensorFlow operations."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mer_tf.preprocessing.flow.wheel import SMALLEST, UNKNOWN, hue_table


def colour_wheel(flow, max_motion: float | None = None) -> tf.Tensor:
    """``mer_tf.preprocessing.flow.wheel.flow_to_colour`` in TensorFlow operations, for use inside a graph.

    Args:
        flow: ``(batch, ..., height, width, 2)`` float32, (u, v) in pixels.
        max_motion: Length in pixels that gets the full colour; by default the largest of each element of the batch,
            so that the pictures of one clip share one scale and no clip depends on another.

    Returns:
        ``(batch, ..., height, width, 3)`` float32 RGB, whole numbers 0 to 255; each element of the batch as
        ``flow_to_colour`` paints it, save for a step of 1 where the two round differently.

    Raises:
        ValueError: Another rank or last axis, or a ``max_motion`` that is not positive.
    """
    flow = tf.convert_to_tensor(flow, tf.float32)
    if flow.shape.rank is None or flow.shape.rank < 4 or flow.shape[-1] != 2:
        raise ValueError(f"flow must be (batch, ..., height, width, 2). Received: {flow.shape}")
    if max_motion is not None and not (np.isfinite(max_motion) and max_motion > 0):
        raise ValueError(f"max_motion must be a positive number of pixels. Received: {max_motion!r}")
    known = tf.reduce_all(tf.abs(flow) <= UNKNOWN, axis=-1)
    flow = tf.where(known[..., None], flow, 0.0)
    u, v = flow[..., 0], flow[..., 1]
    length = tf.sqrt(u * u + v * v)
    if max_motion is None:
        largest = tf.reduce_max(length, axis=tuple(range(1, length.shape.rank)), keepdims=True)
    else:
        largest = tf.constant(max_motion, tf.float32)
    radius = (length / (largest + SMALLEST))[..., None]
    table = tf.constant(hue_table())
    hues = len(hue_table())
    place = (tf.atan2(-v, -u) / np.float32(np.pi) + 1.0) / 2.0 * float(hues - 1)
    low = tf.floor(place)
    part = (place - low)[..., None]
    low = tf.cast(low, tf.int32)
    colour = (1.0 - part) * tf.gather(table, low) + part * tf.gather(table, (low + 1) % hues)
    colour = tf.where(radius <= 1.0, 1.0 - radius * (1.0 - colour), 0.75 * colour)
    return tf.floor(255.0 * tf.where(known[..., None], colour, 0.0))
