"""Constructor arguments as attributes and as config, for layers and networks."""

from __future__ import annotations

import functools
import inspect

import keras


class Configured:
    """Stores what the constructor was given, and derives ``get_config`` from the constructor's signature.

    Stands before the Keras class among the bases. The constructor checks its arguments; when it is through, each
    argument is an attribute of the same name, except where the constructor put a value there itself (a default it
    resolved). ``**kwargs``, the arguments of the Keras class, are Keras's own affair.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _storing(cls.__init__)

    def arguments(self) -> dict:
        """The stored arguments as plain data: sequences are lists, Keras objects their serialised form."""
        return {name: _plain(getattr(self, name)) for name in _names(inspect.signature(type(self).__init__))}

    def get_config(self) -> dict:
        return {**super().get_config(), **self.arguments()}

    @staticmethod
    def check_arguments(arguments: dict) -> None:
        """Raises ``ValueError`` for an argument that no class of the kind takes; called before the constructor."""


def _storing(init):
    signature = inspect.signature(init)

    @functools.wraps(init)
    def stored(self, *args, **kwargs):
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        given = {name: bound.arguments[name] for name in _names(signature)}
        self.check_arguments(given)
        init(self, *args, **kwargs)
        for name in given.keys() - vars(self).keys():
            setattr(self, name, given[name])

    return stored


def _names(signature):
    return [key for key, value in signature.parameters.items() if key != "self" and value.kind != value.VAR_KEYWORD]


def _plain(value):
    if isinstance(value, list | tuple):
        return list(value)
    return keras.saving.serialize_keras_object(value) if hasattr(value, "get_config") else value
