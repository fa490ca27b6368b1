"""The sets by name: cards, readers, and the spellings of a name. Importing this module opens no picture library."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable

from mer_tf.datasets import readers
from mer_tf.datasets.card import DatasetCard
from mer_tf.datasets.spelling import plain
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.plugins import installed, load
from mer_tf.types import ClipTable

CSV = "csv"  # name of the reader of a user's list of clips
DEFAULT_DATASET = "casme2"
GROUP = "mer_tf.datasets"  # entry points of packages that bring sets


def _collect() -> dict[str, tuple[DatasetCard, Callable[..., ClipTable]]]:
    """Card and reader of every set of the modules in the folder ``readers``."""
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(readers.__path__)):
        module = importlib.import_module(f"{readers.__name__}.{name}")
        for card in module.CARDS:
            if card.name in found:
                raise ValueError(f"two sets are called {card.name!r}")
            found[card.name] = (card, getattr(module, f"read_{card.name}"))
    # Micro-expressions first, each kind in the order of the modules and of their cards.
    return dict(sorted(found.items(), key=lambda item: item[1][0].kind == "macro"))


_SETS = _collect()
CARDS: dict[str, DatasetCard] = {name: card for name, (card, _) in _SETS.items()}
READERS: dict[str, Callable[..., ClipTable]] = {name: reader for name, (_, reader) in _SETS.items()}
MICRO = tuple(name for name, card in CARDS.items() if card.kind == "micro")
MACRO = tuple(name for name, card in CARDS.items() if card.kind == "macro")


def _spellings() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for card in CARDS.values():
        for spelling in dict.fromkeys(map(plain, (card.name, card.title, card.listed_as or card.name, *card.aliases))):
            found.setdefault(spelling, []).append(card.name)
    return {spelling: tuple(names) for spelling, names in found.items()}


_NAMES = _spellings()


def spellings_of(name: str) -> tuple[str, ...]:
    """Every spelling of a known set, in the form of ``spelling.plain``."""
    return tuple(spelling for spelling, names in _NAMES.items() if name in names)


@functools.lru_cache(maxsize=1024)  # a prediction file asks once a row
def dataset_name(text: str) -> str:
    """The name of a set in any of its spellings, so that one set under two spellings is one.

    Args:
        text: For example ``"CASME II"``, ``"SMIC"`` (the challenge organisers' name of SMIC-HS) or ``"samm"``.

    Returns:
        The name on its card; text that is no spelling of a known set, such as the name of somebody's own data, without
        the blanks around it.

    Raises:
        ConfigError: The spelling stands for several sets; the message names them.

    Example:
        >>> dataset_name("CASME II"), dataset_name("smic"), dataset_name("mine")
        ('casme2', 'smic_hs', 'mine')
    """
    names = _NAMES.get(plain(text), (text.strip(),))
    if len(names) > 1:
        raise ConfigError(f"dataset {text!r} may be {' or '.join(names)}; the known ones are {', '.join(CARDS)}")
    return names[0]


def get_card(name: str) -> DatasetCard:
    """The card of a set in any spelling of its name; also of ``"csv"`` and of sets of installed packages.

    Raises:
        UnknownNameError: No such set; the message lists those there are.
        ConfigError: The spelling stands for several sets, or a package's set cannot be used.
    """
    return _find(name)[0]


def default_dataset(data: str | os.PathLike) -> str:
    """The set that a folder or file is read as where none is named: a list of clips, or ``DEFAULT_DATASET``."""
    return CSV if os.fspath(data).lower().endswith(".csv") else DEFAULT_DATASET


def get_reader(name: str) -> Callable[..., ClipTable]:
    """The reader ``(root, *, mapping=..., strict=False) -> ClipTable`` of a set in any spelling of its name.

    The mapping defaults to ``"megc2019"`` for micro-expressions, to ``"macro5"`` for macro-expressions, and to the
    classes of the list for ``"csv"``.

    Raises:
        UnknownNameError, ConfigError: As ``get_card``.
    """
    return _find(name)[1]


def set_names() -> tuple[str, ...]:
    """Every name that ``get_reader`` takes; of installed packages nothing is loaded."""
    return (*CARDS, CSV, *(name for name in installed(GROUP) if name not in CARDS and name != CSV))


def _find(name: str) -> tuple[DatasetCard, Callable[..., ClipTable]]:
    found = dataset_name(name)
    if found in CARDS:
        return _SETS[found]
    if found.casefold() == CSV:
        from mer_tf.datasets import clip_list

        return clip_list.CSV, clip_list.read_csv
    if found in installed(GROUP):
        return _of_package(found)
    raise UnknownNameError("dataset", name, set_names())


def _of_package(name: str) -> tuple[DatasetCard, Callable[..., ClipTable]]:
    """Card and reader that a package announces: a module (or object) with ``CARD`` and ``read``, or the function."""
    found = load(GROUP, name)
    read = getattr(found, "read", found)
    card = getattr(found, "CARD", None) or getattr(sys.modules.get(getattr(read, "__module__", "")), "CARD", None)
    if not callable(read) or not isinstance(card, DatasetCard) or card.name != name:
        raise ConfigError(
            f"dataset {name!r} of an installed package must be a module with CARD, a DatasetCard of that name, and "
            f"read(root, *, mapping, strict). Received: {found!r} with CARD {card!r}"
        )
    return card, read
