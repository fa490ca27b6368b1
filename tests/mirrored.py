"""Mirror images for tests, made by the augmentation that training uses."""

from __future__ import annotations

import numpy as np

from mer_tf.preprocessing.augment import Change, apply_change

MIRROR = Change(mirror=True)


def mirror(array: np.ndarray, kind: str) -> np.ndarray:
    """One array mirrored left to right."""
    return apply_change({"x": array}, {"x": kind}, MIRROR)["x"]


def mirror_motion(motion: np.ndarray) -> np.ndarray:
    """A batch of motion arrays, each mirrored."""
    return np.stack([mirror(one, "motion") for one in motion])


def mirror_landmarks(points: np.ndarray, width: int) -> np.ndarray:
    """Points mirrored in an image of that width."""
    picture = np.zeros((8, width, 1), np.uint8)
    return apply_change({"x": picture, "p": points}, {"x": "image", "p": "landmarks"}, MIRROR)["p"]
