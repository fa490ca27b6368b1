"""HARS: the two brow regions and the mouth region, assembled to a puzzle (Dual-ATME 2023, equations 42 to 44)."""

from __future__ import annotations

import numpy as np

from mer_tf.preprocessing.align import Box, clip_box, need68
from mer_tf.preprocessing.images import resize

MIN_SIDE = 4


def hars_edges(landmarks: np.ndarray, distance: str = "axis") -> dict[str, tuple[float, float, float, float]]:
    """Edges of the three regions before rounding.

    Args:
        landmarks: ``(68, 2)`` as (x, y) on the levelled frame.
        distance: ``"axis"`` (vertical and horizontal amounts) or ``"euclidean"``.

    Returns:
        Name to (first row, last row, first column, last column), in pixels.

    Assumption: the paper says "distance" without saying which; the amounts are used vertically and
        horizontally on an upright face, so axis distances are the default.
    Assumption: for the left brow's lower edge the paper prints landmark 27 (nose bridge); its own prose and the
        mirror-image formula of the right brow say 37.
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
    edges = {
        "left_brow": (y[19] - left_high / 4, y[37] - left_high / 4, x[17] - left_long / 4, x[21] + left_long / 4),
        "right_brow": (y[24] - right_high / 4, y[44] - right_high / 4, x[22] - right_long / 4, x[26] + right_long / 4),
        "mouth": (y[51] - mouth_high / 2, y[57] + mouth_high / 2, x[48] - mouth_long / 4, x[54] + mouth_long / 4),
    }
    return {name: tuple(float(edge) for edge in box) for name, box in edges.items()}


def hars_boxes(
    landmarks: np.ndarray,
    height: int,
    width: int,
    *,
    distance: str = "axis",
    clip: str = "",
    frame: int | None = None,
) -> dict[str, Box]:
    """The three boxes as whole pixels: floor of the start, ceiling of the end, clipped to the frame.

    Raises:
        CropError: A box has a side under 4 px.
    """
    limits = {"min_side": MIN_SIDE, "max_clipped": 1.0}
    return {
        name: clip_box(*edges, height, width, name=name.replace("_", " "), **limits, clip=clip, frame=frame)
        for name, edges in hars_edges(landmarks, distance).items()
    }


def puzzle(image: np.ndarray, boxes: dict[str, Box], size: int) -> np.ndarray:
    """Left brow and right brow side by side, the mouth below over the full width.

    Args:
        image: ``(height, width)`` float32, the levelled frame.
        boxes: From ``hars_boxes``.
        size: Side of the result, even and at least 32.

    Returns:
        ``(size, size)`` float32.

    Assumption: the paper prints no sizes; a square is inferred from the published training program, which stacks
        the pictures after a shorter-side resize. Regions are stretched to their places.
    """
    if size % 2 or size < 32:
        raise ValueError(f"size must be even and at least 32. Received: {size}")
    half = size // 2
    left, right = (resize(boxes[name].cut(image), half, half) for name in ("left_brow", "right_brow"))
    mouth = resize(boxes["mouth"].cut(image), half, size)
    return np.concatenate([np.concatenate([left, right], axis=1), mouth], axis=0)


def puzzle_flow(flows: dict[str, np.ndarray], size: int) -> np.ndarray:
    """Puzzle of flow fields that were measured region by region: no seams, unlike flow of the assembled puzzle.

    Args:
        flows: Region name -> ``(height, width, 2)`` float32, (u, v) in pixels of the region.
        size: Side of the result, even and at least 32.

    Returns:
        ``(size, size, 2)`` float32, in pixels of the puzzle: a field resized by s is multiplied by s.
    """
    if size % 2 or size < 32:
        raise ValueError(f"size must be even and at least 32. Received: {size}")
    half = size // 2
    parts = {}
    for name, width in (("left_brow", half), ("right_brow", half), ("mouth", size)):
        rows, columns = flows[name].shape[:2]
        parts[name] = resize(flows[name], half, width) * np.float32([width / columns, half / rows])
    return np.concatenate([np.concatenate([parts["left_brow"], parts["right_brow"]], axis=1), parts["mouth"]], axis=0)
