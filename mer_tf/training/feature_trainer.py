"""A feature and its classifier behind the interface of the networks' trainer."""

from __future__ import annotations

import collections
import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mer_tf.checks import strict
from mer_tf.console import announce
from mer_tf.errors import ConfigError, EmptySplitError, UnknownNameError
from mer_tf.recipes import Recipe, get_recipe
from mer_tf.systems.feature import extract_clips, get_extractor
from mer_tf.systems.registry import check_recipe, get_model_card
from mer_tf.training.config import TrainConfig
from mer_tf.training.interface import TRAININGS, Trainer, check_labels, check_tensors
from mer_tf.training.logistic import LogisticConfig, MajorityConfig, fit_logistic, fit_majority
from mer_tf.training.svm import SvmConfig, fit_svm

# What ``Extractor.classifier`` names: settings, and the function that fits them to training clips. What that returns
# has ``probabilities(features, num_classes)`` and ``facts()``.
CLASSIFIERS: dict[str, tuple[type, Callable]] = {
    "svm": (SvmConfig, fit_svm),
    "logistic": (LogisticConfig, fit_logistic),
    "majority": (MajorityConfig, fit_majority),
}
# What a classifier without epochs can honour of the training settings; the rest must be at its default.
_HONOURED = ("model", "preset", "model_options", "num_classes", "seed", "shuffle_labels")

_log = logging.getLogger(__name__)


class FeatureTrainer(Trainer):
    """Takes a feature of every clip once, then fits its classifier for each fold.

    Args:
        config: Settings; ``model_options`` may hold ``"feature"`` (of the feature's settings class) and the name of its
            classifier (``CLASSIFIERS``; of that one's settings class), both strict.
        recipe: Recipe of the inputs. Defaults to the one the model names.
        workers: Processes that take features side by side.

    Attributes:
        takes_arrays: False; the recipe's network inputs are taken.
        feature: The feature's settings.
        classifier: The classifier's settings.
        history: After ``fit`` one entry: accuracy on the training clips, C, what was chosen.
        warnings: Message -> number of clips, of parts of features that could not be measured.

    Raises:
        UnknownNameError: Unknown model, option or key.
        ConfigError: A value is out of range, the recipe does not fit, or a setting is for networks only.
    """

    def __init__(self, config: TrainConfig, recipe: Recipe | None = None, *, workers: int = 1):
        card = get_model_card(config.model)
        if card.is_network:
            raise ConfigError(f"model {config.model!r} is a network; train it with FoldTrainer")
        self.config = config
        self.recipe = recipe or get_recipe(card.recipe)
        check_recipe(config.model, self.recipe)
        self._extractor = get_extractor(card.builder)
        self._classifier = self._extractor.classifier
        options = ("feature", self._classifier)
        defaults = TrainConfig(config.model)
        for field in dataclasses.fields(config):
            if field.name not in _HONOURED and getattr(config, field.name) != getattr(defaults, field.name):
                raise ConfigError(
                    f"train.{field.name} is for networks; model {config.model!r} is a feature with a classifier, whose "
                    f"settings are train.model_options {' and '.join(options)}"
                )
        for key in config.model_options:
            if key not in options:
                raise UnknownNameError(f"option of model {config.model!r}", key, options)
        self._builder = card.builder
        chosen = config.model_options.get("feature", {})
        for key in set(card.options) & set(chosen):
            raise ConfigError(f"model {card.name!r} is the one with {key} {card.options[key]!r}; it cannot be set")
        self.feature = strict(self._extractor.config, {**chosen, **card.options}, "train.model_options.feature")
        settings, self._fit = CLASSIFIERS[self._classifier]
        chosen = config.model_options.get(self._classifier, {})
        self.classifier = strict(settings, chosen, f"train.model_options.{self._classifier}")
        self.takes_arrays = False
        self.workers = workers
        self.history: list[dict] = []
        self.warnings: collections.Counter[str] = collections.Counter()
        self._source: tuple = ()
        self._taken: dict[int, np.ndarray] = {}
        self._fitted = None
        self._machine: Any = None

    def fit(
        self,
        tensors: Mapping[str, np.ndarray],
        labels: np.ndarray,
        *,
        seed: int,
        keys: Sequence[str] | None = None,
        rows: Sequence[int] | None = None,
        log_dir=None,
        on_epoch=None,
    ):
        """Fits scaling, dictionary (where the feature has one), the classifier and its choices on the training clips.

        Args:
            tensors: Network inputs, name -> (clips, ...). Features are kept as long as the same arrays come again;
                they must not be changed in between.
            labels: int (training clips,).
            seed: Seed of the dictionary.
            keys: ``dataset/subject/clip`` of each training clip; the subjects keep the inner folds apart. Needed where
                C or gamma is to be chosen.
            rows: Which rows of ``tensors`` are the training clips; all by default. No other row is read.
            log_dir: Not used: there are no epochs.
            on_epoch: Refused: there are no epochs.

        Returns:
            The classifier.

        Raises:
            EmptySplitError: No clip, or clips of one class.
            ConfigError: Shapes, labels or values do not fit.
        """
        if on_epoch is not None:
            raise ConfigError(f"model {self.config.model!r} has no epochs to predict after")
        arrays = self._arrays(tensors, rows)
        labels = check_labels(labels, len(arrays), self.config.num_classes)
        if labels.min() == labels.max():
            raise EmptySplitError(f"the training clips are all of class {labels[0]}; add subjects")
        subjects = None if keys is None else [key.rpartition("/")[0] for key in keys]
        try:
            if self._extractor.fitted is not None:
                self._fitted = self._extractor.fitted(self.feature, seed).fit(arrays)
            features = self._features(arrays)
            self._machine = self._fit(features, labels, subjects, self.classifier)
        except ValueError as error:
            raise ConfigError(f"model {self.config.model!r}: {error}") from error
        guess = self._machine.probabilities(features, self.config.num_classes).argmax(axis=1)
        self.history = [{"accuracy": float(np.mean(guess == labels)), **self._machine.facts()}]
        announce(TRAININGS)
        return self._machine

    def predict(self, tensors: Mapping[str, np.ndarray], rows: Sequence[int] | None = None) -> np.ndarray:
        """float32 (clips, classes); ``rows`` picks clips. A machine without probabilities gives 1 to its decision."""
        if self._machine is None:
            raise ConfigError("nothing was fitted yet; call fit first")
        arrays = self._arrays(tensors, rows)
        if not arrays:
            return np.zeros((0, self.config.num_classes), np.float32)
        return self._machine.probabilities(self._features(arrays), self.config.num_classes)

    def _features(self, arrays: list[np.ndarray]) -> np.ndarray:
        return np.stack(arrays) if self._fitted is None else self._fitted.transform(arrays)

    def _arrays(self, tensors: Mapping[str, np.ndarray], rows: Sequence[int] | None) -> list[np.ndarray]:
        """The feature's array of each row; those not seen before are taken now."""
        wanted = self.recipe.network_inputs
        count = check_tensors(self.config.model, tensors, wanted)
        source = tuple(tensors[name] for name in wanted)
        if len(source) != len(self._source) or any(a is not b for a, b in zip(source, self._source)):
            self._source, self._taken = source, {}
        rows = range(count) if rows is None else [int(row) for row in rows]
        missing = [row for row in dict.fromkeys(rows) if row not in self._taken]
        clips = [{name: np.asarray(tensors[name][row]) for name in wanted} for row in missing]
        try:
            found = extract_clips(self._builder, self.feature, clips, self.workers)
        except ValueError as error:
            raise ConfigError(f"model {self.config.model!r}: {error}") from error
        fresh: collections.Counter[str] = collections.Counter()
        for row, (array, told) in zip(missing, found):
            self._taken[row] = array
            fresh.update(told)
        for message, times in sorted(fresh.items()):
            _log.warning("%s (%d clips)", message, times)
        self.warnings += fresh
        return [self._taken[row] for row in rows]
