"""What the features share: checks, block grids, bins on the circle, normalised histograms (numpy only)."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping

import numpy as np

from mer_tf.errors import ConfigError, UnknownNameError

NORMS = ("none", "l1", "l2")


class FeatureWarning(UserWarning):
    """A part of a feature could not be measured and is zero, such as the directions of a block without motion."""


def warn(message: str) -> None:
    """Warns with ``FeatureWarning``; the caller's caller is named."""
    warnings.warn(message, FeatureWarning, stacklevel=3)


def check_clip(clip: np.ndarray, least: tuple[int, int, int]) -> np.ndarray:
    """The clip as it is, if it is ``(T, height, width)``, finite, and each side at least that of ``least``."""
    if not isinstance(clip, np.ndarray) or clip.ndim != 3:
        raise ValueError(
            f"clip must be (frames, height, width). Received: {getattr(clip, 'shape', type(clip).__name__)}"
        )
    _check_numbers("clip", clip)
    if any(side < smallest for side, smallest in zip(clip.shape, least)):
        raise ValueError(
            f"clip must have at least {least[0]} frames of {least[1]}x{least[2]} for these radii and blocks. "
            f"Received: {clip.shape}"
        )
    return clip


def check_flow(flow: np.ndarray, *, frames: bool, name: str = "flow") -> np.ndarray:
    """The flow as float64, if it is ``(height, width, 2)`` (with ``frames`` in front where asked for) and finite."""
    rank, shape = (4, "(frames, height, width, 2)") if frames else (3, "(height, width, 2)")
    if not isinstance(flow, np.ndarray) or flow.ndim != rank or flow.shape[-1] != 2 or not flow.size:
        raise ValueError(f"{name} must be {shape}. Received: {getattr(flow, 'shape', type(flow).__name__)}")
    _check_numbers(name, flow)
    return flow.astype(np.float64)


def _check_numbers(name: str, array: np.ndarray) -> None:
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must hold numbers. Received: {array.dtype}")
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")


def one_of(name: str, value, known) -> None:
    """Raises ``ValueError`` unless the value is known."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}. Received: {value!r}")


def whole(name: str, value, least: int = 1) -> None:
    """Raises ``ValueError`` unless the value is a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}. Received: {value!r}")


def wholes(name: str, values, length: int, least: int = 1) -> tuple[int, ...]:
    """The values as a tuple, if they are that many whole numbers; else ``ValueError``."""
    if not isinstance(values, list | tuple) or len(values) != length:
        raise ValueError(f"{name} must be {length} whole numbers. Received: {values!r}")
    for value in values:
        whole(name, value, least)
    return tuple(int(value) for value in values)


def number(name: str, value, fits, wanted: str) -> None:
    """Raises ``ValueError`` unless the value is a finite number that ``fits(value)``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value) or not fits(value):
        raise ValueError(f"{name} must be {wanted}. Received: {value!r}")


def strict(kind: type, settings: Mapping, where: str):
    """An instance of a settings class from a dictionary; unknown keys and bad values are ``ConfigError``."""
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{where} must be an object. Received: {type(settings).__name__}")
    known = [field.name for field in dataclasses.fields(kind)]
    for key in settings:
        if key not in known:
            raise UnknownNameError(f"{where} key", key, known)
    try:
        return kind(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


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
