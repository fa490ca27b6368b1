"""Local weighted mean transform: a smooth map that takes a face's landmarks to those of a template.

For every pair of control points a quadratic is fitted to the nearest pairs, and the quadratics are blended with
weights that fall to zero at each point's own radius. The map runs from output (template) to input (frame)
coordinates, so it is what ``cv2.remap`` samples with, and one map serves all frames of a clip.

Source: ASTNet 2024, face alignment; Goshtasby 1988, "Image registration by local approximation methods".
"""

from __future__ import annotations

import logging

import cv2
import numpy as np

from mer_tf.preprocessing.align import affine, interocular, need68, similarity, transform_points

NEAREST = 24
MIN_NEAREST = 6
FRAIL_NEAREST = 12  # below, one landmark's jitter moves the map by many pixels
MAX_CONDITION = 1e8
MIN_WEIGHT = 1e-8
MAX_BEND = 0.15  # of the inter-ocular distance, between the map and the similarity inside the hull
_BLOCK = 2**15  # points evaluated at a time: 68 weights each

logger = logging.getLogger(__name__)


def weight(ratio: np.ndarray) -> np.ndarray:
    """``V(R) = 1 - 3 R^2 + 2 R^3`` for ``0 <= R < 1``, else 0."""
    ratio = np.minimum(ratio, 1.0)
    return 1.0 + ratio * ratio * (2.0 * ratio - 3.0)


class LocalWeightedMean:
    """The transform from a template's plane to a frame's.

    Args:
        points: ``(68, 2)`` landmarks on the frame, as (x, y) in pixels.
        template: ``(68, 2)`` landmarks of the template.
        n: Points each quadratic is fitted to, itself included; 6 to 68.
        max_bend: Largest distance between the map and the least-squares similarity inside the template's hull, in
            inter-ocular distances of ``points``; where it is exceeded the affine fit is used everywhere. None for
            no such guard.

    Attributes:
        record: How the map came about, JSON-able: ``n``, ``fitted_to`` (fewest and most points a quadratic was
            fitted to), ``affine_points`` (control points whose quadratic was ill-conditioned), ``bend`` (as above),
            ``fallback`` (``None`` or ``"affine"``).

    Raises:
        ValueError: Not 68 finite pairs, or ``n`` out of range.

    Assumption: neither the paper nor its source sets n. With 1 px of noise on each landmark the customary 12 moves
        the map by up to 8 px, 24 by up to 3 px: a face's points lie on thin arcs. Default 24; under 12 warns.
    Assumption: where no weight reaches (far outside the hull) the affine fit of all pairs stands in.
    """

    def __init__(
        self, points: np.ndarray, template: np.ndarray, n: int = NEAREST, *, max_bend: float | None = MAX_BEND
    ):
        points, template = need68(points), need68(template)
        if not (np.isfinite(points).all() and np.isfinite(template).all()):
            raise ValueError("points and template must be finite")
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or not MIN_NEAREST <= n <= len(template):
            raise ValueError(f"n must be a whole number from {MIN_NEAREST} to {len(template)}. Received: {n!r}")
        if n < FRAIL_NEAREST:
            logger.warning("local weighted mean with n=%d: under %d the map follows noise", n, FRAIL_NEAREST)
        self.template = template
        self._affine = affine(template, points)
        # Quadratics are kept in the template's own centred and scaled coordinates, where they blend without loss.
        self._middle = template.mean(0)
        self._scale = float(np.abs(template - self._middle).max())
        if self._scale == 0:
            raise ValueError("template must hold different points")
        self._fit(points, int(n))
        self.record = {
            "n": int(n),
            "fitted_to": [int(self._fitted_to.min()), int(self._fitted_to.max())],
            "affine_points": int(self._affine_points),
            "bend": None,
            "fallback": None,
        }
        if max_bend is not None:
            self.record["bend"] = self._bend(points)
            if not self.record["bend"] <= max_bend:
                self.record["fallback"] = "affine"

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Frame coordinates ``(n, 2)`` float64 of template coordinates ``(n, 2)``."""
        places = np.asarray(places, dtype=np.float64)
        if self.record["fallback"]:
            return transform_points(places, self._affine)
        return self._evaluate(places)

    def maps(
        self, height: int, width: int, window: tuple[float, float, float, float] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sampling maps for ``cv2.remap``.

        Args:
            height: Rows of the output.
            width: Columns of the output.
            window: Part of the template's plane that the output shows, as ``(x0, y0, width, height)`` in pixels of
                the template, a pixel reaching half a pixel around its centre; None for ``(0, 0, width, height)``.

        Returns:
            ``map_x`` and ``map_y``, each ``(height, width)`` float32, in pixels of the frame.
        """
        if height < 1 or width < 1:
            raise ValueError(f"height and width must be positive. Received: {height}, {width}")
        x0, y0, wide, high = window or (0.0, 0.0, float(width), float(height))
        if not (wide > 0 and high > 0):
            raise ValueError(f"window must have a positive size. Received: {window}")
        x = x0 + (np.arange(width) + 0.5) * (wide / width) - 0.5
        y = y0 + (np.arange(height) + 0.5) * (high / height) - 0.5
        places = self(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)).astype(np.float32)
        map_x, map_y = places.reshape(height, width, 2).transpose(2, 0, 1)
        return np.ascontiguousarray(map_x), np.ascontiguousarray(map_y)

    def _fit(self, points: np.ndarray, n: int) -> None:
        count = len(self.template)
        apart = np.linalg.norm(self.template[:, None] - self.template[None], axis=2)
        order = np.argsort(apart, axis=1, kind="stable")
        self._coefficients = np.zeros((count, 6, 2))
        self._radii = np.zeros(count)
        self._fitted_to = np.zeros(count, dtype=int)
        self._affine_points = 0
        for index in range(count):
            size = n
            while True:
                near = order[index, :size]
                radius = apart[index, near[-1]]
                middle = self.template[near].mean(0)
                local = (self.template[near] - middle) / (radius or 1.0)
                terms = _monomials(local)
                values = np.linalg.svd(terms, compute_uv=False)
                if values[-1] * MAX_CONDITION > values[0]:
                    fit = np.linalg.lstsq(terms, points[near], rcond=None)[0]
                    self._coefficients[index] = _recentred(
                        fit, self._scale / (radius or 1.0), (self._middle - middle) / (radius or 1.0)
                    )
                    break
                if size == count:  # no quadratic of any size is determined here
                    linear = self._affine[:, :2] * self._scale
                    self._coefficients[index, 0] = self._affine[:, :2] @ self._middle + self._affine[:, 2]
                    self._coefficients[index, 1:3] = linear.T
                    self._affine_points += 1
                    break
                size = min(2 * size, count)
            self._fitted_to[index], self._radii[index] = size, radius

    def _evaluate(self, places: np.ndarray) -> np.ndarray:
        result = np.empty_like(places)
        flat = self._coefficients.reshape(len(self.template), 12)
        squares = (self.template**2).sum(1)
        radii = np.maximum(self._radii, np.finfo(float).tiny)
        for start in range(0, len(places), _BLOCK):
            block = places[start : start + _BLOCK]
            distance = (block**2).sum(1)[:, None] + squares - 2.0 * block @ self.template.T
            weights = weight(np.sqrt(np.maximum(distance, 0.0)) / radii)
            total = weights.sum(1)
            blended = (weights @ flat).reshape(-1, 6, 2)
            terms = _monomials((block - self._middle) / self._scale)
            reached = total >= MIN_WEIGHT
            values = np.einsum("nk,nkc->nc", terms, blended) / np.where(reached, total, 1.0)[:, None]
            result[start : start + _BLOCK] = np.where(reached[:, None], values, transform_points(block, self._affine))
        return result

    def _bend(self, points: np.ndarray) -> float:
        """Largest distance between the map and the similarity over the hull's pixels, in inter-ocular distances."""
        hull = cv2.convexHull(self.template.astype(np.float32))
        start = np.floor(self.template.min(0)).astype(int)
        wide, high = np.ceil(self.template.max(0)).astype(int) - start + 1
        inside = np.zeros((high, wide), np.uint8)
        cv2.fillConvexPoly(inside, np.rint(hull[:, 0] - start).astype(np.int32), 1)
        rows, columns = np.nonzero(inside)
        places = np.concatenate([np.column_stack([columns, rows]) + start, self.template]).astype(np.float64)
        rigid = transform_points(places, similarity(self.template, points))
        bend = np.linalg.norm(self._evaluate(places) - rigid, axis=1).max()
        return float(bend / max(interocular(points), np.finfo(float).tiny))


def remap(image: np.ndarray, maps: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """``image`` sampled at the maps: bilinear, border repeated; dtype and channels kept."""
    return cv2.remap(image, *maps, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _monomials(places: np.ndarray) -> np.ndarray:
    x, y = places.T
    return np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def _recentred(fit: np.ndarray, scale: float, shift: np.ndarray) -> np.ndarray:
    """Coefficients in X, Y of a quadratic given in ``x = scale X + shift[0]``, ``y = scale Y + shift[1]``."""
    a, b = shift
    one, x, y, xx, xy, yy = fit
    return np.stack(
        [
            one + x * a + y * b + xx * a * a + xy * a * b + yy * b * b,
            scale * (x + 2 * xx * a + xy * b),
            scale * (y + xy * a + 2 * yy * b),
            scale**2 * xx,
            scale**2 * xy,
            scale**2 * yy,
        ]
    )
