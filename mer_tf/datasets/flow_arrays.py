"""Flow fields in files, in pixels: Middlebury's ``.flo``, and NumPy's ``.npy`` and ``.npz``.

An array is ``(height, width, 2)`` or ``(2, height, width)``: u and v in pixels, y down. A third channel (some write
the strain there) is not read: the strain is computed. An ``.npz`` holds ``u`` and ``v``, or ``flow``, or one array.
"""

from __future__ import annotations

import os

import numpy as np

from mer_tf.errors import ImageError
from mer_tf.files import oddity, read_npy, read_npz
from mer_tf.preprocessing.areas import area_weights
from mer_tf.preprocessing.flow import read_flo
from mer_tf.preprocessing.strain import motion

MAX_BYTES = 2**27  # 4096 x 4096, two channels of float32


def read_flow_array(path: str | os.PathLike, clip: str = "") -> np.ndarray:
    """Reads one field.

    Args:
        path: The file; its ending says what it is.
        clip: Clip key for messages.

    Returns:
        ``(side, side, 2)`` float32: u and v in pixels.

    Raises:
        ImageError: No regular file, too large or damaged, no such array, not square, or values that are not finite.
    """
    path = os.fspath(path)
    found = oddity(path)
    if not found and os.path.getsize(path) > MAX_BYTES:
        found = f"of {os.path.getsize(path):,} bytes; at most {MAX_BYTES:,} are read"
    if found:
        raise ImageError(f"file {os.path.basename(path)!r} is {found}", clip)
    try:
        ending = path.lower().rpartition(".")[2]
        flow = read_flo(path) if ending == "flo" else _of_numpy(path, ending)
        if flow.shape[0] != flow.shape[1] or len(flow) < 2:
            raise ValueError(f"it is {flow.shape[1]}x{flow.shape[0]}; the field of a square face crop is expected")
        if not np.isfinite(flow).all():
            raise ValueError("it holds values that are not finite")
    except (ValueError, OSError) as error:
        raise ImageError(f"file {os.path.basename(path)!r}: {str(error).removeprefix(f'{path}: ')}", clip) from error
    return flow


def sized_motion(flow: np.ndarray, side: int) -> np.ndarray:
    """u, v and strain of a field at another size.

    Args:
        flow: ``(height, width, 2)`` in pixels.
        side: Side of the square in pixels.

    Returns:
        ``(side, side, 3)`` float32: the field by area means (enlarged: bilinear), u and v in pixels of that size, and
        the strain computed from these. A field of that size stays as it is.
    """
    if flow.shape[:2] != (side, side):
        height, width = flow.shape[:2]
        flow = np.einsum("ij,jkc->ikc", area_weights(height, side), flow)
        flow = np.einsum("lk,ikc->ilc", area_weights(width, side), flow)
        flow = (flow * np.array([side / width, side / height])).astype(np.float32)
    return motion(flow)


def _of_numpy(path: str, ending: str) -> np.ndarray:
    if ending == "npy":
        flow = read_npy(path)
    else:
        arrays = read_npz(path, MAX_BYTES)
        if {"u", "v"} <= set(arrays):
            u, v = (np.squeeze(arrays[name]) for name in "uv")
            if u.shape != v.shape:
                raise ValueError(f"u is {u.shape} and v is {v.shape}")
            flow = np.stack([u, v], axis=-1)
        elif "flow" in arrays or len(arrays) == 1:
            flow = arrays.get("flow", next(iter(arrays.values())))
        else:
            raise ValueError(f"it holds {', '.join(arrays) or 'nothing'}; u and v, flow, or one array are expected")
    if flow.dtype.kind not in "fiu":
        raise ValueError(f"it holds {flow.dtype}, no numbers")
    if flow.ndim == 3 and flow.shape[0] in (2, 3) and flow.shape[2] not in (2, 3):
        flow = np.moveaxis(flow, 0, -1)
    if flow.ndim != 3 or flow.shape[2] not in (2, 3):
        raise ValueError(f"it is an array of {flow.shape}; (height, width, 2) is expected: u and v in pixels")
    return flow[..., :2].astype(np.float32)
