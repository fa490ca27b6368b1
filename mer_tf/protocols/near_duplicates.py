"""Frames that stand under two subjects: found by a perceptual hash of small gray pictures.

The same file filed under two people, or one person's clip re-encoded, resized or brightened, would be trained on and
tested on. Names cannot show it; pictures do. The hash holds 480 signs (+, -, or 0 where flat) of the horizontal and
vertical differences of a 16 x 16 picture; a pair whose signs nearly agree counts when the differences themselves
correlate too.

Measured on 24 drawn frames of 12 subjects in front of one background: copies (JPEG quality 50 and 90, half size,
brightness and contrast, noise of 6 gray levels) differ in at most 0.015 of the signs and 0.0016 in correlation, frames
of two subjects in at least 0.092 and 0.026, other clips of one subject in at least 0.063 and 0.018. JPEG quality 20
(0.08) and a crop (0.07) are beyond the limit: they may be missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mer_tf.errors import ClipError, ConfigError, LeakageError
from mer_tf.types import Clip

SIDE = 16
BITS = 2 * SIDE * (SIDE - 1)
MAX_DISTANCE = 0.03  # share of the signs that may differ
MAX_DECORRELATION = 0.005  # 1 - correlation of the differences
FLAT = 0.1  # of the picture's standard deviation; smaller differences are noise of a flat background
_BLOCK = 4096


def thumbnail(image: np.ndarray) -> np.ndarray:
    """A small gray picture of a frame.

    Args:
        image: uint8 (height, width) gray or (height, width, 3) RGB, at least 16 x 16.

    Returns:
        float32 (16, 16), 0..255, area means.

    Raises:
        ConfigError: Another shape, or smaller.
    """
    import cv2

    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 3:
        image = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    if image.ndim != 2 or min(image.shape) < SIDE:
        raise ConfigError(f"a frame must be gray or RGB and at least {SIDE} x {SIDE}. Received shape: {image.shape}")
    return cv2.resize(image.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def perceptual_hash(thumbnails: np.ndarray) -> np.ndarray:
    """Signs of the differences of neighbouring cells.

    Args:
        thumbnails: float (frames, 16, 16).

    Returns:
        int8 (frames, 480), each 1, -1, or 0 where flat; all 0 for a frame without contrast (black or white), which
        resembles nothing.
    """
    pictures = _pictures(thumbnails)
    spread = pictures.std(axis=(1, 2))
    differences = _differences(pictures)
    signs = np.where(np.abs(differences) > FLAT * spread[:, None], np.sign(differences), 0).astype(np.int8)
    signs[spread < 1] = 0
    return signs


def find_near_duplicates(
    thumbnails: np.ndarray, subject_keys: Sequence[str], max_distance: float = MAX_DISTANCE
) -> list[tuple[int, int, float]]:
    """Pairs of frames of different subjects whose hashes nearly agree.

    Args:
        thumbnails: float (frames, 16, 16), see ``thumbnail``.
        subject_keys: ``dataset/subject`` of each frame.
        max_distance: Largest share of differing signs, 0..1.

    Returns:
        ``(first, second, share of differing signs)`` with first < second, nearest first.

    Raises:
        ConfigError: Wrong shape, or lists of different lengths.
    """
    signs = perceptual_hash(thumbnails).astype(np.float32)
    if len(subject_keys) != len(signs):
        raise ConfigError(f"each frame needs one subject key. Received: {len(signs)}, {len(subject_keys)}")
    slopes = _differences(_pictures(thumbnails))
    slopes = slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-6)
    subjects = np.unique(np.asarray(subject_keys, dtype=str), return_inverse=True)[1].reshape(-1)
    sharp = np.abs(signs).sum(axis=1)
    pairs = []
    for start in range(0, len(signs), _BLOCK):  # a block of rows at a time bounds the memory
        block = slice(start, start + _BLOCK)
        most = np.maximum((sharp[block, None] + sharp[None, :]) / 2, 1)
        distance = (1 - signs[block] @ signs.T / most) / 2
        near = (distance <= max_distance) & (subjects[block, None] != subjects[None, :])
        near &= (sharp[block, None] > 0) & (sharp[None, :] > 0)
        for i, j in zip(*np.nonzero(near)):
            first = start + int(i)
            if first < j and 1 - float(slopes[first] @ slopes[j]) <= MAX_DECORRELATION:
                pairs.append((first, int(j), float(distance[i, j])))
    return sorted(pairs, key=lambda pair: (pair[2], pair[0], pair[1]))


def check_no_near_duplicates(
    thumbnails: np.ndarray,
    subject_keys: Sequence[str],
    clip_keys: Sequence[str],
    max_distance: float = MAX_DISTANCE,
) -> None:
    """Stops when one picture stands under two subjects.

    Args:
        thumbnails: float (frames, 16, 16), see ``thumbnail``.
        subject_keys: ``dataset/subject`` of each frame.
        clip_keys: ``dataset/subject/clip`` of each frame.
        max_distance: See ``find_near_duplicates``.

    Raises:
        LeakageError: Names both clips of the nearest pair, and how many more there are.
    """
    pairs = find_near_duplicates(thumbnails, subject_keys, max_distance)
    if not pairs:
        return
    names = list(dict.fromkeys(tuple(sorted((clip_keys[i], clip_keys[j]))) for i, j, _ in pairs))
    first, second = names[0]
    raise LeakageError(
        f"clips {first} and {second} of two subjects hold nearly the same frame "
        f"({pairs[0][2]:.1%} of the signs of their hashes differ)"
        + (f", and {len(names) - 1} more pairs of clips do" if len(names) > 1 else "")
        + "; one of them is filed under a wrong subject: correct or leave out one"
    )


def clip_thumbnails(
    clips: Sequence[Clip], progress: Callable[[int, int], None] | None = None
) -> tuple[np.ndarray, list[str], list[str]]:
    """Thumbnails of the onset frames of clips.

    Args:
        clips: Clips whose frames are on disk.
        progress: Called with (clips done, clips in all).

    Returns:
        Thumbnails float32 (clips, 16, 16), subject keys, clip keys; a clip whose onset frame cannot be read is left
        out, since reading and counting such clips is the preprocessing's work.
    """
    from mer_tf.preprocessing.images import decode_image, read_picture, significant_bits

    pictures, subjects, names = [], [], []
    for done, clip in enumerate(clips, start=1):
        try:
            data = read_picture(clip.frame_path(clip.onset))
            pictures.append(thumbnail(decode_image(data, bits=significant_bits([data])[0])))
            subjects.append(clip.subject_key)
            names.append(clip.key)
        except (ClipError, ConfigError, KeyError):  # damaged, smaller than a thumbnail, or not there
            pass
        if progress is not None:
            progress(done, len(clips))
    return np.array(pictures, np.float32).reshape(-1, SIDE, SIDE), subjects, names


def _pictures(thumbnails: np.ndarray) -> np.ndarray:
    pictures = np.asarray(thumbnails, np.float32)
    if pictures.ndim != 3 or pictures.shape[1:] != (SIDE, SIDE):
        raise ConfigError(f"thumbnails must have shape (frames, {SIDE}, {SIDE}). Received: {pictures.shape}")
    return pictures


def _differences(pictures: np.ndarray) -> np.ndarray:
    across = np.diff(pictures, axis=2).reshape(len(pictures), BITS // 2)
    down = np.diff(pictures, axis=1).reshape(len(pictures), BITS // 2)
    return np.concatenate([across, down], axis=1)
