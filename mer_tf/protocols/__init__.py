"""Evaluation protocols: subjects in, folds out, and the checks that nothing held out reaches training.

The unit of evaluation is a clip, the unit of splitting a subject (``dataset/subject``).
``docs/protocols.md`` describes each protocol and says which paper uses it.
"""

from __future__ import annotations

from mer_tf.protocols.folds import (
    class_counts,
    clip_facts,
    hold_out_dataset,
    loso_folds,
    loso_within_dataset,
    straddling_subjects,
    stratified_group_kfold,
    tenfold_numbering,
    tenfold_subject,
)
from mer_tf.protocols.leakage import check_no_leakage
from mer_tf.protocols.registry import PROTOCOLS, Protocol, Split, get_protocol, make_split

__all__ = [
    "PROTOCOLS",
    "Protocol",
    "Split",
    "check_no_leakage",
    "class_counts",
    "clip_facts",
    "get_protocol",
    "hold_out_dataset",
    "loso_folds",
    "loso_within_dataset",
    "make_split",
    "straddling_subjects",
    "stratified_group_kfold",
    "tenfold_numbering",
    "tenfold_subject",
]
