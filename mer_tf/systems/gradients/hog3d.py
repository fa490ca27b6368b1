"""HOG3D: space-time gradients on the directions of a regular polyhedron."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import number, one_of, whole, wholes
from mer_tf.preprocessing.blocks import spans
from mer_tf.systems.feature import Extractor, check_clip

GOLDEN = (1 + 5**0.5) / 2
EXACT_THRESHOLD = 5**0.5 / 3**0.5
PUBLISHED_THRESHOLD = 1.29107


def icosahedron_directions() -> np.ndarray:
    """``(20, 3)`` centres of an icosahedron's faces as (x, y, t), each of length sqrt(3); k and 19 - k are opposite."""
    near, far = 1 / GOLDEN, GOLDEN
    half = [(1, y, t) for y in (1, -1) for t in (1, -1)]
    half += [(0, near, t) for t in (far, -far)]
    half += [(near, y, 0) for y in (far, -far)]
    half += [(far, 0, t) for t in (near, -near)]
    half = np.array(half, np.float64)
    return np.concatenate([half, -half[::-1]])


@dataclasses.dataclass(frozen=True)
class Hog3dConfig:
    """Settings of HOG3D.

    Attributes:
        cells: Rows, columns, stretches of time.
        parts: Parts S of a cell along each side; the mean gradient of each of its S^3 parts votes.
        merge: Whether opposite directions share a bin (10 instead of 20).
        threshold: ``"exact"`` (sqrt(5/3): a gradient along one direction votes for that one only), ``"published"``
            (1.29107) or a number.
        clip: Largest value after the first of two l2 normalisations of the whole descriptor; 0 leaves it unnormalised.
    """

    cells: tuple[int, int, int] = (5, 5, 2)
    parts: int = 3
    merge: bool = False
    threshold: str | float = "exact"
    clip: float = 0.25

    def __post_init__(self):
        object.__setattr__(self, "cells", wholes("cells", self.cells, 3))
        whole("parts", self.parts)
        one_of("merge", self.merge, (False, True))
        if isinstance(self.threshold, str):
            one_of("threshold", self.threshold, ("exact", "published"))
        else:
            # Above 1.376 some gradients would be nearer than that to no direction.
            number("threshold", self.threshold, lambda value: 0 <= value < 1.376, "in [0, 1.376)")
        number("clip", self.clip, lambda value: 0 <= value <= 1, "in 0..1")


def feature_dim(config: Hog3dConfig) -> int:
    """Length of the feature: cells times directions."""
    return int(np.prod(config.cells)) * (10 if config.merge else 20)


def quantise(gradients: np.ndarray, config: Hog3dConfig = Hog3dConfig()) -> np.ndarray:  # noqa: B008
    """Gradients on the directions.

    Args:
        gradients: ``(..., 3)`` as (x, y, t).
        config: Settings.

    Returns:
        ``(..., 20)`` (10 merged) float64, not negative, of the gradients' lengths; zeros for a zero gradient.
    """
    directions = icosahedron_directions()
    threshold = {"exact": EXACT_THRESHOLD, "published": PUBLISHED_THRESHOLD}.get(config.threshold, config.threshold)
    length = np.sqrt((gradients**2).sum(-1, keepdims=True))
    unit = np.divide(gradients, length, out=np.zeros_like(gradients, dtype=np.float64), where=length > 0)
    votes = np.maximum(unit @ directions.T - threshold, 0)
    if config.merge:
        votes = votes[..., :10] + votes[..., :9:-1]
    norm = np.sqrt((votes**2).sum(-1, keepdims=True))
    return np.divide(votes * length, norm, out=np.zeros_like(votes), where=norm > 0)


def hog3d(clip: np.ndarray, config: Hog3dConfig = Hog3dConfig()) -> np.ndarray:  # noqa: B008
    """Space-time gradient histograms over a grid of cells.

    Args:
        clip: ``(T, height, width)`` gray; each side at least the cells times the parts along it, and 2.
        config: Settings.

    Returns:
        ``(feature_dim(config),)`` float64 in order of time, row, column, direction.

    Raises:
        ValueError: Another shape, values that are not finite, more parts than pixels.

    Source: Klaser et al. 2008, section 3. Assumption: the grid is one descriptor over the whole face, 5 x 5 x 2 cells,
        normalised as a whole, as the paper does with the cells of one descriptor.
    """
    rows, columns, times = config.cells
    counts = tuple(n * config.parts for n in (times, rows, columns))
    check_clip(clip, tuple(max(count, 2) for count in counts))
    g_t, g_y, g_x = np.gradient(clip.astype(np.float64))
    mean = np.stack([g_x, g_y, g_t], axis=-1)
    for axis, count in enumerate(counts):
        cut = spans(mean.shape[axis], count)
        sizes = np.array([end - start for start, end in cut], np.float64)
        mean = np.add.reduceat(mean, [start for start, _ in cut], axis=axis)
        mean /= sizes.reshape([-1 if k == axis else 1 for k in range(4)])
    votes = quantise(mean, config)
    split = votes.reshape(times, config.parts, rows, config.parts, columns, config.parts, -1)
    found = split.sum(axis=(1, 3, 5)).ravel()
    if not config.clip:
        return found
    return _unit(np.minimum(_unit(found), config.clip))


def _unit(vector: np.ndarray) -> np.ndarray:
    norm = np.sqrt((vector**2).sum())
    return vector / norm if norm > 0 else vector


HOG3D = Extractor(Hog3dConfig, lambda tensors, config: hog3d(tensors["frames"][..., 0], config))
