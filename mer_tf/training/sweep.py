"""Many cross-validations as one work: systems, presets, seeds and settings, in one folder that resumes.

Every run of a sweep is an ordinary run in a folder of its own, named by what differs from its preset. What all have in
common, the protocol and the clips, stands in the settings of the whole folder: another command on the same clips adds
to it, other clips are refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence

from mer_tf import atomic, numerics, output
from mer_tf.console import announce, hearing
from mer_tf.errors import ConfigError, MerError
from mer_tf.files import read_json
from mer_tf.metrics.predictions import read_predictions
from mer_tf.run_files import PASSPORT_FILE, PREDICTIONS_FILE, SWEEP_FILE
from mer_tf.systems.card import flat
from mer_tf.systems.own import short_name
from mer_tf.systems.registry import get_model_card
from mer_tf.training.config import TrainConfig
from mer_tf.training.cross_validation import Run, check_model, cross_validate, plan_run
from mer_tf.training.data import MotionData
from mer_tf.training.ensemble import Member, check_members, write_ensemble
from mer_tf.training.factory import make_trainer
from mer_tf.training.fold_checks import check_folds
from mer_tf.training.fold_store import FoldStore, check_run, run_settings
from mer_tf.training.initial import weights_hash
from mer_tf.training.interface import TRAININGS, Trainer
from mer_tf.training.nested import Nested
from mer_tf.training.sweep_rows import Row, scored, seeds_text, to_csv

SWEPT = "folds of a sweep"  # what ``sweep`` announces (``mer_tf.console``), one for each fold of each run
ENSEMBLES, CHOSEN = "ensembles", "nested"  # folders beside those of the combinations
_FORMAT = 1
_LONGEST_NAME = 120  # characters of a folder's name
_SAFE = "=+-_.:[],"  # beside letters and digits


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One run of a sweep.

    Attributes:
        config: Settings.
        data: The clips.
        point: Swept setting -> its value as it was given; empty where the system has none of them.
        facts: What the passport says of the clips beside the usual.
    """

    config: TrainConfig
    data: MotionData
    point: Mapping[str, str] = dataclasses.field(default_factory=dict)
    facts: Mapping = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class _Planned:
    """A job that has been checked, and where it goes."""

    job: Job
    run: Run
    name: str  # of its combination
    folder: str  # from that of the sweep
    settings: dict


def run_name(config: TrainConfig) -> str:
    """Name of a run's folder, without the seed: system, preset, and every setting that is not the preset's."""
    start = dict(flat(TrainConfig.from_preset(config.model, config.preset or None).to_json()))
    own = config.to_json()
    if config.initial_weights:
        own["initial_weights"] = weights_hash(config.initial_weights)[:12]
    left_out = ("model", "model_code", "preset", "seed", "num_classes")
    changed = {name: value for name, value in flat(own) if name not in left_out and value != start.get(name)}
    words = [short_name(config.model), config.preset]
    words += [f"{name.removeprefix('model_options.')}={_text(value)}" for name, value in sorted(changed.items())]
    name = ",".join(urllib.parse.quote(word, safe=_SAFE) for word in words)
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(json.dumps(own, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return f"{name[: _LONGEST_NAME - 13]},{digest}"


def sweep(
    jobs: Sequence[Job],
    out_dir: str | os.PathLike,
    *,
    protocol: str = "loso",
    workers: int = 1,
    save_models: bool = False,
    force: bool = False,
    ensembles: Sequence[Sequence[str]] = (),
    inner: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Cross-validates every job, and sums them up; finished runs and folds of the same command or another are kept.

    A run that diverges, or whose process is killed again and again, is told in its row, and the others go on.

    Args:
        jobs: The runs, at least one; those that differ in nothing but the seed are one combination.
        out_dir: Folder of the sweep; made if absent. ``sweep.csv`` in it is the table.
        protocol: Name of the protocol.
        workers: Processes that train folds side by side.
        save_models: Keep the weights of each fold of each network.
        force: Replace runs of other settings or clips.
        ensembles: An ensemble for each: an empty one is over the seeds of each network, else over all seeds of the
            systems named.
        inner: Above 0, no combination is run: in each fold the settings of a system are picked among its combinations
            by as many inner folds of groups of subjects (``mer_tf.training.nested``).
        say: Called with each remark before training starts.

    Returns:
        The rows, the best first; those that failed are last.

    Raises:
        LeakageError, EmptySplitError, ConfigError, MissingFileError: Before any work: a combination does not fit, two
            are the same, the folder holds other clips, or an ensemble cannot be made.
    """
    out_dir = os.fspath(out_dir)
    planned, notes = _plan(jobs, protocol)
    if inner and ensembles:
        raise ConfigError("--nested picks settings, --ensemble sums runs with given ones; give one of them")
    summed = [one for names in ensembles for one in _ensembles(planned, names)]
    settings = _check_folder(out_dir, planned, protocol, force)
    if inner:
        nested, single = _nested(planned, inner)
    else:
        nested, single = [], planned
        for one in planned:
            check_run(os.path.join(out_dir, one.folder), one.settings, force=force)
    for chosen in nested:
        chosen.check(os.path.join(out_dir, CHOSEN, chosen.name), force=force)
    for note in dict.fromkeys(notes):
        say(note)
    output.write_settings(out_dir, settings)

    total = sum(len(one.run.split.folds) for one in single) + sum(chosen.trainings for chosen in nested)
    done = sum(_finished_folds(out_dir, one, save_models) for one in single)
    done += sum(chosen.finished(os.path.join(out_dir, CHOSEN, chosen.name)) for chosen in nested)
    announce(SWEPT, done, total)
    failed: dict[str, str] = {}
    trainers: dict[str, Trainer] = {}
    with hearing(_pass_on):
        for one in single:
            with _told(failed, one.folder):
                _train(out_dir, one, protocol, workers, save_models, force, trainers)
        for chosen in nested:
            place = os.path.join(CHOSEN, chosen.name)
            with _told(failed, place):
                chosen.train(os.path.join(out_dir, place), workers=workers, force=force)

    rows = [_row(out_dir, group, failed) for group in _combinations(single)]
    rows += [_nested_row(out_dir, group, failed) for group in _by_system(nested)]
    for ensemble in summed:
        missing = [failed[one.folder] for one in ensemble.members if one.folder in failed]
        rows.append(ensemble.failed(missing[0]) if missing else ensemble.write(out_dir))
    rows.sort(key=lambda row: -row.scores["uf1"]["mean"] if row.scores else 1.0)  # stable: of equal ones the first
    atomic.write_text(os.path.join(out_dir, SWEEP_FILE), to_csv(rows))
    return rows


# ---- before the work ----------------------------------------------------------------------------------------------


def _plan(jobs: Sequence[Job], protocol: str) -> tuple[list[_Planned], list[str]]:
    """Every job checked as ``mer loso`` would, and the remarks on all of them."""
    planned: list[_Planned] = []
    notes: list[str] = []
    built: set[str] = set()
    places: set[str] = set()
    for job in jobs:
        run = plan_run(job.data, job.config, protocol)
        check_folds(job.data, run.split.folds, run.config)
        config = run.config
        key = json.dumps([config.model, config.model_options, config.num_classes, job.data.recipe.hash])
        if key not in built:
            built.add(key)
            if get_model_card(config.model).is_network:
                check_model(config, job.data.recipe, weights=False)
            else:
                make_trainer(config, job.data.recipe)
        name = run_name(config)
        folder = os.path.join(name, f"seed{config.seed}")
        if folder in places:
            raise ConfigError(f"two combinations of the sweep are the same: {folder}; give each value once")
        places.add(folder)
        settings = {**run_settings(job.data, config), "protocol": protocol}
        planned.append(_Planned(job, run, name, folder, settings))
        notes += run.notes
    return planned, notes


def _check_folder(out_dir: str, planned: Sequence[_Planned], protocol: str, force: bool) -> dict:
    """The settings of the whole folder, after a look at those that are there."""
    clips = {one.job.data.recipe.hash: one.job.data.fingerprint for one in planned}
    earlier = output.read_settings(out_dir) or {}
    found = earlier.get("settings")
    if found is not None and "sweep" not in found:
        raise ConfigError(
            f"{out_dir} is the folder of a single run ('mer loso' or 'mer pretrain'); give the sweep another one"
        )
    settings = {"sweep": _FORMAT, "protocol": protocol, "data": clips}
    kept: dict = {}
    if found is not None:
        there = found.get("data", {})
        # Clips of a recipe that this command does not use, or that is new, contradict nothing.
        old = {**found, "data": {name: there.get(name, clips[name]) for name in clips}}
        other = output.check_settings(out_dir, old, settings, force=force)
        kept = {} if other else there
    return {"settings": {**settings, "data": {**kept, **clips}}}


def _combinations(planned: Sequence[_Planned]) -> list[list[_Planned]]:
    groups: dict[str, list[_Planned]] = {}
    for one in planned:
        groups.setdefault(one.name, []).append(one)
    return list(groups.values())


@dataclasses.dataclass(frozen=True, eq=False)
class _Ensemble:
    """An ensemble that is to be written."""

    members: Sequence[_Planned]
    name: str
    point: Mapping[str, str]

    def write(self, out_dir: str) -> Row:
        place = os.path.join(ENSEMBLES, self.name)
        members = [Member(os.path.join(out_dir, one.folder), one.run) for one in self.members]
        write_ensemble(os.path.join(out_dir, place), members, name=self._title)
        return scored(out_dir, [place], self._row(place))

    def failed(self, why: str) -> Row:
        return dataclasses.replace(self._row(os.path.join(ENSEMBLES, self.name)), failed=why)

    @property
    def _title(self) -> str:
        settings = ", ".join(f"{name} {value}" for name, value in self.point.items())
        seeds = sorted({one.run.config.seed for one in self.members})
        told = f" ({settings})" if settings else ""
        return f"ensemble of {self._models}{told}, {seeds_text(seeds)}, {len(self.members)} members"

    @property
    def _models(self) -> str:
        return " + ".join(dict.fromkeys(short_name(one.run.config.model) for one in self.members))

    def _row(self, place: str) -> Row:
        presets = dict.fromkeys(one.run.config.preset for one in self.members)
        seeds = tuple(dict.fromkeys(one.run.config.seed for one in self.members))
        preset = next(iter(presets)) if len(presets) == 1 else ""
        return _blank(self.members[0].job.data, self._models, preset, self.point, "ensemble", seeds, place)


def _ensembles(planned: Sequence[_Planned], names: Sequence[str]) -> Iterator[_Ensemble]:
    """The ensembles over the seeds of each network, or over the systems named."""
    groups = _combinations(planned)
    if not names:
        networks = [group for group in groups if get_model_card(group[0].run.config.model).is_network]
        if not networks or min(map(len, networks)) < 2:
            raise ConfigError(
                "--ensemble takes the mean over seeds of networks; give at least two, such as --seeds 0-4"
            )
        for group in networks:
            check_members([one.run for one in group], [one.folder for one in group])
            yield _Ensemble(group, group[0].name, group[0].job.point)
        return
    known = list(dict.fromkeys(short_name(one.run.config.model) for one in planned))
    models = [short_name(get_model_card(name).name) for name in names]
    for name, model in zip(names, models):
        if model not in known:
            raise ConfigError(f"--ensemble {','.join(names)}: give {name} with --model too (here: {', '.join(known)})")
    if len(set(models)) < 2:
        raise ConfigError(f"--ensemble {','.join(names)}: name at least two systems; over seeds it takes none")
    named = [group for group in groups if short_name(group[0].run.config.model) in models]
    points = [dict(group[0].job.point) for group in named]
    for point in [one for k, one in enumerate(points) if one not in points[:k] and (one or not any(points))]:
        # Systems that have none of the swept settings stand beside each of the others' combinations.
        members = [one for group, own in zip(named, points) if own in (point, {}) for one in group]
        check_members([one.run for one in members], [one.folder for one in members])
        text = ",".join(["+".join(models), *(f"{name}={value}" for name, value in point.items())])
        yield _Ensemble(members, urllib.parse.quote(text, safe=_SAFE)[:_LONGEST_NAME], point)


# ---- the work -----------------------------------------------------------------------------------------------------


def _train(
    out_dir: str,
    one: _Planned,
    protocol: str,
    workers: int,
    save_models: bool,
    force: bool,
    trainers: dict[str, Trainer],
) -> None:
    """Trains a run that is not finished; ``trainers`` keeps the trainer of the last combination for its other seeds."""
    config = one.run.config
    network = get_model_card(config.model).is_network
    if _finished(out_dir, one, save_models and network):
        return
    if one.name not in trainers and (not network or (workers == 1 and numerics.claim_one_thread())):
        # Features of the clips, or a traced network, serve all seeds; another combination's would only fill the memory.
        trainers.clear()
        trainers[one.name] = make_trainer(config, one.job.data.recipe, workers=workers)
    cross_validate(
        one.job.data,
        one.job.config,
        os.path.join(out_dir, one.folder),
        protocol=protocol,
        workers=workers,
        save_models=save_models and network,
        force=force,
        facts=one.job.facts,
        trainer=trainers.get(one.name),
    )


def _finished(out_dir: str, one: _Planned, save_models: bool) -> bool:
    """Whether the run's passport is there, of these settings, with its predictions and the weights asked for."""
    folder = os.path.join(out_dir, one.folder)
    earlier = output.read_settings(folder) or {}
    if earlier.get("settings") != json.loads(json.dumps(one.settings)):
        return False
    try:
        passport = read_json(os.path.join(folder, PASSPORT_FILE))
        read_predictions(os.path.join(folder, PREDICTIONS_FILE), len(one.run.classes))
        store = FoldStore(folder, one.job.data, one.run.config, save_models=save_models)
        return passport["clips"] == len(one.job.data) and (
            not save_models or len(store.saved_models(one.run.split.folds)) == len(one.run.split.folds)
        )
    except (MerError, KeyError, TypeError):
        return False


def _finished_folds(out_dir: str, one: _Planned, save_models: bool) -> int:
    store = FoldStore(os.path.join(out_dir, one.folder), one.job.data, one.run.config, save_models=save_models)
    if _finished(out_dir, one, save_models):
        return len(one.run.split.folds)
    return sum(store.load(fold) is not None for fold in one.run.split.folds)


def _pass_on(what: str, amount: float, total: int | None) -> None:
    if what == TRAININGS and total is None:  # with a total it tells which folds were there, and they are counted
        announce(SWEPT, amount)


@contextlib.contextmanager
def _told(failed: dict[str, str], folder: str) -> Iterator[None]:
    """Keeps what made a run fail while it was trained, so that the others go on; what stops all is raised."""
    try:
        yield
    except MerError as error:
        if type(error) is not MerError:  # of bad input or of the system
            raise
        failed[folder] = str(error)


def _nested(planned: Sequence[_Planned], inner: int) -> tuple[list[Nested], list[_Planned]]:
    """The choices to make, one for each system and seed, and the runs of systems that leave nothing to choose."""
    groups: dict[tuple[str, int], list[_Planned]] = {}
    for one in planned:
        groups.setdefault((short_name(one.run.config.model), one.run.config.seed), []).append(one)
    nested, single = [], []
    for (model, seed), group in groups.items():
        if len(group) < 2:
            single += group
            continue
        nested.append(
            Nested(
                os.path.join(urllib.parse.quote(model, safe=_SAFE), f"seed{seed}"),
                [one.run for one in group],
                [one.name for one in group],
                [one.job.point for one in group],
                inner,
                group[0].job.facts,
            )
        )
    if not nested:
        raise ConfigError(
            "--nested picks among swept settings, and no system here has more than one combination; give several "
            "values, such as --set learning_rate=1e-3,1e-4"
        )
    return nested, single


# ---- what came out ------------------------------------------------------------------------------------------------


def _row(out_dir: str, group: Sequence[_Planned], failed: Mapping[str, str]) -> Row:
    first = group[0]
    config, seeds = first.run.config, tuple(one.run.config.seed for one in group)
    row = _blank(first.job.data, short_name(config.model), config.preset, first.job.point, "runs", seeds, first.name)
    wrong = [f"{one.folder}: {failed[one.folder]}" for one in group if one.folder in failed]
    if wrong:
        return dataclasses.replace(row, failed="; ".join(wrong))
    return scored(out_dir, [one.folder for one in group], row)


def _by_system(nested: Sequence[Nested]) -> list[list[Nested]]:
    groups: dict[str, list[Nested]] = {}
    for one in nested:
        groups.setdefault(os.path.dirname(one.name), []).append(one)
    return list(groups.values())


def _nested_row(out_dir: str, group: Sequence[Nested], failed: Mapping[str, str]) -> Row:
    first, places = group[0], [os.path.join(CHOSEN, one.name) for one in group]
    config = first.runs[0].config
    presets = {run.config.preset for run in first.runs}
    point = dict.fromkeys({name for point in first.points for name in point}, "picked")
    seeds = tuple(one.runs[0].config.seed for one in group)
    preset = config.preset if len(presets) == 1 else ""
    row = _blank(
        first.runs[0].data, short_name(config.model), preset, point, "nested", seeds, os.path.dirname(places[0])
    )
    wrong = [f"{place}: {failed[place]}" for place in places if place in failed]
    if wrong:
        return dataclasses.replace(row, failed="; ".join(wrong))
    return scored(out_dir, places, row)


def _blank(data: MotionData, model, preset, point, kind, seeds, folder) -> Row:
    return Row(model, preset, point, kind, seeds, folder, None, len(data), len(set(data.subject_keys)))


def _text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)
