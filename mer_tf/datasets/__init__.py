"""Readers of the published datasets: a folder as the distributor ships it to one clip table.

No dataset is part of this package; each is read from a path the user gives.
"""

from __future__ import annotations

from mer_tf.datasets.composites import expected_counts, read_composite
from mer_tf.datasets.expected import check_counts
from mer_tf.datasets.manifest import content_hash, data_fingerprint, read_manifest, write_manifest
from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.readers.casme import read_casme
from mer_tf.datasets.readers.casme2 import read_casme2
from mer_tf.datasets.readers.casme3 import read_casme3
from mer_tf.datasets.readers.ckplus import read_ck48, read_ckplus
from mer_tf.datasets.readers.dfme import read_dfme
from mer_tf.datasets.readers.fourdme import read_4dme
from mer_tf.datasets.readers.jaffe import read_jaffe
from mer_tf.datasets.readers.mmew import read_mmew
from mer_tf.datasets.readers.mug import read_mug
from mer_tf.datasets.readers.oulu_casia import read_oulu_casia
from mer_tf.datasets.readers.samm import read_samm
from mer_tf.datasets.readers.smic import read_smic_e, read_smic_hs, read_smic_nir, read_smic_vis
from mer_tf.datasets.registry import CARDS, READERS, dataset_name, get_card, get_reader
from mer_tf.datasets.summary import summary

__all__ = [
    "CARDS",
    "READERS",
    "check_counts",
    "content_hash",
    "data_fingerprint",
    "dataset_name",
    "expected_counts",
    "get_card",
    "get_mapping",
    "get_reader",
    "read_4dme",
    "read_casme",
    "read_casme2",
    "read_casme3",
    "read_ck48",
    "read_ckplus",
    "read_composite",
    "read_dfme",
    "read_jaffe",
    "read_manifest",
    "read_mmew",
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
