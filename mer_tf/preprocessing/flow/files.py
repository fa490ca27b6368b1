"""Flow files of the Middlebury benchmark (``.flo``).

Little-endian: float32 202021.25 (the bytes ``PIEH``), int32 width, int32 height, then u and v of every pixel, row by
row, float32.
"""

from __future__ import annotations

import os
import struct

import numpy as np

from mer_tf.atomic import write_bytes

TAG = b"PIEH"
MAX_SIDE = 99_999
_HEADER = struct.Struct("<4sii")


def write_flo(path: str | os.PathLike, flow: np.ndarray) -> None:
    """Writes one field; a file that exists is replaced as a whole.

    Args:
        path: File to write.
        flow: ``(height, width, 2)`` float32, pixels; sides 1 to 99,999. Every bit is kept, NaN too.

    Raises:
        ValueError: Another shape.
        TypeError: Not an array, or not float32 (other types would not come back as they were).
    """
    if not isinstance(flow, np.ndarray) or flow.dtype.newbyteorder("=") != np.float32:
        raise TypeError(f"flow must be a float32 array. Received: {getattr(flow, 'dtype', type(flow).__name__)}")
    if flow.ndim != 3 or flow.shape[2] != 2 or not all(1 <= side <= MAX_SIDE for side in flow.shape[:2]):
        raise ValueError(f"flow must be (height, width, 2) with sides 1 to {MAX_SIDE}. Received: {flow.shape}")
    height, width = flow.shape[:2]
    data = _HEADER.pack(TAG, width, height) + np.ascontiguousarray(flow, "<f4").tobytes()
    write_bytes(path, data)


def read_flo(path: str | os.PathLike) -> np.ndarray:
    """Reads one field.

    Args:
        path: File to read.

    Returns:
        ``(height, width, 2)`` float32, pixels, bit for bit as in the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Wrong tag, a side below 1 or above 99,999, or a file shorter or longer than its header says.
    """
    with open(path, "rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise ValueError(f"{path}: {len(header)} bytes are too short for a flow file")
        tag, width, height = _HEADER.unpack(header)
        if tag != TAG:
            raise ValueError(f"{path}: not a flow file (it starts with {tag!r} instead of {TAG!r})")
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise ValueError(f"{path}: the header gives {width}x{height}; sides must be 1 to {MAX_SIDE}")
        expected = _HEADER.size + 8 * width * height
        # Compared before anything is read: a small file may announce many gigabytes.
        size = os.fstat(file.fileno()).st_size
        if size != expected:
            raise ValueError(f"{path}: {size} bytes instead of {expected} for {width}x{height}")
        data = file.read(8 * width * height)
    return np.frombuffer(data, "<f4").reshape(height, width, 2).astype(np.float32)
