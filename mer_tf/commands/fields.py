"""Flags from a settings dataclass: names, types, defaults and help are those of its fields and docstring."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
from collections.abc import Collection, Mapping

from mer_tf.checks import config_errors

_TYPES = {"int": int, "float": float, "str": str}


def add_fields(
    parser: argparse.ArgumentParser,
    settings: type,
    *,
    leave: Collection[str] = (),
    choices: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Adds a flag for each field of a settings class.

    Args:
        parser: Parser of a verb.
        settings: Dataclass whose docstring has an ``Attributes`` section; fields of type int, float or str with
            defaults.
        leave: Fields without a flag.
        choices: Field -> the values it may have.
    """
    help_of = _attributes(settings)
    for field in dataclasses.fields(settings):
        if field.name not in leave:
            parser.add_argument(
                f"--{field.name.replace('_', '-')}",
                type=_TYPES[str(field.type)],
                default=field.default,
                choices=(choices or {}).get(field.name),
                metavar=None if choices and field.name in choices else str(field.type).upper(),
                help=f"{help_of[field.name]} (default: %(default)s)",
            )


def read_fields(arguments: argparse.Namespace, settings: type, **values):
    """An instance of the settings class from parsed flags; ``values`` are fields that have none.

    Raises:
        ConfigError: A value is out of range.
    """
    names = {field.name for field in dataclasses.fields(settings)} & set(vars(arguments)) - set(values)
    with config_errors():
        return settings(**{name: getattr(arguments, name) for name in names}, **values)


def _attributes(settings: type) -> dict[str, str]:
    """Field -> its text in the class docstring, without the last full stop and without markup."""
    section = inspect.getdoc(settings).split("Attributes:\n")[1]
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8,}.+)*)", section, re.M)
    return {
        name: re.sub(r"\s+", " ", text).removesuffix(".").replace("``", "").replace("%", "%%") for name, text in found
    }
