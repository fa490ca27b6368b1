"""Settings picked inside each fold, so that the score of the outer folds stays honest.

For each outer fold, every candidate is cross-validated on the fold's training side alone, by folds of whole groups of
subjects; the one with the best pooled UF1 is trained on the whole training side and tested on the outer fold. Nothing
of an outer fold's held-out subjects is looked at before that test. Of equal candidates the first is picked.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import time
from collections.abc import Mapping, Sequence

from mer_tf import metrics
from mer_tf.datasets.people import one_person_keys
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.run_files import NESTED
from mer_tf.systems.card import flat
from mer_tf.training.config import TrainConfig
from mer_tf.training.cross_validation import Run
from mer_tf.training.fold_checks import check_folds
from mer_tf.training.fold_store import FoldStore, begin_run, check_run, run_settings
from mer_tf.training.loso import run_loso
from mer_tf.training.run_logs import log_run
from mer_tf.training.svm import subject_groups
from mer_tf.types import Fold, Prediction

CRITERION = "pooled UF1 over inner folds of the training side, groups of whole subjects; of equal ones the first"
INNER = "inner"  # folder of the trainings that the choice is made by
_PICKED = "picked in each fold"


@dataclasses.dataclass(frozen=True, eq=False)
class Nested:
    """A choice among candidates in each fold of one cross-validation.

    Attributes:
        name: Folder, from that of all choices.
        runs: The candidates as runs of their own: one system and seed on the same clips, in the same folds.
        names: Name of each.
        points: Swept settings of each, as they were given.
        inner: Number of inner folds, at least 2; where a training side has fewer subjects, as many as these.
        facts: What the passport says of the clips beside the usual.

    Raises:
        EmptySplitError: An inner training side lacks a class.
        ConfigError: There are fewer than two inner folds.
    """

    name: str
    runs: Sequence[Run]
    names: Sequence[str]
    points: Sequence[Mapping[str, str]]
    inner: int
    facts: Mapping = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.inner < 2:
            raise ConfigError(f"--inner must be at least 2 folds. Received: {self.inner}")
        try:
            check_folds(
                self.runs[0].data, [fold for folds in self.inner_folds.values() for fold in folds], self.runs[0].config
            )
        except EmptySplitError as error:
            raise EmptySplitError(
                f"the inner folds cannot be trained: {error}; another number of them (--inner) may do"
            ) from error

    @functools.cached_property
    def inner_folds(self) -> dict[str, list[Fold]]:
        """Name of an outer fold -> its inner folds, whose rows are all of its training side."""
        first = self.runs[0]
        return {fold.name: inner_folds(first.data.subject_keys, fold, self.inner) for fold in first.split.folds}

    @property
    def trainings(self) -> int:
        """Number of folds to train in all."""
        return sum(map(len, self.inner_folds.values())) * len(self.runs) + len(self.inner_folds)

    def check(self, out_dir: str, *, force: bool = False) -> bool:
        """Refuses a folder that holds the choice of other clips or settings; see ``begin_run``."""
        return check_run(out_dir, self._settings, force=force)

    def finished(self, out_dir: str) -> int:
        """How many of the trainings are there already."""
        if self.check(out_dir, force=True):
            return 0
        found = 0
        for run, name in zip(self.runs, self.names):
            inside = FoldStore(os.path.join(out_dir, INNER, name), run.data, run.config)
            found += sum(inside.load(fold) is not None for folds in self.inner_folds.values() for fold in folds)
        outer = [FoldStore(out_dir, run.data, run.config) for run in self.runs]
        return found + sum(any(store.load(fold) is not None for store in outer) for fold in self.runs[0].split.folds)

    def train(self, out_dir: str, *, workers: int = 1, force: bool = False) -> dict:
        """Picks, trains and tests; writes ``predictions.csv`` and ``passport.json``. Resumes.

        Returns:
            The passport: ``kind`` is ``"nested"``, and ``nested`` tells the criterion, the candidates, and for each
            fold what was picked and the score of every candidate.

        Raises:
            MerError: A fold diverged, or a worker process ended.
        """
        start = time.perf_counter()
        first = self.runs[0]
        folds = first.split.folds
        begin_run(out_dir, self._settings, folds, force=force)
        scores = [self._inner_scores(out_dir, number, workers) for number in range(len(self.runs))]
        picks = {fold.name: pick([found[fold.name] for found in scores]) for fold in folds}
        predictions: list[Prediction] = []
        for number, run in enumerate(self.runs):
            mine = [fold for fold in folds if picks[fold.name] == number]
            if mine:
                predictions += run_loso(run.data, run.config, out_dir, folds=mine, workers=workers)
        log_run(out_dir, first, predictions)
        told = {
            "criterion": CRITERION,
            "inner_folds": self.inner,
            "candidates": [
                {"name": name, "settings": dict(point), "config": run.config.to_json()}
                for name, point, run in zip(self.names, self.points, self.runs)
            ],
            "picks": {
                fold.name: {
                    "candidate": picks[fold.name],
                    "name": self.names[picks[fold.name]],
                    "inner_uf1": [found[fold.name] for found in scores],
                }
                for fold in folds
            },
            "times_picked": [collections.Counter(picks.values())[number] for number in range(len(self.runs))],
        }
        return first.write(
            out_dir,
            predictions,
            wall_seconds=time.perf_counter() - start,
            config=merged_config([run.config for run in self.runs]),
            facts={**self.facts, "kind": NESTED, "nested": told},
        )

    def _inner_scores(self, out_dir: str, number: int, workers: int) -> dict[str, float]:
        """Name of each outer fold -> UF1 of a candidate over its inner folds."""
        run = self.runs[number]
        outer_of = {fold.name: outer for outer, folds in self.inner_folds.items() for fold in folds}
        every = [fold for folds in self.inner_folds.values() for fold in folds]
        place = os.path.join(out_dir, INNER, self.names[number])
        found: dict[str, list[Prediction]] = {}
        for p in run_loso(run.data, run.config, place, folds=every, workers=workers, logs=False):
            found.setdefault(outer_of[p.fold], []).append(p)
        n = run.config.num_classes
        return {
            outer: metrics.uf1(metrics.confusion_matrix([p.label for p in ps], [p.prediction for p in ps], n))
            for outer, ps in found.items()
        }

    @functools.cached_property
    def _settings(self) -> dict:
        """What all candidates share and decides the folds; a candidate may be added."""
        first = self.runs[0]
        shared = run_settings(first.data, first.config)
        del shared["config"]
        return {**shared, "protocol": first.split.protocol.name, "nested": self.inner, "seed": first.config.seed}


def inner_folds(subject_keys: Sequence[str], outer: Fold, count: int) -> list[Fold]:
    """Folds of an outer fold's training side by groups of whole subjects.

    Args:
        subject_keys: ``dataset/subject`` of each clip of the data.
        outer: The outer fold; its test rows are in no inner fold.
        count: Number of groups, at most one per subject.

    Returns:
        Folds named ``<outer>/inner<k>``, whose test rows together are the outer fold's training rows, each once.
    """
    train, people = list(outer.train), one_person_keys(subject_keys)
    groups = subject_groups([people[row] for row in train], count)
    return [
        Fold(
            f"{outer.name}/inner{k}",
            tuple(row for row, held in zip(train, mask) if not held),
            tuple(row for row, held in zip(train, mask) if held),
        )
        for k, mask in enumerate(groups)
    ]


def pick(scores: Sequence[float]) -> int:
    """Number of the best score, of equal ones the first."""
    return max(range(len(scores)), key=lambda number: (scores[number], -number))


def merged_config(configs: Sequence[TrainConfig]) -> dict:
    """Settings of several candidates as one: where they differ, the text says among what was picked."""
    every = [config.to_json() for config in configs]
    merged = dict(every[0])
    for name in every[0]:
        values = [one[name] for one in every]
        if all(value == values[0] for value in values):
            continue
        if all(isinstance(value, dict) for value in values):
            inside = [dict(flat(value)) for value in values]
            names = dict.fromkeys(key for one in inside for key in one)
            merged[name] = {key: _among([one.get(key) for one in inside]) for key in names}
        else:
            merged[name] = _among(values)
    return merged


def _among(values: Sequence) -> object:
    distinct = [value for k, value in enumerate(values) if value not in values[:k]]
    return distinct[0] if len(distinct) == 1 else f"one of {', '.join(map(str, distinct))}, {_PICKED}"
