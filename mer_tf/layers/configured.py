"""Constructor arguments of layers and networks: checked, stored as attributes, given back as config."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection

import keras


class Configured:
    """Stores what the constructor was given, and derives ``get_config`` from the constructor's signature.

    Stands before the Keras class among the bases. The constructor checks its arguments; when it is through, each
    argument is an attribute of the same name, except where the constructor put a value there itself (a default it
    resolved). ``**kwargs``, the arguments of the Keras class, are Keras's own affair.

    A class derived from a configured class passes its ``**kwargs`` on and has the options of both, in its signature
    too. An argument whose name begins with an underscore is for derived classes only: it is no option and not stored.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" not in vars(cls):
            return
        base = cls.__mro__[1].__init__
        cls.__init__ = _storing(cls.__init__, inspect.signature(base).parameters if hasattr(base, "stores") else {})

    def arguments(self) -> dict:
        """The stored arguments as plain data: sequences are lists, Keras objects their serialised form."""
        return {name: _plain(getattr(self, name)) for name in type(self).__init__.stores}

    def get_config(self) -> dict:
        return {**super().get_config(), **self.arguments()}

    @staticmethod
    def check_arguments(arguments: dict) -> None:
        """Raises ``ValueError`` for an argument that no class of the kind takes; called before the constructor."""


def _storing(init, inherited):
    own = inspect.signature(init)
    options = [value for name, value in own.parameters.items() if not name.startswith("_")]
    named = [value for value in options if value.kind != value.VAR_KEYWORD]
    if inherited:
        known = [value.name for value in options]
        named += [value for name, value in inherited.items() if name not in known]
    rest = [value for value in options if value.kind == value.VAR_KEYWORD]
    # Python wants keyword-only parameters last; the sort keeps the order among equals.
    signature = own.replace(parameters=sorted([*named, *rest], key=lambda value: value.kind))
    stores = tuple(value.name for value in named if value.name != "self")

    @functools.wraps(init)
    def stored(self, *args, **kwargs):
        public = {name: value for name, value in kwargs.items() if not name.startswith("_")}
        bound = signature.bind(self, *args, **public)
        bound.apply_defaults()
        self.check_arguments(bound.arguments)
        init(self, *args, **kwargs)
        for name in stores:
            if name not in vars(self):
                setattr(self, name, bound.arguments[name])

    stored.__signature__, stored.stores = signature, stores
    return stored


def _plain(value):
    if isinstance(value, list | tuple):
        return list(value)
    return keras.saving.serialize_keras_object(value) if hasattr(value, "get_config") else value


def check_one_of(known: Collection, **arguments) -> None:
    """Raises ``ValueError`` for an argument that is not one of the known values."""
    _check(arguments, lambda value: value in known, f"be one of {tuple(known)}")


def check_at_least(least: int, **arguments) -> None:
    """Raises ``ValueError`` for an argument below ``least``."""
    _check(arguments, lambda value: value >= least, f"be at least {least}")


def check_multiple(of: int, **arguments) -> None:
    """Raises ``ValueError`` for an argument that is no positive multiple of that number."""
    _check(arguments, lambda value: value >= of and not value % of, f"be a positive multiple of {of}")


def check_odd(**arguments) -> None:
    """Raises ``ValueError`` for an argument that is not odd and positive."""
    _check(arguments, lambda value: value >= 1 and value % 2, "be odd and positive")


def check_share(**arguments) -> None:
    """Raises ``ValueError`` for an argument outside [0, 1)."""
    _check(arguments, lambda value: 0 <= value < 1, "lie in [0, 1)")


def check_positive(**arguments) -> None:
    """Raises ``ValueError`` for an argument that is not above 0."""
    _check(arguments, lambda value: value > 0, "be positive")


def wrong_inputs(wanted: str, shape) -> ValueError:
    """The error of a layer that takes inputs of another shape."""
    return ValueError(f"`inputs` must be {wanted}. Received: {shape}")


def _check(arguments: dict, holds, wanted: str) -> None:
    for name, value in arguments.items():
        if not holds(value):
            raise ValueError(f"`{name}` must {wanted}. Received: {value!r}")
