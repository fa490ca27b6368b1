"""Motion of the regions of one tracked face, with the head's own motion taken out.

The face is put into an upright crop in which the eyes are ``EYES`` pixels apart. Points of the regions are followed
from a reference crop by pyramidal Lucas-Kanade; an affine motion that fits the stable points (nose, corners of the
eyes, below the eyes, temples) is the head's, and what the regions do beyond it is theirs, in eye distances. The crop
follows the head by the same fit, so the reference, not the frame before, is what every frame is compared with: nothing
adds up within a reference. A new reference starts where the old curve stood.

Brows that rise take the corners of the eyes along, and a fit to those stretches the whole face by it. How much the fit
stretches is therefore told apart: a head changes it slowly, an expression quickly, and ``mer_tf.watch.spot`` gives back
what is quick.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from mer_tf.preprocessing.align import similarity, transform_points
from mer_tf.preprocessing.crops import eye_centres
from mer_tf.watch.finding import MODEL

EYES = 64.0  # pixels between the eye centres in the crop
WIDTH, HEIGHT = 186, 200
MIDDLE = np.array([(WIDTH - 1) / 2, 1.05 * EYES])  # of the eyes, in the crop
EYES_AT = np.array([MIDDLE - (EYES / 2, 0), MIDDLE + (EYES / 2, 0)])
TEMPLATE = MODEL[:, :2] * EYES + MIDDLE

# Curve -> its region, the landmarks it is measured at, and shifts in eye distances at which it is measured as well.
_UP, _DOWN = (0.0, -0.09), (0.0, 0.07)
_CURVES = {
    "brow_left_outer": ("brow_left", (17, 18, 19), ((0, 0), _UP, _DOWN)),
    "brow_left_inner": ("brow_left", (20, 21), ((0, 0), _UP, _DOWN)),
    "brow_right_inner": ("brow_right", (22, 23), ((0, 0), _UP, _DOWN)),
    "brow_right_outer": ("brow_right", (24, 25, 26), ((0, 0), _UP, _DOWN)),
    "mouth_left": ("mouth", (48, 49, 59), ((0, 0), (-0.1, 0.0))),
    "mouth_right": ("mouth", (54, 53, 55), ((0, 0), (0.1, 0.0))),
    "upper_lip": ("mouth", (50, 51, 52), ((0, 0), (0.0, -0.06))),
    "lower_lip": ("mouth", (56, 57, 58), ((0, 0), (0.0, 0.06), (0.0, 0.2))),
    "nose_left": ("nose", (31, 32), ((0, 0), (-0.04, -0.1))),
    "nose_right": ("nose", (35, 34), ((0, 0), (0.04, -0.1))),
}
CURVES = tuple(_CURVES)
CURVE_REGIONS = tuple(region for region, _, _ in _CURVES.values())
UPPER_LIP, LOWER_LIP = CURVES.index("upper_lip"), CURVES.index("lower_lip")
_STABLE = (
    (27, (0, 0)), (28, (0, 0)), (28, (-0.14, 0)), (28, (0.14, 0)), (29, (0, 0)), (29, (-0.18, 0)), (29, (0.18, 0)),
    (30, (0, 0)), (33, (0, 0)), (36, (0, 0)), (39, (0, 0)), (42, (0, 0)), (45, (0, 0)), (36, (-0.12, 0.05)),
    (45, (0.12, 0.05)), (41, (0, 0.22)), (40, (0, 0.22)), (46, (0, 0.22)), (47, (0, 0.22)), (41, (-0.2, 0.35)),
    (46, (0.2, 0.35)),
)  # fmt: skip
_OF_CURVE = np.concatenate(
    [np.full(len(marks) * len(shifts), index) for index, (_, marks, shifts) in enumerate(_CURVES.values())]
)
_MARKS = np.array(
    [mark for _, marks, shifts in _CURVES.values() for mark in marks for _ in shifts] + [mark for mark, _ in _STABLE]
)
_SHIFTS = EYES * np.array(
    [shift for _, marks, shifts in _CURVES.values() for _ in marks for shift in shifts]
    + [shift for _, shift in _STABLE],
    np.float64,
)
_MOVING = len(_OF_CURVE)  # points before this one belong to curves, the others are stable
_WINDOW = (15, 15)
_LEVELS = 2
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.01)
_MOST_ERROR = 30.0  # mean gray levels by which a point's surroundings may differ
_MOST_LEFT = 1.0  # px of head motion that may be left in the crop
_MOST_SHIFT, _MOST_SCALE = 0.6 * EYES, 0.2  # between two frames; beyond, something else was followed
_MOST_RESIDUAL = 0.03 * EYES  # of the stable points about the head's motion
_EYE = (int(0.3 * EYES), int(0.17 * EYES), 3)  # half sides of the patch of an eye, and how far it is looked for
_RIDGE = 1e-6 * np.eye(3)
_REFERENCES_S = 0.12  # frames that a reference is the mean of
_SPREAD = EYES * np.array([[-1.0, -0.6], [1.0, -0.6], [1.0, 1.4], [-1.0, 1.4]]) + MIDDLE  # the face, in the crop


@dataclasses.dataclass
class Sample:
    """What one frame shows of one face.

    Attributes:
        motion: ``(curves, 2)`` float32, eye distances; NaN where a curve was not measured.
        nose: Tip of the nose in the picture, pixels, ``(2,)``.
        eyes: Likeness of the eyes to those of the reference, -1 to 1.
        blur: Variance of the Laplacian in the crop.
        light: Mean gray level of the crop.
        stable: Whether the head's motion was found.
        stretch: By how much the head's motion enlarges the face (natural logarithm), stretches it along its axes, and
            along its diagonals, ``(3,)``; NaN where ``motion`` is.
    """

    motion: np.ndarray
    nose: np.ndarray
    eyes: float
    blur: float
    light: float
    stable: bool
    stretch: np.ndarray


class Motion:
    """Follows one face from the geometry in which it was found.

    Args:
        points: ``(68, 2)``, pixels of the picture.
    """

    def __init__(self, points: np.ndarray):
        self._reference: np.ndarray | None = None
        self._offset = np.zeros((len(CURVES), 2))
        self._held: list[np.ndarray] = []  # crops of which the next reference is the mean
        self._last = np.zeros((len(CURVES), 2))
        self._sheared, self._shear_offset = np.zeros(2), np.zeros(2)
        self.lever = np.zeros((len(CURVES), 2))  # of each curve about the stable points' middle, eye distances
        self._recent: list[np.ndarray] = []
        self._since = 0.0
        self.begun_s = math.inf  # when the reference was taken
        self.pose = np.zeros((2, 3))  # from the crop to the picture
        self.anchor(points)

    def anchor(self, points: np.ndarray) -> None:
        """Starts anew from 68 points of the current picture; the next frame becomes the reference."""
        self.pose = similarity(EYES_AT, np.array(eye_centres(points)))
        self._marks = _into(self.pose, points)
        self._tip = self._marks[30:31].copy()
        self._reference = None
        self._held.clear()

    def learn(self, points: np.ndarray) -> float:
        """Takes note of 68 points found again on the current picture, for the next reference.

        Returns:
            How far the eyes are from where they were followed to, eye distances.
        """
        there = _into(self.pose, points)
        self._marks += 0.3 * (there - self._marks)
        eyes = np.array(eye_centres(there))
        return float(np.abs(eyes - EYES_AT).max() / EYES)

    @property
    def nose(self) -> np.ndarray:
        """Tip of the nose in the crop, ``(1, 2)``."""
        return self._tip

    @property
    def eye_distance(self) -> float:
        """Pixels of the picture."""
        return float(EYES * math.hypot(self.pose[0, 0], self.pose[1, 0]))

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points of the crop in the picture, ``(n, 2)``."""
        return transform_points(np.asarray(points, np.float64), self.pose)

    def followed(self) -> np.ndarray:
        """The points that are followed, in the picture, float32 ``(n, 2)``, for drawing."""
        return self.place(self._marks[17:]).astype(np.float32)

    def clipped(self, height: int, width: int) -> float:
        """Share of the face's corners box that lies outside the picture, 0 to 1."""
        corners = self.place(_SPREAD)
        low, high = corners.min(0), corners.max(0)
        inside = np.clip(np.minimum(high, (width, height)) - np.maximum(low, 0), 0, None)
        return float(1 - inside.prod() / max((high - low).prod(), 1e-6))

    def crop(self, gray: np.ndarray) -> np.ndarray:
        """The upright crop of a ``(height, width)`` uint8 picture."""
        step = max(1, int(self.eye_distance / EYES))
        pose = self.pose
        if step > 1:
            # Cells of a fixed grid are averaged first, so that a large face is not sampled with holes.
            height, width = gray.shape
            corners = self.place(np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]]))
            left, top = (max(int(v) // step * step, 0) for v in corners.min(0) - step)
            right, bottom = (int(v) // step * step for v in np.minimum(corners.max(0) + 2 * step, (width, height)))
            if right - left >= step and bottom - top >= step:
                part = gray[top:bottom, left:right]
                gray = cv2.resize(part, ((right - left) // step, (bottom - top) // step), interpolation=cv2.INTER_AREA)
                pose = pose.copy()
                pose[:, 2] -= (left, top)
                pose /= step
                pose[:, 2] -= 0.5 - 0.5 / step
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(gray, pose, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def take(self, gray: np.ndarray, time_s: float, refresh: bool) -> Sample:
        """Measures one frame.

        Args:
            gray: ``(height, width)`` uint8 picture.
            time_s: Its second.
            refresh: Whether this frame may begin a new reference.
        """
        crop = self.crop(gray)
        light = float(crop.mean())
        blur = float(cv2.meanStdDev(cv2.Laplacian(crop, cv2.CV_16S))[1][0, 0] ** 2)
        if self._reference is None:
            self._begin([crop], time_s)
            self._last = np.zeros_like(self._last)
            self._offset = np.zeros_like(self._offset)
            self._recent = [self._last]
            self._sheared, self._shear_offset = np.zeros(2), np.zeros(2)
            return self._sample(self._last, 1.0, blur, light)
        for again in range(3):
            even = self._even(crop)
            moved, valid = self._follow(even)
            head, residual, used = _head(
                self._points[_MOVING:], moved[_MOVING:], self._weights[_MOVING:], valid[_MOVING:]
            )
            if not used:
                break
            near = similarity(_SPREAD, transform_points(_SPREAD, head))
            shift = np.abs(transform_points(_SPREAD, near) - _SPREAD).max()
            size = math.hypot(near[0, 0], near[1, 0])
            if shift > _MOST_SHIFT or abs(size - 1) > _MOST_SCALE:
                used = False
                break
            if shift <= _MOST_LEFT or again == 2:
                break
            self.pose = _after(self.pose, near)
            crop = self.crop(gray)
        lost = not used or residual > _MOST_RESIDUAL
        if lost:
            self._held.clear()
            blank = np.full_like(self._last, np.nan).astype(np.float32)
            return Sample(blank, self.place(self.nose)[0], 0.0, blur, light, False, np.full(3, np.nan))
        own = (moved - transform_points(self._points, head))[:_MOVING]
        weights = np.where(valid[:_MOVING], self._weights[:_MOVING], 0.0)
        total = np.bincount(_OF_CURVE, weights, len(CURVES))
        enough = total > 0.4 * np.bincount(_OF_CURVE, self._weights[:_MOVING], len(CURVES))
        sums = np.stack([np.bincount(_OF_CURVE, weights * own[:, k], len(CURVES)) for k in (0, 1)], axis=1)
        values = np.where(enough[:, None], sums / np.maximum(total, 1e-9)[:, None] / EYES + self._offset, np.nan)
        self._last = np.where(np.isnan(values), self._last, values)
        shear = np.array([head[0, 0] - head[1, 1], head[0, 1] + head[1, 0]]) / 2
        self._sheared = shear + self._shear_offset
        self.pose = _after(self.pose, near)
        sample = self._sample(values, self._likeness(even), blur, light)
        self._renew(gray, time_s, refresh)
        return sample

    def _sample(self, values: np.ndarray, eyes: float, blur: float, light: float) -> Sample:
        stretch = np.array([math.log(self.eye_distance), *self._sheared])
        return Sample(values.astype(np.float32), self.place(self.nose)[0], eyes, blur, light, True, stretch)

    def _renew(self, gray: np.ndarray, time_s: float, refresh: bool) -> None:
        """Collects the crops of a new reference, and begins it when there are enough."""
        if not refresh:
            self._held.clear()
            return
        if not self._held:
            self._since = time_s
        self._held.append(self.crop(gray))
        self._recent = [*self._recent[-len(self._held) + 1 :], self._last] if len(self._held) > 1 else [self._last]
        if len(self._held) >= 2 and time_s - self._since >= _REFERENCES_S:
            self._offset, self._shear_offset = np.mean(self._recent, axis=0), self._sheared
            self._begin(self._held, time_s)
            self._held = []

    def _begin(self, crops: list[np.ndarray], time_s: float) -> None:
        self.begun_s = time_s
        mean = np.mean(crops, axis=0) if len(crops) > 1 else crops[0].astype(np.float64)
        image = np.clip(np.rint(mean), 0, 255).astype(np.uint8)
        self._level = float(image.mean()), max(float(image.std()), 1.0)
        self._reference = image
        inside = np.clip(self._marks[_MARKS] + _SHIFTS, 3, (WIDTH - 4, HEIGHT - 4))
        self._points = np.ascontiguousarray(inside, np.float64)
        corners = cv2.cornerMinEigenVal(cv2.GaussianBlur(image, (0, 0), 1.0), _WINDOW[0])
        strength = corners[np.rint(inside[:, 1]).astype(int), np.rint(inside[:, 0]).astype(int)].astype(np.float64)
        self._weights = strength / (strength + max(float(np.median(strength)), 1e-12))
        weights = self._weights[:_MOVING]
        total = np.maximum(np.bincount(_OF_CURVE, weights, len(CURVES)), 1e-12)
        away = (self._points[:_MOVING] - self._points[_MOVING:].mean(0)) / EYES
        sums = [np.bincount(_OF_CURVE, weights * away[:, k], len(CURVES)) / total for k in (0, 1)]
        self.lever = np.stack(sums, axis=1)
        self._patches = [_patch(image, eye, 0) for eye in EYES_AT]

    def _even(self, crop: np.ndarray) -> np.ndarray:
        """The crop in the light of the reference."""
        mean, spread = (float(v[0, 0]) for v in cv2.meanStdDev(crop))
        gain = self._level[1] / max(spread, 1.0)
        if abs(gain - 1) < 0.01 and abs(mean - self._level[0]) < 1:
            return crop
        return cv2.convertScaleAbs(crop, alpha=gain, beta=max(self._level[0] - gain * mean, 0.0))

    def _follow(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self._reference is not None
        start = self._points.astype(np.float32)
        moved, status, error = cv2.calcOpticalFlowPyrLK(
            self._reference, crop, start, None, winSize=_WINDOW, maxLevel=_LEVELS, criteria=_CRITERIA
        )
        valid = (status[:, 0] == 1) & (error[:, 0] < _MOST_ERROR)
        return moved.astype(np.float64), valid

    def _likeness(self, crop: np.ndarray) -> float:
        found = []
        for eye, patch in zip(EYES_AT, self._patches):
            window = _patch(crop, eye, _EYE[2])
            found.append(float(cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED).max()))
        return min(found)


def _patch(image: np.ndarray, eye: np.ndarray, room: int) -> np.ndarray:
    x, y = np.rint(eye).astype(int)
    half_width, half_height = _EYE[0] + room, _EYE[1] + room
    return image[y - half_height : y + half_height + 1, x - half_width : x + half_width + 1]


def _into(pose: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points of the picture in the crop."""
    return transform_points(np.asarray(points, np.float64), cv2.invertAffineTransform(pose))


def _after(pose: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """The pose of a face that moved in the crop."""
    linear = pose[:, :2] @ motion[:, :2]
    return np.column_stack([linear, pose[:, :2] @ motion[:, 2] + pose[:, 2]])


def _head(
    points: np.ndarray, moved: np.ndarray, weights: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, float, bool]:
    """Affine motion of the stable points, robustly: points that follow an expression count little.

    Returns:
        ``(2, 3)``, the median distance of the points from it in pixels, and whether there were enough points.
    """
    still = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    if valid.sum() < len(points) // 2:
        return still, math.inf, False
    middle = points.mean(0)
    terms = np.column_stack([(points - middle) / EYES, np.ones(len(points))])
    weight = np.where(valid, weights, 0.0)
    start = np.median(moved[valid] - points[valid], axis=0)
    away = np.linalg.norm(moved - points - start, axis=1)
    fit = np.zeros((3, 2))
    for turn in range(4):
        scale = max(1.4826 * _median(away[valid]), 0.03)
        robust = weight / (1 + (away / (2 * scale)) ** 2) ** 2 if turn else weight / (1 + away / scale)
        weighted = terms * robust[:, None]
        # OpenCV's solver: LAPACK's threads cost a hundred times what three unknowns take.
        fit = cv2.solve(terms.T @ weighted + _RIDGE, weighted.T @ (moved - points), flags=cv2.DECOMP_CHOLESKY)[1]
        away = np.linalg.norm(moved - points - terms @ fit, axis=1)
    linear = np.eye(2) + fit[:2].T / EYES
    matrix = np.column_stack([linear, fit[2] + middle - linear @ middle])
    return matrix, _median(away[valid]), True


def _median(values: np.ndarray) -> float:
    """The upper one of two; NumPy's own takes five times as long for twenty values."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])
