"""Confusion matrices: counts of true and predicted classes, from which every score is computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mer_tf.datasets.people import clip_key, one_person
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.types import Prediction

MAX_CLASSES = 100  # the most that any set names is 8; every score holds matrices of their square


def check_class_count(n: int, what: str = "the number of classes") -> None:
    """Raises ``ConfigError`` for more than ``MAX_CLASSES`` classes."""
    if n > MAX_CLASSES:
        raise ConfigError(f"{what} must be at most {MAX_CLASSES}. Received: {n}")


def confusion_matrix(label, prediction, n: int) -> np.ndarray:
    """Counts of (true, predicted) pairs.

    Args:
        label: int (clips,), true classes in 0..n-1.
        prediction: int (clips,), predicted classes in 0..n-1.
        n: Number of classes.

    Returns:
        int64 (n, n), rows true.

    Raises:
        ConfigError: Lengths differ, or a class is out of range.
    """
    check_class_count(n)
    label, prediction = np.asarray(label), np.asarray(prediction)
    if label.shape != prediction.shape or label.ndim != 1:
        raise ConfigError(
            f"labels and predictions must be two lists of one length. Received: {label.shape}, {prediction.shape}"
        )
    for name, values in (("label", label), ("prediction", prediction)):
        if values.size and not np.issubdtype(values.dtype, np.integer):
            raise ConfigError(f"each {name} must be an integer class index. Received: {values.dtype}")
        if values.size and not (values.min() >= 0 and values.max() < n):
            bad = values[(values < 0) | (values >= n)][0]
            raise ConfigError(f"each {name} must lie in 0..{n - 1}. Received: {bad}")
    codes = label.astype(np.int64) * n + prediction.astype(np.int64)
    return np.bincount(codes, minlength=n * n).reshape(n, n).astype(np.int64)


def confusion_of(predictions: Sequence[Prediction], n: int) -> np.ndarray:
    """Confusion matrix of predictions; none at all is an ``EmptySplitError``."""
    if not predictions:
        raise EmptySplitError("there are no predictions to score")
    return confusion_matrix([p.label for p in predictions], [p.prediction for p in predictions], n)


def require_all_classes(cm: np.ndarray, classes: Sequence[str] | None = None) -> None:
    """Raises ``EmptySplitError`` where a row of the matrix, the clips of a true class, is empty."""
    for index in np.flatnonzero(cm.sum(axis=1) == 0):
        name = repr(classes[index]) if classes is not None else str(index)
        raise EmptySplitError(
            f"class {name} has no clip among the predictions, so its recall and F1 are undefined; "
            "use a label mapping without it or add its clips"
        )


def by_person(predictions: Iterable[Prediction]) -> dict[tuple[str, str], list[Prediction]]:
    """Predictions by ``(dataset, subject)``, every person under one of these; in order of these keys."""
    predictions = list(predictions)
    groups: dict[tuple[str, str], list[Prediction]] = {}
    for key, p in zip(one_person([(p.dataset, p.subject) for p in predictions]), predictions):
        groups.setdefault(key, []).append(p)
    return dict(sorted(groups.items()))


def check_unique(predictions: Iterable[Prediction]) -> None:
    """Raises ``ConfigError`` when one clip is predicted twice: it would count twice in every pooled metric."""
    seen = set()
    for p in predictions:
        key = clip_key(p.dataset, p.subject, p.clip)
        if key in seen:
            raise ConfigError(
                f"clip {p.dataset}/{p.subject}/{p.clip} is predicted twice; each clip must be held out exactly once"
            )
        seen.add(key)
