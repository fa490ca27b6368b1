"""Bi-WOOF: bi-weighted oriented optical flow from onset to apex, with a variant that also weighs by local phase."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import one_of, whole
from mer_tf.preprocessing.blocks import circle_bins, grid_cells, mean_over_blocks, normalised, sum_over_blocks
from mer_tf.preprocessing.strain import strain as optical_strain
from mer_tf.systems.bi_woof.phase import phase_change
from mer_tf.systems.feature import Extractor, check_flow, face_motion, warn


@dataclasses.dataclass(frozen=True)
class BiWoofConfig:
    """Settings of Bi-WOOF.

    Attributes:
        grid: Blocks along each side.
        bins: Directions over the whole circle, the first starting at -180 degrees.
        local: What a pixel adds: its flow's ``"magnitude"`` or 1 (``"none"``).
        weight: What a block's histogram is multiplied by: its ``"mean"`` strain, its ``"sum"`` of strain (as a public
            program has it), or 1 (``"none"``).
    """

    grid: int = 5
    bins: int = 8
    local: str = "magnitude"
    weight: str = "mean"

    def __post_init__(self):
        whole("grid", self.grid)
        whole("bins", self.bins, 2)
        one_of("local", self.local, ("magnitude", "none"))
        one_of("weight", self.weight, ("mean", "sum", "none"))


def feature_dim(config: BiWoofConfig) -> int:
    """Length of the feature: bins times blocks."""
    return config.bins * config.grid**2


def bi_woof(
    flow: np.ndarray,
    strain: np.ndarray | None = None,
    config: BiWoofConfig = BiWoofConfig(),  # noqa: B008
) -> np.ndarray:
    """Bi-weighted oriented optical flow.

    Args:
        flow: ``(height, width, 2)`` in pixels, from onset to apex.
        strain: ``(height, width)``, not negative; computed from the flow where it is None.
        config: Settings.

    Returns:
        ``(feature_dim(config),)`` float64 of length 1 in order of row, column, bin. All zero where nothing deforms: a
        translation of the whole face is no evidence.

    Warns:
        FeatureWarning: The whole feature is zero.

    Raises:
        ValueError: Another shape, values that are not finite, more blocks than pixels.

    Source: Liong et al. 2018, section 3.3.
    """
    return _unit(block_histograms(flow, strain, config).ravel())


def bi_woof_phase(
    flow: np.ndarray,
    strain: np.ndarray | None,
    onset: np.ndarray,
    apex: np.ndarray,
    config: BiWoofConfig = BiWoofConfig(),  # noqa: B008
) -> np.ndarray:
    """Bi-WOOF whose pixels count more where the local phase changes.

    Args:
        flow: As ``bi_woof``.
        strain: As ``bi_woof``.
        onset: ``(height, width)`` gray.
        apex: ``(height, width)`` gray.
        config: Settings.

    Returns:
        As ``bi_woof``; equal to it where no phase changes.

    Source: Liong and Wong 2017. Assumption: a pixel's vote is multiplied by 1 plus its phase change over the mean
        phase change; the paper's formula was not at hand.
    """
    change = phase_change(onset, apex)
    if change.shape != flow.shape[:2]:
        raise ValueError(f"onset and apex must be as large as the flow {flow.shape[:2]}. Received: {change.shape}")
    mean = change.mean()
    votes = 1 + change / mean if mean > 0 else np.ones_like(change)
    return _unit(block_histograms(flow, strain, config, votes).ravel())


def block_histograms(
    flow: np.ndarray,
    strain: np.ndarray | None = None,
    config: BiWoofConfig = BiWoofConfig(),  # noqa: B008
    votes: np.ndarray | None = None,
) -> np.ndarray:
    """``(grid^2, bins)`` float64: each block's histogram (sum 1 or 0) times its weight, before the last step.

    Args:
        flow: As ``bi_woof``.
        strain: As ``bi_woof``.
        config: Settings.
        votes: ``(height, width)`` factor on each pixel's vote, or None.
    """
    flow = check_flow(flow, frames=False)
    if strain is None:
        strain = optical_strain(flow)
    strain = np.asarray(strain, np.float64)
    if strain.shape != flow.shape[:2] or not np.isfinite(strain).all():
        raise ValueError(f"strain must be {flow.shape[:2]}, finite. Received: {strain.shape}")
    u, v = flow[..., 0], flow[..., 1]
    blocks = config.grid**2
    cell = grid_cells(*flow.shape[:2], config.grid, config.grid)
    bins = circle_bins(np.arctan2(v, u), config.bins, centred=False)
    magnitude = np.hypot(u, v)
    local = magnitude if config.local == "magnitude" else np.ones_like(magnitude)
    local = local if votes is None else local * votes
    counts = np.bincount((cell * config.bins + bins).ravel(), weights=local.ravel(), minlength=blocks * config.bins)
    histograms = normalised(counts.reshape(blocks, config.bins), "l1")
    if config.weight == "none":
        return histograms
    weigh = mean_over_blocks if config.weight == "mean" else sum_over_blocks
    return histograms * weigh(strain, cell, blocks)[:, None]


def _unit(vector: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(vector)
    if norm > 0:
        return vector / norm
    warn("Bi-WOOF: nothing deforms between onset and apex; the feature is zero")
    return vector


BI_WOOF = Extractor(BiWoofConfig, lambda tensors, config: bi_woof(*face_motion(tensors), config))
BI_WOOF_PHASE = Extractor(
    BiWoofConfig,
    lambda tensors, config: bi_woof_phase(
        *face_motion(tensors), tensors["onset"][..., 0], tensors["apex"][..., 0], config
    ),
)
