"""Resizing by area means, as a matrix for each axis; no TensorFlow."""

from __future__ import annotations

import numpy as np


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
