"""In a checkout ``components``, ``serving`` and ``tfx_pipeline`` can be imported as they lie there, too.

Both names then stand for the very same modules: what is loaded twice would have two of each class.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``NAME.x`` as ``mer_tf.NAME.x``, for the names that were asked for."""

    def __init__(self):
        self.names: set[str] = set()
        self._specs: dict[str, importlib.machinery.ModuleSpec | None] = {}

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec):
        module = importlib.import_module(f"mer_tf.{spec.name}")
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module):
        # The import system has put the alias's specification in place of the module's own.
        module.__spec__ = self._specs.pop(module.__spec__.name)


_alias = _Alias()


def same_as_below(name: str) -> None:
    """Lets a top-level package of the checkout be the one of that name below ``mer_tf``; called by its own code."""
    if not _alias.names:
        sys.meta_path.insert(0, _alias)
    _alias.names.add(name)
    sys.modules[name] = importlib.import_module(f"mer_tf.{name}")
