"""Settings of interchangeable methods: one frozen class per method, kept beside its code.

A folder of methods (``flow``, ``magnify``) has one dictionary ``METHODS``: name -> (settings class, maker). A new
method is one module with both, and one entry. Modules that hold settings load neither TensorFlow nor OpenCV when they
are imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from mer_tf.checks import strict
from mer_tf.errors import ConfigError, look_up


class Weights(NamedTuple):
    """Trained weights that a method needs by path.

    Attributes:
        name: What they are called in messages and in the provenance.
        variable: Environment variable that may name the file.
        advice: How to get them.
    """

    name: str
    variable: str
    advice: str


@dataclasses.dataclass(frozen=True)
class MethodSettings:
    """Base of a method's settings; the class itself says what every clip has in common.

    Attributes:
        method: Name of the method in ``METHODS`` and in JSON.
        version: Number of the method's numerical behaviour. Raise it when the same settings come to give other numbers,
            which includes a changed default: recipe hashes hold this number and the settings that are no defaults.
        weights: Trained weights the method needs, or None.
    """

    method: ClassVar[str] = "none"
    version: ClassVar[int] = 1
    weights: ClassVar[Weights | None] = None

    def used(self, **facts) -> dict:
        """The settings that change numbers and differ from their defaults; what recipe hashes are made of.

        Args:
            **facts: What the recipe is like, for methods that heed some settings in some recipes only.
        """
        return changed(self)

    def to_json(self) -> dict:
        """Plain dictionary that ``settings_from_json`` reads back."""
        return {"method": self.method, **dataclasses.asdict(self)}


def changed(settings) -> dict:
    """The fields of a dataclass instance whose values differ from the defaults."""
    found = {field.name: (getattr(settings, field.name), field.default) for field in dataclasses.fields(settings)}
    return {name: value for name, (value, default) in found.items() if value != default}


def table(kind: str, *entries: tuple[type[MethodSettings], object]) -> dict[str, tuple]:
    """``METHODS`` of one kind; a name that comes twice is an error."""
    methods: dict[str, tuple] = {}
    for settings, maker in entries:
        if settings.method in methods:
            raise ConfigError(f"two methods of {kind} are called {settings.method!r}")
        methods[settings.method] = (settings, maker)
    return methods


def settings_from_json(kind: str, methods: Mapping[str, tuple], settings, where: str) -> MethodSettings:
    """Settings of the method that a dictionary names under ``method``.

    Raises:
        ConfigError: Not a dictionary, no method named, or a value out of range.
        UnknownNameError: An unknown method or setting; the message lists the known ones.
    """
    if not isinstance(settings, Mapping) or "method" not in settings:
        raise ConfigError(f"{where} must be an object that names its method. Received: {settings!r}")
    settings = dict(settings)
    method, _ = look_up(f"{kind} method", settings.pop("method"), methods)
    return strict(method, settings, where)
