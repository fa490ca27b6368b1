"""Synthetic training pairs for the learned magnifier, moved exactly by sub-pixel amounts.

Every picture is a background and a few cut-outs with soft edges; each of these layers has its own translation. The
procedural textures are sums of waves and the outlines are distance functions, so both are evaluated at the shifted
coordinates instead of being interpolated: a motion of a hundredth of a pixel is rendered as such.

Source: Oh et al., section 3.3 (layers, sub-pixel motion, quantisation, static and blurred samples); their data are
photographs and segmented objects, which the procedural ones (or a folder of the user's pictures) stand in for.
"""

from __future__ import annotations

import dataclasses
import os

import cv2
import numpy as np

from mer_tf.errors import BadInputError, ImageError
from mer_tf.preprocessing.images import decode_image, read_picture, significant_bits
from mer_tf.preprocessing.magnify.learned_settings import LONG_WAVE, TripletConfig

_WAVES = 24  # of one texture field
_FIELDS = 2  # texture fields of one layer, each with its own colour direction
_CORNERS = 6  # of a polygon
_LONGEST_WAVE = 96.0  # in pixels, of any texture
_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


@dataclasses.dataclass(frozen=True)
class Triplets:
    """A batch of training pictures, float32 in -1..1 on 256 levels.

    Attributes:
        a: ``(n, size, size, 3)``, layers at their places.
        b: Layers moved, colours perturbed.
        c: Layers as in ``b``, colours as in ``a``.
        target: Layers moved ``factor`` times as far, colours as in ``b``.
        factor: ``(n, 1)`` float32.
        motion: ``(n, 1 + cutouts, 2)`` float32, (x, y) from ``a`` to ``b`` in pixels, background first.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    target: np.ndarray
    factor: np.ndarray
    motion: np.ndarray


class TripletSource:
    """Draws batches of triplets; the same seed gives the same bytes.

    Args:
        config: What the pictures hold.
        seed: int >= 0.
        images: Folder of pictures to cut layers from instead of procedural textures; None for those.

    Raises:
        BadInputError: The folder cannot be read or holds no picture.

    Example:
        >>> TripletSource(TripletConfig(size=32), seed=1).draw(2).a.shape
        (2, 32, 32, 3)
    """

    def __init__(self, config: TripletConfig | None = None, *, seed: int = 0, images: str | os.PathLike | None = None):
        if seed < 0:
            raise ValueError(f"seed must not be negative. Received: {seed!r}")
        self.config = config or TripletConfig()
        self._rng = np.random.default_rng(seed)
        self._pictures = None if images is None else _Pictures(images, self.config)

    def draw(self, batch: int) -> Triplets:
        """The next ``batch`` triplets."""
        if batch < 1:
            raise ValueError(f"batch must be at least 1. Received: {batch!r}")
        config, rng = self.config, self._rng
        layers = 1 + config.cutouts
        factor = np.exp(rng.uniform(0, np.log(config.max_factor), batch)) if config.max_factor > 1 else np.ones(batch)
        longest = np.minimum(config.max_motion, config.max_magnified / factor)
        motion = _motions(rng, longest, config)
        if self._pictures is None:
            texture = _Waves(rng, batch, layers, config)
        else:
            texture = self._pictures.draw(rng, batch, layers)
        outline = _Outlines(rng, batch, config)
        contrast = np.where(rng.random(batch) < config.low_contrast, rng.uniform(0.1, 0.5, batch), 1.0)

        def render(shift):
            return contrast[:, None, None, None] * _compose(texture.at(shift), outline.at(shift[:, 1:]))

        gain = 1 + rng.uniform(-config.gain, config.gain, (batch, 1, 1, 3))
        offset = rng.uniform(-config.offset, config.offset, (batch, 1, 1, 3))
        moved = render(motion)
        return Triplets(
            a=_quantise(render(np.zeros_like(motion))),
            b=_quantise(moved * gain + offset),
            c=_quantise(moved),
            target=_quantise(render(motion * factor[:, None, None]) * gain + offset),
            factor=factor.astype(np.float32)[:, None],
            motion=motion.astype(np.float32),
        )


def translated_pair(
    size: int, shift: tuple[float, float], *, seed: int = 0, shortest_wave: float = 5.0
) -> tuple[np.ndarray, np.ndarray]:
    """A procedural picture and the same moved as a whole, for checking a magnifier.

    Args:
        size: Side in pixels.
        shift: Motion (x, y) in pixels.
        seed: int >= 0.
        shortest_wave: Of the texture, in pixels.

    Returns:
        Two ``(size, size, 3)`` uint8 RGB arrays.
    """
    config = TripletConfig(size=size, cutouts=0, shortest_wave=shortest_wave, blurred=0.0)
    texture = _Waves(np.random.default_rng(seed), 1, 1, config)
    pictures = [texture.at(np.reshape(move, (1, 1, 2)))[0, 0] for move in ((0.0, 0.0), shift)]
    return tuple(np.rint(np.clip((picture + 1) * 127.5, 0, 255)).astype(np.uint8) for picture in pictures)


def _motions(rng, longest: np.ndarray, config: TripletConfig) -> np.ndarray:
    """``(batch, layers, 2)`` motions of uniform length and direction."""
    batch, layers = len(longest), 1 + config.cutouts
    length = longest[:, None] * rng.uniform(0, 1, (batch, layers))
    angle = rng.uniform(0, 2 * np.pi, (batch, layers))
    length[:, 0] *= rng.random(batch) >= config.still_background
    length *= (rng.random(batch) >= config.static)[:, None]
    return np.stack([length * np.cos(angle), length * np.sin(angle)], axis=-1)


def _compose(textures: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Layers ``(n, 1 + k, h, w, 3)`` over each other by masks ``(n, k, h, w)``."""
    picture = textures[:, 0]
    for index in range(masks.shape[1]):
        mask = masks[:, index, :, :, None]
        picture = picture + mask * (textures[:, index + 1] - picture)
    return picture


def _quantise(picture: np.ndarray) -> np.ndarray:
    """To the 256 levels of an 8-bit file, as float32 in -1..1."""
    return (np.rint(np.clip((picture + 1) * 127.5, 0, 255)) / 127.5 - 1).astype(np.float32)


class _Waves:
    """Textures: a colour, and two fields of waves with falling spectrum, each in a colour direction."""

    def __init__(self, rng, batch: int, layers: int, config: TripletConfig):
        shape = (batch, layers, _FIELDS, _WAVES)
        shortest = np.full((batch, layers, 1, 1), config.shortest_wave)
        shortest[rng.random(batch) < config.blurred, 0] = LONG_WAVE
        length = np.exp(rng.uniform(np.log(shortest), np.log(_LONGEST_WAVE), shape))
        angle = rng.uniform(0, 2 * np.pi, shape)
        self._kx = (2 * np.pi / length * np.cos(angle)).astype(np.float32)
        self._ky = (2 * np.pi / length * np.sin(angle)).astype(np.float32)
        self._phase = rng.uniform(0, 2 * np.pi, shape).astype(np.float32)
        # Log-uniform wavelengths with amplitude growing as their root: a spectrum like that of photographs.
        amplitude = np.sqrt(length)
        self._amplitude = (amplitude / np.sqrt((amplitude**2).sum(-1, keepdims=True))).astype(np.float32)
        self._base = rng.uniform(-0.5, 0.5, (batch, layers, 1, 1, 3)).astype(np.float32)
        gray = rng.uniform(0.15, 0.6, (batch, layers, _FIELDS, 1))
        tint = rng.uniform(-0.15, 0.15, (batch, layers, _FIELDS, 3))
        self._colour = (gray + tint).astype(np.float32)
        self._places = np.arange(config.size, dtype=np.float32)

    def at(self, shift: np.ndarray) -> np.ndarray:
        """``(n, layers, size, size, 3)`` with each layer moved by ``shift`` (n, layers, 2)."""
        shift = shift.astype(np.float32)[:, :, None, None, :]
        across = self._kx[..., None] * (self._places - shift[..., :1])
        down = self._ky[..., None] * (self._places - shift[..., 1:]) + self._phase[..., None]
        # cos(x + y) = cos x cos y - sin x sin y, summed over the waves as one matrix product per field.
        left = np.concatenate([np.cos(down), -np.sin(down)], axis=-2) * np.tile(self._amplitude, 2)[..., None]
        right = np.concatenate([np.cos(across), np.sin(across)], axis=-2)
        field = np.swapaxes(left, -1, -2) @ right  # n, layers, fields, size, size
        return self._base + np.einsum("nlfhw,nlfc->nlhwc", field, self._colour)


class _Outlines:
    """Ellipses and convex polygons with soft edges, as distance functions."""

    def __init__(self, rng, batch: int, config: TripletConfig):
        shape = (batch, config.cutouts, 1, 1)
        size = config.size
        self._centre = rng.uniform(0.1 * size, 0.9 * size, (2, *shape))
        self._radius = rng.uniform(0.1 * size, 0.3 * size, shape)
        self._stretch = rng.uniform(0.5, 1.0, shape)
        self._angle = rng.uniform(0, np.pi, shape)
        self._ellipse = rng.random(shape) < 0.5
        self._softness = rng.uniform(0.4, 1.5, shape)
        jitter = rng.uniform(-0.4, 0.4, (_CORNERS, *shape))
        self._normals = 2 * np.pi / _CORNERS * (np.arange(_CORNERS).reshape(-1, 1, 1, 1, 1) + jitter)
        self._places = np.arange(size, dtype=np.float32)

    def at(self, shift: np.ndarray) -> np.ndarray:
        """``(n, cutouts, size, size)`` in 0..1."""
        dx = self._places[None, None, None, :] - self._centre[0] - shift[..., 0, None, None]
        dy = self._places[None, None, :, None] - self._centre[1] - shift[..., 1, None, None]
        x = dx * np.cos(self._angle) + dy * np.sin(self._angle)
        y = (dy * np.cos(self._angle) - dx * np.sin(self._angle)) / self._stretch
        polygon = np.max(x * np.cos(self._normals) + y * np.sin(self._normals), axis=0)
        outside = np.where(self._ellipse, np.hypot(x, y), polygon) - self._radius
        return 0.5 - 0.5 * np.tanh(outside / (2 * self._softness))


class _Pictures:
    """Layers cut from the pictures of a folder, moved by cubic interpolation."""

    def __init__(self, folder: str | os.PathLike, config: TripletConfig):
        folder = os.fspath(folder)
        try:
            names = sorted(name for name in os.listdir(folder) if name.lower().endswith(_ENDINGS) and name[0] != ".")
        except OSError as error:
            raise BadInputError(f"folder {folder} cannot be read ({error.strerror or error})") from error
        if not names:
            raise BadInputError(f"folder {folder} holds no picture ({', '.join(_ENDINGS)})")
        self._paths = [os.path.join(folder, name) for name in names]
        self._size = config.size
        # Both motions, the magnified one the longer, and two pixels for the cubic kernel.
        self._margin = int(np.ceil(max(config.max_magnified, config.max_motion))) + 2

    def draw(self, rng, batch: int, layers: int) -> _Cuts:
        side = self._size + 2 * self._margin
        cuts = np.empty((batch, layers, side, side, 3), np.float32)
        for index in np.ndindex(batch, layers):
            picture = self._read(self._paths[int(rng.integers(len(self._paths)))])
            grow = side / min(picture.shape[:2])
            if grow > 1:
                height, width = (max(side, int(np.ceil(length * grow))) for length in picture.shape[:2])
                picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
            top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
            cut = picture[top : top + side, left : left + side]
            cuts[index] = cut[:, :: -1 if rng.random() < 0.5 else 1]
        return _Cuts(cuts / 127.5 - 1, self._size, self._margin)

    @staticmethod
    def _read(path: str) -> np.ndarray:
        try:
            data = read_picture(path)
            return decode_image(data, bits=significant_bits([data])[0])
        except ImageError as error:
            raise BadInputError(f"picture {path} cannot be used: {error}") from error


class _Cuts:
    def __init__(self, cuts: np.ndarray, size: int, margin: int):
        self._cuts, self._size, self._margin = cuts, size, margin

    def at(self, shift: np.ndarray) -> np.ndarray:
        batch, layers = shift.shape[:2]
        out = np.empty((batch, layers, self._size, self._size, 3), np.float32)
        for index in np.ndindex(batch, layers):
            out[index] = _translated(self._cuts[index], shift[index], self._size, self._margin)
        return out


def _translated(cut: np.ndarray, shift: np.ndarray, size: int, margin: int) -> np.ndarray:
    """The middle of ``cut`` moved by ``shift`` (x, y), by Catmull-Rom interpolation along each axis."""
    for axis, move in ((1, shift[0]), (0, shift[1])):
        start = margin - float(move)
        whole = int(np.floor(start))
        taps = _catmull_rom(start - whole)
        parts = [cut.take(range(whole - 1 + tap, whole - 1 + tap + size), axis=axis) for tap in range(4)]
        cut = sum(part * weight for part, weight in zip(parts, taps))
    return cut


def _catmull_rom(t: float) -> np.ndarray:
    return np.array(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], np.float32
    ) / np.float32(2)
