"""Reads the runs a report is made of."""

from __future__ import annotations

import dataclasses
import os

from mer_tf import metrics
from mer_tf.errors import PassportError
from mer_tf.files import read_json
from mer_tf.metrics.counts import MAX_CLASSES
from mer_tf.metrics.predictions import read_epoch_predictions, read_predictions
from mer_tf.run_files import (
    ENSEMBLE,
    EPOCHS_FILE,
    FLOW_FIELD,
    NESTED,
    PASSPORT_FILE,
    PASSPORT_FORMAT,
    SUB_CLIPS_FILE,
)
from mer_tf.types import Prediction

_NONE = type(None)
# What a report reads of a passport: field, with a dot before a field of its own, and the types it may have.
_FIELDS: dict[str, tuple[type, ...]] = {
    "protocol": (str,),
    "classes": (list,),
    "model": (str,),
    "config": (dict,),
    "recipe": (dict,),
    "recipe_hash": (str,),
    "data_fingerprint": (str,),
    "seeds": (dict,),
    "metrics": (dict,),
    "metrics.full": (dict,),
    "predictions": (str,),
    "wall_seconds": (int, float),
    "versions": (dict,),
}
_OPTIONAL: dict[str, tuple[type, ...]] = {
    "mapping": (str, _NONE),
    "synthetic": (bool,),
    "partial": (bool,),
    "commit": (str, _NONE),
    "platform": (str,),
    "kind": (str,),
    ENSEMBLE: (dict,),
    f"{ENSEMBLE}.name": (str,),
    f"{ENSEMBLE}.members": (list,),
    NESTED: (dict,),
    f"{NESTED}.criterion": (str,),
    f"{NESTED}.candidates": (list,),
    f"{NESTED}.picks": (dict,),
    FLOW_FIELD: (dict, _NONE),
    f"{FLOW_FIELD}.maps": (list,),
    f"{FLOW_FIELD}.source": (str,),
    f"{FLOW_FIELD}.values_by_input": (dict,),
    f"{FLOW_FIELD}.resized": (dict,),
    f"{FLOW_FIELD}.lost": (str,),
    "seeds.global": (int, _NONE),
    "config.preset": (str, _NONE),
    "config.initial_weights": (str, _NONE),
    "config.shuffle_labels": (bool,),
    "recipe.name": (str,),
    "recipe.views": (list,),
}
_NAMES = {_NONE: "null", bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_NAMES |= {list: "a list", dict: "an object"}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: its passport and its predictions.

    Attributes:
        path: Passport file.
        passport: Its content.
        predictions: Held-out predictions, one per clip.
        by_epoch: Predictions of every epoch where the run kept them (``epochs.csv``), else empty.
        sub_clips: Predictions of sub-sequences of the held-out clips where the run kept them (``sub_clips.csv``).
    """

    path: str
    passport: dict
    predictions: tuple[Prediction, ...]
    by_epoch: dict[int, list[Prediction]]
    sub_clips: tuple[Prediction, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by index."""
        return tuple(self.passport["classes"])

    @property
    def seed(self) -> int | None:
        """Global seed."""
        return self.passport["seeds"].get("global")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Datasets of the clips, in order."""
        return tuple(sorted({p.dataset for p in self.predictions}))

    @property
    def synthetic(self) -> bool:
        """Whether the clips are generated: the passport says so, or a dataset is named so."""
        return bool(self.passport.get("synthetic")) or any("synth" in name for name in self.datasets)

    @property
    def shuffled(self) -> bool:
        """Whether training labels were permuted (chance test)."""
        return bool(self.passport["config"].get("shuffle_labels"))

    @property
    def members(self) -> list[dict] | None:
        """The runs that an ensemble is the mean of; None of a run of one system."""
        return self.passport[ENSEMBLE]["members"] if self.passport.get("kind") == ENSEMBLE else None

    @property
    def picked(self) -> dict | None:
        """Which settings were picked in which fold, and how; None where all folds have the same."""
        return self.passport[NESTED] if self.passport.get("kind") == NESTED else None

    @property
    def pictures(self) -> dict | None:
        """What is known of the flow pictures where somebody else made them; None for prepared clips."""
        return self.passport.get(FLOW_FIELD) or None

    @property
    def made_elsewhere(self) -> str:
        """``"flow pictures made elsewhere"`` or ``"flow arrays made elsewhere"``; ``""`` for prepared clips."""
        if self.pictures is None:
            return ""
        return f"flow {self.pictures.get('source', 'pictures').partition(' ')[0]} made elsewhere"


def read_run(path: str | os.PathLike, synthetic: bool | None = None) -> Run:
    """Reads a passport and its predictions.

    Args:
        path: Folder of a run, or its passport file.
        synthetic: Overrides what the passport says of the clips; None leaves it.

    Returns:
        The run.

    Raises:
        MissingFileError: No passport or predictions there.
        PassportError: Not JSON, unknown format, a field absent or of a wrong type, or metrics that the predictions
            do not give.
        ConfigError, EmptySplitError: The predictions file is wrong.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        path = os.path.join(path, PASSPORT_FILE)
    passport = _load(path)
    folder = os.path.dirname(os.path.abspath(path))
    name = passport["predictions"]
    if os.path.basename(name) != name or name in ("", ".", ".."):
        raise PassportError(f"{path}: predictions must be a file beside the passport. Received: {name!r}")
    count = len(passport["classes"])
    predictions = tuple(read_predictions(os.path.join(folder, name), count))
    found = metrics.scores(predictions, passport["classes"])["full"]
    if found["confusion"] != passport["metrics"]["full"].get("confusion"):
        raise PassportError(
            f"{path}: its confusion matrix is not the one its predictions give; one of the two files was changed"
        )
    epochs = os.path.join(folder, EPOCHS_FILE)
    by_epoch = read_epoch_predictions(epochs, count) if os.path.exists(epochs) else {}
    if by_epoch:
        last = {(p.dataset, p.subject, p.clip): p.prediction for p in by_epoch[max(by_epoch)]}
        if last != {(p.dataset, p.subject, p.clip): p.prediction for p in predictions}:
            raise PassportError(f"{epochs}: its last epoch is not what {name} holds")
    if synthetic is not None:
        passport["synthetic"] = synthetic
    parts = os.path.join(folder, SUB_CLIPS_FILE)
    sub_clips = tuple(read_predictions(parts, count)) if os.path.exists(parts) else ()
    return Run(path, passport, predictions, by_epoch, sub_clips)


def _load(path: str) -> dict:
    passport = read_json(path, "result passport", "give the folder of a finished run", error=PassportError)
    if not isinstance(passport, dict) or "format" not in passport:
        raise PassportError(f"{path}: not a result passport (it has no format)")
    if passport["format"] != PASSPORT_FORMAT or isinstance(passport["format"], bool):
        raise PassportError(
            f"{path}: passport format {passport['format']!r} is unknown, expected {PASSPORT_FORMAT}; "
            "it was written by another version of this package"
        )
    for field, kinds in {**_FIELDS, **_OPTIONAL}.items():
        group, _, name = field.rpartition(".")
        fields = passport.get(group) if group else passport
        if fields is None or name not in fields:
            if field in _FIELDS:
                raise PassportError(f"{path}: the passport has no {field!r}")
        elif type(fields[name]) not in kinds:
            wanted = " or ".join(_NAMES[kind] for kind in kinds)
            raise PassportError(f"{path}: {field!r} of the passport is {_NAMES[type(fields[name])]}; expected {wanted}")
    for kind, fields in ((ENSEMBLE, ("name", "members")), (NESTED, ("criterion", "candidates", "picks"))):
        if passport.get("kind") == kind and not set(fields) <= set(passport.get(kind, ())):
            raise PassportError(f"{path}: the passport is of kind {kind!r} and does not tell {', '.join(fields)}")
    classes = passport["classes"]
    if not 2 <= len(classes) <= MAX_CLASSES or not all(isinstance(name, str) and name for name in classes):
        raise PassportError(f"{path}: 'classes' of the passport must be at least two names, at most {MAX_CLASSES}")
    if len(set(classes)) < len(classes):
        raise PassportError(f"{path}: 'classes' of the passport name one class twice")
    return passport
