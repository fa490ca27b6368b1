"""Augmentation of motion tensors and landmarks, with the sign rules that flow needs."""

from __future__ import annotations

import numpy as np

from mer_tf.recipes import Recipe

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


def mirror_motion(motion: np.ndarray) -> np.ndarray:
    """Mirrors motion left to right: columns reversed, u negated, v and strain kept.

    Args:
        motion: ``(..., height, width, 3)`` as u, v, strain, flow in pixels (not scaled to a range).

    Returns:
        A new array of the same shape and dtype.

    Source: seed 001, random mirror in training.
    """
    if motion.ndim < 3 or motion.shape[-1] != 3:
        raise ValueError(f"motion must be (..., height, width, 3). Received: {motion.shape}")
    mirrored = motion[..., ::-1, :].copy()
    mirrored[..., 0] = -mirrored[..., 0]
    return mirrored


def mirror_network_input(tensors: dict[str, np.ndarray], recipe: Recipe) -> dict[str, np.ndarray]:
    """Mirrors a batch of network inputs, whatever their normalisation.

    Args:
        tensors: As ``network_input`` gives them: ``(batch, side, side, channels)``.
        recipe: Their recipe.

    Returns:
        What ``network_input`` would give for mirrored motion (up to one 8-bit level on exact ties): u is negated,
        under ``"minmax"`` it becomes ``1 - u``, and a constant u stays at zero.
    """
    mirrored = {}
    for name, tensor in tensors.items():
        tensor = np.asarray(tensor)[..., ::-1, :].copy()
        if name == "u" or not recipe.split_channels:
            u = tensor[..., 0]
            if recipe.normalisation == "minmax":
                alive = np.any(u != 0, axis=(-2, -1), keepdims=True)
                tensor[..., 0] = np.where(alive, 1.0 - u, u)
            else:
                tensor[..., 0] = -u
        mirrored[name] = tensor
    return mirrored


def mirror_landmarks(landmarks: np.ndarray, width: int) -> np.ndarray:
    """Mirrors ``(68, 2)`` points in an image ``width`` pixels wide: x to ``width - 1 - x``, left and right swapped."""
    landmarks = np.asarray(landmarks, dtype=np.float64)
    if landmarks.shape != (68, 2):
        raise ValueError(f"landmarks must be (68, 2). Received: {landmarks.shape}")
    mirrored = landmarks[list(MIRROR_68)].copy()
    mirrored[:, 0] = width - 1 - mirrored[:, 0]
    return mirrored
