"""HARS: two discrete areas of the face, assembled to a puzzle (Dual-ATME 2023, equations 42 to 44).

The paper's own are the brows and the mouth; nose and cheeks belong to its comparison of areas (Table 4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mer_tf.preprocessing.align import Box, clip_box, need68
from mer_tf.preprocessing.images import resize
from mer_tf.recipes.schema import BROWS_MOUTH, PUZZLE_PARTS

MIN_SIDE = 4


def hars_edges(
    landmarks: np.ndarray, distance: str = "axis", parts: Sequence[str] = BROWS_MOUTH
) -> dict[str, tuple[float, float, float, float]]:
    """Edges of the regions before rounding.

    Args:
        landmarks: ``(68, 2)`` as (x, y) on the levelled frame.
        distance: ``"axis"`` (vertical and horizontal amounts) or ``"euclidean"``.
        parts: Areas, keys of ``PUZZLE_PARTS``.

    Returns:
        Name of each region of the areas to (first row, last row, first column, last column), in pixels.

    Assumption: the paper says "distance" without saying which; the amounts are used vertically and
        horizontally on an upright face, so axis distances are the default.
    Assumption: for the left brow's lower edge the paper prints landmark 27 (nose bridge); its own prose and the
        mirror-image formula of the right brow say 37.
    Assumption: section 4.4 compares with nose and cheeks and gives no borders. The nose goes from its bridge (27) to
        the upper edge of the mouth's region, a quarter of its width wider on each side, as the mouth; a cheek from
        the lower lid to the corner of the mouth, between the jaw (2, 14) and the nose.
    """
    if distance not in ("axis", "euclidean"):
        raise ValueError(f"distance must be 'axis' or 'euclidean'. Received: {distance!r}")
    landmarks = need68(landmarks)

    def amount(first: int, second: int, axis: int) -> float:
        difference = landmarks[first] - landmarks[second]
        return float(np.linalg.norm(difference) if distance == "euclidean" else abs(difference[axis]))

    x, y = landmarks[:, 0], landmarks[:, 1]
    left_high, left_long = amount(37, 19, 1), amount(21, 17, 0)
    right_high, right_long = amount(44, 24, 1), amount(26, 22, 0)
    mouth_high, mouth_long = amount(51, 33, 1), amount(54, 48, 0)
    nose_long = amount(35, 31, 0)
    nose = (y[27], y[51] - mouth_high / 2, x[31] - nose_long / 4, x[35] + nose_long / 4)
    edges = {
        "left_brow": (y[19] - left_high / 4, y[37] - left_high / 4, x[17] - left_long / 4, x[21] + left_long / 4),
        "right_brow": (y[24] - right_high / 4, y[44] - right_high / 4, x[22] - right_long / 4, x[26] + right_long / 4),
        "left_cheek": (y[40:42].mean(), y[48], x[2], nose[2]),
        "right_cheek": (y[46:48].mean(), y[54], nose[3], x[14]),
        "nose": nose,
        "mouth": (y[51] - mouth_high / 2, y[57] + mouth_high / 2, x[48] - mouth_long / 4, x[54] + mouth_long / 4),
    }
    return {name: tuple(float(edge) for edge in edges[name]) for part in parts for name in PUZZLE_PARTS[part]}


def hars_boxes(
    landmarks: np.ndarray,
    height: int,
    width: int,
    *,
    parts: Sequence[str] = BROWS_MOUTH,
    distance: str = "axis",
    clip: str = "",
    frame: int | None = None,
) -> dict[str, Box]:
    """The boxes as whole pixels: floor of the start, ceiling of the end, clipped to the frame.

    Raises:
        CropError: A box has a side under 4 px.
    """
    limits = {"min_side": MIN_SIDE, "max_clipped": 1.0}
    return {
        name: clip_box(*edges, height, width, name=name.replace("_", " "), **limits, clip=clip, frame=frame)
        for name, edges in hars_edges(landmarks, distance, parts).items()
    }


def puzzle(image: np.ndarray, boxes: dict[str, Box], size: int) -> np.ndarray:
    """The first area above the second, each over the full width; brows and cheeks side by side.

    Args:
        image: ``(height, width)`` float32, the levelled frame.
        boxes: From ``hars_boxes``, of two areas.
        size: Side of the result, even and at least 32.

    Returns:
        ``(size, size)`` float32.

    Assumption: the paper prints no sizes; a square is inferred from the published training program, which stacks
        the pictures after a shorter-side resize. Regions are stretched to their places.
    """
    rows = [[resize(boxes[name].cut(image), size // 2, width) for name, width in row] for row in _layout(boxes, size)]
    return _assembled(rows)


def puzzle_flow(flows: dict[str, np.ndarray], size: int) -> np.ndarray:
    """Puzzle of flow fields that were measured region by region: no seams, unlike flow of the assembled puzzle.

    Args:
        flows: Region name -> ``(height, width, 2)`` float32, (u, v) in pixels of the region.
        size: Side of the result, even and at least 32.

    Returns:
        ``(size, size, 2)`` float32, in pixels of the puzzle: a field resized by s is multiplied by s.
    """
    half = size // 2

    def part(name: str, width: int) -> np.ndarray:
        rows, columns = flows[name].shape[:2]
        return resize(flows[name], half, width) * np.float32([width / columns, half / rows])

    return _assembled([[part(name, width) for name, width in row] for row in _layout(flows, size)])


def _layout(regions, size: int) -> list[list[tuple[str, int]]]:
    """Regions and their widths, row by row."""
    if size % 2 or size < 32:
        raise ValueError(f"size must be even and at least 32. Received: {size}")
    order = list(regions)
    names = sorted(
        (part for part in PUZZLE_PARTS.values() if set(part) <= set(order)), key=lambda part: order.index(part[0])
    )
    return [[(name, size // len(part)) for name in part] for part in names]


def _assembled(rows: list[list[np.ndarray]]) -> np.ndarray:
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
