"""Weight files of the learned magnifier: plain named arrays, the same on every Keras version.

A file is a NumPy archive: one float32 array ``<convolution>`` (height, width, in, out) for each convolution, and
``settings``, JSON text with the network's constructor arguments and what the training was. The same weights give the
same bytes.
"""

from __future__ import annotations

import inspect
import io
import json
import os

import keras
import numpy as np

from mer_tf import atomic
from mer_tf.errors import BadInputError, MissingFileError
from mer_tf.files import read_npz
from mer_tf.preprocessing.magnify.network import MotionMagnifier

FORMAT = "mer_tf motion magnifier 1"
_SETTINGS = "settings"
_MAX_BYTES = 256 * 2**20  # of one file; the published width has 3.7 MB


def save_weights(model: MotionMagnifier, path: str | os.PathLike, facts: dict | None = None) -> None:
    """Writes the weights of a network, whole or not at all.

    Args:
        model: The network.
        path: File to write, customarily ``.npz``.
        facts: JSON-able facts of the training, kept in the file.
    """
    network = {key: value for key, value in model.get_config().items() if key not in ("name", "seed")}
    settings = {"format": FORMAT, "network": network, "training": facts or {}}
    arrays = {name: np.asarray(layer.get_weights()[0]) for name, layer in _convolutions(model).items()}
    buffer = io.BytesIO()
    np.savez(buffer, **{_SETTINGS: np.array(json.dumps(settings, sort_keys=True))}, **arrays)
    atomic.write_bytes(path, buffer.getvalue())


def training_facts(path: str | os.PathLike) -> dict | None:
    """The facts of the training that a weight file holds; None of a file that is none."""
    try:
        facts = _read(path)[0].get("training")
    except (BadInputError, MissingFileError):
        return None
    return facts if isinstance(facts, dict) else None


def load_magnifier(path: str | os.PathLike) -> MotionMagnifier:
    """The network of a weight file.

    Raises:
        MissingFileError: There is no such file; names the training command.
        BadInputError: Not a weight file, damaged, or of another network than it says.
    """
    settings, arrays = _read(path)
    try:
        network = _checked(settings["network"], arrays)
        model = MotionMagnifier(**network)
    except (TypeError, ValueError, KeyError) as error:
        raise BadInputError(f"{path}: the settings in the file do not make a network ({error})") from error
    layers = _convolutions(model)
    wrong = sorted(set(layers) ^ set(arrays)) or [
        name for name, layer in layers.items() if layer.get_weights()[0].shape != arrays[name].shape
    ]
    if wrong:
        raise BadInputError(f"{path}: the weights are not those of the network it names (first difference: {wrong[0]})")
    for name, layer in layers.items():
        layer.set_weights([arrays[name]])
    return model


def _read(path) -> tuple[dict, dict[str, np.ndarray]]:
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise MissingFileError(
            f"no weights of the learned magnifier at {path}; train them with: mer magnify train --out {path}"
        )
    refused = f"{path} is not a weight file of the learned magnifier, as 'mer magnify train' writes it"
    try:
        arrays = read_npz(path, _MAX_BYTES)
        settings = json.loads(str(arrays.pop(_SETTINGS)))
    except (ValueError, KeyError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise BadInputError(f"{refused} ({why})") from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise BadInputError(f"{refused} (format {FORMAT!r} was expected)")
    if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values()):
        raise BadInputError(f"{refused}: arrays must be finite float32")
    return settings, arrays


def _checked(network: dict, arrays: dict[str, np.ndarray]) -> dict:
    """The constructor arguments, if the arrays fit their size: so a small file cannot ask for a huge network."""
    unknown = set(network) - set(inspect.signature(MotionMagnifier).parameters)
    if unknown:
        raise ValueError(f"unknown setting {min(unknown)!r}")
    first, last = arrays.get("encoder_conv1"), f"decoder_block{network['decoder_blocks']}_conv1"
    if first is None or first.shape[-1] * 2 != network["width"] or last not in arrays:
        raise ValueError(f"no weights of width {network['width']!r} and {network['decoder_blocks']!r} decoder blocks")
    return network


def _convolutions(model: MotionMagnifier) -> dict[str, keras.layers.Conv2D]:
    parts = (model.encoder, model.manipulator, model.decoder)
    return {layer.name: layer for part in parts for layer in part.layers if isinstance(layer, keras.layers.Conv2D)}
