"""Block grids, bins on the circle, normalised histograms (numpy only)."""

from __future__ import annotations

import numpy as np

NORMS = ("none", "l1", "l2")


def spans(length: int, blocks: int, overlap: float = 0.0) -> list[tuple[int, int]]:
    """Stretches of one axis, equally long up to rounding.

    Args:
        length: Extent of the axis.
        blocks: Number of stretches, at most ``length``.
        overlap: Share of a stretch that the next one shares, in [0, 1).

    Returns:
        (start, end) of each. Without overlap they are cut at ``round(k length / blocks)``, halves upward.

    Raises:
        ValueError: More blocks than pixels.
    """
    if blocks > length:
        raise ValueError(f"the block grid has {blocks} blocks along a side of {length}; use fewer blocks")
    size = length / (1 + (blocks - 1) * (1 - overlap))
    starts = np.arange(blocks) * size * (1 - overlap)
    first, last = np.floor(starts + 0.5).astype(int), np.floor(starts + size + 0.5).astype(int)
    return [(int(a), int(min(b, length))) for a, b in zip(first, last)]


def cells(length: int, blocks: int) -> np.ndarray:
    """``(length,)`` int64: number of the stretch of ``spans`` that each place lies in."""
    return np.repeat(np.arange(blocks), [end - start for start, end in spans(length, blocks)])


def grid_cells(height: int, width: int, rows: int, columns: int) -> np.ndarray:
    """``(height, width)`` int64: block number of each pixel, row by row."""
    return cells(height, rows)[:, None] * columns + cells(width, columns)


def circle_bins(angle: np.ndarray, bins: int, centred: bool) -> np.ndarray:
    """Bin of each angle.

    Args:
        angle: Radians.
        bins: Number of bins of width ``2 pi / bins``.
        centred: True centres bin 0 on 0; False starts bin 0 at -pi (and an angle of pi is -pi).

    Returns:
        int64, 0 to ``bins - 1``.
    """
    place = angle * (bins / (2 * np.pi)) + (0.5 if centred else 0.5 * bins)
    return np.floor(place).astype(np.int64) % bins


def normalised(histograms: np.ndarray, norm: str) -> np.ndarray:
    """Histograms along the last axis, float64; one that sums to zero stays zero.

    Args:
        histograms: ``(..., bins)``, not negative.
        norm: ``"l1"`` (sum 1), ``"l2"`` (squares sum to 1) or ``"none"``.
    """
    histograms = np.asarray(histograms, np.float64)
    if norm == "none":
        return histograms
    total = np.abs(histograms).sum(-1, keepdims=True)
    if norm == "l2":
        total = np.sqrt((histograms**2).sum(-1, keepdims=True))
    return np.divide(histograms, total, out=np.zeros_like(histograms), where=total > 0)


def mean_over_blocks(values: np.ndarray, cell: np.ndarray, blocks: int) -> np.ndarray:
    """``(blocks,)`` mean of the values (same shape as ``cell``) in each block; every block holds a pixel."""
    return sum_over_blocks(values, cell, blocks) / np.bincount(cell.ravel(), minlength=blocks)


def sum_over_blocks(values: np.ndarray, cell: np.ndarray, blocks: int) -> np.ndarray:
    """``(blocks,)`` sum of the values in each block."""
    return np.bincount(cell.ravel(), weights=values.ravel(), minlength=blocks)
