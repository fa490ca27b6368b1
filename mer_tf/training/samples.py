"""What one epoch is made of: which training clips, how often, and what is done to each."""

from __future__ import annotations

import concurrent.futures
import functools
import os
from collections.abc import Mapping, Sequence

import numpy as np

from mer_tf.errors import EmptySplitError
from mer_tf.preprocessing.augment import AugmentConfig, augment_tensors, rng_for
from mer_tf.preprocessing.resample import copy_numbers, to_largest
from mer_tf.preprocessing.temporal import interpolate_linear
from mer_tf.recipes import Recipe

LEAST_SHARE = 0.5  # shortest sub-sequence over the clip's length; half keeps most of the rise and fall


class Samples:
    """The samples of the epochs of one fold, drawn from its training clips alone.

    Args:
        labels: int (clips,), class of each training clip.
        keys: Clip keys; what is drawn for a clip depends on the seed, its key and the number of the copy only.
        seed: Seed of the fold.
        augment: What may be done to a clip.
        resample: ``"none"``, ``"largest"`` or ``"balanced"``.
        num_classes: Number of classes.

    Raises:
        EmptySplitError: A class that must be filled up has no clip.
    """

    def __init__(
        self,
        labels: np.ndarray,
        keys: Sequence[str],
        *,
        seed: int,
        augment: AugmentConfig,
        resample: str = "none",
        num_classes: int,
    ):
        self.seed = seed
        self.augment = augment
        self._keys = list(keys)
        self._classes = []
        if resample == "balanced":
            self._classes = [np.flatnonzero(labels == label) for label in range(num_classes)]
            if not all(map(len, self._classes)):
                raise EmptySplitError("the training clips cannot be balanced: a class has none")
        rows = np.arange(len(labels))
        if resample == "largest" or augment.subsequences:
            try:
                rows = to_largest(labels, seed, num_classes=num_classes)
            except ValueError as error:
                raise EmptySplitError(f"the training clips cannot be balanced: {error}") from None
        if augment.subsequences:
            rows = _filled(rows, labels, augment.subsequences)
        self._rows = np.repeat(rows, augment.copies) if augment.copies > 1 else rows
        self._copies = copy_numbers(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def epoch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Row and copy number of each sample of an epoch, in the order of the clips.

        Fixed versions (``copies``, ``subsequences``) keep their numbers; else every epoch draws anew.
        """
        if self._classes:
            return self._balanced(number)
        if self.augment.copies > 1:
            return self._rows, self._copies % self.augment.copies
        if self.augment.subsequences:
            return self._rows, self._copies
        return self._rows, self._copies + number * (int(self._copies.max()) + 1)

    def _balanced(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """As many samples as ever, as many of each class to within one; no clip again before all of its class were."""
        rng = np.random.default_rng((self.seed, number, 2))
        most = -(-len(self._rows) // len(self._classes))
        drawn = []
        for rows in self._classes:
            rounds = [rng.permutation(rows) for _ in range(-(-most // len(rows)))]
            drawn.append(np.concatenate(rounds)[:most])
        # In turns, so that what is over is of different classes in different epochs.
        order = rng.permutation(len(drawn))
        rows = np.stack([drawn[label] for label in order], axis=1).ravel()[: len(self._rows)]
        copies = copy_numbers(rows)
        if self.augment.copies > 1 or self.augment.subsequences:
            limit = self.augment.copies if self.augment.copies > 1 else int(self._copies.max()) + 1
            return rows, rng.integers(0, limit, len(rows))
        return rows, copies + number * (int(copies.max()) + 1)

    def arrays(
        self, tensors: Mapping[str, np.ndarray], clips: np.ndarray, rows: np.ndarray, copies: np.ndarray, recipe: Recipe
    ) -> dict[str, np.ndarray]:
        """The augmented arrays of a batch.

        Args:
            tensors: Name -> float32 or uint8 (all clips, ...), the recipe's arrays.
            clips: Index into ``tensors`` of each training clip.
            rows: Training clip of each sample.
            copies: Copy number of each sample.
            recipe: Recipe of the arrays.
        """

        def one(row: int, copy: int) -> dict[str, np.ndarray]:
            rng = rng_for(self.seed, self._keys[row], copy)
            arrays = _cut(tensors, clips[row], recipe, rng if self.augment.subsequences and copy else None)
            return augment_tensors(arrays, recipe.kinds, self.augment, rng, copy if self.augment.copies > 1 else 0)

        # OpenCV works outside Python's lock, so threads help.
        made = list(_pool().map(one, rows.tolist(), copies.tolist()))
        return {name: np.stack([arrays[name] for arrays in made]) for name in recipe.inputs}


def sub_clips(
    tensors: Mapping[str, np.ndarray], clip: int, key: str, copies: Sequence[int], seed: int, recipe: Recipe
) -> dict[str, np.ndarray]:
    """Arrays of some sub-sequences of a clip, cut as training clips are under ``subsequences``; copy 0 is the clip.

    Args:
        tensors: Name -> float32 or uint8 (all clips, ...), the recipe's arrays.
        clip: Index into ``tensors``.
        key: The clip's key.
        copies: Numbers of the sub-sequences.
        seed: Seed of the fold.
        recipe: Recipe of the arrays.
    """
    made = [_cut(tensors, clip, recipe, rng_for(seed, key, copy) if copy else None) for copy in copies]
    return {name: np.stack([arrays[name] for arrays in made]) for name in recipe.inputs}


def _cut(tensors, clip: int, recipe: Recipe, rng: np.random.Generator | None) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(tensors[name][clip], np.float32) for name in recipe.inputs}
    return arrays if rng is None else _subsequence(arrays, recipe, rng)


def _filled(rows: np.ndarray, labels: np.ndarray, target: int) -> np.ndarray:
    """Rows of every class repeated in turn up to ``target``; a class that has more keeps what it has."""
    parts = []
    for label in np.unique(labels):
        own = rows[labels[rows] == label]
        parts.append(np.resize(own, max(target, int(np.sum(labels == label)))))
    return np.concatenate(parts)


def _subsequence(arrays: dict[str, np.ndarray], recipe: Recipe, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A random contiguous run of the stored frames, brought back to their number; one run for all sequences."""
    length = recipe.frames.count
    run = int(rng.integers(max(2, int(np.ceil(LEAST_SHARE * length))), length + 1))
    start = int(rng.integers(length - run + 1))
    cut = dict(arrays)
    for name, array in arrays.items():
        if name == "frames":
            cut[name] = interpolate_linear(array[start : start + run], len(array))
    return cut


@functools.cache
def _pool() -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1))


def batches(order: np.ndarray, size: int, last: str = "even") -> list[np.ndarray]:
    """An epoch's samples in batches of at most ``size``.

    Args:
        order: int (samples,), the samples in their order.
        size: Largest batch.
        last: ``TrainConfig.last_batch``. ``"drop"`` keeps the one batch of an epoch that fills none.

    Returns:
        Parts of ``order``.
    """
    if last == "even":
        return np.array_split(order, -(-len(order) // size))
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return parts[:-1] if last == "drop" and len(parts) > 1 and len(parts[-1]) < size else parts
