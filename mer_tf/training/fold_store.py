"""The folds of a run on disk: what was predicted under which settings, so that a killed run goes on where it was."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence

from mer_tf import atomic, numerics, output
from mer_tf.board.events import POOLED, PROFILE, remove_logs
from mer_tf.run_files import EPOCHS_FILE, FOLDS_FORMAT, LOGS, PASSPORT_FILE, PREDICTIONS_FILE, SUB_CLIPS_FILE
from mer_tf.systems.own import short_name
from mer_tf.training.config import TrainConfig
from mer_tf.training.data import MotionData
from mer_tf.training.initial import weights_hash
from mer_tf.types import Fold, Prediction

FOLDS = "folds"
WEIGHTS_ENDING = ".weights.h5"

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SavedWeights:
    """A file of weights that a fold left.

    Attributes:
        sha256: Hash of its bytes.
        size: Their number.
    """

    sha256: str
    size: int


@dataclasses.dataclass(frozen=True)
class FoldResult:
    """What became of one fold.

    Attributes:
        predictions: One for each test clip.
        epochs: Those by epoch, from 1, of the epochs that were asked for.
        seconds: How long the fold took.
        sub_clips: Those of sub-sequences of the test clips, where they were asked for.
        weights: The file of its weights, where they were asked for.
        curves: Figures of its training, such as the loss, by name: one for each epoch.
    """

    predictions: list[Prediction]
    epochs: dict[int, list[Prediction]]
    seconds: float
    sub_clips: list[Prediction] = dataclasses.field(default_factory=list)
    weights: SavedWeights | None = None
    curves: dict[str, list[float]] = dataclasses.field(default_factory=dict)


class FoldStore:
    """Reads and writes ``folds/<fold>.json`` of one run.

    A finished fold is used again only when settings, recipe, data, split and whatever ``mer_tf.numerics.deciding``
    lists are the same.

    Args:
        out_dir: Folder of the run.
        data: All clips.
        config: Settings.
        epoch_predictions: Epochs between two predictions of the held-out clips; 0 for none.
        sub_clips: Whether sub-sequences of the held-out clips are predicted too.
        save_models: Whether a fold without its weights is to be trained again.

    Raises:
        MissingFileError: The initial weights are not there.
    """

    def __init__(
        self,
        out_dir: str,
        data: MotionData,
        config: TrainConfig,
        epoch_predictions: int = 0,
        sub_clips: bool = False,
        save_models: bool = False,
    ):
        self._out_dir = out_dir
        self._data = data
        self._save_models = save_models
        self._settings = run_settings(data, config, epoch_predictions, sub_clips)

    def load(self, fold: Fold) -> FoldResult | None:
        """The fold's result under these settings, or None where it has to be trained."""
        path = self._path(fold)
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            if content["key"] != self._key(fold):
                _log.info("%s was made with other settings or data; the fold is trained again", path)
                return None
            epochs = {int(epoch): list(map(_from_row, rows)) for epoch, rows in content.get("epochs", {}).items()}
            parts = list(map(_from_row, content.get("sub_clips", ())))
            weights = self._weights(fold, content.get("weights"))
            if weights is None and self._save_models:
                _log.info("%s has no weights beside it; the fold is trained again", path)
                return None
            predictions = list(map(_from_row, content["predictions"]))
            curves = _curves(content)
            return FoldResult(predictions, epochs, float(content["seconds"]), parts, weights, curves)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("%s cannot be used (%s); the fold is trained again", path, error)
            return None

    def save(self, fold: Fold, result: FoldResult) -> None:
        """Writes the fold's file, whole or not at all."""
        content: dict = {
            "key": self._key(fold),
            "fold": fold.name,
            "seconds": result.seconds,
            "predictions": list(map(_to_row, result.predictions)),
        }
        if result.epochs:
            content["epochs"] = {str(epoch): list(map(_to_row, rows)) for epoch, rows in result.epochs.items()}
        if result.sub_clips:
            content["sub_clips"] = list(map(_to_row, result.sub_clips))
        if result.weights:
            content["weights"] = vars(result.weights)
        if result.curves:
            content["curves"] = result.curves
        atomic.write_text(self._path(fold), json.dumps(content, indent=1) + "\n")

    def saved_models(self, folds: Sequence[Fold]) -> dict[str, dict]:
        """Name of a fold -> ``file`` of its weights, from the folder of the run, and ``sha256``; of those that have."""
        found = {}
        for fold in folds:
            result = self.load(fold)
            if result is not None and result.weights is not None:
                found[fold.name] = {
                    "file": os.path.relpath(self.weights_path(fold), self._out_dir),
                    "sha256": result.weights.sha256,
                }
        return found

    def weights_path(self, fold: Fold) -> str:
        """File that the fold's weights are written to, beside its predictions."""
        return _weights_file(self._out_dir, fold.name)

    def _weights(self, fold: Fold, told: dict | None) -> SavedWeights | None:
        """What the fold says of its weights, where the file is there as it was written."""
        if not told:
            return None
        weights = SavedWeights(str(told["sha256"]), int(told["size"]))
        path = self.weights_path(fold)
        return weights if os.path.isfile(path) and os.path.getsize(path) == weights.size else None

    def _path(self, fold: Fold) -> str:
        return os.path.join(self._out_dir, FOLDS, safe_path(fold.name) + ".json")

    def _key(self, fold: Fold) -> str:
        settings = {
            **self._settings,
            "fold": fold.name,
            "train": sorted(self._data.keys[row] for row in fold.train),
            "test": sorted(self._data.keys[row] for row in fold.test),
        }
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def run_settings(data: MotionData, config: TrainConfig, epoch_predictions: int = 0, sub_clips: bool = False) -> dict:
    """Whatever decides the folds of a run, as JSON types; arguments as ``FoldStore``."""
    return {
        "format": FOLDS_FORMAT,
        # Of the initial weights and of a network of the user's own the content counts, not the place.
        "config": {
            **config.to_json(),
            "model": short_name(config.model),
            "initial_weights": weights_hash(config.initial_weights) if config.initial_weights else "",
        },
        "recipe": data.recipe.hash,
        "data": data.fingerprint,
        "numerics": numerics.deciding(),
        **({"epoch_predictions": epoch_predictions} if epoch_predictions else {}),
        **({"sub_clips": True} if sub_clips else {}),
    }


def read_curves(out_dir: str | os.PathLike, folds: Sequence[Fold]) -> dict[str, dict[str, list[float]]]:
    """What the finished folds of a run keep of their trainings: name of the fold -> figure -> value of each epoch."""
    found = {}
    for fold in folds:
        with open(os.path.join(out_dir, FOLDS, safe_path(fold.name) + ".json"), encoding="utf-8") as file:
            found[fold.name] = _curves(json.load(file))
    return found


def begin_run(out_dir: str | os.PathLike, settings: Mapping, folds: Sequence[Fold], *, force: bool = False) -> None:
    """Makes a folder ready for a run: what another run left there is refused or, if that is forced, removed.

    Folds of a run with the same settings stay, to be taken over. Only what a run writes is ever removed.

    Args:
        out_dir: Folder of the run.
        settings: ``run_settings`` and the name of the protocol.
        folds: Folds of the run.
        force: Whether results of other settings may go.

    Raises:
        ConfigError: The folder holds a run with other settings, finished or not, and ``force`` is not given.
    """
    earlier = output.read_settings(out_dir) or {}
    for name in (FOLDS, LOGS):
        atomic.remove_left(os.path.join(out_dir, name))
    names = {fold.name for fold in folds}
    if check_run(out_dir, settings, force=force):
        names = set()
        for name in (POOLED, PROFILE):
            remove_logs(os.path.join(out_dir, LOGS, name))
        for name in (PASSPORT_FILE, PREDICTIONS_FILE, EPOCHS_FILE, SUB_CLIPS_FILE):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(out_dir, name))
    for name in sorted(({*earlier.get("folds", ()), *_stored_folds(out_dir)}) - names):
        _remove_fold(out_dir, name)
    output.write_settings(out_dir, {"settings": settings, "folds": [fold.name for fold in folds]})


def check_run(out_dir: str | os.PathLike, settings: Mapping, *, force: bool = False) -> bool:
    """Whether a folder holds a run with other settings, which must go; arguments and errors as ``begin_run``."""
    earlier = output.read_settings(out_dir) or {}
    old = earlier.get("settings") if earlier else _settings_of_passport(out_dir, settings)
    return output.check_settings(out_dir, old, settings, force=force)


def _settings_of_passport(out_dir, settings: Mapping) -> Mapping | None:
    """Settings of a run that an earlier version finished, as far as its passport has them; None of a damaged one."""
    try:
        with open(os.path.join(out_dir, PASSPORT_FILE), encoding="utf-8") as file:
            passport = json.load(file)
        initial = (passport.get("initial_weights") or {}).get("sha256", "")
        found = {
            "config": {
                **passport["config"],
                "model": short_name(passport["config"]["model"]),
                "initial_weights": initial,
            },
            "recipe": passport["recipe_hash"],
            "data": passport["data_fingerprint"],
            "protocol": passport["protocol"],
        }
    except FileNotFoundError:
        return settings  # nothing is there, or a run that did not end and left folds with keys
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return {**settings, **found}


def _stored_folds(out_dir) -> Iterator[str]:
    for base, _, files in os.walk(os.path.join(out_dir, FOLDS)):
        for file in files:
            try:
                with open(os.path.join(base, file), encoding="utf-8") as stream:
                    content = json.load(stream)
                name = content["fold"] if "key" in content else None
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if isinstance(name, str) and os.path.join(out_dir, FOLDS, safe_path(name) + ".json") == os.path.join(
                base, file
            ):
                yield name


def _remove_fold(out_dir, name: str) -> None:
    """File and logs of a fold, and the folders that are empty then."""
    logs = os.path.join(out_dir, LOGS, safe_path(name))
    file = os.path.join(out_dir, FOLDS, safe_path(name) + ".json")
    remove_logs(logs)
    for path in (file, _weights_file(out_dir, name)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    for folder in (logs, os.path.dirname(logs), os.path.dirname(file)):
        if folder != os.path.join(out_dir, LOGS) and folder != os.path.join(out_dir, FOLDS):
            with contextlib.suppress(OSError):  # not empty, or not there
                os.rmdir(folder)


def _weights_file(out_dir, name: str) -> str:
    return os.path.join(out_dir, FOLDS, safe_path(name) + WEIGHTS_ENDING)


def safe_path(name: str) -> str:
    """A relative path for a fold's name: one folder level per slash, nothing that leads elsewhere."""
    parts = (urllib.parse.quote(part, safe=" ", errors="surrogateescape") or "%" for part in name.split("/"))
    return os.path.join(*(part.replace(".", "%2E") if set(part) == {"."} else part for part in parts))


def _curves(content: Mapping) -> dict[str, list[float]]:
    return {name: list(map(float, values)) for name, values in content.get("curves", {}).items()}


def _to_row(prediction: Prediction) -> dict:
    return {**vars(prediction), "probabilities": list(prediction.probabilities)}


def _from_row(row: dict) -> Prediction:
    return Prediction(**{**row, "probabilities": tuple(row["probabilities"])})
