"""Splits by subject: subject keys and labels in, folds out.

Every function is deterministic, and the order of the clips changes no fold (only the indices in it). A subject key is
``dataset/subject``; equal subject ids of two datasets are two people unless the datasets share them, as the cameras of
SMIC do, and spellings of one person are one (``mer_tf.datasets.people``).
The protocol that each function serves is named in ``mer_tf.protocols.registry`` with its paper and section.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

import numpy as np

from mer_tf.datasets.people import one_person_keys, one_spelling_keys
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.types import Clip, Fold


def loso_folds(
    clips: Sequence[Clip] | Sequence[str],
    labels: Sequence[int] | None = None,
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
) -> list[Fold]:
    """Leave one subject out: each subject's clips are tested once by a model trained on all others.

    Args:
        clips: Clips; or, with ``labels``, the subject key of each clip.
        labels: Class index of each clip; read from the clips where None.
        num_classes: Number of classes that each training side must hold. Defaults to ``len(classes)``, or the
            largest label plus one.
        classes: Class names, for messages.

    Returns:
        One fold per subject, in order of the subject keys, named by the key; indices point into ``clips``.

    Raises:
        EmptySplitError: No clip, one subject only, or a class that a training side lacks.
        ConfigError: A clip without label, or a label out of range.
    """
    keys: Sequence = clips
    if labels is None:
        keys, labels = clip_facts(keys)
    keys, labels, num_classes = _checked(keys, labels, num_classes, classes)
    keys = one_person_keys(keys)
    subjects = sorted(set(keys))
    if len(subjects) < 2:
        raise EmptySplitError(
            f"leave-one-subject-out needs at least two subjects, found one ({subjects[0]}); add subjects"
        )
    groups = [[subject] for subject in subjects]
    return _by_subject(groups, subjects, keys, labels, num_classes, classes)


def loso_within_dataset(
    subject_keys: Sequence[str],
    labels: Sequence[int],
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
) -> list[Fold]:
    """Leave one subject out inside each dataset: only the other subjects of the same dataset train.

    This is not the composite protocol of MEGC 2019, in which all other subjects of all datasets train.

    Args:
        subject_keys: ``dataset/subject`` of each clip.
        labels: Class index of each clip.
        num_classes: See ``loso_folds``.
        classes: See ``loso_folds``.

    Returns:
        One fold per subject, named by the key.

    Raises:
        EmptySplitError, ConfigError: See ``loso_folds``.
    """
    keys, labels, num_classes = _checked(subject_keys, labels, num_classes, classes)
    folds = []
    for dataset in sorted({_dataset(key) for key in keys}):
        rows = [i for i, key in enumerate(keys) if _dataset(key) == dataset]
        for fold in loso_folds(
            [keys[i] for i in rows], [labels[i] for i in rows], num_classes=num_classes, classes=classes
        ):
            folds.append(Fold(fold.name, tuple(rows[i] for i in fold.train), tuple(rows[i] for i in fold.test)))
    return folds


def hold_out_dataset(
    subject_keys: Sequence[str],
    labels: Sequence[int],
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
) -> list[Fold]:
    """Hold out one dataset: train on one, test on the other, in both directions.

    The scores of the protocol are WAR and UAR of each direction and the mean of the two
    (``mer_tf.metrics.hold_out_scores``), not the pooled ones.

    Args:
        subject_keys: ``dataset/subject`` of each clip, of exactly two datasets.
        labels: Class index of each clip.
        num_classes: See ``loso_folds``.
        classes: See ``loso_folds``.

    Returns:
        Two folds, named ``train-A_test-B``, in order of the dataset tested.

    Raises:
        EmptySplitError: A class that a training side lacks.
        ConfigError: Not two datasets, or a label out of range.
    """
    keys, labels, num_classes = _checked(subject_keys, labels, num_classes, classes)
    datasets = sorted({_dataset(key) for key in keys})
    if len(datasets) != 2:
        raise ConfigError(
            f"hold-out-dataset evaluation takes exactly two datasets, one to train and one to test. "
            f"Received: {', '.join(datasets)}"
        )
    folds = []
    for test in datasets:
        train = next(name for name in datasets if name != test)
        inside = tuple(i for i, key in enumerate(keys) if _dataset(key) == test)
        outside = tuple(i for i, key in enumerate(keys) if _dataset(key) == train)
        folds.append(Fold(f"train-{train}_test-{test}", outside, inside))
    _require_classes(folds, labels, num_classes, classes)
    return folds


def tenfold_subject(
    subject_keys: Sequence[str],
    labels: Sequence[int],
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
    folds: int = 10,
) -> list[Fold]:
    """Contiguous groups of whole subjects, as equal in clips as subject borders allow.

    Assumption: "greedy to equal clip counts" is read as: each cut falls on the subject border nearest to its share
    of all clips (the earlier one of two equally near), every fold keeping at least one subject.

    Args:
        subject_keys: ``dataset/subject`` of each clip.
        labels: Class index of each clip.
        num_classes: See ``loso_folds``.
        classes: See ``loso_folds``.
        folds: Number of folds, at least 2.

    Returns:
        Folds named ``fold01`` and so on, in order of the subject keys.

    Raises:
        EmptySplitError: Fewer subjects than folds, or a class that a training side lacks.
        ConfigError: A label out of range.
    """
    keys, labels, num_classes = _checked(subject_keys, labels, num_classes, classes)
    keys = one_person_keys(keys)
    subjects = sorted(set(keys))
    _enough(subjects, folds)
    sizes = [sum(key == subject for key in keys) for subject in subjects]
    borders = np.cumsum([0, *sizes])
    cuts = [0]
    for k in range(1, folds):
        lowest, highest = cuts[-1] + 1, len(subjects) - (folds - k)
        distance = np.abs(borders[lowest : highest + 1] - k * len(keys) / folds)
        cuts.append(lowest + int(np.argmin(distance)))
    cuts.append(len(subjects))
    groups = [subjects[start:end] for start, end in itertools.pairwise(cuts)]
    return _by_subject(groups, _numbered(folds), keys, labels, num_classes, classes)


def tenfold_numbering(
    subject_keys: Sequence[str],
    labels: Sequence[int],
    *,
    clip_keys: Sequence[str],
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
    folds: int = 10,
) -> list[Fold]:
    """Clips numbered in subject order and cut into contiguous groups; subjects may stand on both sides.

    Only to reproduce the CBAMNet paper, section 4: it is not subject-independent, although that paper says so.
    Examples that are derived from one clip follow their parent.

    Args:
        subject_keys: ``dataset/subject`` of each example.
        labels: Class index of each example.
        clip_keys: Key of the clip, or of the parent clip for derived examples.
        num_classes: See ``loso_folds``.
        classes: See ``loso_folds``.
        folds: Number of folds, at least 2.

    Returns:
        Folds named ``fold01`` and so on, with ``subjects_may_straddle`` set; sizes differ by one clip at most.

    Raises:
        EmptySplitError: Fewer clips than folds, or a class that a training side lacks.
        ConfigError: A label out of range.
    """
    keys, labels, num_classes = _checked(subject_keys, labels, num_classes, classes)
    if len(clip_keys) != len(keys):
        raise ConfigError(f"each clip needs one key. Received: {len(keys)} subject keys, {len(clip_keys)} clip keys")
    parents = sorted(set(zip(keys, map(str, clip_keys))))
    _enough(parents, folds, "clips")
    quotient, rest = divmod(len(parents), folds)
    group, start = {}, 0
    for k in range(folds):
        end = start + quotient + (k < rest)
        group.update(dict.fromkeys(parents[start:end], k))
        start = end
    member = [group[pair] for pair in zip(keys, map(str, clip_keys))]
    made = [
        Fold(
            name,
            tuple(i for i, k in enumerate(member) if k != number),
            tuple(i for i, k in enumerate(member) if k == number),
            subjects_may_straddle=True,
        )
        for number, name in enumerate(_numbered(folds))
    ]
    _require_classes(made, labels, num_classes, classes)
    return made


def stratified_group_kfold(
    subject_keys: Sequence[str],
    labels: Sequence[int],
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> list[Fold]:
    """Whole subjects dealt to folds so that each fold has about the same share of every class.

    Greedy, largest subjects first; among equally large ones the seed decides. A subject goes where the spread of the
    classes' shares over the folds becomes smallest.

    Args:
        subject_keys: ``dataset/subject`` of each clip.
        labels: Class index of each clip.
        num_classes: See ``loso_folds``.
        classes: See ``loso_folds``.
        folds: Number of folds, at least 2.
        seed: Decides among subjects of equal size.

    Returns:
        Folds named ``fold01`` and so on.

    Raises:
        EmptySplitError: Fewer subjects than folds, or a class that a training side lacks.
        ConfigError: A label out of range.
    """
    keys, labels, num_classes = _checked(subject_keys, labels, num_classes, classes)
    keys = one_person_keys(keys)
    counts = {key: np.zeros(num_classes) for key in sorted(set(keys))}
    _enough(counts, folds)
    for key, label in zip(keys, labels):
        counts[key][label] += 1
    order = sorted(counts, key=lambda key: (-counts[key].sum(), _digest(seed, key)))
    total = np.maximum(sum(counts.values()), 1)
    held = np.zeros((folds, num_classes))
    groups: list[list[str]] = [[] for _ in range(folds)]
    for position, key in enumerate(order):
        empty = [k for k in range(folds) if not groups[k]]
        # As many subjects left as folds without one: the rest must fill those.
        candidates = empty if len(empty) == len(order) - position else range(folds)
        ranks = []
        for k in candidates:
            held[k] += counts[key]
            ranks.append((round(float((held / total).std(axis=0).sum()), 12), held[k].sum(), k))
            held[k] -= counts[key]
        best = min(ranks)[2]
        held[best] += counts[key]
        groups[best].append(key)
    return _by_subject(groups, _numbered(folds), keys, labels, num_classes, classes)


def straddling_subjects(folds: Sequence[Fold], subject_keys: Sequence[str]) -> list[str]:
    """Subjects whose clips are tested in more than one fold."""
    subject_keys = one_person_keys(subject_keys)
    tested: dict[str, set[str]] = {}
    for fold in folds:
        for i in fold.test:
            tested.setdefault(subject_keys[i], set()).add(fold.name)
    return sorted(key for key, names in tested.items() if len(names) > 1)


def class_counts(folds: Sequence[Fold], labels: Sequence[int], num_classes: int) -> list[dict]:
    """Clips per class of each fold: ``{"fold": name, "train": [..], "test": [..]}``."""
    array = np.asarray(labels, np.int64)
    return [
        {
            "fold": fold.name,
            "train": np.bincount(array[list(fold.train)], minlength=num_classes).tolist(),
            "test": np.bincount(array[list(fold.test)], minlength=num_classes).tolist(),
        }
        for fold in folds
    ]


def clip_facts(clips: Sequence[Clip]) -> tuple[list[str], list[int]]:
    """Subject keys and labels of clips; a clip without label is a ``ConfigError``."""
    labels = []
    for clip in clips:
        if clip.label is None:
            raise ConfigError(f"{clip.key} has no label under mapping {clip.mapping!r}; leave it out of the split")
        labels.append(clip.label)
    return [clip.subject_key for clip in clips], labels


def _checked(keys, labels, num_classes, classes) -> tuple[list[str], list[int], int]:
    keys, labels = one_spelling_keys(map(str, keys)), [int(label) for label in labels]
    if len(keys) != len(labels):
        raise ConfigError(f"each clip needs one label. Received: {len(keys)} clips, {len(labels)} labels")
    if not keys:
        raise EmptySplitError("there are no clips to split; check the data folder and the label mapping")
    if num_classes is None:
        num_classes = len(classes) if classes is not None else max(labels) + 1
    for key, label in zip(keys, labels):
        if not 0 <= label < num_classes:
            raise ConfigError(f"a clip of {key} has label {label}, expected 0..{num_classes - 1}")
    return keys, labels, num_classes


def _by_subject(groups, names, keys, labels, num_classes, classes) -> list[Fold]:
    group = {subject: k for k, members in enumerate(groups) for subject in members}
    member = np.array([group[key] for key in keys])
    folds = [
        Fold(name, tuple(np.flatnonzero(member != k).tolist()), tuple(np.flatnonzero(member == k).tolist()))
        for k, name in enumerate(names)
    ]
    _require_classes(folds, labels, num_classes, classes)
    return folds


def _require_classes(folds, labels, num_classes, classes) -> None:
    for fold in folds:
        present = {labels[i] for i in fold.train}
        for label in range(num_classes):
            if label not in present:
                name = repr(classes[label]) if classes is not None else str(label)
                held = sum(labels[i] == label for i in fold.test)
                who = f"all are held out: {held}" if held else "no clip shows it"
                raise EmptySplitError(
                    f"fold {fold.name}: class {name} has no training clip ({who}), so it cannot be learned there; "
                    "add a dataset or subjects that show it, or use a label mapping that merges it with another class "
                    "or leaves it out"
                )


def _enough(units, folds: int, kind: str = "subjects") -> None:
    if folds < 2:
        raise ConfigError(f"folds must be at least 2. Received: {folds}")
    if len(units) < folds:
        raise EmptySplitError(f"{folds} folds need at least {folds} {kind}, found {len(units)}; use loso or add {kind}")


def _numbered(folds: int) -> list[str]:
    return [f"fold{k:02}" for k in range(1, folds + 1)]


def _dataset(subject_key: str) -> str:
    return subject_key.partition("/")[0]


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).digest()
