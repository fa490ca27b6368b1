"""HOOF: histograms of oriented optical flow."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import one_of, whole, wholes
from mer_tf.preprocessing.blocks import NORMS, circle_bins, grid_cells, normalised
from mer_tf.systems.feature import Extractor, check_flow, warn


@dataclasses.dataclass(frozen=True)
class HoofConfig:
    """Settings of HOOF.

    Attributes:
        kind: ``"full"`` (directions over the whole circle) or ``"primary"`` (angle to the nearest horizontal axis,
            equal for left and right).
        bins: Bins of ``2 pi / bins`` (full) or ``pi / bins`` (primary).
        centred: Full circle only: bin 0 centred on 0 instead of starting at -pi.
        blocks: Rows and columns.
        weights: What a pixel adds: its ``"magnitude"``, or 1 (``"count"``; a pixel without motion then adds nothing).
        pool: ``"mean"`` over the flow fields, or ``"concat"`` (the length depends on their number).
        normalise: Of each histogram before pooling.
    """

    kind: str = "full"
    bins: int = 8
    centred: bool = True
    blocks: tuple[int, int] = (5, 5)
    weights: str = "magnitude"
    pool: str = "mean"
    normalise: str = "l1"

    def __post_init__(self):
        one_of("kind", self.kind, ("full", "primary"))
        whole("bins", self.bins, 2)
        one_of("centred", self.centred, (False, True))
        object.__setattr__(self, "blocks", wholes("blocks", self.blocks, 2))
        one_of("weights", self.weights, ("magnitude", "count"))
        one_of("pool", self.pool, ("mean", "concat"))
        one_of("normalise", self.normalise, NORMS)


def feature_dim(config: HoofConfig, fields: int = 1) -> int:
    """Length of the feature; ``fields`` flow fields matter under ``"concat"`` only."""
    return config.bins * config.blocks[0] * config.blocks[1] * (fields if config.pool == "concat" else 1)


def hoof(flow: np.ndarray, config: HoofConfig = HoofConfig()) -> np.ndarray:  # noqa: B008
    """Histograms of flow directions per block.

    Args:
        flow: ``(fields, height, width, 2)`` in pixels, of neighbouring frames or against the onset.
        config: Settings.

    Returns:
        ``(feature_dim(config, fields),)`` float64 in order of (field,) row, column, bin.

    Warns:
        FeatureWarning: A flow field has a block without motion, whose histogram is zero.

    Raises:
        ValueError: Another shape, values that are not finite, more blocks than pixels.

    Source: Chaudhry et al. 2009, section 3.1 (``"primary"``). Assumption: eight bins over the full circle on 5 x 5
        blocks, as baselines of micro-expression papers have it; none of the five papers prints its parameters.
    """
    flow = check_flow(flow, frames=True)
    u, v = flow[..., 0], flow[..., 1]
    magnitude = np.hypot(u, v)
    if config.kind == "primary":
        place = (np.arctan2(v, np.abs(u)) / np.pi + 0.5) * config.bins
        bins = np.minimum(place.astype(np.int64), config.bins - 1)  # straight down belongs to the last bin
    else:
        bins = circle_bins(np.arctan2(v, u), config.bins, config.centred)
    rows, columns = config.blocks
    cell = grid_cells(*flow.shape[1:3], rows, columns)
    number = rows * columns * config.bins
    places = (np.arange(len(flow)) * number)[:, None, None] + cell * config.bins + bins
    votes = magnitude if config.weights == "magnitude" else (magnitude > 0).astype(np.float64)
    counts = np.bincount(places.ravel(), weights=votes.ravel(), minlength=len(flow) * number)
    counts = counts.reshape(len(flow), rows * columns, config.bins)
    empty = int((counts.sum(-1) == 0).sum())
    if empty:
        warn(f"HOOF: {empty} of {len(flow) * rows * columns} blocks have no motion; their histograms are zero")
    found = normalised(counts, config.normalise)
    return (found if config.pool == "concat" else found.mean(axis=0)).ravel()


HOOF = Extractor(HoofConfig, lambda tensors, config: hoof(tensors["flow"], config))
