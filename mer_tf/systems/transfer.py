"""Transfer of weights by layer name: from ImageNet to residual networks, from one network to another.

Source: Wang et al., Micro-Attention for Micro-Expression Recognition, section 4: the residual network starts from
ImageNet, is trained on macro-expressions, then gets the attention units and is trained on micro-expressions. Ren et
al., Applied Sciences 2024, 14(17) 7755, section 3.2: the residual network of ASTNet starts from ImageNet.

Related networks name layers of equal task alike (``mer_tf.systems.micro_attention.trunk``, ``mer_tf.layers.residual``),
so a weight is moved when its name, ``<layer>/<weight>``, exists on both sides. Nothing is changed unless everything
fits.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import pathlib
import zipfile
from collections.abc import Mapping

import keras
import numpy as np

from mer_tf import atomic
from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.files import check_hdf5, read_npz
from mer_tf.systems.registry import MODELS
from mer_tf.systems.weights import load_model_weights, read_saved_config

HEAD = "probabilities"
HEADS = ("new", "copy")
_MAX_OPTION = 1 << 13  # of a number among a network's options: widths, frames, sides

# One residual stage of an 18-layer network has two units; the published network keeps the first.
_STAGES = ((1, "block64"), (2, "block128"), (3, "block256"), (4, "block512"))
_TORCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


@dataclasses.dataclass(frozen=True)
class TransferReport:
    """What a transfer did, by names ``<layer>/<weight>``.

    Attributes:
        taken: Weights of the target that now hold the source's values.
        new: Weights of the target that kept their own initial values.
        unused: Weights of the source that went nowhere.
    """

    taken: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]

    def to_json(self) -> dict:
        """Plain dictionary, for a passport."""
        return {key: list(value) for key, value in dataclasses.asdict(self).items()}

    def __str__(self):
        layers = sorted({name.split("/")[0] for name in self.new} - {name.split("/")[0] for name in self.taken})
        return f"{len(self.taken)} weights taken, {len(self.new)} new ({', '.join(layers) or 'no whole layer'})"


def initialise(model: keras.Model, path: str | os.PathLike, *, head: str = "new") -> TransferReport:
    """Starts a network from the weights in a file, as far as the file has them.

    Args:
        model: A network of this package.
        path: As ``read_named_weights``. Either weights by the model's own layer names or, for a network that contains
            ResNet-18 (``ASTNet``, ``ResNet18``, both streams of ``GEME``) or its pre-activation form
            (``ResidualNetwork``, ``ComplexAttention``, ``MicroAttention``), an ImageNet ResNet-18 under torchvision's
            names (``conv1.weight``, ``layer1.0.conv1.weight``, ...); for the latter form also under the names of the
            pre-activation network in Keras (``conv0``, ``stage1_unit1_conv1``, ...). The first convolution is summed
            over RGB where the pre-activation form takes gray pictures.
        head: ``"new"`` leaves the classifier as it is, ``"copy"`` takes it too, which needs the same number of
            classes. Defaults to ``"new"``: the classes of the two trainings differ.

    Returns:
        What was taken and what is new.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: The file cannot be read, holds nothing for this model, or a shape differs (all are named).
    """
    weights = read_named_weights(path)
    source = _own_names(weights, model)
    try:
        return put_named_weights(model, source, head=head)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def copy_weights(source: keras.Model, target: keras.Model, *, head: str = "new") -> TransferReport:
    """Copies from one model to the other what has the same layer name, for example after pre-training.

    Args:
        source: For example a trained ``ResidualNetwork``.
        target: For example a ``MicroAttention``; its attention units keep their initial weights.
        head: As ``initialise``.

    Raises:
        ConfigError: No name is common, or a shape differs (all are named); the target is unchanged.
    """
    return put_named_weights(target, named_weights(source), head=head)


def put_named_weights(model: keras.Model, source: Mapping[str, np.ndarray], *, head: str = "new") -> TransferReport:
    """Sets the weights whose names are in ``source``; see ``copy_weights``."""
    if head not in HEADS:
        raise ConfigError(f"`head` must be one of {HEADS}. Received: {head!r}")
    variables = _variables(model)
    # The state of dropout, whole numbers, is a weight to Keras, but belongs to the seed of a training.
    variables = {name: variable for name, variable in variables.items() if "int" not in str(variable.dtype)}
    source = {name: array for name, array in source.items() if not np.issubdtype(np.asarray(array).dtype, np.integer)}
    names = [name for name in variables if name in source and (head == "copy" or not name.startswith(f"{HEAD}/"))]
    if not any(not name.startswith(f"{HEAD}/") for name in names):
        raise ConfigError(
            f"none of the weights is of a layer of {model.name!r}; its layers are called "
            f"{', '.join(list(variables)[:3])}, ..., those given {', '.join(sorted(source)[:3])}, ..."
        )
    wrong = [
        f"{name} is {tuple(np.shape(source[name]))}, the model has {tuple(variables[name].shape)}"
        for name in names
        if tuple(np.shape(source[name])) != tuple(variables[name].shape)
    ]
    if wrong:
        raise ConfigError(f"weights do not fit model {model.name!r}: {'; '.join(wrong)}")
    bad = [name for name in names if not np.isfinite(source[name]).all()]
    if bad:
        raise ConfigError(f"weights hold values that are not finite: {', '.join(bad)}")
    for name in names:
        variables[name].assign(source[name])
    taken = set(names)
    return TransferReport(
        taken=tuple(names),
        new=tuple(name for name in variables if name not in taken),
        unused=tuple(sorted(name for name in source if name not in taken)),
    )


def named_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """All weights of a model, moving statistics too, by ``<layer>/<weight>``."""
    return {name: np.array(variable) for name, variable in _variables(model).items()}


def write_named_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes ``named_weights`` as ``.npz``; the file appears whole or not at all."""
    path = pathlib.Path(path)
    if path.suffix != ".npz":
        raise ConfigError(f"named weights are written as .npz. Received: {path}")
    with atomic.whole(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **named_weights(model))


def read_named_weights(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Weights of a file by name.

    Args:
        path: ``.npz`` of named arrays (``<layer>/<weight>``, or torchvision's names), ``.h5`` / ``.hdf5`` of Keras
            weights by layer name, or ``.keras`` of a model of this package.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: The file is of another kind or cannot be read.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise MissingFileError(f"there is no weight file {path}")
    readers = {".npz": read_npz, ".h5": _read_h5, ".hdf5": _read_h5, ".keras": _read_keras}
    if path.suffix in (".pth", ".pt"):
        raise ConfigError(
            f"{path} is a file of PyTorch, which mer-tf does not install; write its arrays as .npz where PyTorch is: "
            f"numpy.savez({path.stem + '.npz'!r}, **{{k: v.numpy() for k, v in torch.load({path.name!r}).items()}})"
        )
    if path.suffix not in readers:
        raise ConfigError(f"{path} must end in {', '.join(readers)} to be read as weights")
    try:
        weights = readers[path.suffix](path)
    except ConfigError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path} cannot be read as weights: {' '.join(str(error).split())[:200]}") from error
    if not weights:
        raise ConfigError(f"{path} holds no weights")
    return weights


def _read_h5(path):
    import h5py

    check_hdf5(path)
    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        if "layer_names" not in root.attrs:
            raise ConfigError(
                f"{path} does not name its layers (Keras's .weights.h5 numbers them); "
                "save the weights as .npz with write_named_weights, or the whole model as .keras"
            )
        weights = {}
        for layer in root.attrs["layer_names"]:
            layer = _text(layer)
            for name in root[layer].attrs["weight_names"]:
                inner = _text(name).split(":")[0].removeprefix(f"{layer}/")
                weights[f"{layer}/{inner}"] = root[layer][_text(name)][()]
        return weights


def _read_keras(path):
    # Not by keras.models.load_model, which builds whatever classes and functions the file names.
    saved = read_saved_config(path)
    kinds = {}
    for card in MODELS.values():
        if card.is_network:
            module, _, name = card.builder.partition(":")
            kinds[name] = getattr(importlib.import_module(module), name)
    kind, options = kinds.get(str(saved.get("class_name"))), saved.get("config")
    if kind is None or not isinstance(options, dict):
        raise ConfigError(f"{path} holds no model of this package (class {str(saved.get('class_name'))[:80]!r})")
    large = [name for name, value in options.items() if isinstance(value, int | float) and not value <= _MAX_OPTION]
    if large:
        raise ConfigError(f"{path}: option {large[0]!r} of the model is above {_MAX_OPTION}, as in no network here")
    model = kind.from_config(options)
    load_model_weights(model, path)
    return named_weights(model)


def _text(name):
    return name.decode() if isinstance(name, bytes) else str(name)


def _variables(model):
    variables = {}
    for layer in model.layers:
        for variable in layer.weights:
            # Keras 2 has the scope in the name, Keras 3 in the path.
            path = getattr(variable, "path", variable.name).split(":")[0]
            variables[f"{layer.name}/{path.split(f'{layer.name}/', 1)[-1]}"] = variable
    return variables


def _own_names(weights, model):
    if "conv1.weight" in weights:
        weights = _from_torchvision(weights, model)
    elif "conv0/kernel" in weights:
        weights = _from_preactivation(weights)
    else:
        return weights if set(weights) & set(_variables(model)) else _with_prefixes(weights, model)
    first = weights.get("conv1/kernel")
    if getattr(model, "channels", 1) == 1 and first is not None and first.ndim == 4 and first.shape[2] == 3:
        weights["conv1/kernel"] = first.sum(axis=2, keepdims=True)
    return weights


def _from_preactivation(weights):
    layers = {"conv0": "conv1", "bn0": "conv1_bn", "bn1": "tail_bn"}
    for stage, block in _STAGES:
        unit = f"stage{stage}_unit1"
        layers |= {
            f"{unit}_conv1": f"{block}_conv1",
            f"{unit}_bn2": f"{block}_conv1_bn",
            f"{unit}_conv2": f"{block}_conv2",
            # The first block has no normalisation of its own before it, and no projection.
            **({f"{unit}_bn1": f"{block}_in_bn", f"{unit}_sc": f"{block}_shortcut"} if stage > 1 else {}),
        }
    renamed = {}
    for name, value in weights.items():
        layer, _, weight = name.rpartition("/")
        renamed[f"{layers[layer]}/{weight}" if layer in layers else name] = value
    return renamed


def _from_torchvision(weights, model):
    renamed = {}
    targets = _torchvision_layers(model)
    for name, value in weights.items():
        layer, _, weight = name.rpartition(".")
        for own in targets.get(layer, ()):
            if np.ndim(value) == 4:
                renamed[f"{own}/kernel"] = np.transpose(value, (2, 3, 1, 0))  # OIHW -> HWIO
            elif weight in _TORCH_NORM:
                renamed[f"{own}/{_TORCH_NORM[weight]}"] = value
            else:
                renamed[name] = value
        if layer not in targets:
            renamed[name] = value
    return renamed


def _with_prefixes(weights, model):
    """A ResNet-18's own weights, without its classifier, for each of several in the model, as in ``GEME``."""
    trunks = _trunks(model) or [""]
    body = {name: value for name, value in weights.items() if not name.startswith(f"{HEAD}/")}
    return {f"{trunk}{name}": value for name, value in body.items() for trunk in trunks}


def _trunks(model) -> list[str]:
    """Prefixes of the trunks of ``mer_tf.layers.residual``; GEME has two."""
    return [layer.name.removesuffix("stem_conv") for layer in model.layers if layer.name.endswith("stem_conv")]


def _torchvision_layers(model) -> dict[str, list[str]]:
    """torchvision's name of a layer of ResNet-18 -> the model's layers that do the same."""
    trunks = _trunks(model)
    if trunks:
        parts = {"conv1": "stem_conv", "bn1": "stem_bn"}
        for block in (f"layer{stage}.{unit}" for stage in (1, 2, 3, 4) for unit in (0, 1)):
            own = block.replace(".", "_")
            parts |= {f"{block}.{part}": f"{own}_{part}" for part in ("conv1", "bn1", "conv2", "bn2")}
            parts |= {f"{block}.downsample.0": f"{own}_down_conv", f"{block}.downsample.1": f"{own}_down_bn"}
        return {theirs: [trunk + own for trunk in trunks] for theirs, own in parts.items()}
    parts = {"conv1": "conv1", "bn1": "conv1_bn"}
    for stage, block in _STAGES:
        unit = f"layer{stage}.0"
        parts |= {
            f"{unit}.conv1": f"{block}_conv1",
            f"{unit}.bn1": f"{block}_conv1_bn",
            f"{unit}.conv2": f"{block}_conv2",
            f"{unit}.downsample.0": f"{block}_shortcut",
        }
    return {theirs: [own] for theirs, own in parts.items()}
