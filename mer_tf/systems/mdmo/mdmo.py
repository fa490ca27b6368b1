"""MDMO: the main direction of the flow in 36 regions of the face."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from mer_tf.checks import number, one_of
from mer_tf.preprocessing.augment import MIRROR_68
from mer_tf.preprocessing.blocks import circle_bins
from mer_tf.systems.feature import Extractor, check_flow, warn

REGIONS = 36
BINS = 8
LIFT = 0.2  # of the distance between the eyes
STABLE = (*range(6), *range(11, 17), 30)

# Points beside the 68, by name: lifted brow points, and midpoints of two landmarks.
_LIFTED = {f"L{k}": k for k in (17, 19, 21, 22, 24, 26)}
_BETWEEN = {
    f"{a}-{b}": (a, b)
    for a, b in (
        *((3, 29), (13, 29), (4, 33), (12, 33), (5, 59), (11, 55)),
        *((2, 41), (14, 46), (6, 58), (8, 57), (10, 56)),
    )
}

# One side of each pair of regions, on the left of the image; the other side is its mirror image.
_LEFT = (
    # above the brows
    ("L17", "L19", 19, 17),
    ("L19", "L21", 21, 19),
    ("L21", "Lm", 27, 21),
    # temple, brow to eye, root of the nose
    (17, 36, 1, 0),
    (17, 19, 38, 36),
    (19, 21, 39, 38),
    (21, 27, 28, 39),
    # upper cheek and bridge of the nose
    (1, 41, "2-41", 2),
    (41, 39, "3-29", "2-41"),
    (39, 28, 29, "3-29"),
    # beside the nose
    ("3-29", 29, 33, "4-33"),
    # between nose and mouth
    (31, 33, 51, 48),
    # under the lower lip
    (59, 58, "6-58", "5-59"),
    (58, 57, "8-57", "6-58"),
    # lower cheek at the jaw
    (3, "3-29", "4-33", 4),
    (4, "4-33", "5-59", 5),
    # chin
    ("5-59", "6-58", 6, 5),
    ("6-58", "8-57", 8, 6),
)


def _mirrored(name):
    if isinstance(name, int):
        return MIRROR_68[name]
    if name == "Lm":
        return name
    if name.startswith("L"):
        return f"L{43 - int(name[1:])}"
    return "-".join(str(_mirrored(int(part))) for part in name.split("-"))


REGION_POINTS = tuple(
    tuple(points) for left in _LEFT for points in (left, tuple(_mirrored(name) for name in reversed(left)))
)


@dataclasses.dataclass(frozen=True)
class MdmoConfig:
    """Settings of MDMO.

    Attributes:
        beta: Weight of the magnitudes; the angles have ``1 - beta``.
        align: Whether the head's motion is taken out of the flow.
        weights: Of the frames in the clip's mean: ``"equal"`` or ``"magnitude"`` (sum of the regions' magnitudes).
    """

    beta: float = 0.9
    align: bool = True
    weights: str = "equal"

    def __post_init__(self):
        number("beta", self.beta, lambda value: 0 <= value <= 1, "in 0..1")
        one_of("align", self.align, (False, True))
        one_of("weights", self.weights, ("equal", "magnitude"))


def feature_dim(config: MdmoConfig | None = None) -> int:
    """Length of the feature: 36 magnitudes and 36 angles."""
    return 2 * REGIONS


def mdmo(flow: np.ndarray, landmarks: np.ndarray, config: MdmoConfig = MdmoConfig()) -> np.ndarray:  # noqa: B008
    """Main directional mean optical flow of a clip.

    Args:
        flow: ``(fields, height, width, 2)`` in pixels, from the first frame to each later one.
        landmarks: ``(68, 2)`` as (x, y) on the first frame.
        config: Settings.

    Returns:
        ``(72,)`` float64: beta times the magnitudes of the clip's mean vectors over their largest (0..beta), then
        (1 - beta) times their angles in (-pi, pi]. All zero where nothing moves.

    Warns:
        FeatureWarning: A region has no pixel within the image; its vector is zero.

    Raises:
        ValueError: Another shape, or values that are not finite.

    Source: Liu et al. 2016, sections 3.2 to 3.4. Assumption: frames count equally (a public program weighs them by
        angles, an index slip).
    """
    vectors = main_directions(flow, landmarks, config)
    weights = np.ones(len(vectors))
    if config.weights == "magnitude":
        found = np.hypot(*np.moveaxis(vectors, -1, 0)).sum(axis=1)
        weights = found if found.sum() > 0 else weights
    return _polar(np.average(vectors, axis=0, weights=weights), config.beta)


def mdmo_frames(flow: np.ndarray, landmarks: np.ndarray, config: MdmoConfig = MdmoConfig()) -> np.ndarray:  # noqa: B008
    """The feature of each flow field by itself, ``(fields, 72)`` float64; arguments and errors as ``mdmo``."""
    return np.stack([_polar(vectors, config.beta) for vectors in main_directions(flow, landmarks, config)])


def main_directions(flow: np.ndarray, landmarks: np.ndarray, config: MdmoConfig = MdmoConfig()) -> np.ndarray:  # noqa: B008
    """``(fields, 36, 2)`` float64: ``main_direction`` of each region; arguments and errors as ``mdmo``."""
    flow = check_flow(flow, frames=True)
    points = _check_landmarks(landmarks)
    if config.align:
        flow = np.stack([aligned(field, points) for field in flow])
    count, height, width = flow.shape[:3]
    pixels, region = _pixels(points, height, width)
    return main_direction(flow.reshape(count, height * width, 2)[:, pixels], region, REGIONS)


def main_direction(vectors: np.ndarray, region: np.ndarray, regions: int) -> np.ndarray:
    """Mean vector of each region's main direction.

    The main direction is the bin of 45 degrees (the first centred on 0) with the most pixels; of equal ones that with
    the larger summed magnitude, then the lower bin.

    Args:
        vectors: ``(fields, pixels, 2)``.
        region: ``(pixels,)`` region of each pixel.
        regions: Number of regions.

    Returns:
        ``(fields, regions, 2)`` float64; zeros for a region without pixels.
    """
    count = len(vectors)
    bins = circle_bins(np.arctan2(vectors[..., 1], vectors[..., 0]), BINS, centred=True)
    places = ((np.arange(count)[:, None] * regions + region) * BINS + bins).ravel()
    size = count * regions * BINS

    def total(values=None):
        weights = None if values is None else values.ravel()
        return np.bincount(places, weights=weights, minlength=size).reshape(count, regions, BINS).astype(np.float64)

    number, magnitude = total(), total(np.hypot(vectors[..., 0], vectors[..., 1]))
    most = number == number.max(axis=-1, keepdims=True)
    best = np.where(most, magnitude, -1).argmax(axis=-1)[..., None]
    pixels_in = np.maximum(np.take_along_axis(number, best, -1)[..., 0], 1)
    sums = [np.take_along_axis(total(vectors[..., k]), best, -1)[..., 0] for k in range(2)]
    return np.stack(sums, axis=-1) / pixels_in[..., None]


def aligned(flow: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Flow without the head's motion.

    The affine map (six numbers) that takes the stable points' places after the motion back to their places before it,
    by least squares, is applied to where every pixel went.

    Args:
        flow: ``(height, width, 2)``.
        landmarks: ``(68, 2)``; stable are 0-5, 11-16 (jaw) and 30 (tip of the nose), moved into the image where a
            crop has cut them off.

    Returns:
        ``(height, width, 2)`` float64.
    """
    flow = check_flow(flow, frames=False)
    height, width = flow.shape[:2]
    points = _check_landmarks(landmarks)[list(STABLE)].clip(0, (width - 1, height - 1))
    moved = points + _sample(flow, points)
    origin = moved.mean(axis=0)  # about their middle, so that the numbers are of one size
    solution = np.linalg.lstsq(np.c_[moved - origin, np.ones(len(moved))], points - origin, rcond=None)[0]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    places = np.stack([x, y], axis=-1)
    return (places + flow - origin) @ solution[:2] + solution[2] + origin - places


def region_polygons(landmarks: np.ndarray) -> list[np.ndarray]:
    """The 36 regions as ``(4, 2)`` float64 polygons (x, y), first six above the brows, down to the chin.

    Source: Liu et al. 2016, figure 3: rows of 6 (above the brows), 8 (brow to eye, temples), 6 (upper cheeks, bridge
        of the nose), 2 (beside the nose), 2 (nose to mouth), 4 (under the lip), 4 (lower cheeks), 4 (chin).
    Assumption: the corners are ours, from the landmarks and the midpoints of a public program; brows are lifted by 0.2
        of the distance between the eyes, not by a fixed 20 px.
    """
    points = _check_landmarks(landmarks)
    eyes = np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0))
    up = np.array([0.0, LIFT * eyes])
    named: dict = dict(enumerate(points))
    named.update({name: points[k] - up for name, k in _LIFTED.items()})
    named["Lm"] = (named["L21"] + named["L22"]) / 2
    named.update({name: (points[a] + points[b]) / 2 for name, (a, b) in _BETWEEN.items()})
    return [np.array([named[name] for name in corners]) for corners in REGION_POINTS]


def _pixels(points: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices of every region's pixels, one region after the other, and the region of each."""
    pixels, owners, empty = [], [], []
    for region, polygon in enumerate(region_polygons(points)):
        mask = np.zeros((height, width), np.uint8)
        # Far beyond the image the fixed-point corners of OpenCV would overflow.
        corners = np.rint(polygon.clip(-4 * width, 4 * width)).astype(np.int32)
        cv2.fillPoly(mask, [corners], 1)
        found = np.flatnonzero(mask)
        if not found.size:
            empty.append(region)
        pixels.append(found)
        owners.append(np.full(found.size, region))
    if empty:
        warn(f"MDMO: regions {', '.join(map(str, empty))} lie outside the image; their vectors are zero")
    return np.concatenate(pixels), np.concatenate(owners)


def _sample(flow: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Flow at places within the image, bilinear."""
    height, width = flow.shape[:2]
    x0, y0 = (np.minimum(np.floor(points[:, k]).astype(int), side - 1) for k, side in enumerate((width, height)))
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (points[:, 0] - x0)[:, None], (points[:, 1] - y0)[:, None]
    above = flow[y0, x0] * (1 - fx) + flow[y0, x1] * fx
    below = flow[y1, x0] * (1 - fx) + flow[y1, x1] * fx
    return above * (1 - fy) + below * fy


def _polar(vectors: np.ndarray, beta: float) -> np.ndarray:
    length = np.hypot(vectors[:, 0], vectors[:, 1])
    largest = length.max()
    angle = np.arctan2(vectors[:, 1], vectors[:, 0])
    angle[angle == -np.pi] = np.pi
    return np.concatenate([beta * (length / largest if largest > 0 else length), (1 - beta) * angle])


def _check_landmarks(landmarks: np.ndarray) -> np.ndarray:
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (68, 2) or not np.isfinite(landmarks).all():
        raise ValueError(f"landmarks must be (68, 2), finite. Received: {landmarks.shape}")
    return landmarks


MDMO = Extractor(MdmoConfig, lambda tensors, config: mdmo(tensors["flow"], tensors["landmarks"], config))
