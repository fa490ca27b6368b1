"""Flow as colours: the wheel of the Middlebury benchmark (Baker et al. 2011)."""

from __future__ import annotations

import functools

import numpy as np

HUES = (15, 6, 4, 11, 13, 6)  # steps red-yellow, yellow-green, green-cyan, cyan-blue, blue-magenta, magenta-red
UNKNOWN = 1e9  # a component beyond this, or NaN, marks a pixel without flow
SMALLEST = 1e-9  # px, added to the largest motion so that a still picture can be divided by it


@functools.lru_cache(maxsize=1)
def hue_table() -> np.ndarray:
    """``(55, 3)`` float32 RGB, 0 to 1 in steps of 1/255."""
    rows = []
    falling = rising = None
    for start, steps in enumerate(HUES):
        # In turn one channel rises beside a full one, then that one falls: R, G up, R down, B up, G down, R up, B down.
        rising, falling = ((1, None), (None, 0), (2, None), (None, 1), (0, None), (None, 2))[start]
        full = (0, 1, 1, 2, 2, 0)[start]
        for i in range(steps):
            colour = [0, 0, 0]
            colour[full] = 255
            if rising is not None:
                colour[rising] = 255 * i // steps
            else:
                colour[falling] = 255 - 255 * i // steps
            rows.append(colour)
    table = np.array(rows, np.float32) / np.float32(255)
    table.flags.writeable = False
    return table


def flow_to_colour(flow: np.ndarray, max_motion: float | None = None, *, per_picture: bool = False) -> np.ndarray:
    """Paints flow: the hue is its direction, the saturation its length.

    Args:
        flow: ``(..., height, width, 2)`` as (u, v), pixels.
        max_motion: Length in pixels that gets the full colour; longer ones are darkened. By default the largest length
            in the whole array, so that the pictures of a clip can be compared.
        per_picture: Whether each picture is scaled by its own largest length instead.

    Returns:
        ``(..., height, width, 3)`` uint8 RGB. No motion is white; NaN and components beyond 1e9 are black.

    Raises:
        ValueError: Another shape, a ``max_motion`` that is not positive, or both ways of scaling at once.

    Source: Middlebury's ``colorcode.cpp`` as specified; values are cut to 8 bits, not rounded, as it does.
    """
    if not isinstance(flow, np.ndarray) or flow.ndim < 3 or flow.shape[-1] != 2:
        raise ValueError(
            f"flow must be (..., height, width, 2). Received: {getattr(flow, 'shape', type(flow).__name__)}"
        )
    if max_motion is not None and not (np.isfinite(max_motion) and max_motion > 0):
        raise ValueError(f"max_motion must be a positive number of pixels. Received: {max_motion!r}")
    if max_motion is not None and per_picture:
        raise ValueError("max_motion and per_picture exclude each other")
    flow = flow.astype(np.float32)
    known = (np.abs(flow) <= UNKNOWN).all(axis=-1)  # False for NaN
    flow = np.where(known[..., None], flow, np.float32(0))
    u, v = flow[..., 0], flow[..., 1]
    length = np.sqrt(u * u + v * v)
    if max_motion is None:
        largest = length.max(axis=(-2, -1) if per_picture else None, initial=0, keepdims=True)
    else:
        largest = np.float32(max_motion)
    radius = (length / (largest + np.float32(SMALLEST)))[..., None]
    angle = np.arctan2(-v, -u) / np.float32(np.pi)
    table = hue_table()
    place = (angle + np.float32(1)) / np.float32(2) * np.float32(len(table) - 1)
    low = np.floor(place).astype(np.int32)
    part = (place - low)[..., None]
    colour = (1 - part) * table[low] + part * table[(low + 1) % len(table)]
    colour = np.where(radius <= 1, 1 - radius * (1 - colour), np.float32(0.75) * colour)
    colour *= known[..., None]
    return np.floor(np.float32(255) * colour).astype(np.uint8)
