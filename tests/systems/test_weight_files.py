"""Every reader of weight files: nothing in a file is run, and no file takes more memory than it may."""

from __future__ import annotations

import io
import json
import os
import pickle
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

from mer_tf.errors import BadInputError
from mer_tf.preprocessing.flow.liteflownet_weights import read_state_dict, read_weights
from mer_tf.preprocessing.magnify.weights import load_magnifier
from mer_tf.systems.atscnn.atscnn import ATSCNN
from mer_tf.systems.transfer import named_weights, read_named_weights
from mer_tf.systems.weights import load_model_weights

OPTIONS = {"num_classes": 3, "size": 16, "literal_head": True}


@pytest.fixture(scope="module")
def model():
    return ATSCNN(**OPTIONS)


@pytest.fixture
def readers(model):
    """Reader by name -> (function of a path, endings that it takes)."""
    return {
        "named": (read_named_weights, (".npz", ".h5", ".hdf5", ".keras")),
        "whole": (lambda path: load_model_weights(model, path), (".keras", ".weights.h5")),
        "magnifier": (load_magnifier, (".npz",)),
        "flow": (read_weights, (".npz",)),
        "published flow": (read_state_dict, (".npz", ".pytorch")),
    }


READERS = ("named", "whole", "magnifier", "flow", "published flow")


class Attack:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def lambda_model(mark):
    inputs = keras.Input((2,))
    code = f"__import__('pathlib').Path({str(mark)!r}).touch() or x"
    layer = keras.layers.Lambda(eval(f"lambda x: {code}"), output_shape=(2,))
    return keras.Model(inputs, layer(inputs))


def hostile(kind: str, path, mark):
    """Writes a file of a kind under any name."""
    if kind == "pickle in npz":
        buffer = io.BytesIO()
        np.savez(buffer, settings=np.array([Attack(str(mark))], dtype=object), a=np.zeros(2))
        path.write_bytes(buffer.getvalue())
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Attack(str(mark))))
    elif kind in ("lambda in hdf5", "lambda in keras"):
        made = path.with_name("made.h5" if kind.endswith("hdf5") else "made.keras")
        lambda_model(mark).save(made)
        os.replace(made, path)
        mark.unlink(missing_ok=True)  # building it ran it
    elif kind == "bomb":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("config.json", "model.weights.h5", "settings.npy", "data.pkl"):
                with archive.open(name, "w", force_zip64=True) as file:
                    for _ in range(1 if name == "config.json" else 8):
                        file.write(bytes(1 << 24))
            _claim(archive, 1 << 40)
    elif kind == "header":
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("settings.npy", "a.npy"):
                archive.writestr(name, header.getvalue())
    elif kind == "hdf5 bomb":
        with h5py.File(path, "w") as file:
            group = file.create_group("layer")
            group.create_dataset("kernel", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")
            group.attrs["weight_names"], file.attrs["layer_names"] = ["kernel"], ["layer"]
    elif kind == "hdf5 link":
        with h5py.File(path.with_name("other.h5"), "w") as file:
            file["kernel"] = np.zeros(3)
        with h5py.File(path, "w") as file:
            group = file.create_group("layer")
            group["kernel"] = h5py.ExternalLink("other.h5", "/kernel")
            group.attrs["weight_names"], file.attrs["layer_names"] = ["kernel"], ["layer"]


def _claim(archive, size):
    """Lets the directory say that the files are large, as that of a bomb does; what is in them does not matter."""
    for entry in archive.infolist():
        entry.file_size = size


KINDS = ("pickle in npz", "pickle", "lambda in hdf5", "lambda in keras", "bomb", "header", "hdf5 bomb", "hdf5 link")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_a_hostile_file_is_refused_and_not_run(readers, reader, kind, tmp_path):
    read, endings = readers[reader]
    for ending in endings:
        path, mark = tmp_path / f"file{ending}", tmp_path / "ran"
        hostile(kind, path, mark)
        tracemalloc.start()
        try:
            with pytest.raises(BadInputError, match="file"):
                read(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert not mark.exists()
        assert peak < 100 << 20


def test_a_saved_model_is_read_without_what_its_file_names(tmp_path, model):
    path = tmp_path / "model.keras"
    model.save(path)
    found = read_named_weights(path)
    for name, value in named_weights(model).items():
        np.testing.assert_array_equal(found[name], value)

    def rewritten(**changes):
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "other.keras", "w") as other:
            saved = json.loads(archive.read("config.json"))
            other.writestr(
                "config.json",
                json.dumps({**saved, **changes, "config": {**saved["config"], **changes.get("config", {})}}),
            )
            other.writestr("model.weights.h5", archive.read("model.weights.h5"))
        return tmp_path / "other.keras"

    with pytest.raises(BadInputError, match="no model of this package"):
        read_named_weights(rewritten(class_name="Popen", module="subprocess"))
    with pytest.raises(BadInputError, match="'size' of the model is above"):
        read_named_weights(rewritten(config={"size": 10**9}))
