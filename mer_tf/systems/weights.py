"""Weights from files, checked against the model before anything is trained."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.files import MAX_WEIGHTS, check_hdf5, check_unpacked

if TYPE_CHECKING:
    import keras

__all__ = ["load_model_weights", "read_saved_config"]

_NOT_SAVED = (zipfile.BadZipFile, KeyError, ValueError, OSError, RuntimeError, NotImplementedError)


def load_model_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Replaces all weights of ``model`` by those of a file.

    Args:
        model: Built Keras model; after an error some of its weights may already be those of the file.
        path: ``.keras`` (a whole saved model, of which the weights are taken) or ``.weights.h5``.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: The file is of another kind, is damaged, or holds the weights of another model or of another
            number of classes.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise MissingFileError(f"there is no weights file {path}")
    if path.name.endswith(".weights.h5"):
        _load(model, path, path)
    elif path.suffix == ".keras":
        with tempfile.TemporaryDirectory() as folder:
            try:
                with _opened(path) as archive:
                    weights = pathlib.Path(archive.extract("model.weights.h5", folder))
            except _NOT_SAVED as error:
                raise ConfigError(f"{path} is not a saved Keras model: {error}") from error
            _check_kind(model, read_saved_config(path), path)
            _load(model, weights, path)
    else:
        raise ConfigError(
            f"weights come from a .keras or .weights.h5 file, or by layer name from an .npz. Received: {path}"
        )


def read_saved_config(path: str | os.PathLike) -> dict:
    """What a ``.keras`` file says of its model, as plain data; nothing of it is built.

    Raises:
        ConfigError: It is no such file.
    """
    try:
        with _opened(path) as archive:
            saved = json.loads(archive.read("config.json"))
    except _NOT_SAVED as error:
        raise ConfigError(f"{path} is not a saved Keras model: {error}") from error
    if not isinstance(saved, dict):
        raise ConfigError(f"{path} is not a saved Keras model: its config is no object")
    return saved


@contextlib.contextmanager
def _opened(path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(path) as archive:
        check_unpacked(archive, MAX_WEIGHTS)
        yield archive


def _check_kind(model, saved: dict, path: pathlib.Path) -> None:
    kind, config = saved.get("class_name"), saved.get("config") or {}
    if kind != type(model).__name__:
        raise ConfigError(f"{path} holds the weights of {kind}, not of {type(model).__name__} ({model.name})")
    classes, own = config.get("num_classes"), getattr(model, "num_classes", None)
    if classes != own:
        raise ConfigError(f"{path} holds {kind} for {classes} classes, but this model has {own}")


def _load(model, weights: pathlib.Path, path: pathlib.Path) -> None:
    try:
        check_hdf5(weights)
        model.load_weights(str(weights))
    except (ValueError, KeyError, OSError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"the weights in {path} do not fit model {model.name!r} with {getattr(model, 'num_classes', '?')} classes; "
            f"use a file of the same model, options and classes ({reason})"
        ) from error
