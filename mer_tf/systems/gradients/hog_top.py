"""HOG-TOP and HIGO-TOP: histograms of gradient directions on three orthogonal planes."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import one_of, whole, wholes
from mer_tf.preprocessing.blocks import NORMS, cells, normalised
from mer_tf.systems.feature import Extractor, check_clip

PLANES = {"xy": (0,), "xyot": (1, 2), "all": (0, 1, 2)}
_FAINT = 1e-6  # of the clip's range: the direction of a weaker gradient is rounding


@dataclasses.dataclass(frozen=True)
class HogTopConfig:
    """Settings of HOG-TOP and HIGO-TOP.

    Attributes:
        weights: What a pixel adds: its gradient's ``"magnitude"`` (HOG) or 1 (``"count"``, HIGO).
        vote: ``"linear"`` (shared by the two nearest bins) or ``"hard"``.
        planes: ``"xy"``, ``"xyot"`` (XT and YT) or ``"all"``.
        bins: Directions over the whole circle, bin 0 centred on 0.
        blocks: Rows, columns, stretches of time.
        normalise: Of each histogram (one block, one plane).
    """

    weights: str = "magnitude"
    vote: str = "linear"
    planes: str = "all"
    bins: int = 8
    blocks: tuple[int, int, int] = (8, 8, 2)
    normalise: str = "l1"

    def __post_init__(self):
        one_of("weights", self.weights, ("magnitude", "count"))
        one_of("vote", self.vote, ("linear", "hard"))
        one_of("planes", self.planes, tuple(PLANES))
        whole("bins", self.bins, 2)
        object.__setattr__(self, "blocks", wholes("blocks", self.blocks, 3))
        one_of("normalise", self.normalise, NORMS)


def feature_dim(config: HogTopConfig) -> int:
    """Length of the feature: planes times bins times blocks."""
    return len(PLANES[config.planes]) * config.bins * int(np.prod(config.blocks))


def hog_top(clip: np.ndarray, config: HogTopConfig = HogTopConfig()) -> np.ndarray:  # noqa: B008
    """Histograms of gradient directions in the planes XY, XT and YT.

    Args:
        clip: ``(T, height, width)`` gray, at least 3 along each side.
        config: Settings.

    Returns:
        ``(feature_dim(config),)`` float64 in order of time block, row, column, plane, bin. Gradients are differences
        of the two neighbours; the outermost frames, rows and columns have none and are left out. Angles are
        ``atan2(y, x)``, ``atan2(t, x)`` and ``atan2(t, y)``.

    Raises:
        ValueError: Another shape, values that are not finite, more blocks than places.

    Source: Li et al. 2018, section 3.3; in mode ``planes="all"`` it covers the region-wise 3D gradient histograms of
        Polikovsky et al. 2009, whose bins are not printed.
    """
    rows, columns, times = config.blocks
    check_clip(clip, (times + 2, rows + 2, columns + 2))
    clip = clip.astype(np.float64)
    faint = _FAINT * np.ptp(clip)
    inner = clip[1:-1, 1:-1, 1:-1]
    g_x = clip[1:-1, 1:-1, 2:] - clip[1:-1, 1:-1, :-2]
    g_y = clip[1:-1, 2:, 1:-1] - clip[1:-1, :-2, 1:-1]
    g_t = clip[2:, 1:-1, 1:-1] - clip[:-2, 1:-1, 1:-1]
    t, y, x = (cells(side, n) for side, n in zip(inner.shape, (times, rows, columns)))
    block = ((t[:, None, None] * rows + y[:, None]) * columns + x) * config.bins
    size = int(np.prod(config.blocks)) * config.bins
    parts = []
    for plane in PLANES[config.planes]:
        first, second = ((g_x, g_y), (g_x, g_t), (g_y, g_t))[plane]
        votes = np.hypot(first, second)
        counted = votes > faint
        if config.weights == "count":
            votes = counted.astype(np.float64)
        place = np.arctan2(second, first) * (config.bins / (2 * np.pi))
        if config.vote == "hard":
            shares = ((np.floor(place + 0.5), votes),)
        else:
            low = np.floor(place)
            upper = votes * (place - low)
            shares = ((low, votes - upper), (low + 1, upper))
        histogram = sum(
            np.bincount((block + bins.astype(np.int64) % config.bins).ravel(), weights=w.ravel(), minlength=size)
            for bins, w in shares
        )
        parts.append(normalised(histogram.reshape(times, rows, columns, config.bins), config.normalise))
    return np.concatenate(parts, axis=-1).ravel()


HOG_TOP = Extractor(HogTopConfig, lambda tensors, config: hog_top(tensors["frames"][..., 0], config))
