"""Checks of settings: each raises an error that names the setting, what it may be and what came."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.files import parse_json


def one_of(name: str, value, known) -> None:
    """Raises ``ValueError`` unless the value is known."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}. Received: {value!r}")


def whole(name: str, value, least: int = 1) -> None:
    """Raises ``ValueError`` unless the value is a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}. Received: {value!r}")


def wholes(name: str, values, length: int, least: int = 1) -> tuple[int, ...]:
    """The values as a tuple, if they are that many whole numbers; else ``ValueError``."""
    if not isinstance(values, list | tuple) or len(values) != length:
        raise ValueError(f"{name} must be {length} whole numbers. Received: {values!r}")
    for value in values:
        whole(name, value, least)
    return tuple(int(value) for value in values)


def number(name: str, value, fits, wanted: str) -> None:
    """Raises ``ValueError`` unless the value is a finite number that ``fits(value)``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value) or not fits(value):
        raise ValueError(f"{name} must be {wanted}. Received: {value!r}")


def between(name: str, value, low: float, high: float) -> None:
    """Raises ``ValueError`` unless the value is a number from ``low`` to ``high``, both included."""
    number(name, value, lambda v: low <= v <= high, f"between {low:g} and {high:g}")


def truth(name: str, value) -> None:
    """Raises ``ValueError`` unless the value is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false. Received: {value!r}")


@contextlib.contextmanager
def config_errors() -> Iterator[None]:
    """Turns the ``ValueError`` of a check into ``ConfigError``, which the commands show as bad input."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(str(error)) from error


def from_text(settings: Mapping | str, what: str):
    """The settings as they are, or read where they are JSON text; ``what`` is what a message calls them."""
    if not isinstance(settings, str):
        return settings
    return parse_json(settings, what)


def known_settings(kind: type, settings: Mapping, what: str, where: str) -> Mapping:
    """The settings as they are, if every key is a field of the settings class.

    Args:
        kind: The settings class, a dataclass.
        settings: Dictionary of its fields.
        what: What messages call the settings as a whole.
        where: What messages call a key, as in ``"train"``.

    Raises:
        ConfigError: The settings are no object.
        UnknownNameError: A key is no field.
    """
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{what} must be an object. Received: {type(settings).__name__}")
    known = [field.name for field in dataclasses.fields(kind)]
    for key in settings:
        if key not in known:
            raise UnknownNameError(f"{where} key", key, known)
    return settings


def strict(kind: type, settings: Mapping, where: str):
    """An instance of a settings class from a dictionary; unknown keys and bad values are ``ConfigError``."""
    try:
        return kind(**known_settings(kind, settings, where, where))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def check_fields(
    settings,
    where: str,
    *,
    choices: Mapping[str, Collection[str]],
    ranges: Mapping[str, tuple[Callable[[float], bool], str]],
) -> None:
    """Checks the fields of a settings dataclass: their declared types, then the names and numbers allowed.

    Args:
        settings: An instance of a dataclass with fields of type ``str``, ``bool``, ``int``, ``float`` and ``dict``.
        where: What the settings are called in messages, before a dot and the field's name.
        choices: Field -> the names it may hold.
        ranges: Field -> whether a number fits, and the words for those that do.

    Raises:
        UnknownNameError: A name is not among the choices.
        ConfigError: A value is of another type, not finite or out of range.
    """
    for field in dataclasses.fields(settings):
        value, kind = getattr(settings, field.name), str(field.type)
        if not _is_of(kind, value):
            raise ConfigError(f"{where}.{field.name} must be of type {kind}. Received: {value!r}")
    for name, known in choices.items():
        if getattr(settings, name) not in known:
            raise UnknownNameError(f"{where}.{name}", getattr(settings, name), known)
    for name, (fits, wanted) in ranges.items():
        if not fits(getattr(settings, name)):
            raise ConfigError(f"{where}.{name} must be {wanted}. Received: {getattr(settings, name)!r}")


def _is_of(kind: str, value) -> bool:
    if isinstance(value, bool):
        return kind == "bool"
    if isinstance(value, float) and not _finite(value):
        return False
    return isinstance(value, {"str": (str,), "bool": (), "int": (int,), "float": (int, float), "dict": (dict,)}[kind])


def _finite(value: float) -> bool:
    """Whether a number is finite as a float; numpy cannot say so of a whole number of hundreds of digits."""
    return abs(value) <= sys.float_info.max
