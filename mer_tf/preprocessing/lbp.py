"""Local binary patterns in a volume: neighbours on an ellipse of any plane, uniform patterns, block histograms."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from mer_tf.checks import one_of
from mer_tf.preprocessing.blocks import spans

POINTS = (4, 6, 8, 12, 16)
MAPPINGS = ("u2", "riu2", "all")
SAMPLINGS = ("nearest", "bilinear")
_TOLERANCE = 1e-6  # of the largest value: interpolation must not make a flat area darker than itself


def neighbour_codes(
    volume: np.ndarray, offsets: Sequence[tuple[int, int, int]], margins: tuple[int, int, int]
) -> np.ndarray:
    """Codes of a volume from neighbours at whole offsets, all places at once.

    Args:
        volume: ``(T, height, width)``, any number type.
        offsets: Neighbours as (frames, rows, columns) from the centre; neighbour p sets bit p where it is at least
            as bright as the centre. At most 16.
        margins: Frames, rows and columns left out at each end; at least the largest offset.

    Returns:
        ``(T - 2 mt, height - 2 my, width - 2 mx)`` uint8, or uint16 for more than 8 neighbours.
    """
    centre = _shifted(volume, (0, 0, 0), margins)
    kind = np.uint8 if len(offsets) <= 8 else np.uint16
    codes = np.zeros(centre.shape, kind)
    for bit, offset in enumerate(offsets):
        codes |= (_shifted(volume, offset, margins) >= centre).astype(kind, copy=False) << kind(bit)
    return codes


def plane_codes(
    volume: np.ndarray,
    axes: tuple[int, int],
    radii: tuple[int, int],
    points: int,
    margins: tuple[int, int, int],
    sampling: str = "nearest",
) -> np.ndarray:
    """Codes in one plane of a volume.

    Args:
        volume: ``(T, height, width)``.
        axes: Axes of the volume that the plane's first (cosine) and second (sine) direction run along.
        radii: Along those axes; a negative one turns the axis round.
        points: Neighbours P; neighbour p lies at ``first + r1 cos(2 pi p / P)``, ``second - r2 sin(2 pi p / P)``.
        margins: As ``neighbour_codes``.
        sampling: ``"nearest"`` (``floor(z + 0.5)``, exact) or ``"bilinear"`` (float64, with a tolerance of 1e-6 of the
            largest value, so that flat areas stay flat).

    Returns:
        As ``neighbour_codes``.

    Source: Ojala et al. 2002, Zhao and Pietikainen 2007; the form of rounding is that of their published program.
    """
    one_of("sampling", sampling, SAMPLINGS)
    turn = 2 * np.pi * np.arange(points) / points
    # Rounded first: cos(90 degrees) is 6e-17 in floating point, and halves must fall one way.
    first = np.round(radii[0] * np.cos(turn), 9)
    second = np.round(-radii[1] * np.sin(turn), 9)

    def offset(a: int, b: int) -> tuple[int, int, int]:
        place = [0, 0, 0]
        place[axes[0]], place[axes[1]] = int(a), int(b)
        return tuple(place)

    if sampling == "nearest":
        return neighbour_codes(volume, [offset(a, b) for a, b in np.floor(np.c_[first, second] + 0.5)], margins)
    volume = volume.astype(np.float64)
    centre = _shifted(volume, (0, 0, 0), margins)
    least = centre - _TOLERANCE * np.abs(volume).max()
    kind = np.uint8 if points <= 8 else np.uint16
    codes = np.zeros(centre.shape, kind)
    for bit, (a, b) in enumerate(zip(first, second)):
        a0, b0 = np.floor(a), np.floor(b)
        value = np.zeros(centre.shape)
        for da, wa in ((0, 1 - (a - a0)), (1, a - a0)):
            for db, wb in ((0, 1 - (b - b0)), (1, b - b0)):
                if wa * wb > 0:  # a neighbour of weight 0 may lie outside
                    value += wa * wb * _shifted(volume, offset(a0 + da, b0 + db), margins)
        codes |= (value >= least).astype(kind) << kind(bit)
    return codes


@functools.cache
def _bins(points: int, mapping: str) -> np.ndarray:
    codes = np.arange(2**points, dtype=np.int64)
    if mapping == "all":
        bins = codes
    else:
        turned = ((codes << 1) | (codes >> (points - 1))) & (2**points - 1)
        uniform = _ones(codes ^ turned, points) <= 2
        if mapping == "riu2":
            bins = np.where(uniform, _ones(codes, points), points + 1)
        else:
            bins = np.where(uniform, np.cumsum(uniform) - 1, uniform.sum())
    bins = bins.astype(np.uint8 if bins.max() < 256 else np.uint16)
    bins.setflags(write=False)  # shared by all callers
    return bins


def _ones(codes: np.ndarray, points: int) -> np.ndarray:
    return (codes[:, None] >> np.arange(points) & 1).sum(axis=1)


def uniform_bins(points: int = 8, mapping: str = "u2") -> np.ndarray:
    """``(2^P,)`` unsigned: bin of every code.

    Args:
        points: Number of neighbours P, 2 to 16.
        mapping: ``"u2"``: each pattern with at most two changes around the circle has its own bin in order of its
            code, all others share the last, P (P - 1) + 3 bins; ``"riu2"``: number of ones, others last, P + 2 bins;
            ``"all"``: the code itself.
    """
    one_of("mapping", mapping, MAPPINGS)
    if not 2 <= points <= 16:
        raise ValueError(f"points must be in 2..16. Received: {points!r}")
    return _bins(points, mapping)


def bin_count(points: int, mapping: str) -> int:
    """Number of bins of a mapping."""
    return int(uniform_bins(points, mapping).max()) + 1


def block_counts(values: np.ndarray, number: int, blocks: tuple[int, int, int], overlap: float = 0.0) -> np.ndarray:
    """Histograms of a volume of bins over a grid.

    Args:
        values: ``(t, y, x)`` unsigned below ``number``.
        number: Bins.
        blocks: Rows, columns, stretches of time.
        overlap: As ``spans``.

    Returns:
        ``(time, rows, columns, number)`` float64 counts.
    """
    rows, columns, times = blocks
    cut = [spans(side, n, overlap) for side, n in zip(values.shape, (times, rows, columns))]
    counts = np.zeros((times, rows, columns, number))
    for i, (t0, t1) in enumerate(cut[0]):
        for j, (y0, y1) in enumerate(cut[1]):
            for k, (x0, x1) in enumerate(cut[2]):
                counts[i, j, k] = np.bincount(values[t0:t1, y0:y1, x0:x1].ravel(), minlength=number)
    return counts


def _shifted(volume: np.ndarray, offset: tuple[int, int, int], margins: tuple[int, int, int]) -> np.ndarray:
    return volume[tuple(slice(m + o, side - m + o) for m, o, side in zip(margins, offset, volume.shape))]
