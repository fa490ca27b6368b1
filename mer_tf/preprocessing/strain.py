"""Optical strain: how much a flow field deforms, with rigid motion taken out (Dual-ATME 2023 and ATSCNN 2024).

Two published papers and one published program compute something else; their forms are here by name, for comparison
with their numbers. They are not strain: each sees some rigid motion or misses some deformation.
"""

from __future__ import annotations

import numpy as np

from mer_tf.errors import look_up

# Form -> |e|^2 from the four derivatives u_x, u_y, v_x, v_y.
_SQUARES = {
    "frobenius": lambda u_x, u_y, v_x, v_y: u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2,
    "ststnet_misprint": lambda u_x, u_y, v_x, v_y: u_x**2 + v_y**2 + 0.5 * (u_x + u_x) ** 2,
    "swapped_axes": lambda u_x, u_y, v_x, v_y: u_y**2 + v_x**2 + 0.5 * (u_x + v_y) ** 2,
    "off_tanet": lambda u_x, u_y, v_x, v_y: u_x**2 + u_y**2 + 0.5 * (u_y + v_x) ** 2,
}
STRAIN_FORMS = tuple(_SQUARES)


def squared_strain(form: str, u_x, u_y, v_x, v_y):
    """Square of a form's magnitude from the derivatives of u and v; numpy arrays or tensors alike.

    Raises:
        UnknownNameError: No such form.
    """
    return look_up("strain form", form, _SQUARES)(u_x, u_y, v_x, v_y)


def flow_derivatives(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives of a flow field.

    Args:
        flow: ``(..., height, width, 2)`` as (u, v) in pixels; sides >= 2.

    Returns:
        ``u_x``, ``u_y``, ``v_x``, ``v_y`` as ``(..., height, width)`` float64, without unit. Central differences
        inside, one-sided at the border, spacing of one pixel.

    Raises:
        ValueError: Another shape, or values that are not finite.
    """
    if not isinstance(flow, np.ndarray) or flow.ndim < 3 or flow.shape[-1] != 2 or min(flow.shape[-3:-1]) < 2:
        shape = getattr(flow, "shape", type(flow).__name__)
        raise ValueError(f"flow must be (..., height, width, 2) with sides >= 2. Received: {shape}")
    if not np.isfinite(flow).all():
        raise ValueError("flow holds values that are not finite")
    u_y, u_x = np.gradient(flow[..., 0].astype(np.float64), axis=(-2, -1))
    v_y, v_x = np.gradient(flow[..., 1].astype(np.float64), axis=(-2, -1))
    return u_x, u_y, v_x, v_y


def strain_tensor(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Components of ``E = (grad w + grad w^T) / 2``.

    Args:
        flow: ``(..., height, width, 2)`` as (u, v) in pixels; sides >= 2.

    Returns:
        ``exx``, ``eyy``, ``exy`` as ``(..., height, width)`` float64, without unit; see ``flow_derivatives``.
    """
    u_x, u_y, v_x, v_y = flow_derivatives(flow)
    return u_x, v_y, 0.5 * (u_y + v_x)


def strain(flow: np.ndarray, form: str = "frobenius") -> np.ndarray:
    """Magnitude of the optical strain.

    Args:
        flow: ``(..., height, width, 2)`` as (u, v) in pixels; sides >= 2.
        form: ``"frobenius"``: ``sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2)``, the norm of the tensor.
            ``"ststnet_misprint"``: ``u_x`` twice inside the shear bracket, as the STSTNet paper prints it.
            ``"swapped_axes"``: derivatives along rows taken for x, as one public toolbox has it.
            ``"off_tanet"``: ``u_y`` instead of ``v_y``, as Off-TANet has it.

    Returns:
        ``(..., height, width)`` float32 >= 0.

    Raises:
        ValueError: Another shape, or values that are not finite.
        UnknownNameError: No such form.

    Assumption: Dual-ATME 2023 writes the tensor itself as third channel; only its Frobenius norm fits three channels.
    Assumption: of ``"swapped_axes"`` it is known that x and y change places in the derivatives and that ``u_y`` and
        ``v_x`` are squared apart; the sum is then ``sqrt(u_y^2 + v_x^2 + (u_x + v_y)^2 / 2)``.
    Assumption: STSTNet's and Off-TANet's forms differ from the norm in the one place named, nowhere else.
    """
    return np.sqrt(squared_strain(form, *flow_derivatives(flow))).astype(np.float32)


def optical_strain(flow: np.ndarray) -> np.ndarray:
    """``strain`` in its Frobenius form, ``(..., height, width)`` float32."""
    return strain(flow)


def motion(flow: np.ndarray, form: str = "frobenius") -> np.ndarray:
    """``(..., height, width, 3)`` float32: u, v in pixels and the optical strain."""
    return np.concatenate([flow.astype(np.float32), strain(flow, form)[..., None]], axis=-1)
