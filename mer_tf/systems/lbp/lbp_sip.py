"""LBP-SIP: the six distinct neighbours of a voxel on three planes, without counting any twice."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import number, one_of, wholes
from mer_tf.preprocessing.blocks import NORMS, normalised
from mer_tf.preprocessing.lbp import block_counts, neighbour_codes
from mer_tf.systems.feature import Extractor, check_clip


@dataclasses.dataclass(frozen=True)
class LbpSipConfig:
    """Settings of LBP-SIP.

    Attributes:
        radii: Along x, y and time.
        blocks: Rows, columns, stretches of time.
        overlap: Share of a block that the next one shares, in [0, 1).
        joint: One code of six bits (64 bins) instead of four in space and two in time (16 + 4 bins, as published).
        normalise: Of each histogram: ``"l1"``, ``"l2"`` or ``"none"``.
    """

    radii: tuple[int, int, int] = (1, 1, 3)
    blocks: tuple[int, int, int] = (8, 8, 1)
    overlap: float = 0.0
    joint: bool = False
    normalise: str = "l1"

    def __post_init__(self):
        for name in ("radii", "blocks"):
            object.__setattr__(self, name, wholes(name, getattr(self, name), 3))
        number("overlap", self.overlap, lambda value: 0 <= value < 1, "in [0, 1)")
        one_of("joint", self.joint, (False, True))
        one_of("normalise", self.normalise, NORMS)


def feature_dim(config: LbpSipConfig) -> int:
    """Length of the feature: 20 bins (64 joint) per block."""
    return int(np.prod(config.blocks)) * (64 if config.joint else 20)


def lbp_sip(clip: np.ndarray, config: LbpSipConfig = LbpSipConfig()) -> np.ndarray:  # noqa: B008
    """Histograms of the spatial and the temporal pattern of every valid voxel.

    Args:
        clip: ``(T, height, width)`` gray.
        config: Settings.

    Returns:
        ``(feature_dim(config),)`` float64 in order of time block, row, column, then 16 spatial bins (bits right, up,
        left, down) and 4 temporal ones (bits before, after). Valid voxels as in LBP-TOP; nothing wraps round.

    Raises:
        ValueError: As ``lbp_top``.

    Source: Wang et al. 2014, section 3.
    """
    rx, ry, rt = config.radii
    border = max(rx, ry)
    rows, columns, times = config.blocks
    check_clip(clip, (2 * rt + times, 2 * border + rows, 2 * border + columns))
    margins = (rt, border, border)
    space = [(0, 0, rx), (0, -ry, 0), (0, 0, -rx), (0, ry, 0)]
    time = [(-rt, 0, 0), (rt, 0, 0)]
    parts = [(space + time, 64)] if config.joint else [(space, 16), (time, 4)]
    counts = [
        block_counts(neighbour_codes(clip, offsets, margins), bins, config.blocks, config.overlap)
        for offsets, bins in parts
    ]
    return np.concatenate([normalised(part, config.normalise) for part in counts], axis=-1).ravel()


LBP_SIP = Extractor(LbpSipConfig, lambda tensors, config: lbp_sip(tensors["frames"][..., 0], config))
