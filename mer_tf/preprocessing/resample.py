"""Class balance of a training fold: rows repeated up to the largest class, and how many an expansion gives.

Only rows of the training side of a fold belong here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def to_largest(labels: Sequence[int] | np.ndarray, seed: int = 0, *, num_classes: int | None = None) -> np.ndarray:
    """Rows that give every class as many samples as the largest has.

    Every row stands at least once; the rows of a smaller class are repeated in turn, the rest of the last turn going
    to the first rows of a drawn order, so that two rows of a class differ by at most one in use.

    Args:
        labels: Class index of each training row, ``(n,)``, from 0.
        seed: Seed of the order in which rows get a further copy.
        num_classes: Number of classes that must be present; by default up to the largest label.

    Returns:
        ``(num_classes * largest,)`` int64 rows: first every row once in order, then the repeats class by class.

    Raises:
        TypeError: Labels are not whole numbers.
        ValueError: No row, a label out of range, or a class without any row.

    Source: Micro-Attention, resampling to the largest class. Assumption: the paper says no more than that; sampling in
    turns
        instead of at random uses all clips alike.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size:
        raise ValueError(f"labels must be (n,) with n >= 1. Received: {labels.shape}")
    if labels.dtype.kind not in "ui":
        raise TypeError(f"labels must be whole numbers. Received: {labels.dtype}")
    num_classes = int(labels.max()) + 1 if num_classes is None else num_classes
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"labels must lie in 0..{num_classes - 1}. Received: {labels.min()}..{labels.max()}")
    counts = np.bincount(labels, minlength=num_classes)
    if not counts.all():
        raise ValueError(f"class {int(np.argmin(counts))} has no row to repeat. Received counts: {counts.tolist()}")
    rows = [np.arange(labels.size)]
    for label in range(num_classes):
        rng = np.random.default_rng(np.random.SeedSequence((seed, label)))
        order = rng.permutation(np.flatnonzero(labels == label))
        rows.append(np.resize(order, counts.max() - counts[label]))
    return np.concatenate(rows).astype(np.int64)


def copy_numbers(rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """For each entry how often its row stood before it: the ``copy`` of ``augment.rng_for``.

    Args:
        rows: ``(n,)`` rows, repeats included.

    Returns:
        ``(n,)`` int64, 0 for a row's first appearance.
    """
    rows = np.asarray(rows)
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if rows.size else np.zeros(0, np.int64)
    run = np.arange(rows.size) - np.repeat(starts, np.diff(np.r_[starts, rows.size]))
    copies = np.empty(rows.size, np.int64)
    copies[order] = run
    return copies
