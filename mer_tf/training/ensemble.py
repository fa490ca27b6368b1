"""Several runs as one: the mean of their probabilities for each clip, as a run of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from mer_tf.errors import ConfigError
from mer_tf.files import read_json
from mer_tf.metrics.predictions import read_predictions
from mer_tf.passport import write_passport
from mer_tf.recipes import Recipe
from mer_tf.run_files import ENSEMBLE, FLOW_FIELD, PASSPORT_FILE, PREDICTIONS_FILE
from mer_tf.training.cross_validation import Run
from mer_tf.training.run_logs import log_run
from mer_tf.types import Prediction

_HELD_OUT_BY = "the mean of the probabilities of the members, each of which held out the same clips in the same folds"


@dataclasses.dataclass(frozen=True)
class Member:
    """A finished run that an ensemble is made of.

    Attributes:
        folder: Folder of the run.
        run: The run as it was planned.
    """

    folder: str
    run: Run


class _Recipes:
    """What a passport asks of a recipe, for members that do not take the same; each member names its own."""

    def __init__(self, runs: Sequence[Run]):
        self._by_hash = {run.data.recipe.hash: run.data.recipe.name for run in runs}
        self.hash = _joined(self._by_hash)

    def to_json(self) -> dict:
        return {"name": " + ".join(self._by_hash.values()), "of_members": self._by_hash}


def check_members(runs: Sequence[Run], names: Sequence[str]) -> None:
    """Raises ``ConfigError`` unless all runs hold out the same clips, with the same labels, in the same folds.

    Args:
        runs: Planned runs, at least one.
        names: What each is called in messages.
    """
    first = _held_out(runs[0])
    for run, name in zip(runs[1:], names[1:]):
        other = _held_out(run)
        for key in [*first, *(key for key in other if key not in first)]:
            if first.get(key) != other.get(key):
                told = [
                    "is not among the clips"
                    if found is None
                    else f"is held out in fold {found[0]} with label {found[1]}"
                    for found in (first.get(key), other.get(key))
                ]
                raise ConfigError(
                    f"an ensemble takes runs of the same clips in the same folds: clip {key} {told[0]} of {names[0]} "
                    f"and {told[1]} of {name}; leave one of the two out of --ensemble"
                )


def mean_predictions(members: Sequence[Sequence[Prediction]]) -> list[Prediction]:
    """The mean of the probabilities for each clip; of classes with the same mean the first is predicted.

    Args:
        members: Predictions of each member, at least one, all of the same clips, folds and labels.

    Returns:
        One prediction per clip, in the order of the first member.

    Raises:
        ConfigError: Clips, folds or labels differ, or a member has no probabilities.
    """
    sides = [{(p.dataset, p.subject, p.clip): p for p in predictions} for predictions in members]
    found = []
    for key, one in sides[0].items():
        same = [side.get(key) for side in sides]
        if any(p is None or (p.fold, p.label) != (one.fold, one.label) or not p.probabilities for p in same):
            raise ConfigError(
                f"clip {'/'.join(key)} is not held out in the same fold with the same label, and with probabilities, "
                "by every member of the ensemble"
            )
        mean = np.mean([p.probabilities for p in same if p is not None], axis=0)
        found.append(
            dataclasses.replace(one, prediction=int(np.argmax(mean)), probabilities=tuple(float(v) for v in mean))
        )
    if any(len(side) != len(found) for side in sides):
        raise ConfigError("the members of an ensemble must have predicted the same clips")
    return found


def write_ensemble(
    out_dir: str | os.PathLike, members: Sequence[Member], *, name: str, facts: Mapping | None = None
) -> dict:
    """Writes ``predictions.csv`` and ``passport.json`` of an ensemble.

    Args:
        out_dir: Folder of the ensemble; made if absent.
        members: Its members, finished, at least two.
        name: What it is called in tables.
        facts: Further top-level fields of the passport.

    Returns:
        The passport: ``kind`` is ``"ensemble"``, and ``ensemble`` names each member with its settings, seed, recipe,
        fingerprint of its clips and hash of its predictions.

    Raises:
        ConfigError: The members did not predict the same clips in the same folds.
        MissingFileError, PassportError: A member is not there as it was written.
    """
    runs = [member.run for member in members]
    first = runs[0]
    check_members(runs, [member.folder for member in members])
    passports = [read_json(os.path.join(member.folder, PASSPORT_FILE), "result passport") for member in members]
    files = [os.path.join(member.folder, PREDICTIONS_FILE) for member in members]
    predictions = mean_predictions([read_predictions(file, len(first.classes)) for file in files])
    told = [
        {
            "folder": os.path.relpath(member.folder, out_dir),
            "model": passport["model"],
            "preset": passport["config"].get("preset"),
            "seed": passport["seeds"]["global"],
            "config": passport["config"],
            "recipe": passport["recipe"].get("name"),
            "recipe_hash": passport["recipe_hash"],
            "data_fingerprint": passport["data_fingerprint"],
            "predictions_sha256": _hash_of(file),
            "uf1": passport["metrics"]["full"]["uf1"],
            "uar": passport["metrics"]["full"]["uar"],
        }
        for member, passport, file in zip(members, passports, files)
    ]
    models = list(dict.fromkeys(one["model"] for one in told))
    config = {"model": f"ensemble of {' + '.join(models)}", **_common([one["config"] for one in told])}
    one_recipe = len({run.data.recipe.hash for run in runs}) == 1
    fingerprints = {run.data.fingerprint: run.data.recipe.name for run in runs}
    extra = {**first.split_facts(predictions), **(facts or {})}
    flow = passports[0].get(FLOW_FIELD)
    if flow is not None:
        extra[FLOW_FIELD] = flow
    log_run(out_dir, first, predictions, ensemble={"ensemble": name, "members": [one["folder"] for one in told]})
    return write_passport(
        out_dir,
        predictions=predictions,
        classes=first.classes,
        # What tells one ensemble from another, beside what all members have in common.
        config={**config, "members": [{"model": one["model"], **one["config"]} for one in told]},
        recipe=first.data.recipe if one_recipe else cast(Recipe, _Recipes(runs)),
        data_fingerprint=first.data.fingerprint if len(fingerprints) == 1 else _joined(fingerprints),
        protocol=first.split.protocol.name,
        wall_seconds=sum(passport["wall_seconds"] for passport in passports),
        mapping=first.data.mapping,
        synthetic=any(run.data.synthetic for run in runs),
        partial=any(run.partial for run in runs),
        extra={
            **extra,
            "kind": ENSEMBLE,
            "ensemble": {"name": name, "predictions": _HELD_OUT_BY, "members": told},
        },
    )


def _held_out(run: Run) -> dict[str, tuple[str, int]]:
    data = run.data
    return {data.keys[row]: (fold.name, int(data.labels[row])) for fold in run.split.folds for row in fold.test}


def _common(configs: Sequence[Mapping]) -> dict:
    """Settings that all members share, without what names them."""
    return {
        name: value
        for name, value in configs[0].items()
        if name not in ("model", "model_code", "seed") and all(other.get(name) == value for other in configs[1:])
    }


def _joined(names: Mapping[str, str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def _hash_of(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
