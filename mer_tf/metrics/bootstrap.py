"""Subjects drawn with replacement: how far the pooled scores depend on who took part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics.counts import by_person, check_class_count, check_unique, confusion_of, require_all_classes
from mer_tf.types import Prediction

MAX_DRAWS = 1_000_000  # an interval of so many is exact to three digits of its tails
MAX_COUNTS = 2**26  # numbers in the matrices of all subjects
_BLOCK_DRAWS = 20_000
_BLOCK_NUMBERS = 2**25  # of one block: bounds the memory to some 250 MB a method


def bootstrap_interval(
    predictions: Iterable[Prediction],
    n: int,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    within_dataset: bool = False,
) -> dict:
    """Bootstrap over subjects: percentile intervals of the pooled metrics.

    Each draw takes as many subjects as there are, with replacement, and pools their clips with multiplicity. A draw
    that lacks a class is drawn again and counted.

    Args:
        predictions: One per clip.
        n: Number of classes.
        draws: Number of draws, from 1 to ``MAX_DRAWS``.
        level: Coverage in (0, 1).
        seed: Seed of the generator.
        within_dataset: Draw within each dataset, keeping its number of subjects.

    Returns:
        ``{"uf1": [low, high], "uar": [...], "accuracy": [...], "level", "draws", "redrawn", "seed", "subjects",
        "within_dataset"}``.

    Raises:
        EmptySplitError: No predictions, or a class without any true clip.
        ConfigError: ``draws`` or ``level`` out of range.
    """
    check_draws(draws, level)
    keys, tables = subject_tables(predictions, n)
    (values,), redrawn = draw_subjects(keys, [tables], draws, seed, within_dataset)
    tails = [(1 - level) / 2, (1 + level) / 2]
    result: dict = {name: [float(q) for q in np.quantile(value, tails)] for name, value in values.items()}
    result.update(
        level=level, draws=draws, redrawn=redrawn, seed=seed, subjects=len(keys), within_dataset=within_dataset
    )
    return result


def check_draws(draws: int, level: float = 0.95) -> None:
    """Raises ``ConfigError`` unless there are 1 to ``MAX_DRAWS`` draws and the level lies in (0, 1)."""
    if not 1 <= draws <= MAX_DRAWS or not 0 < level < 1:
        raise ConfigError(f"draws must lie in 1..{MAX_DRAWS} and level in (0, 1). Received: {draws}, {level}")


def block_size(subjects: int, n: int) -> int:
    """Number of draws that are made at once, so that neither subjects nor classes take memory without bound."""
    return min(_BLOCK_DRAWS, max(1, _BLOCK_NUMBERS // max(subjects, n * n)))


def subject_tables(predictions: Iterable[Prediction], n: int) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Confusion matrix of each subject.

    Returns:
        ``(dataset, subject)`` in order, and int64 (subjects, n, n).

    Raises:
        EmptySplitError: No predictions, or a class without any true clip.
        ConfigError: A clip is predicted twice; too many classes, or too many subjects for their number.
    """
    predictions = list(predictions)
    check_class_count(n)
    check_unique(predictions)
    groups = by_person(predictions)  # sorted: the order of the predictions must not change the result
    if not groups:
        raise EmptySplitError("there are no predictions to draw subjects from")
    if len(groups) * n * n > MAX_COUNTS:
        raise ConfigError(f"{len(groups)} subjects with {n} classes are more than can be drawn from; use fewer classes")
    tables = np.stack([confusion_of(group, n) for group in groups.values()])
    require_all_classes(tables.sum(axis=0))
    return list(groups), tables


def draw_subjects(
    keys: Sequence[tuple[str, str]],
    tables: Sequence[np.ndarray],
    draws: int,
    seed: int,
    within_dataset: bool = False,
) -> tuple[list[dict[str, np.ndarray]], int]:
    """Pooled scores of subjects drawn with replacement, the same subjects for every method.

    Args:
        keys: ``(dataset, subject)`` of each row of the tables.
        tables: One int64 (subjects, n, n) per method, of the same clips.
        draws: Number of draws that hold every class.
        seed: Seed of the generator.
        within_dataset: Draw within each dataset, keeping its number of subjects.

    Returns:
        The scores of ``batch_metrics`` per method, each float64 (draws,), and the number of draws that lacked a class.

    Raises:
        EmptySplitError: Hardly any draw holds every class.
    """
    datasets = np.array([key[0] for key in keys])
    strata = (
        [np.flatnonzero(datasets == d) for d in sorted(set(datasets))] if within_dataset else [np.arange(len(keys))]
    )
    n = tables[0].shape[-1]
    flat = [np.asarray(table, float).reshape(len(keys), n * n) for table in tables]
    rng = np.random.default_rng(seed)
    kept: list[list[dict[str, np.ndarray]]] = [[] for _ in tables]
    missing, redrawn = draws, 0
    while missing:
        count = min(missing, block_size(len(keys), n))
        times = np.zeros((count, len(keys)))
        for members in strata:
            times[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=count)
        pooled = [(times @ table).reshape(count, n, n) for table in flat]  # counts stay exact integers in float64
        complete = (pooled[0].sum(axis=2) > 0).all(axis=1)
        for parts, matrices in zip(kept, pooled):
            parts.append(batch_metrics(matrices[complete]))
        missing -= int(complete.sum())
        redrawn += int((~complete).sum())
        if redrawn > 1000 * (draws - missing) + 100000:
            raise EmptySplitError(
                f"hardly any draw of {len(keys)} subjects holds every class; too few subjects for a bootstrap"
            )
    return [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} for parts in kept], redrawn


def batch_metrics(cms: np.ndarray) -> dict[str, np.ndarray]:
    """UF1, UAR and accuracy of many matrices (..., n, n) whose rows all hold clips, each float64 (...)."""
    hits = np.diagonal(cms, axis1=-2, axis2=-1)
    true, predicted = cms.sum(axis=-1), cms.sum(axis=-2)
    return {
        "uf1": (2 * hits / (true + predicted)).mean(axis=-1),
        "uar": (hits / true).mean(axis=-1),
        "accuracy": hits.sum(axis=-1) / true.sum(axis=-1),
    }
