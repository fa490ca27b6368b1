"""The two floors: the most frequent class, and flow averaged over a coarse grid."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import wholes
from mer_tf.preprocessing.blocks import grid_cells
from mer_tf.systems.feature import Extractor, Tensors


@dataclasses.dataclass(frozen=True)
class NothingConfig:
    """``majority`` looks at nothing, so there is nothing to set."""


def majority(tensors: Tensors, config: NothingConfig = NothingConfig()) -> np.ndarray:  # noqa: B008
    """``(1,)`` zero: the clip is not looked at."""
    return np.zeros(1)


@dataclasses.dataclass(frozen=True)
class LinearFlowConfig:
    """Settings of ``linear_flow``.

    Attributes:
        grid: Rows and columns over which each channel is averaged.
    """

    grid: tuple[int, int] = (7, 7)

    def __post_init__(self):
        object.__setattr__(self, "grid", wholes("grid", self.grid, 2))


def linear_flow(face: np.ndarray, config: LinearFlowConfig = LinearFlowConfig()) -> np.ndarray:  # noqa: B008
    """Mean of u, v and strain in each cell of a grid.

    Args:
        face: ``(height, width, channels)``, as the recipe scales it.
        config: Settings.

    Returns:
        ``(rows * columns * channels,)`` float64 in order of row, column, channel.

    Raises:
        ValueError: Another rank, values that are not finite, more cells than pixels in a direction.
    """
    if face.ndim != 3 or not np.isfinite(face).all():
        raise ValueError(f"face must be (height, width, channels), finite. Received: {face.shape}")
    rows, columns = config.grid
    cell = grid_cells(*face.shape[:2], rows, columns).ravel()
    sums = [np.bincount(cell, channel.ravel(), rows * columns) for channel in np.moveaxis(face, -1, 0)]
    return (np.stack(sums, axis=-1) / np.bincount(cell, minlength=rows * columns)[:, None]).ravel()


def feature_dim(config: NothingConfig | LinearFlowConfig, channels: int = 3) -> int:
    """Length of the feature; ``channels`` are those of the map."""
    return config.grid[0] * config.grid[1] * channels if isinstance(config, LinearFlowConfig) else 1


MAJORITY = Extractor(NothingConfig, majority, classifier="majority")
LINEAR_FLOW = Extractor(
    LinearFlowConfig, lambda tensors, config: linear_flow(tensors["face"], config), classifier="logistic"
)
