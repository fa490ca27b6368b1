"""Optical strain in TensorFlow operations; see ``mer_tf.preprocessing.strain``."""

from __future__ import annotations

import tensorflow as tf

from mer_tf.preprocessing.strain import squared_strain


def flow_derivatives(flow: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Derivatives of a flow field.

    Args:
        flow: ``(..., height, width, 2)`` float32 as (u, v) in pixels; sides >= 2.

    Returns:
        ``u_x``, ``u_y``, ``v_x``, ``v_y`` as ``(..., height, width)`` float32. Central differences inside, one-sided
        at the border.

    Raises:
        ValueError: Another rank or last axis, or a side known to be under 2.
    """
    flow = tf.convert_to_tensor(flow)
    sides = flow.shape[-3:-1] if flow.shape.rank is not None and flow.shape.rank >= 3 else (0,)
    if flow.shape[-1] != 2 or any(side is not None and side < 2 for side in sides):
        raise ValueError(f"flow must be (..., height, width, 2) with sides >= 2. Received: {flow.shape}")
    u_y, v_y = tf.unstack(_along(flow, "rows"), axis=-1)
    u_x, v_x = tf.unstack(_along(flow, "columns"), axis=-1)
    return u_x, u_y, v_x, v_y


def strain_tensor(flow: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """``exx``, ``eyy``, ``exy`` of ``(..., height, width, 2)`` flow, each ``(..., height, width)``."""
    u_x, u_y, v_x, v_y = flow_derivatives(flow)
    return u_x, v_y, 0.5 * (u_y + v_x)


def optical_strain(flow: tf.Tensor, form: str = "frobenius") -> tf.Tensor:
    """Magnitude of the optical strain.

    Args:
        flow: ``(..., height, width, 2)`` float32 as (u, v) in pixels; sides >= 2.
        form: One of ``mer_tf.preprocessing.strain.STRAIN_FORMS``.

    Returns:
        ``(..., height, width)`` float32 >= 0, as ``mer_tf.preprocessing.strain.strain`` up to rounding.
    """
    return tf.sqrt(squared_strain(form, *flow_derivatives(flow)))


def _along(flow: tf.Tensor, axis: str) -> tf.Tensor:
    axis = -3 if axis == "rows" else -2
    rest = (slice(None),) * (-axis - 1)

    def part(start, stop):
        return flow[(..., slice(start, stop), *rest)]

    first = part(1, 2) - part(0, 1)
    inside = 0.5 * (part(2, None) - part(None, -2))
    last = part(-1, None) - part(-2, -1)
    return tf.concat([first, inside, last], axis=axis)
