"""Readers of the published datasets: a folder as the distributor ships it to one clip table.

No dataset is part of this package; each is read from a path the user gives.
"""

from __future__ import annotations

from collections.abc import Callable

from mer_tf.datasets.casme import read_casme
from mer_tf.datasets.casme2 import read_casme2
from mer_tf.datasets.ckplus import read_ck48, read_ckplus
from mer_tf.datasets.composites import read_composite
from mer_tf.datasets.expected import check_counts, expected_counts
from mer_tf.datasets.jaffe import read_jaffe
from mer_tf.datasets.manifest import content_hash, data_fingerprint, read_manifest, write_manifest
from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.mug import read_mug
from mer_tf.datasets.oulu_casia import read_oulu_casia
from mer_tf.datasets.samm import read_samm
from mer_tf.datasets.smic import read_smic_e, read_smic_hs, read_smic_nir, read_smic_vis
from mer_tf.datasets.summary import summary
from mer_tf.errors import UnknownNameError
from mer_tf.types import ClipTable

READERS: dict[str, Callable[..., ClipTable]] = {
    "casme": read_casme,
    "casme2": read_casme2,
    "samm": read_samm,
    "smic_hs": read_smic_hs,
    "smic_vis": read_smic_vis,
    "smic_nir": read_smic_nir,
    "smic_e": read_smic_e,
    "ckplus": read_ckplus,
    "ck48": read_ck48,
    "oulu_casia": read_oulu_casia,
    "jaffe": read_jaffe,
    "mug": read_mug,
}

__all__ = [
    "READERS",
    "check_counts",
    "content_hash",
    "data_fingerprint",
    "expected_counts",
    "get_mapping",
    "get_reader",
    "read_casme",
    "read_casme2",
    "read_ck48",
    "read_ckplus",
    "read_composite",
    "read_jaffe",
    "read_manifest",
    "read_mug",
    "read_oulu_casia",
    "read_samm",
    "read_smic_e",
    "read_smic_hs",
    "read_smic_nir",
    "read_smic_vis",
    "summary",
    "write_manifest",
]


def get_reader(name: str) -> Callable[..., ClipTable]:
    """The reader ``(root, *, mapping=..., strict=False) -> ClipTable`` of a dataset.

    The mapping defaults to ``"megc2019"`` for micro-expressions and to ``"macro5"`` for macro-expressions.

    Raises:
        UnknownNameError: No reader of that name; the message lists those there are.
    """
    try:
        return READERS[name]
    except KeyError:
        raise UnknownNameError("dataset", name, READERS) from None
