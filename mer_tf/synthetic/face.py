"""Procedural faces: the geometry of a subject and the painting of its neutral face.

Everything is drawn in the pixel frame of a 640x480 camera (x right, y down, pixel centres at integers), on a canvas
of twice that resolution, so that later warping with bilinear sampling costs no sharpness. The 68 points follow the
iBUG 300-W order (0-based) and are what the anatomy is drawn from: lids, brows, lips, nose and jaw are painted
through them.

It is one long file, because every curve is drawn from the points that the one before it fixed.

Source: none; the mean proportions are those usual for adult frontal faces.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480
SUPERSAMPLING = 2

# Mean positions of the 68 points in face units (one unit is about 1.87 px): the half with x < 0 and the midline.
# The other half is its mirror image.
_JAW = [
    (-72.6, -38.5), (-72.2, -20.0), (-70.8, -1.4), (-67.9, 17.0), (-62.0, 34.6),
    (-51.4, 51.0), (-36.8, 64.2), (-19.0, 73.6), (0.0, 76.4),
]  # fmt: skip
_BROW = [(-60.6, -49.8), (-51.2, -59.0), (-38.1, -62.4), (-24.5, -61.5), (-11.8, -57.0)]
_BRIDGE = [(0.0, -42.2), (0.0, -31.0), (0.0, -19.0), (0.0, -6.4)]
_BASE = [(-13.8, 4.4), (-7.1, 6.6), (0.0, 8.6)]
_EYE = [(-44.6, -37.6), (-36.6, -42.9), (-27.6, -42.8), (-19.4, -36.9), (-27.9, -35.1), (-37.0, -35.2)]
_LIPS = [(-28.2, 28.6), (-18.0, 23.4), (-7.0, 20.4), (0.0, 22.0)]
_LIPS_LOW = [(-18.0, 35.2), (-8.0, 38.4), (0.0, 39.0)]
_INNER = [(-24.0, 28.7), (-7.4, 28.0), (0.0, 28.6)]
_INNER_LOW = [(-7.4, 29.4), (0.0, 30.0)]


@dataclasses.dataclass(frozen=True)
class Face:
    """The geometry and the look of one subject.

    Attributes:
        points: The neutral 68 points in camera pixels, float64 (68, 2).
        scale: Camera pixels per face unit.
        centre: Camera position of the face origin (between the cheeks), float64 (2,).
        look: Colours, light and hair as drawn for this subject, by name.
    """

    points: np.ndarray
    scale: float
    centre: np.ndarray
    look: dict

    def to_camera(self, units) -> np.ndarray:
        """Face units, (..., 2), to camera pixels."""
        return np.asarray(units, np.float64) * self.scale + self.centre


def mean_points() -> np.ndarray:
    """The symmetric mean shape in face units, float64 (68, 2)."""

    def mirrored(part):
        return [(-x, y) for x, y in part]

    left_eye = _EYE
    right_eye = [(-_EYE[i][0], _EYE[i][1]) for i in (3, 2, 1, 0, 5, 4)]
    outer = _LIPS + mirrored(_LIPS[:3])[::-1] + mirrored(_LIPS_LOW[:2]) + [_LIPS_LOW[2]] + _LIPS_LOW[:2][::-1]
    inner = _INNER + mirrored(_INNER[:2])[::-1] + mirrored(_INNER_LOW[:1]) + [_INNER_LOW[1]] + _INNER_LOW[:1]
    points = (
        _JAW + mirrored(_JAW[:8])[::-1] + _BROW + mirrored(_BROW)[::-1] + _BRIDGE + _BASE + mirrored(_BASE[:2])[::-1]
        + left_eye + right_eye + outer + inner
    )  # fmt: skip
    return np.array(points, np.float64)


def make_face(rng: np.random.Generator) -> Face:
    """Draws one subject.

    Args:
        rng: Source of every choice.

    Returns:
        The face; its width at the jaw is about 262 to 288 px.
    """
    points = mean_points()

    def around(amount, mean=1.0):
        return mean + amount * float(np.clip(rng.normal() / 1.5, -1, 1))

    jaw, brows, nose, lips = slice(0, 17), slice(17, 27), slice(27, 36), slice(48, 68)
    # Lower jaw width and chin length.
    low = np.clip((points[jaw, 1] + 10) / 60, 0, 1)
    points[jaw, 0] *= 1 + (around(0.06) - 1) * low
    points[jaw, 1] += around(2.5, 0) * np.clip((points[jaw, 1] - 10) / 67, 0, 1)
    # Eyes: size, opening, spacing, tilt.
    size, opening, spacing, tilt = around(0.05), around(0.14), around(1.2, 0), around(0.035, 0)
    for part, side in ((slice(36, 42), -1), (slice(42, 48), 1)):
        eye = points[part]
        middle = eye.mean(0)
        eye = (eye - middle) * (size, size * opening)
        eye[:, 1] += side * tilt * eye[:, 0] * -1
        points[part] = eye + middle + (side * spacing, 0)
    # Brows: height, arch, length.
    height, arch, slant = around(2.0, 0), around(0.25), around(0.04, 0)
    base = points[brows, 1].mean()
    points[brows, 1] = (points[brows, 1] - base) * arch + base + height - slant * (np.abs(points[brows, 0]) - 36)
    # Nose: width, length.
    points[31:36, 0] *= around(0.10)
    length = around(2.0, 0)
    points[nose, 1] += length * np.clip((points[nose, 1] + 42) / 48, 0, 1)
    # Mouth: width, height, fullness.
    middle = points[[48, 54]].mean(0)
    mouth = (points[lips] - middle) * (around(0.07), around(0.14))
    points[lips] = mouth + middle + (0, 0.5 * length + around(1.5, 0))
    # A face is not quite symmetric.
    points[:, 0] += 0.4 * np.sin(points[:, 1] / 40 + rng.uniform(0, 6)) * rng.uniform(-1, 1)
    points[17:22, 1] += 0.5 * rng.uniform(-1, 1)

    scale = float(rng.uniform(1.83, 1.97))
    centre = np.array([WIDTH / 2 + rng.uniform(-8, 8), 284 + rng.uniform(-5, 5)])

    tone = float(rng.uniform(0, 1)) ** 1.3
    tones = np.array([(238, 204, 182), (222, 180, 150), (198, 150, 116), (160, 112, 82)], np.float64)
    skin = np.array([np.interp(tone * 3, range(4), tones[:, c]) for c in range(3)]) * rng.uniform(0.94, 1.04, 3)
    hairs = np.array([(32, 25, 22), (52, 36, 27), (84, 58, 38), (120, 92, 60), (24, 22, 25)], np.float64)
    irises = np.array([(72, 46, 28), (92, 66, 36), (88, 104, 84), (92, 116, 140), (46, 30, 22)], np.float64)
    side = rng.uniform(-1, 1)
    look = {
        "skin": skin,
        "hair": hairs[rng.integers(len(hairs)) if tone < 0.5 else rng.choice([0, 1, 4])] * rng.uniform(0.85, 1.15),
        "iris": irises[rng.integers(len(irises)) if tone < 0.4 else rng.choice([0, 1, 4])],
        "lip": skin * rng.uniform((0.80, 0.58, 0.58), (0.90, 0.70, 0.70)),
        "light": np.array([0.55 * side, -rng.uniform(0.25, 0.5), 1.0]),
        "ambient": float(rng.uniform(0.42, 0.55)),
        "brow_thickness": float(rng.uniform(2.2, 3.6)),
        "brow_strength": float(rng.uniform(0.6, 0.9)),
        "hairline": float(rng.uniform(-98, -88)),
        "hair_peak": float(rng.uniform(-4, 7)),
        "hair_long": bool(rng.random() < 0.35),
        "hair_volume": float(rng.uniform(7, 15)),
        "freckles": int(rng.choice([0, 0, 30, 80, 150])),
        "moles": int(rng.integers(0, 4)),
        "skin_noise": float(rng.uniform(5.0, 8.0)),
        "background": rng.uniform((95, 100, 105), (185, 190, 195)),
        "clothes": rng.uniform(25, 170, 3),
        "blur": float(rng.uniform(0.5, 0.9)),
        "noise": float(rng.uniform(1.0, 2.4)),
        "seed": int(rng.integers(2**31)),
    }
    return Face(points * scale + centre, scale, centre, look)


def _spline(points, closed: bool, steps: int = 8) -> np.ndarray:
    """A Catmull-Rom curve through ``points``, float64 (n, 2)."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    a, b, c, d = p[:-3, None], p[1:-2, None], p[2:-1, None], p[3:, None]
    t = (np.arange(steps) / steps)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-2:-1]])


class _Canvas:
    """A float32 RGB picture of twice the camera resolution, addressed in camera pixels."""

    def __init__(self):
        self.height, self.width = HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING
        self.image = np.zeros((self.height, self.width, 3), np.float32)

    def place(self, points) -> np.ndarray:
        return np.asarray(points, np.float64) * SUPERSAMPLING + (SUPERSAMPLING - 1) / 2

    def mask(self, shapes, soft: float, *, lines: float = 0.0):
        """Coverage 0..1 of filled polygons (or of polylines ``lines`` px wide) and the window it lies in.

        Args:
            shapes: One (n, 2) array or a list of them, camera pixels.
            soft: Standard deviation of the edge, camera pixels.
        """
        shapes = [shapes] if isinstance(shapes, np.ndarray) else shapes
        shapes = [self.place(s) for s in shapes]
        every = np.concatenate(shapes)
        margin = int(3 * soft * SUPERSAMPLING + lines * SUPERSAMPLING + 4)
        x0, y0 = np.maximum(np.floor(every.min(0)).astype(int) - margin, 0)
        x1, y1 = np.minimum(np.ceil(every.max(0)).astype(int) + margin, (self.width, self.height))
        window = (slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1)))
        cover = np.zeros((max(y1 - y0, 1), max(x1 - x0, 1)), np.uint8)
        fixed = [np.round((s - (x0, y0)) * 16).astype(np.int32) for s in shapes]
        if lines:
            width = max(1, round(lines * SUPERSAMPLING))
            cv2.polylines(cover, fixed, False, 255, width, cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(cover, fixed, 255, cv2.LINE_AA, 4)
        cover = cover.astype(np.float32) / 255
        if soft > 0:
            cover = cv2.GaussianBlur(cover, (0, 0), soft * SUPERSAMPLING)
        return window, cover

    def blend(self, masked, colour, strength: float = 1.0) -> None:
        """Paints ``colour`` (3 values, or a picture of the whole canvas) where the mask covers."""
        window, cover = masked
        cover = cover[..., None] * strength
        part = self.image[window]
        colour = np.asarray(colour, np.float32)
        colour = colour if colour.ndim == 1 else colour[window]
        part += (colour - part) * cover

    def multiply(self, masked, factor, strength: float = 1.0) -> None:
        """Multiplies the picture by ``factor`` (1 or 3 values) where the mask covers."""
        window, cover = masked
        self.image[window] *= 1 + (np.asarray(factor, np.float32) - 1) * cover[..., None] * strength


def head_outline(face: Face) -> np.ndarray:
    """The outline of the skin of the head, from the jaw over temples and forehead, camera pixels (n, 2)."""
    jaw = face.points[:17]
    s = face.scale
    left, right = jaw[0], jaw[16]
    over = [
        right + (1.0 * s, -22 * s),
        right + (-5 * s, -52 * s),
        right + (-26 * s, -79 * s),
        (left + right) / 2 + (0, -90 * s),
        left + (26 * s, -79 * s),
        left + (5 * s, -52 * s),
        left + (-1.0 * s, -22 * s),
    ]
    return _spline(np.concatenate([jaw, over]), closed=True)


def relief(face: Face) -> np.ndarray:
    """Height of the skin towards the camera in camera pixels, float32 (480, 640)."""
    pts, s = face.points, face.scale
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    outline = head_outline(face)
    rows = np.arange(HEIGHT)
    cx = float(pts[[0, 16], 0].mean())
    left = outline[outline[:, 0] < cx]
    right = outline[outline[:, 0] >= cx]
    left, right = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
    x0 = np.interp(rows, left[:, 1], left[:, 0])
    x1 = np.interp(rows, right[:, 1], right[:, 0])
    half = np.maximum((x1 - x0) / 2, 6)[:, None]
    u = (xs - ((x0 + x1) / 2)[:, None]) / (half * 1.02)
    top, bottom = outline[:, 1].min(), outline[:, 1].max()
    v = (ys - (top + bottom) / 2) / ((bottom - top) / 2 * 1.05)
    z = 62 * s * 0.9 * np.sqrt(np.clip(1 - u**2, 0.03, 1)) * np.sqrt(np.clip(1 - np.abs(v) ** 2.6, 0.06, 1))
    z = cv2.GaussianBlur(z.astype(np.float32), (0, 0), 3 * s)

    def bump(centre, sx, sy, amount, angle=0.0):
        dx, dy = xs - centre[0], ys - centre[1]
        c, n = np.cos(angle), np.sin(angle)
        a, b = (c * dx + n * dy) / (sx * s), (-n * dx + c * dy) / (sy * s)
        z[...] += amount * s * np.exp(-0.5 * (a * a + b * b))

    for side, eye, inner, ala, corner in (
        (-1, range(36, 42), 39, 31, 48),
        (1, range(42, 48), 42, 35, 54),
    ):
        middle = pts[list(eye)].mean(0)
        bump(middle + (0, -1.5 * s), 15, 8.5, -6.0)
        bump(middle, 9.5, 6.5, 3.2)
        bump(pts[inner] + (side * -2 * s, 0), 4.5, 6, -2.6)
        bump(middle + (side * 1 * s, -17 * s), 18, 5, 2.6, side * 0.1)
        bump(middle + (side * 13 * s, 25 * s), 15, 11, 4.5, side * -0.4)
        bump(middle + (side * -2 * s, 11 * s), 11, 3.0, -0.9, side * 0.1)
        bump(pts[ala] + (side * -1.2 * s, -6.8 * s), 4.6, 4.4, 4.0)
        fold = (pts[ala] * 0.45 + pts[corner] * 0.55) + (side * 5 * s, -2 * s)
        bump(fold, 2.2, 14, -1.5, side * -0.5)
        bump(pts[corner] + (side * 3 * s, 1 * s), 3.5, 5, -1.2)
    for k, amount in ((27, 3.2), (28, 3.8), (29, 4.4)):
        bump(pts[k] + (0, 2 * s), 5.5, 8, amount)
    bump(pts[30] + (0, 0.5 * s), 7.0, 6.5, 9.0)
    bump(pts[51] * 0.5 + pts[33] * 0.5, 2.0, 5, -0.8)
    bump(pts[62] * 0.5 + pts[51] * 0.5 + (0, 0.5 * s), 14, 3.6, 2.4)
    bump(pts[66] * 0.45 + pts[57] * 0.55, 12, 3.6, 2.8)
    bump(pts[57] + (0, 6.5 * s), 15, 3.8, -2.6)
    bump(pts[8] + (0, -14 * s), 14, 9, 4.0)
    return z


def paint(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Paints the neutral face with open and with closed eyes.

    Args:
        face: The subject.

    Returns:
        Two uint8 RGB pictures (960, 1280, 3), 0..255, that differ only at the eyes. Camera position ``p`` lies at
        ``2 p + 0.5`` in them.
    """
    rng = np.random.default_rng(face.look["seed"])
    look, pts, s = face.look, face.points, face.scale
    canvas = _Canvas()
    shape = (canvas.height, canvas.width)

    # Background: a wall with a soft gradient; clothes; neck.
    fall = np.linspace(1.04, 0.9, canvas.height, dtype=np.float32)[:, None, None]
    across = 1 + np.float32(0.06 * look["light"][0]) * np.linspace(-1, 1, canvas.width, dtype=np.float32)[None, :, None]
    canvas.image[...] = look["background"].astype(np.float32) * fall * across
    at = face.to_camera
    skin = look["skin"]
    if look["hair_long"]:
        back = [(-84, -60), (-90, 0), (-88, 70), (-70, 110), (70, 110), (88, 70), (90, 0), (84, -60), (0, -100)]
        canvas.blend(canvas.mask(_spline(at(back), True), 1.5), look["hair"] * 0.8)
    neck = [(-46, 20), (-45, 74), (-50, 96), (-70, 112), (70, 112), (50, 96), (45, 74), (46, 20)]
    canvas.blend(canvas.mask(_spline(at(neck), True), 1.2), skin * (0.72, 0.68, 0.66))
    shirt = [
        (-190, 140),
        (-165, 102),
        (-90, 90),
        (-50, 84),
        (-20, 104),
        (20, 104),
        (50, 84),
        (90, 90),
        (165, 102),
        (190, 140),
    ]
    canvas.blend(canvas.mask(at(shirt), 1.0), look["clothes"])

    # Ears.
    for side, k in ((-1, 0), (1, 16)):
        ear = np.array([(0, -16), (5, -20), (9, -14), (9, -2), (6, 9), (1, 13), (-3, 2)]) * (side, 1)
        canvas.blend(
            canvas.mask(_spline(pts[k] + ear * s + (-side * 1 * s, 3 * s), True), 0.8), skin * (0.80, 0.72, 0.70)
        )

    # The head: light over a relief, occlusion in its hollows, colour zones.
    z = relief(face)
    gy, gx = np.gradient(z)
    light = look["light"] / np.linalg.norm(look["light"])
    normal = 1 / np.sqrt(gx**2 + gy**2 + 1)
    lambert = np.clip((-gx * light[0] - gy * light[1] + light[2]) * normal, 0, None)
    hollow = z - cv2.GaussianBlur(z, (0, 0), 9 * s)
    small = z - cv2.GaussianBlur(z, (0, 0), 3.0 * s)
    shade = look["ambient"] + (1.02 - look["ambient"]) * lambert
    shade *= np.clip(1 + 0.020 * hollow + 0.035 * small, 0.45, 1.2)
    half = np.array([light[0], light[1], light[2] + 1])
    half /= np.linalg.norm(half)
    gloss = np.clip((-gx * half[0] - gy * half[1] + half[2]) * normal, 0, None) ** 24
    shade = cv2.resize(shade.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)
    gloss = cv2.resize(gloss.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)
    body = (
        skin.astype(np.float32) * shade[..., None] ** np.array([0.95, 1.08, 1.15], np.float32) + 20 * gloss[..., None]
    )
    outline = head_outline(face)
    chin = outline + (0, 8 * s)
    canvas.multiply(canvas.mask(chin[chin[:, 1] > at((0, 0))[1]], 4 * s), 0.62)
    head = canvas.mask(outline, 0.6)
    canvas.blend(head, body)
    for side, k in ((-1, 36), (1, 45)):
        blush = pts[k] + (side * -3 * s, 27 * s)
        canvas.multiply(canvas.mask(_ellipse(blush, 9 * s, 8 * s), 6 * s), (1.0, 0.91, 0.91), 0.8)
    canvas.multiply(canvas.mask(_ellipse(pts[30], 6 * s, 6 * s), 4 * s), (1.0, 0.93, 0.92), 0.8)

    # Skin texture: pores on several scales, freckles, moles; optical flow needs something to hold.
    texture = np.zeros(shape, np.float32)
    for sigma, share in ((1.1, 0.55), (2.4, 0.6), (6.0, 0.6), (16.0, 0.6)):
        size = (max(int(shape[1] / sigma), 8), max(int(shape[0] / sigma), 8))
        noise = rng.standard_normal((size[1], size[0]), dtype=np.float32)
        texture += share * cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
    texture *= look["skin_noise"] / 200
    window, cover = canvas.mask([outline], 2.0)
    canvas.image[window] *= (1 + texture[window] * cover)[..., None]
    canvas.image *= (1 + 0.25 * texture)[..., None]
    spots = [(rng.normal(0, 30), rng.normal(-8, 16), rng.uniform(0.35, 0.8), 0.86) for _ in range(look["freckles"])]
    spots += [(rng.uniform(-60, 60), rng.uniform(-85, 65), rng.uniform(0.7, 1.2), 0.55) for _ in range(look["moles"])]
    for x, y, radius, dark in spots:
        spot = canvas.mask(_ellipse(at((x, y)), radius * s, radius * s, 8), 0.5)
        canvas.multiply(spot, (dark * 1.03, dark * 0.97, dark * 0.92))

    _paint_nose(canvas, face)
    _paint_mouth(canvas, face)
    _paint_brows(canvas, face, rng)
    _paint_hair(canvas, face, rng)
    lids = canvas.image.copy()
    _paint_eyes(canvas, face, rng)
    opened = canvas.image
    canvas.image = lids
    _paint_closed_eyes(canvas, face)
    blur = look["blur"] * SUPERSAMPLING
    pictures = (cv2.GaussianBlur(p, (0, 0), blur) for p in (opened, canvas.image))
    return tuple(np.clip(p + 0.5, 0, 255).astype(np.uint8) for p in pictures)


def _ellipse(centre, rx: float, ry: float, n: int = 24, angle: float = 0.0) -> np.ndarray:
    t = np.arange(n) * (2 * np.pi / n)
    x, y = rx * np.cos(t), ry * np.sin(t)
    c, d = np.cos(angle), np.sin(angle)
    return np.stack([centre[0] + c * x - d * y, centre[1] + d * x + c * y], -1)


def _paint_nose(canvas: _Canvas, face: Face) -> None:
    pts, s = face.points, face.scale
    for side, ala, sill in ((-1, 31, 32), (1, 35, 34)):
        nostril = pts[ala] * 0.42 + pts[sill] * 0.58 + (0, -2.8 * s)
        canvas.multiply(
            canvas.mask(_ellipse(nostril, 3.6 * s, 1.7 * s, 20, side * -0.25), 0.8), (0.30, 0.24, 0.24), 0.95
        )
        wing = np.array([(-1.5, -9), (-4.2, -6), (-4.6, -2), (-2.6, 0.5), (0.8, 0.2)]) * (-side * -1, 1)
        canvas.multiply(
            canvas.mask(_spline(pts[ala] + (wing + (side * 0.8, -1.8)) * s, False), 1.1, lines=1.6),
            (0.66, 0.56, 0.54),
            0.9,
        )
        ridge = np.array([pts[27] + (side * 6.5 * s, 0), pts[28] + (side * 6 * s, 0), pts[29] + (side * 7.5 * s, 0)])
        canvas.multiply(canvas.mask(_spline(ridge, False), 3.0, lines=4), (0.88, 0.85, 0.83), 0.6)
    under = _spline(pts[31:36] + (0, -1.0 * s), False)
    canvas.multiply(canvas.mask(under, 1.4, lines=2.2), (0.70, 0.60, 0.58), 0.8)
    shadow = np.concatenate([pts[31:36], pts[[35, 33, 31]] + (0, 5.5 * s)])
    canvas.multiply(canvas.mask(shadow, 2.4), (0.86, 0.82, 0.80), 0.6)
    canvas.multiply(canvas.mask(_ellipse(pts[30] + (0, -2.5 * s), 3 * s, 2.5 * s), 2.5), 1.10, 0.9)


def _paint_mouth(canvas: _Canvas, face: Face) -> None:
    pts, s, lip = face.points, face.scale, face.look["lip"]
    line = pts[[48, 60, 61, 62, 63, 64, 54]] * 0.5 + pts[[48, 60, 67, 66, 65, 64, 54]] * 0.5
    upper = np.concatenate([_spline(pts[48:55], False), _spline(line, False)[::-1]])
    lower = np.concatenate([_spline(line, False), _spline(pts[[54, 55, 56, 57, 58, 59, 48]], False)])
    shade = canvas.image.mean(-1, keepdims=True) / float(np.mean(face.look["skin"]))
    canvas.blend(canvas.mask(upper, 0.7), lip.astype(np.float32) * 0.90 * shade, 0.92)
    canvas.blend(canvas.mask(lower, 0.7), lip.astype(np.float32) * 1.06 * shade, 0.92)
    canvas.multiply(canvas.mask(_ellipse(pts[57] * 0.6 + pts[66] * 0.4, 8 * s, 1.5 * s), 2.0), 1.14, 0.8)
    for k in range(-4, 5):
        x = pts[57, 0] + k * 3.6 * s
        crease = np.array([(x, pts[66, 1] + 1.5 * s), (x + 0.4 * k * s * 0.3, pts[57, 1] - 1.5 * s)])
        canvas.multiply(canvas.mask(crease, 0.6, lines=0.8), 0.88, 0.7)
    inside = np.concatenate([_spline(pts[60:65], False), _spline(pts[[64, 65, 66, 67, 60]], False)])
    canvas.blend(canvas.mask(inside, 0.5), lip * (0.34, 0.26, 0.28), 0.9)
    canvas.blend(canvas.mask(_spline(line, False), 0.6, lines=1.3), lip * (0.40, 0.32, 0.34), 0.9)
    for side, k in ((-1, 48), (1, 54)):
        canvas.multiply(
            canvas.mask(_ellipse(pts[k] + (side * 0.3 * s, 0), 1.8 * s, 1.5 * s), 1.2), (0.6, 0.52, 0.52), 0.8
        )
    under = _ellipse(pts[57] + (0, 3.6 * s), 11 * s, 1.4 * s)
    canvas.multiply(canvas.mask(under, 2.2), (0.82, 0.77, 0.76), 0.9)


def _paint_brows(canvas: _Canvas, face: Face, rng: np.random.Generator) -> None:
    pts, s, look = face.points, face.scale, face.look
    for side, part in ((-1, slice(17, 22)), (1, slice(22, 27))):
        # The annotated points run near the upper edge of the hair.
        ridge = _spline(pts[part] + (0, 2.0 * s), False, 12)
        n = len(ridge)
        t = np.linspace(0, 1, n) if side < 0 else np.linspace(1, 0, n)
        # t runs from the outer tip (thin) to the inner end (thick).
        thick = look["brow_thickness"] * s * np.interp(t, [0, 0.25, 0.8, 1], [0.35, 0.8, 1.1, 0.85])
        band = np.concatenate(
            [ridge - np.stack([0 * t, thick * 0.75], -1), (ridge + np.stack([0 * t, thick], -1))[::-1]]
        )
        canvas.blend(canvas.mask(band, 1.3), look["hair"] * 0.9 + face.look["skin"] * 0.1, look["brow_strength"] * 0.7)
        pick = rng.integers(0, n, 150)
        root = ridge[pick] + np.stack([rng.normal(0, 0.8, 150) * s, rng.uniform(-0.65, 1.0, 150) * thick[pick]], -1)
        lean = np.stack([side * np.interp(t[pick], [0, 1], [4.5, 1.4]), np.interp(t[pick], [0, 1], [0.8, -3.2])], -1)
        tip = root + lean * s * rng.uniform(0.6, 1.1, (150, 1))
        strokes = [np.stack([a, b]) for a, b in zip(root, tip)]
        canvas.blend(canvas.mask(strokes, 0.35, lines=0.6), look["hair"] * 0.8, look["brow_strength"])


def _paint_hair(canvas: _Canvas, face: Face, rng: np.random.Generator) -> None:
    look, at, s = face.look, face.to_camera, face.scale
    line = look["hairline"]
    v = look["hair_volume"]
    inner = [
        (-74, -34),
        (-70, -56),
        (-63, -76),
        (-44, line + 3),
        (0, line + look["hair_peak"]),
        (44, line + 3),
        (63, -76),
        (70, -56),
        (74, -34),
    ]
    outer = [
        (80, -40),
        (79 + v * 0.4, -70),
        (72 + v * 0.3, -98),
        (46, -118 - v * 0.7),
        (0, -126 - v),
        (-46, -118 - v * 0.7),
        (-72 - v * 0.3, -98),
        (-79 - v * 0.4, -70),
        (-80, -40),
    ]
    region = np.concatenate([_spline(at(inner), False), _spline(at(outer), False)])
    masked = canvas.mask(region, 1.6)
    glow = 1.0 + 0.35 * np.clip(
        1 - np.abs((np.arange(canvas.height) / SUPERSAMPLING - at((0, -112))[1]) / (14 * s)), 0, 1
    )
    colour = look["hair"].astype(np.float32) * glow.astype(np.float32)[:, None, None]
    canvas.blend(masked, np.broadcast_to(colour, canvas.image.shape), 0.97)
    dark, pale = [], []
    for _ in range(420):
        angle = rng.uniform(-1.35, 1.35)
        out = np.array([np.sin(angle) * (80 + v * 0.4), -46 - np.cos(angle) * (78 + v)])
        inn = np.array([np.sin(angle) * 70, -40 - np.cos(angle) * (-line - 40)])
        a, b = np.sort(rng.uniform(-0.05, 1, 2))
        sway = rng.normal(0, 1.5, 2) * np.clip(b - a, 0.05, 1)
        strand = np.stack([inn + (out - inn) * a, inn + (out - inn) * (a + b) / 2 + sway, inn + (out - inn) * b])
        (dark if rng.random() < 0.6 else pale).append(_spline(at(strand), False, 4))
    canvas.blend(canvas.mask(dark, 0.4, lines=0.8), look["hair"] * 0.6, 0.6)
    canvas.blend(canvas.mask(pale, 0.4, lines=0.6), look["hair"] * 1.5 + 8, 0.4)


def eye_curves(points: np.ndarray, first: int, n: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid of the eye whose points start at ``first``, both from image-left to image-right, (n, 2)."""
    eye = points[first : first + 6]
    xs = np.linspace(eye[0, 0], eye[3, 0], n)
    upper, lower = _spline(eye[[0, 1, 2, 3]], False, 12), _spline(eye[[0, 5, 4, 3]], False, 12)
    return tuple(np.stack([xs, np.interp(xs, c[:, 0], c[:, 1])], -1) for c in (upper, lower))


def _paint_eyes(canvas: _Canvas, face: Face, rng: np.random.Generator) -> None:
    pts, s, look = face.points, face.scale, face.look
    for side, first, inner in ((-1, 36, 39), (1, 42, 42)):
        upper, lower = eye_curves(pts, first)
        opening = np.concatenate([upper, lower[::-1]])
        window, cover = canvas.mask(opening, 0.5)
        part = np.empty_like(canvas.image[window])
        part[...] = np.array((222, 214, 208), np.float32) * min(1.0, 0.55 + 0.45 * float(np.mean(look["skin"])) / 200)
        origin = np.array([window[1].start, window[0].start])
        middle = (pts[first + 1] + pts[first + 2] + pts[first + 4] + pts[first + 5]) / 4 + (0, -0.3 * s)
        ys, xs = np.mgrid[0 : part.shape[0], 0 : part.shape[1]].astype(np.float32)
        cx, cy = canvas.place(middle) - origin
        unit = s * SUPERSAMPLING
        far = np.hypot(xs - cx, ys - cy) / unit
        part *= (1 - 0.25 * np.clip(np.abs(xs - cx) / (13 * unit), 0, 1) ** 2)[..., None]

        def disc(radius, edge, far=far):
            return np.clip((radius - far) / edge + 0.5, 0, 1)[..., None]

        spokes = 1 + 0.15 * np.sin(np.arctan2(ys - cy, xs - cx) * 17 + rng.uniform(0, 6))
        part += (look["iris"].astype(np.float32) * 0.55 - part) * disc(5.5, 0.5)
        part += (look["iris"].astype(np.float32) * spokes[..., None] - part) * disc(4.8, 0.8)
        part += (np.float32(14) - part) * disc(2.1, 0.4)
        glint = np.hypot(xs - cx - 1.6 * unit * np.sign(look["light"][0]), ys - cy + 1.5 * unit) / unit
        part += (np.float32(245) - part) * np.clip((0.8 - glint) / 0.4 + 0.5, 0, 1)[..., None]
        # The upper lid shades the eyeball.
        lid = np.interp(xs[0] + origin[0], canvas.place(upper)[:, 0], canvas.place(upper)[:, 1]) - origin[1]
        part *= (1 - 0.5 * np.exp(-np.clip(ys - lid[None, :], 0, None) / (1.6 * unit)))[..., None]
        target = canvas.image[window]
        target += (part - target) * cover[..., None]
        # Caruncle, lashes, crease, lower lid.
        canvas.blend(
            canvas.mask(_ellipse(pts[inner] + (-side * -1.2 * s, 0.2 * s), 1.6 * s, 1.1 * s), 0.7), (188, 120, 112), 0.6
        )
        canvas.multiply(canvas.mask(upper, 0.5, lines=2.4), (0.30, 0.25, 0.24), 0.95)
        canvas.multiply(canvas.mask(lower, 0.6, lines=1.2), (0.66, 0.54, 0.52), 0.8)
        crease = upper[2:-1] + (0, -4.2 * s)
        crease[:, 1] += np.linspace(-1, 1, len(crease)) ** 2 * 1.6 * s
        canvas.multiply(canvas.mask(crease, 0.8, lines=1.3), (0.68, 0.58, 0.56), 0.8)
        bag = lower[3:-3] + (0, 5.5 * s)
        canvas.multiply(canvas.mask(bag, 1.8, lines=1.6), (0.88, 0.83, 0.83), 0.7)


def _paint_closed_eyes(canvas: _Canvas, face: Face) -> None:
    pts, s = face.points, face.scale
    for first in (36, 42):
        upper, lower = eye_curves(pts, first)
        opening = np.concatenate([upper, lower[::-1]])
        canvas.multiply(canvas.mask(opening, 1.2), (0.93, 0.87, 0.86), 0.9)
        canvas.multiply(canvas.mask(upper + (0, -4.0 * s), 0.9, lines=1.2), (0.74, 0.66, 0.64), 0.6)
        canvas.multiply(canvas.mask(lower, 0.5, lines=2.4), (0.32, 0.27, 0.26), 0.95)
