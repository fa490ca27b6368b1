"""The weights a run starts from: which file, by content, and what of it was taken.

They are those of one file for all folds, or those that the same folds of an earlier run left (``--save-models``), for
networks that are trained in stages: a fold then starts from weights that saw no clip of its test side either.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from mer_tf.errors import ConfigError, LeakageError, MissingFileError
from mer_tf.files import check_regular, read_json
from mer_tf.metrics.predictions import read_predictions
from mer_tf.run_files import PASSPORT_FILE, PREDICTIONS_FILE
from mer_tf.training.config import TrainConfig

if TYPE_CHECKING:
    import keras

    from mer_tf.systems.transfer import TransferReport

_CHUNK = 1 << 20


def is_run(path: str | os.PathLike) -> bool:
    """Whether initial weights are those of a run's folds, and not of one file."""
    return os.path.isdir(path)


def weights_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a weight file's bytes; of a run, of the list of its folds' hashes.

    Raises:
        MissingFileError: There is no such file, or the run left no weights.
        BadInputError: It is a pipe or a device.
    """
    digest = hashlib.sha256()
    if is_run(path):
        listed = {fold: saved["sha256"] for fold, saved in _saved_models(path).items()}
        return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
    check_regular(path, "weight file")
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise MissingFileError(f"there is no weight file {os.fspath(path)} ({error.strerror or error})") from error
    return digest.hexdigest()


def check_initial_weights(config: TrainConfig, sha256: str) -> None:
    """Raises ``ConfigError`` where the initial weights are not those of a hash; an empty hash says nothing.

    Raises:
        MissingFileError: There is no such file.
    """
    if sha256 and weights_hash(config.initial_weights) != sha256:
        raise ConfigError(
            f"initial weights {config.initial_weights} are not those that the pipeline was made with (SHA-256 "
            f"{sha256[:12]}...); bring that file back, or make the pipeline again"
        )


def check_stage(path: str | os.PathLike, tests: dict[str, Collection[str]]) -> None:
    """Raises unless every fold can start from its own weights of a run, which saw none of its test clips.

    Args:
        path: Folder of a run with saved weights.
        tests: Name of a fold -> keys of its test clips.

    Raises:
        MissingFileError: The run left no weights.
        ConfigError: A fold has no weights there.
        LeakageError: The run trained that fold with a clip that is tested here.
    """
    saved = _saved_models(path)
    absent = sorted(set(tests) - set(saved))
    if absent:
        raise ConfigError(f"run {os.fspath(path)} left no weights of {len(absent)} folds, such as {absent[0]}")
    rows = read_predictions(os.path.join(path, PREDICTIONS_FILE))
    tested = {row.key: row.fold for row in rows}
    for fold, keys in tests.items():
        seen = sorted(key for key in keys if tested.get(key) != fold)
        if seen:
            raise LeakageError(
                f"fold {fold} tests {seen[0]}, which run {os.fspath(path)} did not hold back in that fold; let both "
                "runs have the same clips and protocol"
            )


def start_from_fold(model: keras.Model, path: str | os.PathLike, fold: str) -> TransferReport:
    """Starts a network from what a fold of an earlier run left: layers of the same name, the classifier stays new.

    Raises:
        MissingFileError: The run left no weights of that fold.
        ConfigError: The file is not as it was written, or nothing in it is for this model.
    """
    from mer_tf.systems.registry import build_model
    from mer_tf.systems.transfer import copy_weights
    from mer_tf.systems.weights import load_model_weights

    saved = _saved_models(path)
    if fold not in saved:
        raise MissingFileError(f"run {os.fspath(path)} left no weights of fold {fold}")
    file = os.path.join(path, saved[fold]["file"])
    if weights_hash(file) != saved[fold]["sha256"]:
        raise ConfigError(f"{file} is not as its run wrote it; train that fold again (delete the file)")
    config = TrainConfig.from_json(_passport(path)["config"])
    source = build_model(config.model, config.num_classes, **config.model_options)
    load_model_weights(source, file)
    return copy_weights(source, model)


def _passport(path) -> dict:
    try:
        passport = read_json(os.path.join(path, PASSPORT_FILE), "passport")
    except MissingFileError as error:
        raise MissingFileError(f"{os.fspath(path)} is no finished run: it has no readable {PASSPORT_FILE}") from error
    if not isinstance(passport, dict) or not isinstance(passport.get("config"), dict):
        raise ConfigError(f"{os.path.join(path, PASSPORT_FILE)} cannot be read as a passport")
    return passport


def _saved_models(path) -> dict[str, dict]:
    saved = _passport(path).get("saved_models")
    if not saved:
        raise MissingFileError(f"run {os.fspath(path)} left no weights; run it again with --save-models")
    return saved


def initial_weights_facts(config: TrainConfig) -> dict:
    """Facts of the initial weights for a passport; the model is built and filled once, so that mistakes show early.

    Args:
        config: Settings with ``initial_weights``.

    Returns:
        ``file``, ``sha256``, and of an ``.npz`` or a run the names ``<layer>/<weight>`` under ``taken``, ``new`` and
        ``unused`` with the one-line ``summary``.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: It does not fit the model.
    """
    from mer_tf.training.trainer import initialised_model

    sha256 = weights_hash(config.initial_weights)
    if not is_run(config.initial_weights):
        return weights_facts(config, sha256, initialised_model(config)[1])
    folds = sorted(_saved_models(config.initial_weights))
    facts = weights_facts(config, sha256, initialised_model(config, fold=folds[0])[1])
    return {**facts, "summary": f"each fold from its own: {facts['summary']}"}


def weights_facts(config: TrainConfig, sha256: str, report: TransferReport | None) -> dict:
    """What ``initial_weights_facts`` returns, of weights whose hash and report (None: all taken) are known."""
    facts = {"file": config.initial_weights, "sha256": sha256}
    if report is None:
        return {**facts, "summary": "all weights taken"}
    return {**facts, "summary": str(report), **report.to_json()}
