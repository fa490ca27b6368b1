"""``mer sweep``: cross-validations over systems, presets, seeds and settings, their ensembles, and nested choices."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
from collections.abc import Iterator

from mer_tf import output
from mer_tf.commands.flow_source import add_flow, check_flow, flow_data, maps_for, read_flow
from mer_tf.commands.loso import recipe_of_records
from mer_tf.commands.options import (
    SHORTCUTS,
    add_force,
    add_save_models,
    add_workers,
    name_value_pairs,
    parse_seeds,
    split_values,
    training_config,
    worker_count,
)
from mer_tf.console import Console, fill, quiet, setup_logging, table
from mer_tf.errors import ConfigError
from mer_tf.protocols import PROTOCOLS
from mer_tf.recipes.outside import ZERO_CENTRED
from mer_tf.run_files import FLOW_FIELD, SWEEP_FILE

_INNER = 5
_OVER_SEEDS = ""  # ``--ensemble`` without names
_VALUES = "V1,V2"
_KINDS = {"runs": "mean of seeds", "ensemble": "ensemble", "nested": "picked inside"}
_OPTIMISTIC = (
    "note: the best row was found by these very scores, on the held-out clips, so its score is optimistic; "
    "'mer sweep --nested' picks the settings inside each fold and scores that choice honestly"
)


def add(verbs) -> None:
    parser = verbs.add_parser(
        "sweep", help="cross-validations over systems, presets, seeds and settings; ensembles; nested choice; resumes"
    )
    add_flow(parser, several=True)
    parser.add_argument("--out", required=True, help="folder of the sweep; each run is a folder in it")
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        dest="models",
        help="see 'mer models', or your own network as FILE.py:FUNCTION; once for each system",
    )
    parser.add_argument(
        "--preset",
        action="append",
        dest="presets",
        help="training settings to start from; once for each (default: the one of each system)",
    )
    parser.add_argument("--seeds", default="0", help="seeds such as 0-4 or 0,1,5 (default: %(default)s)")
    for name in SHORTCUTS:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=_VALUES, help="values instead of the preset's")
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar=f"NAME={_VALUES}",
        help="any other training setting with the values to try, for example loss=focal,cross_entropy; commas inside "
        "[], {} or double quotes part no values; once for each setting",
    )
    parser.add_argument(
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar=f"NAME={_VALUES}",
        help="constructor option of the systems with the values to try, for example dropout=0.3,0.5; once for each",
    )
    parser.add_argument(
        "--initial-weights", metavar="FILE", help="weights that every training of a network starts from"
    )
    parser.add_argument("--protocol", default="loso", help=f"{', '.join(PROTOCOLS)} (default: %(default)s)")
    parser.add_argument(
        "--shuffle-labels", action="store_true", help="permute the training labels inside each fold: must be chance"
    )
    parser.add_argument(
        "--ensemble",
        dest="ensembles",
        action="append",
        nargs="?",
        const=_OVER_SEEDS,
        default=[],
        metavar="SYSTEM,SYSTEM",
        help="also the mean of the probabilities as a run of its own: over the seeds of each network, or over all "
        "seeds of the systems named; may be given several times",
    )
    parser.add_argument(
        "--nested",
        action="store_true",
        help="pick the settings of each system inside each fold, by inner folds of the subjects of its training side; "
        "no held-out clip is looked at",
    )
    parser.add_argument(
        "--inner", type=int, metavar="K", help=f"with --nested: number of inner folds (default: {_INNER})"
    )
    add_workers(parser, "the folds; with hand-crafted features, the clips")
    add_save_models(parser)
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, resumes="finished folds and runs are kept")


def run(arguments) -> int:
    combinations, workers = check_arguments(arguments)
    output.check_folder(arguments.out)
    sources = _Sources(arguments, combinations)
    log = os.path.join(arguments.out, "mer.log")
    with output.locked(arguments.out), quiet(log) as console:
        setup_logging()
        from mer_tf.systems.feature import FEATURES
        from mer_tf.training.sweep import SWEPT, Job, sweep

        plain = [one.model for one, _, point in combinations if not point and (arguments.presets or _axes(arguments))]
        if plain:
            said = "is hand-crafted and runs" if len(set(plain)) == 1 else "are hand-crafted and run"
            names = ", ".join(dict.fromkeys(plain))
            console.note(
                fill(f"note: {names} {said} with the preset of its own; settings and presets are for networks")
            )
        jobs = []
        for _, config, point in combinations:
            data, facts = sources.read(config, console)
            jobs.append(Job(config, data, point, facts))
        with console.following(FEATURES, "features of clips"), console.following(SWEPT, "folds"):
            rows = sweep(
                jobs,
                arguments.out,
                protocol=arguments.protocol,
                workers=workers,
                save_models=arguments.save_models,
                force=arguments.force,
                ensembles=[one.split(",") if one else () for one in arguments.ensembles],
                inner=(arguments.inner or _INNER) if arguments.nested else 0,
                say=lambda text: console.note(fill(text)),
            )
        if arguments.json:
            console.result(json.dumps({"out": arguments.out, "rows": [row.to_json() for row in rows]}, indent=1))
        else:
            _report(console, arguments, rows, log)
    return 1 if any(row.failed for row in rows) else 0


def check_arguments(arguments, *, weights_here: bool = True) -> tuple[list, int]:
    """Whatever the arguments alone can tell of every combination; nothing of the data is read, nothing is written.

    Args:
        arguments: Parsed arguments.
        weights_here: Whether the initial weights must be readable.

    Returns:
        For each combination its arguments as ``mer loso`` takes them, its ``TrainConfig`` and its swept values; and the
        number of processes.

    Raises:
        UnknownNameError, ConfigError: A combination cannot be.
        MissingFileError: The initial weights are not there.
    """
    from mer_tf.systems.registry import get_model_card

    workers = worker_count(arguments)
    if arguments.inner is not None and not arguments.nested:
        raise ConfigError("--inner goes with --nested")
    if arguments.inner is not None and arguments.inner < 2:
        raise ConfigError(f"--inner must be at least 2 folds. Received: {arguments.inner}")
    if arguments.nested and arguments.ensembles:
        raise ConfigError("--nested picks settings, --ensemble sums runs with given ones; give one of them")
    if arguments.nested and arguments.save_models:
        raise ConfigError("--save-models does not go with --nested: each fold has settings of its own; leave one out")
    if len(set(arguments.models)) < len(arguments.models):
        raise ConfigError("--model names a system twice")
    networks = [name for name in arguments.models if get_model_card(name).is_network]
    combinations = []
    for model in arguments.models:
        for one in _combinations(arguments, model, plain=bool(networks) and model not in networks):
            combinations.append((one, training_config(one, weights_here=weights_here, only_folds=True), one.point))
    if arguments.save_models and not networks:
        raise ConfigError("--save-models: hand-crafted features have no weights; leave it out")
    return combinations, workers


def _combinations(arguments, model: str, *, plain: bool) -> Iterator[argparse.Namespace]:
    """The arguments of ``mer loso`` for each combination of a system.

    Args:
        arguments: Parsed arguments.
        model: The system.
        plain: Whether it has none of the settings, as a hand-crafted feature beside networks.
    """
    axes = {} if plain else _axes(arguments)
    presets = [None] if plain or not arguments.presets else arguments.presets
    if len(set(presets)) < len(presets):
        raise ConfigError("--preset names one twice")
    shared = {"model": model, "shuffle_labels": arguments.shuffle_labels, **dict.fromkeys(SHORTCUTS)}
    shared["initial_weights"] = None if plain else arguments.initial_weights
    for preset, values in itertools.product(presets, itertools.product(*axes.values())):
        chosen = dict(zip(axes, values))
        point = {"preset": preset} if len(presets) > 1 else {}
        point |= {name: value for (_, name), value in chosen.items()}
        texts = {kind: [f"{name}={value}" for (of, name), value in chosen.items() if of == kind] for kind in _TEXTS}
        for seed in parse_seeds(arguments.seeds):
            yield argparse.Namespace(**{**vars(arguments), **shared, **texts}, preset=preset, seed=seed, point=point)


_TEXTS = ("settings", "options")


def _axes(arguments) -> dict[tuple[str, str], list[str]]:
    """(argument, name) of each setting that is given -> its values as text."""
    settings = [
        *(f"{name}={getattr(arguments, name)}" for name in SHORTCUTS if getattr(arguments, name) is not None),
        *arguments.settings,
    ]
    found = {}
    for kind, flag, texts in (("settings", "--set", settings), ("options", "--option", arguments.options)):
        for name, text in name_value_pairs(flag, texts, "learning_rate=1e-3,1e-4").items():
            if (other := next((key for key in found if key[1] == name), None)) is not None:
                raise ConfigError(f"{name} is given by --{other[0]} and by {flag}")
            values = split_values(text)
            if len(set(values)) < len(values):
                raise ConfigError(f"{flag} {name}={text}: a value stands twice")
            found[kind, name] = values
    return found


class _Sources:
    """Reads the clips, once for each recipe."""

    def __init__(self, arguments, combinations):
        from mer_tf.systems.registry import get_model_card, recipe_of_model

        self._arguments = arguments
        self._data: dict = {}
        self._folder: dict[str, str] = {}
        configs = {config.model: (one, config) for one, config, _ in combinations}
        own = {
            model: None if not get_model_card(model).recipe and arguments.data else recipe_of_model(model)
            for model in configs
        }
        self._own, self._named = own, {}
        if arguments.data:
            for model, (_, config) in configs.items():
                self._folder[model] = self._fitting(config, own[model])
            unused = [folder for folder in arguments.data if folder not in self._folder.values()]
            if unused:
                raise ConfigError(f"--data {unused[0]} is of a recipe that no system here takes its clips from")
            one = argparse.Namespace(**{**vars(arguments), "data": arguments.data[0]})
            check_flow(one, None)
            return
        self._maps: dict = {}
        for model, (one, config) in configs.items():
            named = maps_for(one, own[model], own.values())
            check_flow(named, own[model])
            if arguments.values == ZERO_CENTRED:
                for other in (config for _, config, _ in combinations if config.model == model):
                    other.check_zero_centred(own[model])
            self._named[model] = named
        for model, named in self._named.items():
            key = self._key(model)
            if key not in self._maps:
                self._maps[key] = read_flow(named, own[model])

    def read(self, config, console: Console):
        """The clips of a combination, and what its passport says of them."""
        from mer_tf.training import read_motion_records

        model = config.model
        if self._folder:
            folder = self._folder[model]
            if (folder, model) not in self._data:
                recipe = recipe_of_records(folder, config, self._own[model], console)
                if folder not in self._data:
                    self._data[folder] = read_motion_records(folder, recipe)
                self._data[folder, model] = self._data[folder]
            return self._data[folder], {}
        from mer_tf.training.outside import flow_facts, flow_notes

        named, recipe, maps = self._named[model], self._own[model], self._maps[self._key(model)]
        if recipe.hash not in self._data:
            facts = flow_facts(maps, recipe, named.values or "recipe")
            for note in flow_notes(facts):
                console.note(fill(note))
            self._data[recipe.hash] = flow_data(named, recipe, maps), {FLOW_FIELD: facts}
        return self._data[recipe.hash]

    def _key(self, model: str):
        """What decides how the files are read: which there are, and of arrays the side they are brought to."""
        named = self._named[model]
        side = self._own[model].crop_size if named.flow_arrays else None
        return named.flow_images, named.flow_arrays, named.puzzle_images, side

    def _fitting(self, config, own) -> str:
        """The folder of records that a system takes: of its own recipe, else the first that it can take."""
        from mer_tf.records import recipe_of_set
        from mer_tf.systems.registry import check_recipe

        found = {folder: recipe_of_set(folder) for folder in self._arguments.data}
        for folder, recipe in found.items():
            if own is not None and recipe is not None and recipe.name == own.name:
                return folder
        wrong = None
        for folder, recipe in found.items():
            try:
                check_recipe(config.model, recipe or own, config.model_options)
                return folder
            except ConfigError as error:
                wrong = wrong or error
        raise wrong


def _report(console: Console, arguments, rows, log: str) -> None:
    from mer_tf.training.sweep_rows import seeds_text

    scored = [row for row in rows if row.scores]
    first = (scored or rows)[0]
    systems = list(dict.fromkeys(row.model for row in rows))
    seeds = sorted({seed for row in rows for seed in row.seeds})
    runs = sum(len(row.seeds) for row in rows if row.kind != "ensemble")
    what = f"{systems[0]}, " if len(systems) == 1 else ""
    console.result(
        fill(
            f"{what}{arguments.protocol}: {runs} runs, {seeds_text(seeds)}, {first.clips} clips of {first.subjects} "
            f"subjects; intervals: 95 % over subjects"
        )
    )
    console.result(sweep_table(rows))
    for row in rows:
        if row.failed:
            console.note(fill(f"failed: {row.failed}"))
    if len([row for row in scored if row.kind == "runs"]) > 1:
        console.result(fill(_OPTIMISTIC))
    console.result(f"{os.path.join(arguments.out, SWEEP_FILE)}: all figures, and the folder of each run")
    console.result(f"TensorBoard: mer tensorboard {shlex.quote(arguments.out)}")
    console.result(f"log of all libraries: {log}")


def sweep_table(rows) -> str:
    """The rows of a sweep for a person; of the settings only those that vary."""
    from mer_tf.training.sweep_rows import varying

    names = varying(rows)
    columns = {
        "system": [row.model for row in rows],
        "preset": [row.preset or row.point.get("preset", "-") for row in rows],
        **{name: [row.point.get(name, "-") for row in rows] for name in names if name != "preset"},
        "score of": [_KINDS[row.kind] for row in rows],
    }
    keep = [name for name, cells in columns.items() if name in names or (name != "preset" and len(set(cells)) > 1)]
    header, several = [*keep, "UF1"], any(len(row.seeds) > 1 for row in rows)
    header += [*(["sd"] if several else []), "interval", "UAR", *(["sd"] if several else []), "interval"]
    lines = []
    for k, row in enumerate(rows):
        line: list = [columns[name][k] for name in keep]
        for metric in ("uf1", "uar"):
            one = row.scores[metric] if row.scores else {"mean": None, "sd": None, "interval": None}
            spread = [one["sd"]] if several else []
            low_high = "failed" if one["interval"] is None else "{:.3f}-{:.3f}".format(*one["interval"])
            line += [one["mean"], *spread, low_high]
        lines.append(line)
    return table(header, lines)
