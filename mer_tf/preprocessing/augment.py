"""Augmentation of images, flow, parsing maps and landmarks, with the sign rules that flow needs.

For training clips only, after the split by subject, and on what comes before normalisation: flow in pixels, images
in 0-255. Every operation returns new arrays. Angles are in degrees, positive counter-clockwise as seen.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Mapping

import cv2
import numpy as np

from mer_tf.checks import between, config_errors, from_text, number, strict, truth, whole
from mer_tf.errors import ConfigError

KINDS = ("motion", "flow", "image", "parsing", "landmarks")
MAX_CHANNELS = 128  # OpenCV 5's limit of one array; 512 in OpenCV 4
# Micro-Attention cuts its corner windows of 224 px from pictures of 240.
CORNER_SHARE = 224 / 240

# Index of the point that a horizontal mirror puts in each place (68 iBUG points); its own inverse.
MIRROR_68 = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30),
    *(35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)

# Channels of the ten parsing maps (skin, brows, eyes, glasses, nose, mouth, lips) with left and right swapped.
MIRROR_PARSING = (0, 2, 1, 4, 3, 5, 6, 7, 8, 9)


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """What is done to training clips; the default does nothing.

    With ``copies`` 1 a clip is changed anew each time it is asked for, every operation with ``probability`` of its
    own. With more, there are that many fixed versions: the clip itself, its mirror image (where ``mirror`` is on),
    and of each as many turned and cropped versions, these two operations being sure and the others drawn.

    Attributes:
        mirror: Left to right, with probability one half whatever ``probability`` says.
        rotation: Largest angle in degrees, either way, in [0, 180]; 0 for none.
        colour_shift: Largest offset in grey levels, either way, in 0..255; 0 for none.
        smoothing: Largest window of the box filter in px; 0 or 1 for none. Windows are drawn from 1 on.
        crop: Smallest side of the window that is cut and brought back to size, over the frame's, in (0, 1]; 1 for
            none.
        corner_crops: One of the four corner windows of 224/240 of the side, brought back to size.
        shift: Largest shift in px of each tensor along each axis, borders repeated ("pad and crop at random").
        probability: Of each operation but the mirror, in [0, 1].
        copies: Versions of each clip, 1 or more; even where ``mirror`` is on. 20 is ASTNet's 2 x (1 + 9).
        subsequences: Samples per class to reach with random sub-sequences; 0 for none.
    """

    mirror: bool = False
    rotation: float = 0.0
    colour_shift: int = 0
    smoothing: int = 0
    crop: float = 1.0
    corner_crops: bool = False
    shift: int = 0
    probability: float = 0.5
    copies: int = 1
    subsequences: int = 0

    def __post_init__(self):
        with config_errors():
            for name in ("mirror", "corner_crops"):
                truth(f"augment.{name}", getattr(self, name))
            for name in ("colour_shift", "smoothing", "shift", "subsequences"):
                whole(f"augment.{name}", getattr(self, name), 0)
            whole("augment.copies", self.copies)
            for name, most in (("rotation", 180), ("colour_shift", 255), ("smoothing", 99), ("probability", 1)):
                between(f"augment.{name}", getattr(self, name), 0, most)
            number("augment.crop", self.crop, lambda v: 0 < v <= 1, "above 0 and at most 1")
        if self.copies > 1 and self.mirror and self.copies % 2:
            raise ConfigError(
                f"augment.copies must be even with mirror, half of them mirrored. Received: {self.copies}"
            )
        if self.copies > (2 if self.mirror else 1) and not (self.rotation or self.crop < 1):
            raise ConfigError("augment.copies needs a rotation or a crop, or its versions would be alike")

    @property
    def active(self) -> bool:
        """Whether ``augment_tensors`` may change anything."""
        return bool(
            self.copies > 1
            or self.mirror
            or (
                self.probability > 0
                and (
                    self.rotation
                    or self.colour_shift
                    or self.smoothing > 1
                    or self.crop < 1
                    or self.corner_crops
                    or self.shift
                )
            )
        )

    @classmethod
    def from_json(cls, settings: Mapping | str) -> AugmentConfig:
        """Config from ``to_json``'s dictionary, or that as JSON text; unknown keys raise ``UnknownNameError``."""
        return strict(cls, from_text(settings, "the augmentation settings"), "augment")

    def to_json(self) -> dict:
        """Plain dictionary that ``from_json`` reads back."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Change:
    """What is done to one version of one clip; the same for all its frames and tensors.

    Attributes:
        mirror: Whether left and right are swapped, before all else.
        angle: Rotation about the centre, degrees.
        window: ``(x, y, share)``: the window's left and top edge and its side, over the frame's.
        shift: ``(x, y)`` in px.
        colour: Three offsets in grey levels, of which gray images take the first.
        smoothing: Window of the box filter, px.
    """

    mirror: bool = False
    angle: float = 0.0
    window: tuple[float, float, float] = (0.0, 0.0, 1.0)
    shift: tuple[int, int] = (0, 0)
    colour: tuple[int, int, int] = (0, 0, 0)
    smoothing: int = 1

    def matrix(self, height: int, width: int) -> np.ndarray:
        """``(2, 3)`` float64 from points of the (mirrored) frame to points of the result; pixel centres at integers."""
        turn = rotation_matrix(self.angle, height, width)
        x, y, share = self.window
        cut = np.array(
            [
                [1 / share, 0, (0.5 - x * width) / share - 0.5 + self.shift[0]],
                [0, 1 / share, (0.5 - y * height) / share - 0.5 + self.shift[1]],
            ]
        )
        return np.column_stack([cut[:, :2] @ turn[:, :2], cut[:, :2] @ turn[:, 2] + cut[:, 2]])


def rng_for(seed: int, clip: str, copy: int = 0) -> np.random.Generator:
    """Generator of one version of one clip: the same for the same three, on any machine and in any order.

    Args:
        seed: Seed of the run or fold.
        clip: Clip key.
        copy: Number of the version, or of the epoch.

    Returns:
        A generator seeded with the first 128 bits of SHA-256 of ``"seed:copy:clip"``.
    """
    digest = hashlib.sha256(f"{int(seed)}:{int(copy)}:{clip}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def draw_change(config: AugmentConfig, rng: np.random.Generator, copy: int = 0) -> Change:
    """Decides what is done to one version of a clip.

    Args:
        config: What may be done.
        rng: From ``rng_for``.
        copy: Number of the version, below ``config.copies`` where that is over 1: the first half (all, without
            ``mirror``) are not mirrored, and the first of each half is neither turned nor cropped.

    Raises:
        ValueError: ``copy`` is out of range.

    Source: Dual-ATME (mirror), Micro-Attention (colour shift, rotation, smoothing, corner crops, each with probability
        0.5), ASTNet (mirror, rotation, crop; 20 versions of each clip).
    Assumption: where papers print no law, values are uniform; colour offsets are drawn per channel, of either sign;
        the 20 versions are the clip and its mirror image, each with 9 further ones.
    """
    expanding = config.copies > 1
    if copy < 0 or (expanding and copy >= config.copies):
        raise ValueError(f"copy must lie in 0..{config.copies - 1}. Received: {copy}")
    # All numbers are drawn whatever the settings, so that switching one operation on leaves the others as they were.
    chance = rng.random(7) < np.array([0.5, *[config.probability] * 6])
    value = rng.random(4) * 2 - 1
    place, side = rng.random(2), rng.random()
    levels, corner, size = rng.random(3), int(rng.integers(4)), rng.random()
    moves = rng.random(2)
    half = config.copies // 2 if config.mirror else config.copies
    turned = copy % half > 0 if expanding else True
    if expanding:
        chance[0], chance[1], chance[2] = copy >= half, turned, turned
        chance[3:] &= copy > 0
    window = (0.0, 0.0, 1.0)
    if config.crop < 1 and chance[2]:
        share = config.crop + (1 - config.crop) * side
        window = (float(place[0] * (1 - share)), float(place[1] * (1 - share)), float(share))
    if config.corner_crops and chance[3]:
        x, y, share = window
        rest = share * (1 - CORNER_SHARE)
        window = (x + rest * (corner % 2), y + rest * (corner // 2), share * CORNER_SHARE)
    offsets = np.floor(levels * (2 * config.colour_shift + 1)).astype(int) - config.colour_shift
    return Change(
        mirror=bool(config.mirror and chance[0]),
        angle=float(config.rotation * value[0]) if chance[1] else 0.0,
        window=window,
        shift=tuple(int(m * (2 * config.shift + 1)) - config.shift for m in moves) if chance[4] else (0, 0),
        colour=tuple(int(offset) for offset in offsets) if chance[5] else (0, 0, 0),
        smoothing=1 + int(size * config.smoothing) if chance[6] and config.smoothing > 1 else 1,
    )


def apply_change(tensors: Mapping[str, np.ndarray], kinds: Mapping[str, str], change: Change) -> dict[str, np.ndarray]:
    """Does to every tensor of a clip what was decided.

    Args:
        tensors: As ``augment_tensors``.
        kinds: As ``augment_tensors``.
        change: What to do.

    Returns:
        New arrays of the same names, shapes and dtypes.
    """
    checked = {name: _check_tensor(name, tensor, kinds) for name, tensor in tensors.items()}
    sizes = [tensor.shape[-3:-1] for name, tensor in checked.items() if kinds[name] != "landmarks"]
    out = {}
    for name, tensor in checked.items():
        if kinds[name] == "landmarks":
            if not sizes:
                raise ValueError(f"tensor {name!r} are landmarks; the picture they belong to must come with them")
            out[name] = _change_landmarks(tensor, change, *sizes[0])
        else:
            out[name] = _change_grid(tensor, kinds[name], change)
    return out


def augment_tensors(
    tensors: Mapping[str, np.ndarray],
    kinds: Mapping[str, str],
    config: AugmentConfig,
    rng: np.random.Generator,
    copy: int = 0,
) -> dict[str, np.ndarray]:
    """One augmented version of a clip's tensors, before normalisation.

    The same geometry serves all frames and all tensors, as shares of each tensor's size. Strain is a scalar that
    keeps its values: turning does not change it, and neither does scaling both axes alike together with the flow.

    Args:
        tensors: Name to ``(height, width, channels)`` or ``(frames, height, width, channels)``, uint8 or float,
            finite.
        kinds: Name to ``"motion"`` (u, v, strain; flow in px), ``"flow"`` (u, v in px), ``"image"`` (0-255, 1 or 3
            channels), ``"parsing"`` (ten maps) or ``"landmarks"`` (``(68, 2)`` or ``(frames, 68, 2)`` as x, y in px
            of the first tensor of another kind).
        config: What may be done.
        rng: From ``rng_for``.
        copy: Number of the version, see ``draw_change``.

    Returns:
        New arrays of the same names, shapes and dtypes.

    Raises:
        TypeError: Not arrays, or another dtype.
        ValueError: A shape that its kind does not have, values that are not finite, or an unknown kind.

    Assumption: Micro-Attention enlarges its corner windows to 240 px although its network takes 224; here they come
        back to the tensor's own size. Borders that turn into the picture repeat its edge.
    """
    return apply_change(tensors, kinds, draw_change(config, rng, copy))


def rotation_matrix(angle: float, height: int, width: int) -> np.ndarray:
    """``(2, 3)`` float64 that turns points about the frame's centre; degrees, counter-clockwise as seen, y down."""
    if not math.isfinite(angle):
        raise ValueError(f"angle must be finite. Received: {angle!r}")
    phi = math.radians(angle)
    turn = np.array([[math.cos(phi), math.sin(phi)], [-math.sin(phi), math.cos(phi)]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([turn, centre - turn @ centre])


def _turn_vectors(flow: np.ndarray, angle: float) -> np.ndarray:
    """Turns the vectors alone: ``u' = u cos + v sin``, ``v' = -u sin + v cos``; a third channel is kept."""
    if not angle:
        return flow.copy()
    phi = math.radians(angle)
    out = flow.copy()
    out[..., 0] = flow[..., 0] * math.cos(phi) + flow[..., 1] * math.sin(phi)
    out[..., 1] = flow[..., 1] * math.cos(phi) - flow[..., 0] * math.sin(phi)
    return out


def _shift_colours(image: np.ndarray, offsets: tuple[int, int, int]) -> np.ndarray:
    """Adds an offset per channel and clips to 0-255; a gray image takes the first.

    Source: Micro-Attention ("colour shift up to 20"); on its one gray channel that is a shift of brightness.
    """
    shifts = np.asarray(offsets[: image.shape[-1]], np.int16 if image.dtype == np.uint8 else image.dtype)
    return np.clip(image.astype(shifts.dtype) + shifts, 0, 255).astype(image.dtype)


def _smooth(image: np.ndarray, window: int) -> np.ndarray:
    """Box filter of ``window`` x ``window`` px, border repeated; the extra pixel of an even window lies left and above.

    Source: Micro-Attention ("smoothing window up to 6"). Assumption: the kind of filter is not printed.
    """

    def blur(stack):
        # window // 2 is the anchor, so that window // 2 pixels lie before and (window - 1) // 2 after.
        anchor = (window // 2, window // 2)
        return cv2.blur(stack, (window, window), anchor=anchor, borderType=cv2.BORDER_REPLICATE)

    return _per_frame(image, blur)


def _grid(name: str, tensor) -> np.ndarray:
    """``tensor`` as it is, where it is a finite picture or run of pictures of a dtype that OpenCV takes."""
    if not isinstance(tensor, np.ndarray):
        raise TypeError(f"{name} must be a numpy array. Received: {type(tensor).__name__}")
    if tensor.dtype not in (np.uint8, np.float32, np.float64):
        raise TypeError(f"{name} must be uint8, float32 or float64. Received: {tensor.dtype}")
    if tensor.ndim not in (3, 4) or 0 in tensor.shape:
        raise ValueError(f"{name} must be ([frames,] height, width, channels), none 0. Received: {tensor.shape}")
    if tensor.dtype != np.uint8 and not np.isfinite(tensor).all():
        raise ValueError(f"{name} holds values that are not finite")
    return tensor


def _check_tensor(name: str, tensor, kinds: Mapping[str, str]) -> np.ndarray:
    if name not in kinds:
        raise ValueError(f"kinds must name tensor {name!r}. Received: {sorted(kinds)}")
    kind = kinds[name]
    if kind not in KINDS:
        raise ValueError(f"the kind of tensor {name!r} must be one of {', '.join(KINDS)}. Received: {kind!r}")
    if kind == "landmarks":
        points = np.asarray(tensor)
        if points.dtype.kind != "f" or points.shape[-2:] != (68, 2) or points.ndim not in (2, 3):
            raise ValueError(
                f"tensor {name!r} must be float ([frames,] 68, 2). Received: {points.shape} {points.dtype}"
            )
        if not np.isfinite(points).all():
            raise ValueError(f"tensor {name!r} holds values that are not finite")
        return points
    tensor = _grid(f"tensor {name!r}", tensor)
    channels = {"motion": (3,), "flow": (2,), "image": (1, 3), "parsing": (len(MIRROR_PARSING),)}[kind]
    if tensor.shape[-1] not in channels or (kind in ("motion", "flow") and tensor.dtype == np.uint8):
        raise ValueError(
            f"tensor {name!r} of kind {kind!r} must have {' or '.join(map(str, channels))} channels"
            f"{' of float' if kind in ('motion', 'flow') else ''}. Received: {tensor.shape} {tensor.dtype}"
        )
    return tensor


def _change_grid(tensor: np.ndarray, kind: str, change: Change) -> np.ndarray:
    out = tensor
    if change.mirror:
        out = out[..., ::-1, :]
        if kind == "parsing":
            out = out[..., list(MIRROR_PARSING)]
    out = _warp(out, change.matrix(*tensor.shape[-3:-1]))
    if kind in ("motion", "flow"):
        if change.mirror:
            out[..., 0] = -out[..., 0]
        out = _turn_vectors(out, change.angle)
        out[..., :2] /= change.window[2]
    if kind == "image":
        if change.smoothing > 1:
            out = _smooth(out, change.smoothing)
        if any(change.colour):
            out = _shift_colours(out, change.colour)
    return out


def _change_landmarks(points: np.ndarray, change: Change, height: int, width: int) -> np.ndarray:
    out = points.astype(np.float64)
    if change.mirror:
        out = out[..., list(MIRROR_68), :].copy()
        out[..., 0] = width - 1 - out[..., 0]
    matrix = change.matrix(height, width)
    return (out @ matrix[:, :2].T + matrix[:, 2]).astype(points.dtype)


def _warp(tensor: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Moves the pixels of every frame by ``matrix``; a matrix that moves nothing gives an exact copy."""
    if np.array_equal(matrix, np.eye(2, 3)):
        return tensor.copy()
    size = tensor.shape[-2], tensor.shape[-3]

    def move(stack):
        return cv2.warpAffine(stack, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    return _per_frame(tensor, move)


def _per_frame(tensor: np.ndarray, function) -> np.ndarray:
    """``function`` on every frame, frames stacked as channels: one call instead of one a frame."""
    if tensor.ndim == 3:
        frames, channels = 1, tensor.shape[2]
        stack = tensor
    else:
        frames, channels = tensor.shape[0], tensor.shape[3]
        stack = np.moveaxis(tensor, 0, 2).reshape(*tensor.shape[1:3], frames * channels)
    # Parts of about equal size: OpenCV interpolates up to four channels more finely than many, and a last part of one
    # frame would move by up to 1/32 px against the others.
    count = -(-frames // max(MAX_CHANNELS // channels, 1))
    edges = [channels * (frames * part // count) for part in range(count + 1)]
    parts = []
    for start, stop in itertools.pairwise(edges):
        part = np.ascontiguousarray(stack[..., start:stop])
        parts.append(function(part).reshape(part.shape))
    out = np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0]
    if tensor.ndim == 3:
        return out
    return np.ascontiguousarray(np.moveaxis(out.reshape(*tensor.shape[1:3], frames, channels), 2, 0))
