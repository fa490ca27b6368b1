"""Networks of users: a function or class of a Python file (``path/to/net.py:build``), or one that an installed package
announces under the entry points ``mer_tf.models``.

Such code runs when, and only when, a user names it. What it builds is an ordinary Keras model:

* it is called with ``num_classes`` and ``seed`` where it takes arguments of these names, and with ``--option``;
* its inputs have the shapes of the recipe's tensors; the recipe's names are not needed;
* its output is one row of probabilities per clip.

Beside it the file may hold ``CARD``, a dictionary: ``recipe`` (name, or path of a JSON file from the folder of the
file), ``preset`` (training settings) or ``presets`` (several, by name), ``paper`` and ``input`` (words for people).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.files import check_regular
from mer_tf.plugins import installed, load
from mer_tf.recipes import Recipe
from mer_tf.recipes.own import is_file_name
from mer_tf.systems.card import ModelCard

if TYPE_CHECKING:
    import keras

GROUP = "mer_tf.models"  # entry points of packages that bring networks
PRESET = "own"  # name of the preset where a card has but one
ATTRIBUTE = "build"
CARD_KEYS = ("recipe", "preset", "presets", "paper", "input")
_NAME = re.compile(r"(?s:(.+\.py))(?::([A-Za-z_]\w*))?")
_TOLERANCE = 1e-3


def in_file(name: str) -> bool:
    """Whether a model's name is that of a Python file; nothing is looked at."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def full_name(name: str) -> str:
    """The name with the whole path and the name of the function, as other processes find it."""
    found = _NAME.fullmatch(name)
    return name if found is None else f"{os.path.abspath(found[1])}:{found[2] or ATTRIBUTE}"


def short_name(name: str) -> str:
    """The name without the folder, as people see it and as runs are compared; any other name as it is.

    Example:
        >>> short_name("/home/me/nets/net.py:build"), short_name("ststnet")
        ('net.py:build', 'ststnet')
    """
    found = _NAME.fullmatch(name)
    return name if found is None else f"{os.path.basename(found[1])}:{found[2] or ATTRIBUTE}"


def card_of(name: str) -> ModelCard:
    """The card of a user's network; its code is loaded, and nothing is built.

    Raises:
        MissingFileError, BadInputError: The file cannot be read.
        ConfigError: It cannot be loaded, has nothing of that name, or its ``CARD`` is none.
    """
    name = full_name(name)
    _, given = _load(name)
    where = f"CARD of {short_name(name)}"
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where} must be a dictionary. Received: {given!r}")
    for key in given:
        if key not in CARD_KEYS:
            raise UnknownNameError(f"key of {where}:", key, CARD_KEYS)
    presets = given.get("presets", {PRESET: given.get("preset", {})})
    if "preset" in given and "presets" in given:
        raise ConfigError(f"{where} has both preset and presets; give one")
    if not isinstance(presets, Mapping) or not presets or not all(isinstance(v, Mapping) for v in presets.values()):
        raise ConfigError(f"{where}: a preset must be a dictionary of training settings. Received: {presets!r}")
    words = {key: given.get(key, "") for key in ("recipe", "paper", "input")}
    for key, value in words.items():
        if not isinstance(value, str):
            raise ConfigError(f"{where}: {key} must be text. Received: {value!r}")
    if is_file_name(words["recipe"]):
        words["recipe"] = os.path.normpath(os.path.join(os.path.dirname(_file(name)), words["recipe"]))
    return ModelCard(
        name=name,
        paper_id="",
        paper=words["paper"] or "a network of the user's own",
        input=words["input"],
        recipe=words["recipe"],
        presets={key: dict(value) for key, value in presets.items()},
        sources={key: dict.fromkeys(value, where) for key, value in presets.items()},
        builder=name,
        confidence="exact",
    )


def code_digest(name: str) -> str:
    """SHA-256 over the file of a user's network and the files beside it that it imports; nothing runs.

    Raises:
        MissingFileError, BadInputError: The file cannot be read.
    """
    path = _file(full_name(name))
    check_regular(path, "model file", "give --model FILE.py:NAME")
    digest, root = hashlib.sha256(), _root(path)
    for file in sorted(_imported(path, root)):
        with open(file, "rb") as stream:
            digest.update(f"{os.path.relpath(file, root)}\n".encode(errors="surrogateescape") + stream.read())
    return digest.hexdigest()


def build_own(name: str, num_classes: int, options: Mapping, seed: int | None) -> keras.Model:
    """What the user's function or class builds.

    The global generators are seeded, since its layers may draw from them.

    Raises:
        UnknownNameError: It takes no such option.
        ConfigError: It raises an error, or gives no Keras model.
    """
    import keras

    name = full_name(name)
    builder, _ = _load(name)
    told = short_name(name)
    try:
        parameters = inspect.signature(builder).parameters
    except (TypeError, ValueError) as error:
        raise ConfigError(f"model {told} cannot be called: {error}") from error
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = [key for key, value in parameters.items() if value.kind in named]
    if not any(value.kind == value.VAR_KEYWORD for value in parameters.values()):
        for key in options:
            if key not in known:
                raise UnknownNameError(f"option of model {told}:", key, known)
    arguments = {key: value for key, value in (("num_classes", num_classes), ("seed", seed)) if key in known}
    if seed is not None:
        keras.utils.set_random_seed(seed)
    with _found(_file(name)):
        try:
            model = builder(**{**arguments, **options})
        except Exception as error:  # whatever the code of a user raises
            raise ConfigError(
                f"model {told} cannot be built: {type(error).__name__}: {error} (MER_DEBUG=1 shows where)"
            ) from error
    if not isinstance(model, keras.Model):
        raise ConfigError(
            f"model {told} must give a keras.Model; it gave {type(model).__name__}. --model names a function that "
            "returns one, or its class"
        )
    return model


def fit_to_recipe(model: keras.Model, recipe: Recipe, num_classes: int, name: str) -> keras.Model:
    """The same network (its weights are the model's own) with inputs by the names of the recipe's tensors.

    Args:
        model: What the user built.
        recipe: Recipe of its inputs.
        num_classes: Width that its output must have.
        name: Its name.

    Raises:
        ConfigError: Its inputs are not the recipe's, its output has another shape, or is no probability.
    """
    import keras

    told = short_name(name)
    inputs = {key: keras.Input(shape, name=key) for key, shape in recipe.network_inputs.items()}
    with _called(name, recipe):
        output = model(_arranged(model, inputs, recipe, told))
    if isinstance(output, list | tuple) and len(output) == 1:
        output = output[0]
    shape = tuple(getattr(output, "shape", ()))
    if len(shape) != 2 or shape[-1] != num_classes:
        gave = f"{shape[-1]} numbers" if len(shape) == 2 else f"shape {shape}" if shape else type(output).__name__
        raise ConfigError(
            f"model {told} must give {num_classes} probabilities for each clip, one for each class; it gave {gave}. "
            "Let it take the argument num_classes"
        )
    fitted = keras.Model(inputs, output)
    random = np.random.default_rng(0)
    batch = {key: random.uniform(0, 1, (2, *shape)).astype(np.float32) for key, shape in recipe.network_inputs.items()}
    with _called(name, recipe):
        found = np.asarray(fitted(batch, training=False), np.float64)
    if not (found.min() >= -_TOLERANCE and abs(found.sum(axis=1) - 1).max() <= _TOLERANCE):  # NaN neither
        raise ConfigError(
            f"model {told} must give probabilities, which sum to 1; for random input it gave "
            f"{found[0].round(3).tolist()}. End it with a softmax"
        )
    return fitted


@contextlib.contextmanager
def _called(name: str, recipe: Recipe) -> Iterator[None]:
    """Turns what a network raises on the recipe's tensors into ``ConfigError``."""
    with _found(_file(full_name(name))):
        try:
            yield
        except ConfigError:
            raise
        except Exception as error:  # whatever the code of a user raises
            said = " ".join(str(error).split())[:300]
            raise ConfigError(
                f"model {short_name(name)} does not take what recipe {recipe.name!r} yields "
                f"({_shapes(recipe.network_inputs)}): {type(error).__name__}: {said}"
            ) from error


def _arranged(model, inputs: dict, recipe: Recipe, told: str):
    """The recipe's tensors in the structure in which the model takes them."""
    tensors = list(inputs.values())
    try:
        structure, own = model.input, list(model.inputs)
    except (AttributeError, ValueError):  # a subclass of Model, or a Sequential without Input
        return tensors[0] if len(tensors) == 1 else inputs
    names = [tensor.name.split(":")[0] for tensor in own]
    shapes = [tuple(tensor.shape[1:]) for tensor in own]
    if set(names) <= set(inputs):
        chosen = [inputs[key] for key in names]
    elif len(own) == len(tensors):
        chosen = tensors
    else:
        chosen = [tensor for tensor in tensors if _fits(shapes[0], tensor)]
    if len(chosen) != len(own) or not all(map(_fits, shapes, chosen)):
        raise ConfigError(
            f"model {told} takes {_shapes(dict(zip(names, shapes)))}, but recipe {recipe.name!r} yields "
            f"{_shapes(recipe.network_inputs)}; take another recipe, or name the network's inputs like the recipe's"
        )
    if isinstance(structure, dict):
        return dict(zip(sorted(structure), chosen))  # the order of ``model.inputs``
    return list(chosen) if isinstance(structure, list | tuple) else chosen[0]


def _fits(shape, tensor) -> bool:
    wanted = tuple(tensor.shape[1:])
    return len(shape) == len(wanted) and all(own in (None, size) for own, size in zip(shape, wanted))


def _shapes(inputs: Mapping) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in inputs.items())


# ---- loading ----------------------------------------------------------------------------------------------------


def _load(name: str) -> tuple[object, object]:
    """The function or class, and ``CARD`` (an empty dictionary where there is none)."""
    if not in_file(name):
        found = load(GROUP, name)
        if not callable(found):
            raise ConfigError(f"model {name!r} of a package must be a function or class. Received: {found!r}")
        return found, getattr(sys.modules.get(found.__module__), "CARD", {})
    path, _, attribute = name.rpartition(":")
    module = _module(path, code_digest(name))
    if not callable(getattr(module, attribute, None)):
        own = [
            key
            for key, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", "") == module.__name__ and not key.startswith("_")
        ]
        raise ConfigError(
            f"{path} has no function or class {attribute!r}"
            + (f"; it has {', '.join(own)}: give for example --model {os.path.basename(path)}:{own[0]}" if own else "")
        )
    return getattr(module, attribute), getattr(module, "CARD", {})


@functools.lru_cache(maxsize=32)
def _module(path: str, digest: str):
    """The module of a file; one of another digest is another module, so that an edited file is loaded anew."""
    name = f"mer_own_{digest[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # of a file that ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _found(path):
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if not isinstance(error, Exception | SystemExit):
                raise
            raise ConfigError(
                f"model file {path!r} cannot be loaded: {type(error).__name__}: {error} (MER_DEBUG=1 shows where)"
            ) from error
    return module


@contextlib.contextmanager
def _found(path: str) -> Iterator[None]:
    """Modules beside the file are found, as where Python runs it."""
    before = list(sys.path)
    sys.path[:0] = dict.fromkeys((os.path.dirname(path), _root(path)))
    try:
        yield
    finally:
        sys.path[:] = before


def _file(name: str) -> str:
    if in_file(name):
        return name.rpartition(":")[0]
    spec = importlib.util.find_spec(installed(GROUP)[name].module)
    if spec is None or not spec.origin:
        raise ConfigError(f"model {name!r} of a package: its module {installed(GROUP)[name].module} is absent")
    return spec.origin


def _root(path: str) -> str:
    """The folder from which the file is imported: the one above its packages."""
    folder = os.path.dirname(path)
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def _imported(path: str, root: str) -> set[str]:
    """The file and whatever it imports, also from inside functions, of what lies beside it."""
    found: set[str] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            with open(file, "rb") as stream:
                nodes = list(ast.walk(ast.parse(stream.read())))
            for node in nodes:
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        waiting += _of_module(alias.name, {root, os.path.dirname(path)})
                elif isinstance(node, ast.ImportFrom):
                    base = os.path.dirname(file)
                    for _ in range(node.level - 1):
                        base = os.path.dirname(base)
                    bases = {base} if node.level else {root, os.path.dirname(path)}
                    for alias in node.names:
                        waiting += _of_module(".".join(filter(None, (node.module, alias.name))), bases)
    return found


def _of_module(dotted: str, bases: set[str]) -> Iterator[str]:
    parts = dotted.split(".")
    for base in bases:
        for count in range(1, len(parts) + 1):
            place = os.path.join(base, *parts[:count])
            yield from filter(os.path.isfile, (f"{place}.py", os.path.join(place, "__init__.py")))
