"""Optical strain: how much a flow field deforms, with rigid motion taken out (seeds 001 and 004)."""

from __future__ import annotations

import numpy as np


def strain_tensor(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Components of ``E = (grad w + grad w^T) / 2``.

    Args:
        flow: ``(height, width, 2)`` as (u, v) in pixels; sides >= 2.

    Returns:
        ``exx``, ``eyy``, ``exy`` as ``(height, width)`` float64, without unit. Central differences inside,
        one-sided at the border, spacing of one pixel.
    """
    if not isinstance(flow, np.ndarray) or flow.ndim != 3 or flow.shape[2] != 2 or min(flow.shape[:2]) < 2:
        shape = getattr(flow, "shape", type(flow).__name__)
        raise ValueError(f"flow must be (height, width, 2) with sides >= 2. Received: {shape}")
    if not np.isfinite(flow).all():
        raise ValueError("flow holds values that are not finite")
    u_y, u_x = np.gradient(flow[..., 0].astype(np.float64))
    v_y, v_x = np.gradient(flow[..., 1].astype(np.float64))
    return u_x, v_y, 0.5 * (u_y + v_x)


def optical_strain(flow: np.ndarray) -> np.ndarray:
    """Magnitude of the optical strain.

    Args:
        flow: ``(height, width, 2)`` as (u, v) in pixels.

    Returns:
        ``(height, width)`` float32 >= 0: ``sqrt(exx^2 + eyy^2 + exy^2 + eyx^2)``.

    Assumption: seed 001 writes the tensor itself as third channel; only its Frobenius norm fits three channels.
    """
    exx, eyy, exy = strain_tensor(flow)
    return np.sqrt(exx**2 + eyy**2 + 2.0 * exy**2).astype(np.float32)


def motion(flow: np.ndarray) -> np.ndarray:
    """``(height, width, 3)`` float32: u, v in pixels and the optical strain."""
    return np.concatenate([flow.astype(np.float32), optical_strain(flow)[..., None]], axis=2)
