"""FDM, the facial dynamics map: principal flow directions of space-time cuboids."""

from __future__ import annotations

import dataclasses

import numpy as np

from mer_tf.checks import one_of, wholes
from mer_tf.preprocessing.blocks import cells, grid_cells
from mer_tf.systems.feature import Extractor, check_flow

CELL = 0.1  # px, of the histogram that finds the face's translation
ROUNDS = 50


@dataclasses.dataclass(frozen=True)
class FdmConfig:
    """Settings of FDM.

    Attributes:
        cuboids: Rows, columns, stretches of time.
        align: How the translation of the whole face is found: ``"mode"`` of the flow, its ``"median"``, or ``"none"``.
    """

    cuboids: tuple[int, int, int] = (8, 8, 4)
    align: str = "mode"

    def __post_init__(self):
        object.__setattr__(self, "cuboids", wholes("cuboids", self.cuboids, 3))
        one_of("align", self.align, ("mode", "median", "none"))


def feature_dim(config: FdmConfig) -> int:
    """Length of the feature: two numbers per cuboid."""
    return 2 * int(np.prod(config.cuboids))


def fdm(flow: np.ndarray, config: FdmConfig = FdmConfig()) -> np.ndarray:  # noqa: B008
    """Facial dynamics map of a clip.

    Args:
        flow: ``(fields, height, width, 2)`` in pixels, of neighbouring frames; at least as many fields as stretches
            of time.
        config: Settings.

    Returns:
        ``(feature_dim(config),)`` float64 in order of time, row, column, (u, v): each cuboid's principal direction
        times the mean projection of the vectors that go its way, in pixels.

    Raises:
        ValueError: Another shape, values that are not finite, fewer fields or pixels than cuboids.

    Source: Xu, Zhang and Wang 2017, sections 3.2 to 3.4. Assumption: 8 x 8 x 4 cuboids; the paper's sizes were not at
        hand.
    """
    flow = check_flow(flow, frames=True)
    rows, columns, times = config.cuboids
    if len(flow) < times:
        raise ValueError(f"flow must have at least {times} fields for these cuboids. Received: {len(flow)}")
    block = cells(len(flow), times)[:, None, None] * (rows * columns)
    block = block + grid_cells(*flow.shape[1:3], rows, columns)
    moved = flow - np.array([translation(field, config.align) for field in flow])[:, None, None]
    return principal_directions(moved.reshape(-1, 2), block.ravel(), rows * columns * times).ravel()


def translation(flow: np.ndarray, align: str = "mode") -> np.ndarray:
    """``(2,)`` motion of the whole face: mean of the fullest 0.1 px cell of (u, v), the first of equal ones, or median.

    Args:
        flow: ``(height, width, 2)``.
        align: As ``FdmConfig``.
    """
    vectors = flow.reshape(-1, 2)
    if align == "none":
        return np.zeros(2)
    if align == "median":
        return np.median(vectors, axis=0)
    place = np.floor(vectors / CELL + 0.5).astype(np.int64)
    place -= place.min(axis=0)
    _, cell = np.unique(place[:, 0] * (place[:, 1].max() + 1) + place[:, 1], return_inverse=True)
    return vectors[cell.ravel() == np.bincount(cell.ravel()).argmax()].mean(axis=0)


def principal_directions(vectors: np.ndarray, block: np.ndarray, blocks: int) -> np.ndarray:
    """Principal direction of each block, all at once.

    From the direction of the sum on, the vectors that go that way are kept and give the next direction, until the kept
    ones stay the same. Unlike a mean this leaves opposing vectors out; the sum of the positive projections never falls.

    Args:
        vectors: ``(n, 2)``.
        block: ``(n,)`` block of each.
        blocks: Number of blocks.

    Returns:
        ``(blocks, 2)`` direction times the kept vectors' mean projection; zero where none is kept.
    """
    u, v = vectors[:, 0], vectors[:, 1]
    kept = np.ones(len(vectors), bool)
    for _ in range(ROUNDS):
        direction = np.stack([np.bincount(block, weights=part * kept, minlength=blocks) for part in (u, v)], axis=-1)
        norm = np.linalg.norm(direction, axis=1, keepdims=True)
        direction = np.divide(direction, norm, out=np.zeros_like(direction), where=norm > 0)
        projection = u * direction[block, 0] + v * direction[block, 1]
        found = projection > 0
        if (found == kept).all():
            break
        kept = found
    kept = projection > 0
    number = np.bincount(block, weights=kept, minlength=blocks)
    mean = np.bincount(block, weights=projection * kept, minlength=blocks) / np.maximum(number, 1)
    return direction * mean[:, None]


FDM = Extractor(FdmConfig, lambda tensors, config: fdm(tensors["flow"], config))
