"""Soft maps of the parts of a face, drawn from its landmarks.

They stand for the ten maps of a face-parsing network that KFC-MER takes beside its motion images.
"""

from __future__ import annotations

import cv2
import numpy as np

from mer_tf.preprocessing.align import need68

# Names and numbers of the parsing network's classes, in the order of the channels.
PARSING_CLASSES = {
    "skin": 1,
    "left_brow": 2,
    "right_brow": 3,
    "left_eye": 4,
    "right_eye": 5,
    "glasses": 6,
    "nose": 10,
    "mouth": 11,
    "upper_lip": 12,
    "lower_lip": 13,
}

_FINER = 4  # drawn this many times larger, then reduced by area
_SHIFT = 4  # fractional bits of drawn coordinates
_SOFTNESS = 0.02  # standard deviation of an edge, in distances between the outer eye corners
_BROW_DEPTH = 0.45  # of the way from brow to upper lid that brow hair covers downward
_BROW_RISE = 0.15  # and upward
_FOREHEAD = 0.75  # height over the brows, in distances between brow and nose base


def parsing_maps(landmarks: np.ndarray, height: int, width: int, size: int = 224) -> np.ndarray:
    """Ten soft masks of a face.

    Args:
        landmarks: ``(68, 2)`` as (x, y) in pixels of a ``height`` x ``width`` picture (for a crop: less the crop's
            corner); points may lie outside.
        height: Height of that picture.
        width: Width of that picture.
        size: Side of the maps, in pixels.

    Returns:
        ``(size, size, 10)`` float32 in 0..1, channels in the order of ``PARSING_CLASSES``; over the channels they
        sum to at most 1, what is missing being background, hair and neck.

    Raises:
        ValueError: Not 68 finite landmarks, or a size under 8.

    Source: KFC-MER, ICME 2021, parsing classes 1 to 6 and 10 to 13 of the apex frame.
    Assumption: the paper takes them from a face-parsing network; here polygons through the landmarks stand for
        it. Skin is the jaw closed by an arc over the brows, less the other parts; brow points run along the upper
        edge of the hair, so a band below them is brow; "mouth" is the inside of the lips; glasses cannot be seen in
        landmarks, so their map is zero. Edges are blurred as a network's probabilities are.
    Assumption: left and right are those of the picture.
    """
    landmarks = need68(landmarks)
    if not np.isfinite(landmarks).all():
        raise ValueError("landmarks must be finite")
    for name, value in (("height", height), ("width", width)):
        if value < 1:
            raise ValueError(f"{name} must be positive. Received: {value}")
    if size < 8:
        raise ValueError(f"size must be at least 8. Received: {size}")
    scale = np.array([size / width, size / height])
    points = (landmarks + 0.5) * scale * _FINER - 0.5
    sigma = _SOFTNESS * float(np.linalg.norm(points[45] - points[36])) / _FINER

    def draw(*polygons: np.ndarray) -> np.ndarray:
        canvas = np.zeros((size * _FINER, size * _FINER), np.uint8)
        # Far outside the canvas the drawing routine's fixed-point numbers would overflow.
        inside = [np.clip(polygon, -8 * size * _FINER, 8 * size * _FINER) for polygon in polygons]
        for polygon in inside:
            cv2.fillPoly(canvas, [np.rint(polygon * 2**_SHIFT).astype(np.int32)], 255, cv2.LINE_8, _SHIFT)
        mask = cv2.resize(canvas.astype(np.float32) / 255, (size, size), interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(mask, (0, 0), sigma) if sigma > 0.1 else mask

    maps = np.zeros((size, size, len(PARSING_CLASSES)), np.float32)
    channel = {name: index for index, name in enumerate(PARSING_CLASSES)}
    for name, brow, lid in (("left_brow", range(17, 22), (37, 38)), ("right_brow", range(22, 27), (43, 44))):
        ridge = points[list(brow)]
        drop = points[list(lid)].mean(0) - ridge[1:4].mean(0)
        maps[..., channel[name]] = draw(np.concatenate([ridge - _BROW_RISE * drop, (ridge + _BROW_DEPTH * drop)[::-1]]))
    maps[..., channel["left_eye"]] = draw(points[36:42])
    maps[..., channel["right_eye"]] = draw(points[42:48])
    maps[..., channel["nose"]] = draw(_nose(points))
    maps[..., channel["mouth"]] = draw(points[60:68])
    maps[..., channel["upper_lip"]] = draw(points[[48, 49, 50, 51, 52, 53, 54, 64, 63, 62, 61, 60]])
    maps[..., channel["lower_lip"]] = draw(points[[48, 60, 67, 66, 65, 64, 54, 55, 56, 57, 58, 59]])
    # Where blurred edges of neighbours overlap they share the pixel.
    total = maps.sum(axis=2, keepdims=True)
    maps /= np.maximum(total, 1.0)
    head = draw(_head(points))
    maps[..., channel["skin"]] = np.clip(head - np.minimum(total[..., 0], 1.0), 0.0, 1.0)
    return np.clip(maps, 0.0, 1.0)


def _nose(points: np.ndarray) -> np.ndarray:
    """Bridge to wings: half the wings' width at the root, the wings a little beyond points 31 and 35."""
    across = points[35] - points[31]
    return np.stack(
        [
            points[27] - 0.2 * across,
            points[29] - 0.35 * across,
            points[31] - 0.15 * across + 0.2 * (points[30] - points[33]),
            points[31],
            points[33],
            points[35],
            points[35] + 0.15 * across + 0.2 * (points[30] - points[33]),
            points[29] + 0.35 * across,
            points[27] + 0.2 * across,
        ]
    )


def _head(points: np.ndarray) -> np.ndarray:
    """The jaw, closed by half an ellipse over the forehead."""
    left, right = points[0], points[16]
    middle, half = (left + right) / 2, (right - left) / 2
    brows = points[17:27].mean(0)
    top = brows + _FOREHEAD * (brows - points[33])
    angles = np.linspace(0, np.pi, 17)[1:-1]
    arc = middle + np.cos(angles)[:, None] * half + np.sin(angles)[:, None] * (top - middle)
    return np.concatenate([points[:17], arc])
