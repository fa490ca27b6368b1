"""LBP-TOP: local binary patterns on three orthogonal planes."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import number, one_of, wholes
from mer_tf.preprocessing.blocks import NORMS, normalised
from mer_tf.preprocessing.lbp import MAPPINGS, POINTS, SAMPLINGS, bin_count, block_counts, plane_codes, uniform_bins
from mer_tf.systems.feature import Extractor, check_clip

# XY, XT, YT: axes of (frames, rows, columns) along cosine and sine, and the sense of the first: YT starts upward.
_PLANES = (((2, 1), 1), ((2, 0), 1), ((1, 0), -1))


@dataclasses.dataclass(frozen=True)
class LbpTopConfig:
    """Settings of LBP-TOP.

    Attributes:
        points: Neighbours in the planes XY, XT, YT; 4, 6, 8, 12 or 16 each.
        radii: Along x, y and time.
        blocks: Rows, columns, stretches of time.
        overlap: Share of a block that the next one shares, in [0, 1).
        mapping: ``"u2"``, ``"riu2"`` or ``"all"``, see ``mer_tf.preprocessing.lbp.uniform_bins``.
        sampling: ``"nearest"`` or ``"bilinear"``.
        normalise: Of each histogram (one block, one plane): ``"l1"``, ``"l2"`` or ``"none"``.
    """

    points: tuple[int, int, int] = (8, 8, 8)
    radii: tuple[int, int, int] = (1, 1, 3)
    blocks: tuple[int, int, int] = (8, 8, 1)
    overlap: float = 0.0
    mapping: str = "u2"
    sampling: str = "nearest"
    normalise: str = "l1"

    def __post_init__(self):
        for name in ("points", "radii", "blocks"):
            object.__setattr__(self, name, wholes(name, getattr(self, name), 3))
        for points in self.points:
            one_of("points", points, POINTS)
        number("overlap", self.overlap, lambda value: 0 <= value < 1, "in [0, 1)")
        one_of("mapping", self.mapping, MAPPINGS)
        one_of("sampling", self.sampling, SAMPLINGS)
        one_of("normalise", self.normalise, NORMS)


def feature_dim(config: LbpTopConfig) -> int:
    """Length of the feature: blocks times the bins of the three planes."""
    return int(np.prod(config.blocks)) * sum(bin_count(points, config.mapping) for points in config.points)


def lbp_top(clip: np.ndarray, config: LbpTopConfig = LbpTopConfig()) -> np.ndarray:  # noqa: B008
    """Histograms of local binary patterns in the planes XY, XT and YT of every valid voxel.

    Args:
        clip: ``(T, height, width)`` gray, integer or float, T at least 2 rt + 1.
        config: Settings.

    Returns:
        ``(feature_dim(config),)`` float64 in order of time block, row, column, plane, bin. A valid voxel has
        max(rx, ry) pixels to the sides and rt frames before and after, so all planes count the same voxels.

    Raises:
        ValueError: Another shape, values that are not finite, a clip too short or small for radii and blocks.

    Source: Zhao and Pietikainen 2007, section 3. The YT plane takes the radius along y (a public program takes the one
        along x, and XT's bins).
    """
    counts = [
        block_counts(values, bin_count(points, config.mapping), config.blocks, config.overlap)
        for values, points in zip(plane_bins(clip, config), config.points)
    ]
    return np.concatenate([normalised(part, config.normalise) for part in counts], axis=-1).ravel()


def plane_bins(clip: np.ndarray, config: LbpTopConfig) -> list[np.ndarray]:
    """Bin of every valid voxel in the planes XY, XT, YT, each ``(T - 2 rt, height - 2 b, width - 2 b)``."""
    rx, ry, rt = config.radii
    border = max(rx, ry)
    rows, columns, times = config.blocks
    clip = check_clip(clip, (2 * rt + times, 2 * border + rows, 2 * border + columns))
    if np.issubdtype(clip.dtype, np.integer) and clip.size and clip.min() >= 0 and clip.max() <= 255:
        clip = clip.astype(np.uint8, copy=False)
    by_axis = (rt, ry, rx)
    margins = (rt, border, border)
    return [
        uniform_bins(points, config.mapping)[
            plane_codes(clip, axes, (sense * by_axis[axes[0]], by_axis[axes[1]]), points, margins, config.sampling)
        ]
        for (axes, sense), points in zip(_PLANES, config.points)
    ]


LBP_TOP = Extractor(LbpTopConfig, lambda tensors, config: lbp_top(tensors["frames"][..., 0], config))
