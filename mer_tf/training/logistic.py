"""Multinomial logistic regression on features, and the most frequent class: the classifiers of the floors."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from mer_tf.checks import number, one_of
from mer_tf.errors import MissingPackageError
from mer_tf.training.svm import check_classes, check_features, check_subjects, choose_inside, standardised

ITERATIONS = 1000


@dataclasses.dataclass(frozen=True)
class LogisticConfig:
    """Settings of the classifier; where ``c`` lists several values, one is chosen on the training clips.

    Attributes:
        c: Candidates for the inverse of the ridge penalty's strength.
        balanced: Whether a class counts by the inverse of its number of training clips.
        inner: Inner folds of the choice: ``"kfold"`` (5, no subject on both sides) or ``"loso"``.
    """

    c: tuple[float, ...] = (0.001, 0.01, 0.1, 1)
    balanced: bool = True
    inner: str = "kfold"

    def __post_init__(self):
        values = tuple(self.c) if isinstance(self.c, list | tuple) else (self.c,)
        if not values:
            raise ValueError("c must list at least one value")
        for value in values:
            number("c", value, lambda value: value > 0, "positive")
        object.__setattr__(self, "c", values)
        one_of("balanced", self.balanced, (False, True))
        one_of("inner", self.inner, ("kfold", "loso"))


@dataclasses.dataclass(frozen=True, eq=False)
class Logistic:
    """A fitted classifier.

    Attributes:
        c: Inverse of the penalty's strength that it was fitted with.
        inner_uf1: Unweighted F1 of the choice on the inner folds; None where nothing had to be chosen.
        centre: ``(D,)`` subtracted from features.
        spread: ``(D,)`` that features are divided by.
        machine: scikit-learn's LogisticRegression.
    """

    c: float
    inner_uf1: float | None
    centre: np.ndarray
    spread: np.ndarray
    machine: Any

    def probabilities(self, features: np.ndarray, num_classes: int) -> np.ndarray:
        """float32 ``(clips, num_classes)``; 0 for classes that no training clip had."""
        found = self.machine.predict_proba((features - self.centre) / self.spread)
        out = np.zeros((len(features), num_classes), np.float32)
        out[:, self.machine.classes_] = found
        return out

    def facts(self) -> dict:
        """What was chosen."""
        return {"c": self.c} | ({} if self.inner_uf1 is None else {"inner_uf1": self.inner_uf1})


def fit_logistic(
    features: np.ndarray,
    labels: np.ndarray,
    subjects: Sequence[str] | None = None,
    config: LogisticConfig = LogisticConfig(),  # noqa: B008
) -> Logistic:
    """Fits on training clips, each entry standardised on them; C is chosen by inner folds that keep subjects apart.

    Args:
        features: ``(clips, D)`` of the training clips.
        labels: int ``(clips,)``.
        subjects: Subject of each training clip; needed where there is something to choose. With clips of one subject
            only, the first candidate is taken.
        config: Settings.

    Raises:
        ValueError: One class only, shapes that differ, values that are not finite, or no subjects to choose with.
        MissingPackageError: scikit-learn is not installed.
    """
    features, labels = check_features(features), check_classes(labels, len(features))
    c, uf1 = config.c[0], None
    if len(config.c) > 1:
        c, uf1 = _choose(features, labels, check_subjects(subjects, len(features)), config)
    centre, spread = standardised(features)
    return Logistic(c, uf1, centre, spread, _fitted((features - centre) / spread, labels, c, config))


def _choose(features, labels, subjects, config) -> tuple[float, float | None]:
    def guesses(train, held, coded):
        centre, spread = standardised(features[train])
        scaled = (features - centre) / spread
        for c in config.c:
            yield _fitted(scaled[train], coded[train], c, config).predict(scaled[held])

    return choose_inside(config.c, labels, subjects, config.inner, guesses)


def _fitted(features, labels, c: float, config: LogisticConfig):
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingPackageError("sklearn", "all") from error
    weights = "balanced" if config.balanced else None
    with warnings.catch_warnings():
        # A large C on separable clips has no finite optimum, and scikit-learn's options are not those of every SciPy.
        warnings.simplefilter("ignore")
        return LogisticRegression(C=c, class_weight=weights, max_iter=ITERATIONS).fit(features, labels)


@dataclasses.dataclass(frozen=True)
class MajorityConfig:
    """The most frequent class has no settings."""


@dataclasses.dataclass(frozen=True, eq=False)
class Majority:
    """Shares of the classes among the training clips.

    Attributes:
        shares: ``(classes,)`` float64.
    """

    shares: np.ndarray

    def probabilities(self, features: np.ndarray, num_classes: int) -> np.ndarray:
        """float32 ``(clips, num_classes)``: the shares, for every clip the same."""
        out = np.zeros((len(features), num_classes), np.float32)
        out[:, : len(self.shares)] = self.shares
        return out

    def facts(self) -> dict:
        """Nothing was chosen."""
        return {}


def fit_majority(
    features: np.ndarray,
    labels: np.ndarray,
    subjects: Sequence[str] | None = None,
    config: MajorityConfig = MajorityConfig(),  # noqa: B008
) -> Majority:
    """Counts the training clips' classes; nothing else is looked at."""
    return Majority(np.bincount(check_classes(labels, len(features))) / len(labels))
