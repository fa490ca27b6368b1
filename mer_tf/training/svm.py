"""Support vector machines on features: published kernels, scaling and choice of C and gamma from training clips alone.

Kernels are computed here and handed to LIBSVM, so that all candidates of a fold share one product of the features.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mer_tf import metrics
from mer_tf.checks import number, one_of, whole
from mer_tf.errors import MissingPackageError

KERNELS = ("linear", "poly", "rbf")
SCALINGS = ("none", "standard")
INNER_FOLDS = 5


def _gamma(value: float | str, length: int, variance: float) -> float:
    if value == "scale":
        return 1 / (length * variance) if variance > 0 else 1.0
    if isinstance(value, str):
        factor, sign, rest = value.partition("/")
        try:
            if (sign, rest) == ("/", "D") and 0 < float(factor) < np.inf:
                return float(factor) / length
        except ValueError:
            pass
        raise ValueError(f"gamma must be positive, 'scale' or like '0.1/D'. Received: {value!r}")
    number("gamma", value, lambda value: value > 0, "positive, 'scale' or like '0.1/D'")
    return float(value)


@dataclasses.dataclass(frozen=True)
class SvmConfig:
    """Settings of the classifier; where ``c`` or ``gamma`` lists several values, one is chosen on the training clips.

    Attributes:
        kernel: ``"linear"`` (x y), ``"poly"`` ((gamma x y + coef0)^degree) or ``"rbf"`` (exp(-gamma |x - y|^2)).
        c: Candidates for the penalty.
        gamma: Candidates: positive numbers, ``"scale"`` (1 / (D var), var of the training features) or a number over
            the features' length, such as ``"0.1/D"``. Not used by a linear kernel.
        degree: Degree of the polynomial kernel.
        coef0: Constant inside the power of the polynomial kernel, at least 0.
        scaling: ``"none"``, or ``"standard"`` (mean 0, deviation 1 on the training clips; constant entries stay 0).
        balanced: Whether a class counts by the inverse of its number of training clips.
        inner: Inner folds of the choice: ``"kfold"`` (5, no subject on both sides) or ``"loso"``.
    """

    kernel: str = "rbf"
    c: tuple[float, ...] = (1, 10, 100, 1000)
    gamma: tuple[float | str, ...] = ("scale", "0.1/D", "1/D", "10/D")
    degree: int = 3
    coef0: float = 0.0
    scaling: str = "none"
    balanced: bool = False
    inner: str = "kfold"

    def __post_init__(self):
        one_of("kernel", self.kernel, KERNELS)
        for name in ("c", "gamma"):
            values = getattr(self, name)
            values = tuple(values) if isinstance(values, list | tuple) else (values,)
            if not values:
                raise ValueError(f"{name} must list at least one value")
            object.__setattr__(self, name, values)
        for value in self.c:
            number("c", value, lambda value: value > 0, "positive")
        for candidate in self.gamma:
            _gamma(candidate, 1, 1.0)
        whole("degree", self.degree)
        number("coef0", self.coef0, lambda value: value >= 0, "at least 0")
        one_of("scaling", self.scaling, SCALINGS)
        one_of("balanced", self.balanced, (False, True))
        one_of("inner", self.inner, ("kfold", "loso"))

    @property
    def candidates(self) -> tuple[tuple[float, float | str], ...]:
        """Every pair of C and gamma."""
        return tuple(itertools.product(self.c, ("scale",) if self.kernel == "linear" else self.gamma))


@dataclasses.dataclass(frozen=True, eq=False)
class Svm:
    """A fitted classifier.

    Attributes:
        config: Settings.
        c: Penalty it was fitted with.
        gamma: The chosen candidate, a number or text such as ``"0.1/D"``.
        inner_uf1: Unweighted F1 of the choice on the inner folds; None where nothing had to be chosen.
        features: ``(clips, D)`` scaled training features.
        centre: ``(D,)`` subtracted from features.
        spread: ``(D,)`` that features are divided by.
        gamma_value: Number that gamma stands for.
        machine: scikit-learn's SVC.
    """

    config: SvmConfig
    c: float
    gamma: float | str
    inner_uf1: float | None
    features: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    gamma_value: float
    machine: Any

    def probabilities(self, features: np.ndarray, num_classes: int) -> np.ndarray:
        """float32 ``(clips, num_classes)``: 1 for the class decided on, 0 for the others.

        A one-against-one machine has no probabilities, and calibrating it would need clips held out of training.
        """
        return np.eye(num_classes, dtype=np.float32)[self.predict(features)]

    def facts(self) -> dict:
        """What was chosen."""
        found: dict = {"c": self.c}
        if self.config.kernel != "linear":
            found["gamma"] = self.gamma
        if self.inner_uf1 is not None:
            found["inner_uf1"] = self.inner_uf1
        return found

    def predict(self, features: np.ndarray) -> np.ndarray:
        """int64 (clips,) labels of ``(clips, D)`` features."""
        features = check_features(features)
        if features.shape[1] != self.features.shape[1]:
            raise ValueError(f"features must have {self.features.shape[1]} columns. Received: {features.shape}")
        if not len(features):
            return np.zeros(0, np.int64)
        scaled = (features - self.centre) / self.spread
        return self.machine.predict(_kernel(scaled, self.features, self.config, self.gamma_value)).astype(np.int64)


def fit_svm(
    features: np.ndarray,
    labels: np.ndarray,
    subjects: Sequence[str] | None = None,
    config: SvmConfig = SvmConfig(),  # noqa: B008
) -> Svm:
    """Fits on training clips; C and gamma are chosen among them by inner folds that keep subjects apart.

    There is no argument for held-out clips, so nothing can be chosen on them.

    Args:
        features: ``(clips, D)`` of the training clips.
        labels: int ``(clips,)``.
        subjects: Subject of each training clip; needed where there is something to choose. With clips of one subject
            only, the first candidate is taken.
        config: Settings.

    Returns:
        The classifier, one against one.

    Raises:
        ValueError: One class only, shapes that differ, values that are not finite, or no subjects to choose with.
        MissingPackageError: scikit-learn is not installed.
    """
    features, labels = check_features(features), check_classes(labels, len(features))
    (c, gamma), uf1 = config.candidates[0], None
    if len(config.candidates) > 1:
        (c, gamma), uf1 = _choose(features, labels, check_subjects(subjects, len(features)), config)
    scaled, centre, spread = _scale(features, config)
    value = _gamma(gamma, scaled.shape[1], scaled.var())
    machine = _machine(c, config).fit(_kernel(scaled, scaled, config, value), labels)
    return Svm(config, c, gamma, uf1, scaled, centre, spread, value, machine)


def _choose(features, labels, subjects, config) -> tuple[tuple, float | None]:
    def guesses(train, held, coded):
        scaled, centre, spread = _scale(features[train], config)
        others = (features[held] - centre) / spread
        dot, cross = scaled @ scaled.T, others @ scaled.T
        for c, gamma in config.candidates:
            value = _gamma(gamma, scaled.shape[1], scaled.var())
            machine = _machine(c, config).fit(_kernel(scaled, scaled, config, value, dot), coded[train])
            yield machine.predict(_kernel(others, scaled, config, value, cross))

    return choose_inside(config.candidates, labels, subjects, config.inner, guesses)


def choose_inside(
    candidates: Sequence, labels: np.ndarray, subjects: np.ndarray, inner: str, guesses: Callable[..., Iterable]
) -> tuple[Any, float | None]:
    """The candidate with the best unweighted F1 over inner folds of the training clips, of equal ones the first.

    Args:
        candidates: What to choose from.
        labels: int ``(clips,)``.
        subjects: Subject of each clip; none is on both sides of a fold.
        inner: As ``inner_folds``.
        guesses: From (mask of the clips to fit, mask of those to predict, labels as 0, 1, ...) to the labels predicted,
            one array for each candidate in order. Not asked where the clips to fit are of one class: that is predicted.

    Returns:
        The candidate and its score; the first one and None where all clips are of one subject.
    """
    if len(np.unique(subjects)) < 2:
        return candidates[0], None
    classes, coded = np.unique(labels, return_inverse=True)
    found = np.zeros((len(candidates), len(labels)), np.int64)
    for held in inner_folds(subjects, inner):
        known = coded[~held]
        found[:, held] = known[0] if len(set(known.tolist())) < 2 else np.stack(list(guesses(~held, held, coded)))
    scores = [metrics.uf1(metrics.confusion_matrix(coded, guess, len(classes))) for guess in found]
    best = int(np.argmax(scores))
    return candidates[best], float(scores[best])


def inner_folds(subjects: np.ndarray, how: str) -> list[np.ndarray]:
    """Masks of the clips held out in each inner fold: whole subjects, folds of nearly equal numbers of clips.

    Args:
        subjects: Subject of each training clip.
        how: ``"kfold"`` (``INNER_FOLDS``) or ``"loso"``.
    """
    return subject_groups(subjects, len(subjects) if how == "loso" else INNER_FOLDS)


def subject_groups(subjects: Sequence[str] | np.ndarray, folds: int) -> list[np.ndarray]:
    """Masks of the clips of each of ``folds`` groups of subjects, or of as many as there are subjects.

    Args:
        subjects: Subject of each clip.
        folds: Number of groups.

    Returns:
        bool ``(clips,)`` for each group; the groups have nearly equal numbers of clips.
    """
    names, numbers, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    folds = min(folds, len(names))
    fold, load = np.zeros(len(names), int), np.zeros(folds, int)
    for name in np.argsort(-counts, kind="stable"):
        fold[name] = load.argmin()
        load[fold[name]] += counts[name]
    return [fold[numbers] == k for k in range(folds)]


def _scale(features: np.ndarray, config: SvmConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if config.scaling == "standard":
        centre, spread = standardised(features)
    else:
        centre, spread = np.zeros(features.shape[1]), np.ones(features.shape[1])
    return (features - centre) / spread, centre, spread


def standardised(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each entry; 1 where there is none, so that constant entries stay 0."""
    centre, spread = features.mean(axis=0), features.std(axis=0)
    # Rounding alone must not be blown up to a deviation of 1.
    return centre, np.where(spread > 1e-12 * np.maximum(np.abs(centre), 1e-300), spread, 1.0)


def _kernel(rows, columns, config: SvmConfig, gamma: float, dot: np.ndarray | None = None) -> np.ndarray:
    dot = rows @ columns.T if dot is None else dot
    if config.kernel == "linear":
        return dot
    if config.kernel == "poly":
        return (gamma * dot + config.coef0) ** config.degree
    squares = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1) - 2 * dot
    return np.exp(-gamma * np.maximum(squares, 0))


def _machine(c: float, config: SvmConfig):
    try:
        from sklearn.svm import SVC
    except ImportError as error:
        raise MissingPackageError("sklearn", "all") from error
    return SVC(C=c, kernel="precomputed", class_weight="balanced" if config.balanced else None)


def check_features(features: np.ndarray) -> np.ndarray:
    """The features as float64, if they are ``(clips, length)`` and finite."""
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or not features.shape[1] or not np.isfinite(features).all():
        raise ValueError(f"features must be (clips, length), finite. Received: {features.shape}")
    return features


def check_classes(labels: np.ndarray, clips: int) -> np.ndarray:
    """The labels as an array, if they are one integer per clip and of two classes at least."""
    labels = np.asarray(labels)
    if labels.shape != (clips,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be {clips} integers. Received: {labels.dtype} {labels.shape}")
    if len(set(labels.tolist())) < 2:
        raise ValueError("the training clips are all of one class; a classifier needs two")
    return labels


def check_subjects(subjects: Sequence[str] | None, clips: int) -> np.ndarray:
    """The subjects as text, if there is one per clip."""
    if subjects is None or len(subjects) != clips:
        raise ValueError("subjects must name one subject per training clip where C or gamma is to be chosen")
    return np.asarray(subjects, str)
