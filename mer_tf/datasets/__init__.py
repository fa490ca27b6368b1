"""Readers of the published datasets: a folder as the distributor ships it to one clip table.

No dataset is part of this package; each is read from a path the user gives.
"""

from __future__ import annotations

from collections.abc import Callable

from mer_tf.datasets.casme2 import read_casme2
from mer_tf.datasets.manifest import content_hash, data_fingerprint, read_manifest, write_manifest
from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.summary import summary
from mer_tf.errors import UnknownNameError
from mer_tf.types import ClipTable

READERS: dict[str, Callable[..., ClipTable]] = {"casme2": read_casme2}

__all__ = [
    "READERS",
    "content_hash",
    "data_fingerprint",
    "get_mapping",
    "get_reader",
    "read_casme2",
    "read_manifest",
    "summary",
    "write_manifest",
]


def get_reader(name: str) -> Callable[..., ClipTable]:
    """The reader ``(root, *, mapping="megc2019", strict=False) -> ClipTable`` of a dataset.

    Raises:
        UnknownNameError: No reader of that name; the message lists those there are.
    """
    try:
        return READERS[name]
    except KeyError:
        raise UnknownNameError("dataset", name, READERS) from None
