"""Arrays of a run in memory that its worker processes look into, in place of a copy for each of them."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
from collections.abc import Iterator

import numpy as np

from mer_tf.training.data import MotionData


class _Shared:
    """An array in an anonymous file of this process; unpickled in another, it is the array itself, read only."""

    def __init__(self, file: int, array: np.ndarray):
        self._file, self._shape, self._dtype = file, array.shape, array.dtype
        os.ftruncate(file, array.nbytes)
        mapped = np.memmap(f"/proc/self/fd/{file}", self._dtype, "r+", shape=self._shape)
        mapped[...] = array

    def __reduce__(self):
        return _look_into, (os.getpid(), self._file, self._shape, self._dtype.str)


def _look_into(process: int, file: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.asarray(np.memmap(f"/proc/{process}/fd/{file}", dtype, "r", shape=shape))


@contextlib.contextmanager
def shared(data: MotionData) -> Iterator[MotionData]:
    """The same clips to be sent to worker processes: however many there are, their arrays are in memory once.

    The memory belongs to no file that has a name, so nothing is left behind when all processes have ended, however that
    came about. A process may open the arrays as long as the ``with`` block runs, and keeps what it has opened.

    Args:
        data: Clips; they are not changed.

    Yields:
        What is pickled in place of ``data``; for nothing else.
    """
    if not hasattr(os, "memfd_create"):  # not Linux: every process gets a copy
        yield data
        return
    with contextlib.ExitStack() as stack:
        tensors = {}
        for name, array in data.tensors.items():
            file = os.memfd_create("mer-tf")
            stack.callback(os.close, file)
            tensors[name] = _Shared(file, np.asarray(array))
        sent = copy.copy(data)
        # Without what was computed on the way, such as the same clips in another form.
        own = {field.name for field in dataclasses.fields(data)}
        vars(sent).update(tensors=tensors)
        for name in set(vars(sent)) - own:
            del vars(sent)[name]
        yield sent
