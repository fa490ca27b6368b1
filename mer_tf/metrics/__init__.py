"""Metrics of the field, in numpy.

Conventions, those of MEGC 2019 where it has them (``docs/protocols.md`` says what each paper prints):

* ``cm[i, j]`` is the number of clips of true class i predicted as j: rows true, columns predicted, raw counts.
* Pooled: the predictions of all test folds are joined, then one confusion matrix is formed. ``uf1`` and ``uar`` are
  never means over folds; the fold means have their own names in ``fold_means``.
* UF1 is macro F1 from counts, ``mean(2 TP / (2 TP + FP + FN))``, not the F1 of averaged precision and recall.
* UAR is the mean of the class recalls (balanced accuracy; the CBAMNet paper prints it as accuracy,
  ``class_mean_accuracy``). Accuracy is WAR.
* A class without any true clip in a pooled matrix is a configuration error and raises ``EmptySplitError``; in the
  scores of one dataset's part it makes that part's ``uf1`` and ``uar`` None.
* Macro precision counts a class that is never predicted as 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics.bootstrap import batch_metrics, bootstrap_interval, draw_subjects, subject_tables
from mer_tf.metrics.counts import check_unique, confusion_matrix, confusion_of, require_all_classes
from mer_tf.types import Prediction

__all__ = [
    "accuracy",
    "averages",
    "batch_metrics",
    "bootstrap_interval",
    "check_unique",
    "class_f1",
    "class_mean_accuracy",
    "class_recalls",
    "confusion_matrix",
    "draw_subjects",
    "fold_means",
    "hold_out_scores",
    "macro_precision",
    "oracle_epoch",
    "per_subject",
    "recall_range",
    "recall_spread_pop",
    "scores",
    "spread",
    "subject_tables",
    "truncated",
    "uar",
    "uf1",
    "war",
    "weighted_f1",
]


def class_recalls(cm) -> np.ndarray:
    """Recall of each class, float64 (n,); a class without true clips raises ``EmptySplitError``."""
    cm = _matrix(cm)
    require_all_classes(cm)
    return np.diag(cm) / cm.sum(axis=1)


def class_f1(cm) -> np.ndarray:
    """F1 of each class, float64 (n,); a class without true clips raises ``EmptySplitError``."""
    cm = _matrix(cm)
    require_all_classes(cm)
    return 2 * np.diag(cm) / (cm.sum(axis=1) + cm.sum(axis=0))


def uf1(cm) -> float:
    """Unweighted F1 (macro F1) of a pooled matrix, in 0..1."""
    return float(class_f1(cm).mean())


def uar(cm) -> float:
    """Unweighted average recall of a pooled matrix, in 0..1."""
    return float(class_recalls(cm).mean())


def accuracy(cm) -> float:
    """Share of clips on the diagonal (WAR), in 0..1."""
    cm = _matrix(cm)
    total = cm.sum()
    if not total:
        raise EmptySplitError("the confusion matrix holds no clip: nothing was predicted")
    return float(np.trace(cm) / total)


def macro_precision(cm) -> float:
    """Mean of the class precisions, a class never predicted counting 0; a diagnostic, not UAR."""
    cm = _matrix(cm)
    require_all_classes(cm)
    predicted = cm.sum(axis=0)
    return float((np.diag(cm) / np.maximum(predicted, 1)).mean())


def weighted_f1(cm) -> float:
    """F1 of the classes weighted by their true counts."""
    cm = _matrix(cm)
    return float((class_f1(cm) * cm.sum(axis=1)).sum() / cm.sum())


# The papers' own names for the same figures.
war = accuracy
class_mean_accuracy = uar


def spread(values, ddof: int = 0) -> float:
    """Standard deviation of values with divisor ``n - ddof``; 0 for one value with ddof 0.

    Raises:
        EmptySplitError: No more values than ``ddof``.
    """
    values = np.asarray(values, float)
    if values.size <= ddof:
        raise EmptySplitError(f"a spread with ddof {ddof} needs more than {ddof} values. Received: {values.size}")
    return float(values.std(ddof=ddof))


def recall_spread_pop(cm, ddof: int = 0) -> float:
    """Spread of the class recalls in percent: population standard deviation, divisor n.

    It measures how even one model's classes are, not variation over folds or seeds.

    Source: stability figure of the CBAMNet paper, read as divisor n because only that reproduces its ten printed
    values.

    Args:
        cm: Pooled confusion matrix.
        ddof: 0 (published form) or 1.
    """
    return spread(100 * class_recalls(cm), ddof)


def recall_range(cm) -> float:
    """Largest less smallest class recall, in percent."""
    recalls = 100 * class_recalls(cm)
    return float(recalls.max() - recalls.min())


def truncated(value: float, decimals: int = 2) -> float:
    """Cut, not rounded, after ``decimals``: how the CBAMNet paper prints its class-mean accuracy in percent."""
    # A recall such as 0.29 times 100 is 28.999999999999996 in binary; cutting must not lose a unit for that.
    return math.floor(round(value * 10**decimals, 6)) / 10**decimals


def scores(predictions: Iterable[Prediction], classes: Sequence[str]) -> dict:
    """Pooled scores of a run, whole and by dataset.

    Args:
        predictions: One per clip, in any order.
        classes: Class names by index.

    Returns:
        ``{"full": part, "by_dataset": {name: part}}`` with part ``{uf1, uar, accuracy, macro_precision, n,
        confusion}``; ``confusion`` is a list of rows (true) of raw counts. In a dataset's part that lacks a class,
        ``uf1``, ``uar`` and ``macro_precision`` are None.

    Raises:
        EmptySplitError: No predictions, or a class without any true clip.
        ConfigError: A clip is predicted twice, or a class is out of range.
    """
    predictions = list(predictions)
    check_unique(predictions)
    n = len(classes)
    cm = confusion_of(predictions, n)
    require_all_classes(cm, classes)
    parts = {}
    for dataset in sorted({p.dataset for p in predictions}):
        parts[dataset] = _part(confusion_of([p for p in predictions if p.dataset == dataset], n))
    return {"full": _part(cm), "by_dataset": parts}


def per_subject(predictions: Iterable[Prediction], n: int) -> list[dict]:
    """One row per subject: ``{dataset, subject, clips, correct, accuracy, labels, predicted}``.

    ``labels`` and ``predicted`` are counts per class. Rows are in order of dataset and subject.
    """
    groups: dict[tuple[str, str], list[Prediction]] = {}
    for p in predictions:
        groups.setdefault((p.dataset, p.subject), []).append(p)
    rows = []
    for (dataset, subject), group in sorted(groups.items()):
        cm = confusion_of(group, n)
        rows.append(
            {
                "dataset": dataset,
                "subject": subject,
                "clips": int(cm.sum()),
                "correct": int(np.trace(cm)),
                "accuracy": accuracy(cm),
                "labels": cm.sum(axis=1).tolist(),
                "predicted": cm.sum(axis=0).tolist(),
            }
        )
    return rows


def fold_means(predictions: Iterable[Prediction], n: int) -> dict[str, float]:
    """Means over folds, for comparison with papers that average; not comparable with pooled scores.

    Returns:
        ``fold_mean_accuracy``; ``fold_mean_f1_absent_zero`` (a class absent from a fold counts 0) and
        ``fold_mean_f1_present`` (mean over the classes with a true clip in the fold).
    """
    groups: dict[str, list[Prediction]] = {}
    for p in predictions:
        groups.setdefault(p.fold, []).append(p)
    if not groups:
        raise EmptySplitError("there are no predictions to average over folds")
    rows = []
    for _, group in sorted(groups.items()):
        cm = confusion_of(group, n)
        f1 = 2 * np.diag(cm) / np.maximum(cm.sum(axis=1) + cm.sum(axis=0), 1)
        present = cm.sum(axis=1) > 0
        rows.append((accuracy(cm), f1.mean(), f1[present].mean()))
    mean = np.mean(rows, axis=0)
    names = ("fold_mean_accuracy", "fold_mean_f1_absent_zero", "fold_mean_f1_present")
    return {name: float(value) for name, value in zip(names, mean)}


def averages(
    predictions: Iterable[Prediction], n: int, by_epoch: Mapping[int, Sequence[Prediction]] | None = None
) -> dict[str, dict]:
    """The same predictions under every way of averaging, to see how far the way moves a number.

    Args:
        predictions: Held-out predictions of the epoch that counts.
        n: Number of classes.
        by_epoch: Predictions of every epoch (``read_epoch_predictions``), or None.

    Returns:
        ``pooled``: uf1, uar, accuracy, macro_precision, weighted_f1 (None where a class has no clip);
        ``fold_mean``: accuracy, f1_absent_zero, f1_present, folds, one_class_folds; and, with epochs,
        ``oracle_epoch`` (see there) and ``best_common_epoch`` (one epoch for all folds, chosen by pooled UF1).
    """
    predictions = list(predictions)
    check_unique(predictions)
    means = fold_means(predictions, n)
    classes_of: dict[str, set[int]] = {}
    for p in predictions:
        classes_of.setdefault(p.fold, set()).add(p.label)
    result = {
        "pooled": _pooled(confusion_of(predictions, n)),
        "fold_mean": {
            "accuracy": means["fold_mean_accuracy"],
            "f1_absent_zero": means["fold_mean_f1_absent_zero"],
            "f1_present": means["fold_mean_f1_present"],
            "folds": len(classes_of),
            "one_class_folds": sum(len(present) == 1 for present in classes_of.values()),
        },
    }
    if by_epoch:
        result["oracle_epoch"] = oracle_epoch(by_epoch, n)
        pooled = {epoch: _pooled(confusion_of(list(rows), n)) for epoch, rows in sorted(by_epoch.items())}
        key = "uf1" if next(iter(pooled.values()))["uf1"] is not None else "accuracy"
        best = max(pooled, key=lambda epoch: (pooled[epoch][key], -epoch))
        result["best_common_epoch"] = {**pooled[best], "epoch": best}
    return result


def oracle_epoch(by_epoch: Mapping[int, Sequence[Prediction]], n: int) -> dict:
    """Pooled scores when each fold takes the epoch that is best on its own held-out clips.

    No figure to report: it looks at the test fold. It shows what public scripts of the field obtain that way.

    Args:
        by_epoch: Predictions of every epoch; each epoch holds the same clips.
        n: Number of classes.

    Returns:
        The scores under ``pooled`` of ``averages``, and ``epochs``, the number of epochs chosen from.

    Raises:
        EmptySplitError: No epoch.
        ConfigError: Two epochs hold different clips.
    """
    if not by_epoch:
        raise EmptySplitError("there are no epochs to choose from")
    clips = None
    hits: dict[str, dict[int, int]] = {}
    rows: dict[tuple[str, int], list[Prediction]] = {}
    for epoch, predictions in sorted(by_epoch.items()):
        check_unique(predictions)
        keys = {(p.dataset, p.subject, p.clip) for p in predictions}
        if clips is not None and keys != clips:
            odd = "/".join(min(keys ^ clips))
            raise ConfigError(f"epoch {epoch} does not hold the same clips as the others, for example {odd}")
        clips = keys
        for p in predictions:
            rows.setdefault((p.fold, epoch), []).append(p)
            of_fold = hits.setdefault(p.fold, {})
            of_fold[epoch] = of_fold.get(epoch, 0) + (p.label == p.prediction)
    chosen = []
    for fold, counts in sorted(hits.items()):
        best = max(counts, key=lambda epoch: (counts[epoch], -epoch))
        chosen.extend(rows[fold, best])
    return {**_pooled(confusion_of(chosen, n)), "epochs": len(by_epoch)}


def hold_out_scores(predictions: Iterable[Prediction], n: int) -> dict:
    """Scores of hold-out-dataset evaluation: WAR and UAR of each direction, and their means.

    Args:
        predictions: One per clip of both datasets; the dataset of a clip is the one tested on.
        n: Number of classes.

    Returns:
        ``{"by_test_dataset": {name: {"war", "uar", "n"}}, "mean": {"war", "uar"}}``; an undefined UAR (a dataset that
        lacks a class) is None.
    """
    groups: dict[str, list[Prediction]] = {}
    for p in predictions:
        groups.setdefault(p.dataset, []).append(p)
    if not groups:
        raise EmptySplitError("there are no predictions to score")
    parts = {}
    for dataset, group in sorted(groups.items()):
        check_unique(group)
        part = _part(confusion_of(group, n))
        parts[dataset] = {"war": part["accuracy"], "uar": part["uar"], "n": part["n"]}
    mean = {}
    for name in ("war", "uar"):
        values = [part[name] for part in parts.values()]
        mean[name] = None if None in values else float(np.mean(values))
    return {"by_test_dataset": parts, "mean": mean}


def _matrix(cm) -> np.ndarray:
    cm = np.asarray(cm)
    if cm.ndim != 2 or cm.shape[0] != cm.shape[1] or not cm.size:
        raise ConfigError(f"a confusion matrix must be square. Received shape: {cm.shape}")
    if (cm < 0).any():
        raise ConfigError("a confusion matrix must hold counts, none negative")
    return cm


def _scored(cm: np.ndarray) -> dict:
    """What every part of a run is scored by; None where a class without a clip leaves it undefined."""
    complete = bool((cm.sum(axis=1) > 0).all())
    return {
        "uf1": uf1(cm) if complete else None,
        "uar": uar(cm) if complete else None,
        "accuracy": accuracy(cm),
        "macro_precision": macro_precision(cm) if complete else None,
    }


def _pooled(cm: np.ndarray) -> dict:
    found = _scored(cm)
    return {**found, "weighted_f1": None if found["uf1"] is None else weighted_f1(cm)}


def _part(cm: np.ndarray) -> dict:
    return {**_scored(cm), "n": int(cm.sum()), "confusion": cm.tolist()}
