"""What installed packages bring: entry points by group and name. Nothing of them is loaded before a user names it."""

from __future__ import annotations

import functools
import importlib.metadata

from mer_tf.errors import ConfigError


@functools.cache
def installed(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """Entry points of a group by name; of two packages that bring one name the first is taken."""
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for entry in importlib.metadata.entry_points(group=group):
        found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def load(group: str, name: str):
    """What an entry point names; the code of its package runs.

    Raises:
        ConfigError: It cannot be imported.
    """
    entry = installed(group)[name]
    try:
        return entry.load()
    except Exception as error:  # whatever the code of strangers raises
        raise ConfigError(
            f"{name!r} of an installed package (entry point {group}: {entry.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error
