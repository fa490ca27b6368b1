"""Weight files of LiteFlowNet: the package's own, and the published one, read without PyTorch.

The package's file is an ``.npz`` of float32 arrays by the names of ``weight_shapes``, in Keras's layout. The
published one is a PyTorch state dictionary (``network-default.pytorch`` of github.com/sniklaus/pytorch-liteflownet),
or the same arrays by the same names as ``.npz``.

A PyTorch file is a pickle, which may run code when it is opened. The reader here opens it with a table of the six
names that a state dictionary needs, and gives each a harmless meaning; any other name stops it.
"""

from __future__ import annotations

import collections
import io
import math
import os
import pickle
import struct
import zipfile

import numpy as np

from mer_tf.atomic import write_bytes
from mer_tf.errors import BadInputError, MissingFileError
from mer_tf.files import check_unpacked, read_npz

MAX_BYTES = 256 * 2**20  # of a weight file, packed or unpacked; the published one has 22 MB
HOW_TO_GET = (
    "convert the published file network-default.pytorch (github.com/sniklaus/pytorch-liteflownet, mind its licence) "
    "with 'mer flow convert network-default.pytorch liteflownet.npz', or train with "
    "'mer flow train --out liteflownet.npz'"
)

_STAGES = ("One", "Two", "Thr", "Fou", "Fiv", "Six")  # the published names of the six levels of features
_CHANNELS = (32, 32, 64, 96, 128, 192)
_CONVOLUTIONS = (1, 3, 2, 2, 1, 1)
_WINDOW = {2: 7, 3: 5, 4: 5, 5: 3, 6: 3}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_ITEM = {"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2"}


def read_weights(path: str | os.PathLike | None) -> dict[str, np.ndarray]:
    """Weights from the package's own file.

    Args:
        path: Written by ``write_weights``.

    Returns:
        Name -> float32 array, exactly those of ``weight_shapes``.

    Raises:
        MissingFileError: No path, or no such file.
        BadInputError: Not such a file, or an array is missing, of another shape, or not finite.
    """
    if path is None or not os.path.isfile(path):
        found = "no weights file was given" if path is None else f"no weights file {os.fspath(path)}"
        raise MissingFileError(f"LiteFlowNet needs trained weights, and {found}; {HOW_TO_GET}")
    arrays = _read_npz(path)
    if not arrays.keys() & weight_shapes().keys() and any("." in name for name in arrays):
        raise BadInputError(
            f"{os.fspath(path)} holds a PyTorch state dictionary; convert it first: "
            f"mer flow convert {os.fspath(path)} liteflownet.npz"
        )
    return _checked(arrays, weight_shapes(), path)


def write_weights(path: str | os.PathLike, weights: dict[str, np.ndarray]) -> None:
    """Writes the package's own file; the old one or the new one is there at any time, never half of it."""
    buffer = io.BytesIO()
    np.savez(buffer, **_checked(weights, weight_shapes(), path))
    write_bytes(path, buffer.getvalue())


def convert(source: str | os.PathLike, out: str | os.PathLike) -> int:
    """Converts the published weights to the package's own file.

    Args:
        source: PyTorch file, or ``.npz`` of a state dictionary's arrays by name.
        out: File to write.

    Returns:
        Number of weights.

    Raises:
        MissingFileError: No such file.
        BadInputError: Not a state dictionary of this network.
    """
    weights = from_state_dict(read_state_dict(source), source)
    write_weights(out, weights)
    return sum(array.size for array in weights.values())


def read_state_dict(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Arrays of a PyTorch state dictionary by name, from a ``torch.save`` file of either format or from ``.npz``.

    Raises:
        MissingFileError: No such file.
        BadInputError: Not such a file, or it asks for anything beyond plain tensors.
    """
    if not os.path.isfile(path):
        raise MissingFileError(f"no weights file {os.fspath(path)}; {HOW_TO_GET}")
    if os.path.getsize(path) > MAX_BYTES:
        raise BadInputError(f"{os.fspath(path)} has {os.path.getsize(path)} bytes; expected at most {MAX_BYTES}")
    if not zipfile.is_zipfile(path):
        return _guarded(_read_legacy, path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith(".npy") for name in names):
        return _read_npz(path)
    return _guarded(_read_zip, path)


def from_state_dict(state: dict[str, np.ndarray], path: str | os.PathLike = "the state dictionary"):
    """The published arrays by the package's names and in Keras's layout.

    Args:
        state: Arrays by published name; both spellings, ``netFeatures`` and ``moduleFeatures``, are known.
        path: Named in errors.

    Raises:
        BadInputError: An array is missing, left over, of another shape, or not finite.
    """
    state = {name.replace("module", "net"): array for name, array in state.items()}
    table = _table()
    state = _checked(state, {published: shape for published, _, shape in table}, path)
    return {name: _to_keras(state[published], weight_shapes()[name]) for published, name, _ in table}


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Names of all weights, ``layer/kernel`` and ``layer/bias``, and their shapes in Keras's layout."""
    shapes = {}
    for published, name, shape in _table():
        if len(shape) == 1:
            shapes[name] = shape
        elif "Up" in published:
            shapes[name] = (*shape[2:], shape[0], 1)
        else:
            shapes[name] = (*shape[2:], shape[1], shape[0])
    return shapes


def _to_keras(array, shape):
    if array.ndim == 1:
        return array
    # (out, in, rows, columns) to (rows, columns, in, out); of the grouped upsampling (channels, 1, ..) to (.., 1).
    return np.ascontiguousarray(array.transpose((2, 3, 0, 1) if shape[-1] == 1 and _grouped(array) else (2, 3, 1, 0)))


def _grouped(array):
    return array.shape[1] == 1 and array.shape[2:] == (4, 4)


def _table() -> list[tuple[str, str, tuple[int, ...]]]:
    """(published name, own name, published shape) of all weights."""
    rows = []

    def conv(published, own, before, after, rows_, columns):
        rows.append((f"{published}.weight", f"{own}/kernel", (after, before, rows_, columns)))
        rows.append((f"{published}.bias", f"{own}/bias", (after,)))

    def chain(published, own, before, widths, last=None):
        # Convolutions and their activations are numbered together, so the numbers of convolutions are even.
        for number, after in enumerate(widths):
            side = last if last and number == len(widths) - 1 else 3
            conv(f"{published}.{2 * number}", f"{own}_conv{number + 1}", before, after, side, side)
            before = after

    def upsample(published, own, channels):
        rows.append((f"{published}.weight", f"{own}/kernel", (channels, 1, 4, 4)))

    before = 3
    for level, (stage, channels, count) in enumerate(zip(_STAGES, _CHANNELS, _CONVOLUTIONS), start=1):
        published, own = f"netFeatures.net{stage}", f"features_{level}"
        chain(published, own, before, (channels,) * count, last=7 if level == 1 else None)
        before = channels
    for level, window in _WINDOW.items():
        channels = _CHANNELS[level - 1]
        seen = 64 if level == 2 else channels
        for part, title in (("matching", "Matching"), ("subpixel", "Subpixel")):
            published, own = f"net{title}.{level - 2}", f"{part}_{level}"
            if level == 2:
                conv(f"{published}.netFeat.0", f"{own}_features", channels, seen, 1, 1)
            if part == "matching" and level != 6:
                upsample(f"{published}.netUpflow", f"{own}_upsample_flow", 2)
            if part == "matching" and level < 4:
                upsample(f"{published}.netUpcorr", f"{own}_upsample_cost", 49)
            into = 49 if part == "matching" else 2 * seen + 2
            chain(f"{published}.netMain", own, into, (128, 64, 32, 2), last=window)
        published, own = f"netRegularization.{level - 2}", f"regularisation_{level}"
        if level < 5:
            conv(f"{published}.netFeat.0", f"{own}_features", channels, 128, 1, 1)
        into = (channels if level >= 5 else 128) + 3
        chain(f"{published}.netMain", own, into, (128, 128, 64, 64, 32, 32))
        square = window**2
        if level >= 5:
            conv(f"{published}.netDist.0", f"{own}_distance1", 32, square, window, window)
        else:
            conv(f"{published}.netDist.0", f"{own}_distance1", 32, square, window, 1)
            conv(f"{published}.netDist.1", f"{own}_distance2", square, square, 1, window)
        for axis in "xy":
            conv(f"{published}.netScale{axis.upper()}", f"{own}_sum_{axis}", square, 1, 1, 1)
    return rows


def _checked(arrays, shapes, path) -> dict[str, np.ndarray]:
    """float32 arrays, all of ``shapes`` and no other."""
    missing, left_over = sorted(shapes.keys() - arrays.keys()), sorted(arrays.keys() - shapes.keys())
    if missing or left_over:
        what = f"lacks {missing[0]!r}" if missing else f"holds the unknown {left_over[0]!r}"
        raise BadInputError(
            f"{os.fspath(path)} does not hold the weights of LiteFlowNet: it {what} "
            f"({len(missing)} missing, {len(left_over)} unknown of {len(shapes)}); {HOW_TO_GET}"
        )
    result = {}
    for name, shape in shapes.items():
        array = np.asarray(arrays[name])
        if array.shape != shape or array.dtype.kind != "f":
            raise BadInputError(
                f"{os.fspath(path)}: {name} must be floats of shape {shape}. Received: {array.dtype} {array.shape}"
            )
        result[name] = np.ascontiguousarray(array, np.float32)
        if not np.isfinite(result[name]).all():
            raise BadInputError(f"{os.fspath(path)}: {name} holds values that are not finite")
    return result


def _read_npz(path) -> dict[str, np.ndarray]:
    try:
        return read_npz(path, MAX_BYTES)
    except ValueError as error:
        raise BadInputError(f"{os.fspath(path)} is not a readable .npz file: {error}; {HOW_TO_GET}") from None


class _Storage:
    """Numbers of one or more tensors; filled once the file's pickle has been read."""

    def __init__(self, kind: str, size: int):
        self.dtype = np.dtype("<" + kind)
        self.size = size
        self.values = None

    def fill(self, data: bytes) -> None:
        if len(data) != self.size * self.dtype.itemsize:
            raise ValueError(f"a storage has {len(data)} bytes, expected {self.size * self.dtype.itemsize}")
        self.values = np.frombuffer(data, self.dtype)


class _Tensor:
    """A view of a storage, as the file describes it."""

    def __init__(self, storage, offset, size, stride, *_unused):
        self.storage, self.offset, self.size, self.stride = storage, offset, tuple(size), tuple(stride)

    def array(self) -> np.ndarray:
        numbers = (self.offset, *self.size, *self.stride)
        if not isinstance(self.storage, _Storage) or len(self.size) != len(self.stride) or len(self.size) > 8:
            raise ValueError("a tensor is not described as expected")
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError("a tensor has a size that is not a whole number")
        count = math.prod(self.size)
        last = self.offset + sum((side - 1) * step for side, step in zip(self.size, self.stride))
        # Steps of zero could describe an array far larger than its storage.
        if count > self.storage.size or (count and last >= self.storage.size):
            raise ValueError("a tensor reaches beyond its storage")
        if not count:
            return np.zeros(self.size, self.storage.dtype)
        bytes_ = tuple(step * self.storage.dtype.itemsize for step in self.stride)
        view = np.lib.stride_tricks.as_strided(self.storage.values[self.offset :], self.size, bytes_, writeable=False)
        return np.array(view)


class _State(collections.OrderedDict):
    """Stands for ``OrderedDict``; drops the attributes that a state dictionary carries."""

    def __setstate__(self, state):
        pass


class _Reader(pickle.Unpickler):
    """Unpickler that knows what a state dictionary needs and nothing else."""

    def __init__(self, file):
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

        # Functions of this reader alone and strings: a pickle may set attributes of whatever it is given.
        def tensor(*description):
            return _Tensor(*description)

        def state():
            return _State()

        self._names = {
            ("collections", "OrderedDict"): state,
            ("torch._utils", "_rebuild_tensor_v2"): tensor,
            ("torch._utils", "_rebuild_tensor"): tensor,
            **{("torch", name): kind for name, kind in _ITEM.items()},
        }

    def find_class(self, module, name):
        try:
            return self._names[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no weights need") from None

    def persistent_load(self, pid):
        tag, kind, key, _device, size, *view = pid
        if tag != "storage" or kind not in _ITEM.values() or any(item is not None for item in view):
            raise pickle.UnpicklingError("a storage is not described as expected")
        if not isinstance(key, str) or not isinstance(size, int) or not 0 <= size <= MAX_BYTES:
            raise pickle.UnpicklingError("a storage is not described as expected")
        return self.storages.setdefault(key, _Storage(kind, size))


def _read_zip(path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        check_unpacked(archive, MAX_BYTES)
        pickles = [name for name in archive.namelist() if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("it holds no data.pkl")
        folder = pickles[0][: -len("data.pkl")]
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("it is not little-endian")
        reader = _Reader(io.BytesIO(archive.read(pickles[0])))
        state = reader.load()
        for key, storage in reader.storages.items():
            storage.fill(archive.read(f"{folder}data/{key}"))
    return _arrays(state)


def _read_legacy(path) -> dict[str, np.ndarray]:
    """Files of PyTorch before 1.6: three small pickles, the dictionary, the storages' keys, then their numbers."""
    with open(path, "rb") as stream:
        file = io.BytesIO(stream.read())  # its size was looked at before
    if _Reader(file).load() != _LEGACY_MAGIC or _Reader(file).load() != 1001:
        raise ValueError("it does not begin as a PyTorch file does")
    if _Reader(file).load().get("little_endian") is not True:
        raise ValueError("it is not little-endian")
    reader = _Reader(file)
    state = reader.load()
    keys = _Reader(file).load()
    if sorted(keys) != sorted(reader.storages):
        raise ValueError("its storages are not those its tensors name")
    for key in keys:
        storage = reader.storages[key]
        (size,) = struct.unpack("<q", file.read(8))
        if size != storage.size:
            raise ValueError(f"a storage has {size} numbers, expected {storage.size}")
        storage.fill(file.read(size * storage.dtype.itemsize))
    return _arrays(state)


def _arrays(state) -> dict[str, np.ndarray]:
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(tensor, _Tensor) for name, tensor in state.items()
    ):
        raise ValueError("it is not a dictionary of tensors")
    return {name: tensor.array() for name, tensor in state.items()}


def _guarded(read, path):
    # A damaged pickle can fail in any of these ways; all mean the same to whoever gave the file.
    faults = (pickle.UnpicklingError, zipfile.BadZipFile, struct.error, ArithmeticError, LookupError, ValueError)
    faults += (AttributeError, TypeError, EOFError, MemoryError, NotImplementedError, RuntimeError, ImportError)
    try:
        return read(path)
    except faults as error:
        why = str(error) or type(error).__name__
        raise BadInputError(f"{os.fspath(path)} cannot be read as a PyTorch state dictionary: {why}") from None
