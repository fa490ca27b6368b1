"""Flags that several verbs share: everything that decides a training, and the number of processes."""

from __future__ import annotations

import argparse
import json
import os
import re

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.files import parse_json
from mer_tf.protocols import PROTOCOLS, get_protocol
from mer_tf.recipes import FACES

# Fields of TrainConfig with a flag of their own that is more than a value; '--set' names the flag.
_FLAGS = {
    "model": "--model",
    "model_code": "--model",
    "preset": "--preset",
    "model_options": "--option",
    "initial_weights": "--initial-weights",
    "seed": "--seed",
    "shuffle_labels": "--shuffle-labels",
}
SHORTCUTS = ("epochs", "learning_rate", "batch_size", "optimizer")
MAX_SEEDS = 1000


def add_training_options(
    parser: argparse.ArgumentParser, *, model: str | None = None, preset: str | None = None, folds: bool = True
) -> None:
    """Adds every flag that ``training_config`` reads.

    Args:
        parser: Parser of a verb.
        model: Default of ``--model``; None makes it required.
        preset: Default of ``--preset``; None for ``"paper"``, or the first that a user's network has.
        folds: Whether the verb cross-validates: adds ``--protocol`` and ``--shuffle-labels``.
    """
    default = "" if model is None else " (default: %(default)s)"
    parser.add_argument(
        "--model",
        required=model is None,
        default=model,
        help=f"see 'mer models', or your own network as FILE.py:FUNCTION{default}",
    )
    said = preset or "paper; of your own model the one of its CARD"
    parser.add_argument("--preset", default=preset, help=f"training settings to start from (default: {said})")
    parser.add_argument("--epochs", type=int, help="instead of the preset's")
    parser.add_argument("--learning-rate", type=float, help="instead of the preset's")
    parser.add_argument("--batch-size", type=int, help="instead of the preset's")
    parser.add_argument("--optimizer", help="instead of the preset's: adam, adamw, sgd or sgdw")
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other training setting instead of the preset's, for example loss=focal; once for each",
    )
    parser.add_argument(
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="constructor option of the model, for example sigmoid=false; once for each",
    )
    parser.add_argument(
        "--initial-weights",
        metavar="FILE",
        help="weights that training starts from: .npz or .h5 by layer name ('mer pretrain', ImageNet; layers it lacks "
        "start anew), .keras or .weights.h5 of the same model"
        + (", or a run with --save-models, each fold of which hands its own to the same fold" if folds else ""),
    )
    parser.add_argument("--seed", type=int, default=0, help="global seed (default: %(default)s)")
    if folds:
        parser.add_argument("--protocol", default="loso", help=f"{', '.join(PROTOCOLS)} (default: %(default)s)")
        parser.add_argument(
            "--shuffle-labels",
            action="store_true",
            help="permute the training labels inside each fold: scores must be chance",
        )


def training_config(arguments, *, classes_from_data: bool = True, weights_here: bool = True, only_folds: bool = False):
    """The ``TrainConfig`` that the flags of ``add_training_options`` describe.

    Args:
        arguments: Parsed arguments.
        classes_from_data: Whether the number of classes follows from the labels of the data, so that
            ``--set num_classes`` is refused.
        weights_here: Whether the initial weights must be readable on this machine.
        only_folds: Whether nothing but folds is trained, so that the initial weights may be those of a run's folds.

    Raises:
        UnknownNameError: No such model, preset, protocol or setting.
        ConfigError: A value is out of range, or a setting is given twice.
        MissingFileError: The initial weights are not there.
    """
    from mer_tf.training.config import TrainConfig
    from mer_tf.training.initial import is_run, weights_hash

    if "protocol" in vars(arguments):
        get_protocol(arguments.protocol)
    overrides = {name: getattr(arguments, name) for name in SHORTCUTS if getattr(arguments, name) is not None}
    for name, value in parse_settings(arguments.settings).items():
        if name in overrides:
            raise ConfigError(f"{name} is given twice: by --{name.replace('_', '-')} and by --set")
        if name == "num_classes" and classes_from_data:
            raise ConfigError("--set num_classes: the number of classes follows from the labels of the data")
        overrides[name] = value
    if isinstance(overrides.get("augment"), dict):
        overrides["augment"] = {**_preset(arguments).get("augment", {}), **overrides["augment"]}
    if arguments.options:
        overrides["model_options"] = preset_options(arguments.model, arguments.preset, arguments.options)
    if arguments.initial_weights is not None:
        if is_run(arguments.initial_weights) and not only_folds:
            raise ConfigError(
                f"--initial-weights {arguments.initial_weights} is a folder; one training starts from one file of "
                "weights, and from those that the folds of a run left only the same folds can ('mer loso')"
            )
        if weights_here:
            weights_hash(arguments.initial_weights)
        overrides["initial_weights"] = arguments.initial_weights
    overrides["seed"] = arguments.seed
    overrides["shuffle_labels"] = getattr(arguments, "shuffle_labels", False)
    return TrainConfig.from_preset(arguments.model, arguments.preset, **overrides)


def parse_settings(texts: list[str]) -> dict:
    """``NAME=VALUE`` texts of ``--set`` as values of the types that ``TrainConfig`` declares.

    Raises:
        ConfigError: A text is not of that form, a name stands twice or has a flag of its own, a value is not of the
            setting's type.
        UnknownNameError: ``TrainConfig`` has no such field.
    """
    import dataclasses

    from mer_tf.training.config import TrainConfig

    types = {field.name: str(field.type) for field in dataclasses.fields(TrainConfig)}
    settings: dict = {}
    for name, value in name_value_pairs("--set", texts, "loss=focal").items():
        if name in _FLAGS:
            raise ConfigError(f"--set {name}=...: give it with {_FLAGS[name]}")
        if name not in types:
            raise UnknownNameError("--set name", name, [known for known in types if known not in _FLAGS])
        read, wanted = _READERS.get(types[name], (_json, "JSON"))
        try:
            settings[name] = read(value)
        except (ValueError, ConfigError) as error:
            why = f" ({error})" if isinstance(error, ConfigError) else ""
            raise ConfigError(f"--set {name}={value}: {name} takes {wanted}{why}") from None
    return settings


def split_values(text: str) -> list[str]:
    """The values of a swept setting: parted by commas, but not by those inside brackets, braces or double quotes.

    Raises:
        ConfigError: A value is empty, or a bracket or quote is not closed.

    Example:
        >>> split_values('1e-3,1e-4'), split_values('[7,7],[5,5]'), split_values('{"copies":2,"angle":5}')
        (['1e-3', '1e-4'], ['[7,7]', '[5,5]'], ['{"copies":2,"angle":5}'])
    """
    values, depth, quoted, start = [], 0, False, 0
    for place, sign in enumerate(text):
        if sign == '"' and (not place or text[place - 1] != "\\"):
            quoted = not quoted
        elif not quoted and sign in "[{":
            depth += 1
        elif not quoted and sign in "]}":
            depth -= 1
        elif not quoted and not depth and sign == ",":
            values.append(text[start:place])
            start = place + 1
    values.append(text[start:])
    if quoted or depth or not all(values):
        why = "a value is empty" if not (quoted or depth) else "a bracket or a quote is not closed"
        raise ConfigError(f"{text!r} is no list of values with commas between: {why}")
    return values


def parse_seeds(text: str) -> list[int]:
    """Seeds such as ``0``, ``0-4`` or ``0,2,10-12``, in the order given.

    Raises:
        ConfigError: The text is not of that form, or a seed stands twice.

    Example:
        >>> parse_seeds("0-2,7")
        [0, 1, 2, 7]
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not 0 <= last - first < MAX_SEEDS:
            raise ConfigError(f"--seeds takes numbers such as 0-4 or 0,1,2, at most {MAX_SEEDS}. Received: {text!r}")
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"--seeds {text}: a seed stands twice")
    return seeds


def parse_options(texts: list[str]) -> dict:
    """``NAME=VALUE`` texts of ``--option`` as a dictionary; a value that is not JSON is text.

    Raises:
        ConfigError: A text is not of that form, or a name stands twice.
    """
    options: dict = {}
    for name, value in name_value_pairs("--option", texts, "sigmoid=false").items():
        try:
            options[name] = parse_json(value, f"--option {name}")
        except ConfigError as error:
            if not isinstance(error.__cause__, json.JSONDecodeError):
                raise
            options[name] = value
    return options


def preset_options(model: str, preset: str | None, texts: list[str]) -> dict:
    """The preset's constructor options with those of ``--option`` put over them, inside groups as well.

    Args:
        model: Registry name.
        preset: Name of one of its presets, None for its default one; an unknown one has no options here, and is refused
            where it is used.
        texts: The values of ``--option``.
    """
    from mer_tf.systems.registry import get_model_card

    card = get_model_card(model)
    merged = dict(card.presets.get(preset or card.default_preset, {}).get("model_options", {}))
    for name, value in parse_options(texts).items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if both else value
    return merged


def add_workers(parser: argparse.ArgumentParser, work: str, default: int | None = None) -> None:
    """Adds ``--workers``, which everywhere is the number of processes that share the work of the step under way.

    Args:
        parser: Parser of a verb.
        work: What the processes share, such as ``"the clips"``.
        default: Number of processes; None for one per core.
    """
    said = "one per core" if default is None else "%(default)s"
    parser.add_argument(
        "--workers", type=int, default=default, metavar="N", help=f"processes that share {work} (default: {said})"
    )


def add_faces(parser: argparse.ArgumentParser) -> None:
    """Adds ``--faces``, which ``get_recipe`` takes."""
    parser.add_argument(
        "--faces",
        choices=tuple(FACES),
        help="where a frame shows several faces: leave the clip out (one), or take the best or the largest; another "
        "choice than the recipe's changes its hash (default: as the recipe says, one in all that come with mer-tf)",
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    """Adds ``--force``, without which no verb replaces the result of other settings."""
    parser.add_argument("--force", action="store_true", help="replace what a run with other settings left at --out")


def add_save_models(parser: argparse.ArgumentParser) -> None:
    """Adds ``--save-models``, which ``run_loso`` takes."""
    parser.add_argument(
        "--save-models",
        action="store_true",
        help="also keep the weights of each fold after its last epoch, folds/NAME.weights.h5 beside its predictions; "
        "finished folds without them are trained again",
    )


def worker_count(arguments) -> int:
    """The number that ``--workers`` gives, or the number of cores this process may use.

    Raises:
        ConfigError: It is below 1.
    """
    if arguments.workers is None:
        return len(os.sched_getaffinity(0))
    if arguments.workers < 1:
        raise ConfigError(f"--workers must be at least 1. Received: {arguments.workers}")
    return arguments.workers


def _preset(arguments) -> dict:
    from mer_tf.systems.registry import get_model_card

    card = get_model_card(arguments.model)
    return card.presets.get(arguments.preset or card.default_preset, {})


def name_value_pairs(flag: str, texts: list[str], example: str) -> dict[str, str]:
    """``NAME=VALUE`` texts of a flag as texts by name.

    Raises:
        ConfigError: A text is not of that form, or a name stands twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name or name in pairs:
            why = "stands twice" if name in pairs else "is not NAME=VALUE"
            raise ConfigError(f"{flag} {text} {why}; give for example {flag} {example}")
        pairs[name] = value
    return pairs


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _json(text: str):
    return parse_json(text, "it")


def _object(text: str) -> dict:
    value = _json(text)
    if not isinstance(value, dict):
        raise ValueError
    return value


# Type of a field of TrainConfig -> how its text is read, and what it takes in words.
_READERS = {
    "str": (str, "text"),
    "bool": (_boolean, "true or false"),
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "dict": (_object, 'a JSON object, for example {"copies": 2}'),
}
