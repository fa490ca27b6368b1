"""Comparing two methods on the same clips, with subjects as the units that are drawn.

The interval of a difference is the percentile interval of a paired bootstrap over subjects, whose p value is twice the
smaller share of draws on one side of zero; the permutation test exchanges the two methods' predictions subject by
subject; McNemar's test looks at clips and ignores subjects; Holm's correction serves several comparisons.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from mer_tf.datasets.people import clip_key, dataset_key
from mer_tf.datasets.spelling import loose_clip_form
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics.bootstrap import batch_metrics, block_size, check_draws, draw_subjects, subject_tables
from mer_tf.types import Prediction


def common_clips(
    first: Iterable[Prediction], second: Iterable[Prediction]
) -> tuple[list[Prediction], list[Prediction], dict[str, int]]:
    """The clips that both files hold, matched by dataset, subject and clip name in any spelling of the three.

    Returns:
        Predictions of either method in one order and in the spelling of the first, and ``{"common", "only_a",
        "only_b"}``.

    Raises:
        EmptySplitError: No clip in common.
        ConfigError: A clip's truth differs, or a clip is predicted twice.
    """
    sides = []
    for predictions in (first, second):
        side: dict[tuple[str, str, str], Prediction] = {}
        for p in predictions:
            key = clip_key(p.dataset, p.subject, p.clip)
            if key in side:
                raise ConfigError(f"clip {'/'.join(key)} is predicted twice; each clip must be held out exactly once")
            side[key] = p
        sides.append(side)
    a, b = sides
    _pair_off(a, b)
    keys = sorted(set(a) & set(b))
    if not keys:
        raise EmptySplitError("the two files have no clip in common (matched by dataset, subject and clip name)")
    for key in keys:
        if a[key].label != b[key].label:
            raise ConfigError(
                f"clip {a[key].dataset}/{a[key].subject}/{a[key].clip} has truth {a[key].label} in A and "
                f"{b[key].label} in B; label both with one mapping"
            )
    counts = {"common": len(keys), "only_a": len(a) - len(keys), "only_b": len(b) - len(keys)}
    spelled = (
        dataclasses.replace(b[key], dataset=a[key].dataset, subject=a[key].subject, clip=a[key].clip) for key in keys
    )
    return [a[key] for key in keys], list(spelled), counts


def _pair_off(a: dict[tuple[str, str, str], Prediction], b: dict[tuple[str, str, str], Prediction]) -> None:
    """Gives clips of ``b`` that have no partner the key of the one clip of ``a`` whose name is nearly theirs.

    Padding of numbers and the ending of a file are looked past, where that leaves one clip on either side.
    """
    loose = []
    for side, other in ((a, b), (b, a)):
        found = collections.defaultdict(list)
        for key in side.keys() - other.keys():
            found[(*key[:2], loose_clip_form(key[2]))].append(key)
        loose.append({form: keys[0] for form, keys in found.items() if len(keys) == 1})
    for form in loose[0].keys() & loose[1].keys():
        b[loose[0][form]] = b.pop(loose[1][form])


def paired_bootstrap(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    n: int,
    *,
    draws: int = 10000,
    level: float = 0.95,
    seed: int = 0,
    within_dataset: bool = False,
) -> dict:
    """Paired bootstrap over subjects: the same drawn subjects for both methods.

    Args:
        first: Predictions of method A.
        second: Predictions of method B for the same clips.
        n: Number of classes.
        draws: Number of draws, from 1 to ``MAX_DRAWS``.
        level: Coverage of the intervals, in (0, 1).
        seed: Seed of the generator.
        within_dataset: Draw within each dataset, keeping its number of subjects.

    Returns:
        For ``uf1``, ``uar`` and ``accuracy``: ``{"a", "b", "difference" (A - B), "interval", "p"}`` with
        ``p = 2 min(share <= 0, share >= 0)``, one added to counts and draws; and ``draws``, ``redrawn``, ``seed``,
        ``subjects``, ``level``, ``within_dataset``.

    Raises:
        EmptySplitError, ConfigError: See ``mer_tf.metrics.subject_tables``; also different clips.
    """
    check_draws(draws, level)
    keys, a, b = _pair(first, second, n)
    (values_a, values_b), redrawn = draw_subjects(keys, [a, b], draws, seed, within_dataset)
    whole_a, whole_b = batch_metrics(a.sum(axis=0)), batch_metrics(b.sum(axis=0))
    tails = [(1 - level) / 2, (1 + level) / 2]
    result: dict = {}
    for name in values_a:
        difference = values_a[name] - values_b[name]
        # A difference of equal counts is 0 up to rounding; it must count as "<= 0" and ">= 0" both.
        difference = np.where(np.abs(difference) < 1e-12, 0, difference)
        below, above = int((difference <= 0).sum()), int((difference >= 0).sum())
        result[name] = {
            "a": float(whole_a[name]),
            "b": float(whole_b[name]),
            "difference": float(whole_a[name] - whole_b[name]),
            "interval": [float(q) for q in np.quantile(difference, tails)],
            "p": min(1.0, 2 * (min(below, above) + 1) / (draws + 1)),
        }
    result.update(
        draws=draws, redrawn=redrawn, seed=seed, subjects=len(keys), level=level, within_dataset=within_dataset
    )
    return result


def over_seeds(
    runs: Sequence[Sequence[Prediction]],
    n: int,
    *,
    against: Sequence[Sequence[Prediction]] = (),
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, dict]:
    """Mean scores of runs that differ in their seeds, less those of others, with an interval over subjects.

    Each draw takes the same subjects for every run, of both sides; its figure is the mean over the runs.

    Args:
        runs: Predictions of each run, all of the same clips.
        n: Number of classes.
        against: Predictions of the runs that these are compared with, on the same clips; empty for the scores alone.
        draws: Bootstrap draws, from 1 to ``MAX_DRAWS``.
        level: Coverage of the intervals, in (0, 1).
        seed: Seed of the generator.

    Returns:
        For ``uf1``, ``uar`` and ``accuracy``: ``{"mean", "sd" (over the runs, ddof 1; None of one run), "interval"}``;
        with ``against`` mean and interval are of the difference, the spread is still that of the runs.

    Raises:
        EmptySplitError, ConfigError: See ``paired_bootstrap``.
    """
    check_draws(draws, level)
    first = list(runs[0])
    keys, table = subject_tables(first, n)
    tables = [table, *(_pair(first, one, n)[2] for one in (*runs[1:], *against))]
    drawn, _ = draw_subjects(keys, tables, draws, seed)
    tails = [(1 - level) / 2, (1 + level) / 2]
    found: dict[str, dict] = {}
    for name in drawn[0]:
        whole = [float(batch_metrics(one.sum(axis=0))[name]) for one in tables]
        values = np.stack([one[name] for one in drawn])
        own, other = whole[: len(runs)], whole[len(runs) :]
        difference = values[: len(runs)].mean(axis=0) - (values[len(runs) :].mean(axis=0) if other else 0.0)
        found[name] = {
            "mean": float(np.mean(own) - (np.mean(other) if other else 0.0)),
            "sd": float(np.std(own, ddof=1)) if len(own) > 1 else None,
            "interval": [float(q) for q in np.quantile(difference, tails)],
        }
    return found


def permutation_test(
    first: Sequence[Prediction], second: Sequence[Prediction], n: int, *, draws: int = 10000, seed: int = 0
) -> dict:
    """Swaps the two methods' predictions subject by subject at random.

    Args:
        first: Predictions of method A.
        second: Predictions of method B for the same clips.
        n: Number of classes.
        draws: Random swaps, from 1 to ``MAX_DRAWS``.
        seed: Seed of the generator.

    Returns:
        Two-sided p per metric, ``{"uf1", "uar", "accuracy"}`` with the +1 correction, and ``draws``, ``seed``.

    Raises:
        EmptySplitError, ConfigError: See ``paired_bootstrap``.
    """
    check_draws(draws)
    keys, a, b = _pair(first, second, n)
    change = (b - a).reshape(len(keys), n * n).astype(float)
    rng = np.random.default_rng(seed)
    observed = {
        name: value - batch_metrics(b.sum(axis=0))[name] for name, value in batch_metrics(a.sum(axis=0)).items()
    }
    extreme = dict.fromkeys(observed, 0)
    block = block_size(len(keys), n)
    for start in range(0, draws, block):
        count = min(block, draws - start)
        swapped = rng.integers(0, 2, size=(count, len(keys))).astype(float)
        moved = (swapped @ change).reshape(count, n, n)
        left, right = batch_metrics(a.sum(axis=0) + moved), batch_metrics(b.sum(axis=0) - moved)
        for name, value in observed.items():
            extreme[name] += int((np.abs(left[name] - right[name]) >= abs(value) - 1e-12).sum())
    result: dict = {name: (count + 1) / (draws + 1) for name, count in extreme.items()}
    result.update(draws=draws, seed=seed)
    return result


def mcnemar(first: Sequence[Prediction], second: Sequence[Prediction]) -> dict:
    """McNemar's test on clips, exact. It tests accuracy, not UF1, and ignores that clips of a subject belong together.

    Args:
        first: Predictions of method A.
        second: Predictions of method B for the same clips.

    Returns:
        ``{"only_a_right", "only_b_right", "both_right", "none_right", "p_exact", "p_mid"}``; two-sided.

    Raises:
        EmptySplitError, ConfigError: See ``common_clips``; also different clips.
    """
    first, second = _same(first, second)
    right = [(p.label == p.prediction, q.label == q.prediction) for p, q in zip(first, second)]
    b, c = right.count((True, False)), right.count((False, True))
    exact, mid = binomial_two_sided(min(b, c), b + c)
    return {
        "only_a_right": b,
        "only_b_right": c,
        "both_right": right.count((True, True)),
        "none_right": right.count((False, False)),
        "p_exact": exact,
        "p_mid": mid,
    }


def binomial_two_sided(k: int, n: int) -> tuple[float, float]:
    """Exact and mid two-sided p of k of n at one half, ``2 P(X <= k)`` and ``2 P(X <= k) - P(X = k)``, at most 1.

    Args:
        k: The smaller count, 0..n/2.
        n: All, at least 0; with 0 both are 1.
    """
    if not 0 <= 2 * k <= n:
        raise ConfigError(f"k must be the smaller of two counts that add up to n. Received: {k}, {n}")
    from scipy.stats import binom  # here, because loading it takes a second

    tail, point = float(binom.cdf(k, n, 0.5)), float(binom.pmf(k, n, 0.5))
    return min(1.0, 2 * tail), min(1.0, 2 * tail - point)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p of a family of tests, in the order given.

    Raises:
        ConfigError: A value outside 0..1.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ConfigError(f"each p must lie in 0..1. Received: {list(p_values)}")
    order = sorted(range(len(p_values)), key=lambda k: p_values[k])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[k]))
        adjusted[k] = highest
    return adjusted


def _same(first, second) -> tuple[list[Prediction], list[Prediction]]:
    a, b, counts = common_clips(first, second)
    if counts["only_a"] or counts["only_b"]:
        raise ConfigError(
            f"the two methods must be scored on the same clips; {counts['only_a']} are only in A and "
            f"{counts['only_b']} only in B (see common_clips)"
        )
    return a, b


def _pair(first, second, n: int) -> tuple[list[tuple[str, str]], np.ndarray, np.ndarray]:
    a, b = _same(first, second)
    keys, tables_a = subject_tables(a, n)
    return keys, tables_a, subject_tables(b, n)[1]


def compare(first, second, n: int, *, draws: int = 10000, seed: int = 0, within_dataset: bool = False) -> dict:
    """Paired bootstrap, permutation by subject and McNemar on the clips that both methods predict.

    Args:
        first: Predictions of method A.
        second: Predictions of method B.
        n: Number of classes.
        draws: Bootstrap draws, and random swaps of the permutation test.
        seed: Seed of both.
        within_dataset: Draw subjects within each dataset.

    Returns:
        ``{"clips": {"common", "only_a", "only_b"}, "datasets_left_out": ..., "bootstrap": ..., "permutation": ...,
        "holm": ..., "mcnemar": ...}``. ``datasets_left_out`` are the sets of which no clip is in common; ``holm``
        adjusts the bootstrap's p over the family {UF1, UAR}.

    Raises:
        EmptySplitError, ConfigError: No clip in common, different truths, a class without a clip.
    """
    first, second = list(first), list(second)
    a, b, counts = common_clips(first, second)
    left_out = {dataset_key(p.dataset): p.dataset for p in (*first, *second)}
    for p in a:
        left_out.pop(dataset_key(p.dataset), None)
    bootstrap = paired_bootstrap(a, b, n, draws=draws, seed=seed, within_dataset=within_dataset)
    family = ("uf1", "uar")
    return {
        "clips": counts,
        "datasets_left_out": sorted(left_out.values()),
        "bootstrap": bootstrap,
        "permutation": permutation_test(a, b, n, draws=draws, seed=seed),
        "holm": dict(zip(family, holm([bootstrap[name]["p"] for name in family]))),
        "mcnemar": mcnemar(a, b),
    }
