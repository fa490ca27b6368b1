"""``mer loso``: cross-validation on prepared motion records or on flow computed elsewhere, without TFX."""

from __future__ import annotations

import json
import os
import shlex

from mer_tf import output
from mer_tf.commands.flow_source import add_flow, check_flow, flow_data, read_flow
from mer_tf.commands.options import (
    add_force,
    add_save_models,
    add_training_options,
    add_workers,
    training_config,
    worker_count,
)
from mer_tf.console import Console, fill, quiet, setup_logging, table
from mer_tf.errors import ConfigError
from mer_tf.recipes.outside import ZERO_CENTRED
from mer_tf.run_files import EPOCHS_FILE, FLOW_FIELD, LOGS, PASSPORT_FILE, PREDICTIONS_FILE, SUB_CLIPS_FILE

_EPOCH_STEP = 1


def add(verbs) -> None:
    parser = verbs.add_parser(
        "loso", help="cross-validation of a model on prepared clips or on flow, by any protocol; resumes"
    )
    add_flow(parser)
    parser.add_argument("--out", required=True, help="folder of the run")
    add_training_options(parser)
    add_workers(parser, "the folds; with hand-crafted features, the clips")
    parser.add_argument(
        "--epoch-predictions",
        type=int,
        nargs="?",
        const=_EPOCH_STEP,
        default=0,
        metavar="K",
        help="also write epochs.csv: predictions after every K-th epoch (every one without K), to show what choosing "
        "the epoch on the test fold would give; nothing is chosen by them",
    )
    parser.add_argument(
        "--sub-clips",
        action="store_true",
        help=f"also write {SUB_CLIPS_FILE}: predictions of sub-sequences of the held-out clips, which the CBAMNet "
        "paper scores; for settings that cut training clips so",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="trace one epoch of the first fold that is trained with TensorFlow's profiler, for 'mer tensorboard'",
    )
    add_save_models(parser)
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, resumes="finished folds are kept")


def run(arguments) -> int:
    config, recipe, workers = check_arguments(arguments)
    output.check_folder(arguments.out)
    maps = read_flow(arguments, recipe)
    log = os.path.join(arguments.out, "mer.log")
    with output.locked(arguments.out), quiet(log) as console:
        setup_logging()
        from mer_tf.systems.feature import FEATURES
        from mer_tf.training.cross_validation import cross_validate
        from mer_tf.training.interface import TRAININGS

        data, facts = _read_data(arguments, config, recipe, maps, console)
        with console.following(FEATURES, "features of clips"), console.following(TRAININGS, "folds"):
            passport = cross_validate(
                data,
                config,
                arguments.out,
                protocol=arguments.protocol,
                workers=workers,
                epoch_predictions=arguments.epoch_predictions,
                sub_clips=arguments.sub_clips,
                save_models=arguments.save_models,
                profile=arguments.profile,
                force=arguments.force,
                facts=facts,
                say=lambda text: console.note(fill(text)),
            )
        _report(console, arguments, passport, log)
    return 0


def check_arguments(arguments):
    """Whatever the arguments alone can tell; nothing of the data is read, nothing is written.

    Returns:
        The ``TrainConfig``, the model's own recipe (None where it names none and records are given), and the number of
        processes.

    Raises:
        UnknownNameError, ConfigError: They do not fit together.
        MissingFileError: The initial weights are not there.
    """
    from mer_tf.systems.registry import get_model_card, recipe_of_model

    config, workers = training_config(arguments, only_folds=True), worker_count(arguments)
    card = get_model_card(config.model)
    recipe = None if not card.recipe and arguments.data is not None else recipe_of_model(config.model)
    check_flow(arguments, recipe)
    if arguments.values == ZERO_CENTRED:
        config.check_zero_centred(recipe)
    if arguments.epoch_predictions < 0:
        raise ConfigError(f"--epoch-predictions must be at least 0. Received: {arguments.epoch_predictions}")
    if not card.is_network:
        for flag, given in (("--epoch-predictions", arguments.epoch_predictions), ("--profile", arguments.profile)):
            if given:
                raise ConfigError(f"model {card.name!r} has no epochs; leave {flag} out")
    if arguments.save_models and not card.is_network:
        raise ConfigError(
            f"--save-models: model {card.name!r} is a hand-crafted feature without weights; leave it out, its "
            "classifier is fitted again in seconds"
        )
    if arguments.sub_clips and not config.augmentation.subsequences:
        raise ConfigError(
            f"--sub-clips: preset {config.preset!r} of model {card.name!r} cuts no sub-sequences of training clips; "
            'leave it out, or give --set augment={"subsequences":5000}'
        )
    return config, recipe, workers


def _read_data(arguments, config, recipe, maps: dict, console: Console):
    """The clips, and what the passport says of them beside the usual."""
    from mer_tf.training import read_motion_records

    if not maps:
        return read_motion_records(arguments.data, recipe_of_records(arguments.data, config, recipe, console)), {}
    from mer_tf.training.outside import flow_facts, flow_notes

    facts = flow_facts(maps, recipe, arguments.values or "recipe")
    for note in flow_notes(facts):
        console.note(fill(note))
    return flow_data(arguments, recipe, maps), {FLOW_FIELD: facts}


def recipe_of_records(folder: str, config, own, console: Console):
    """The recipe that made the records in the folder: another than the model's own where the network's inputs agree.

    Raises:
        ConfigError: The model does not take what that recipe yields.
    """
    from mer_tf.records import recipe_of_set
    from mer_tf.systems.registry import check_recipe

    recipe = recipe_of_set(folder) or own  # of an unknown one the hash tells in reading
    check_recipe(config.model, recipe, config.model_options)
    if recipe is None:
        raise ConfigError(f"{folder}: its records do not say by which recipe they were made; prepare the clips again")
    if own is not None and recipe.name != own.name:
        said = f"note: the clips were prepared with recipe {recipe.name!r}; that of the model is {own.name!r}"
        console.note(fill(said))
    return recipe


def _report(console: Console, arguments, passport: dict, log: str) -> None:
    from mer_tf.metrics.tables import format_scores

    if arguments.json:
        console.result(json.dumps(passport, indent=1))
        return
    flags = "".join(f" ({name})" for name in ("synthetic", "partial") if passport[name])
    console.result(
        f"{passport['model']}, {passport['protocol']}: {passport['folds']} folds, {passport['clips']} clips{flags}"
    )
    console.result(format_scores(passport["metrics"], passport["classes"]))
    if "hold_out" in passport:
        found = passport["hold_out"]
        rows = [(f"test {name}", part["war"], part["uar"]) for name, part in found["by_test_dataset"].items()]
        rows.append(("mean", found["mean"]["war"], found["mean"]["uar"]))
        console.result("\n" + table(("hold-out", "WAR", "UAR"), rows))
    for name in (PASSPORT_FILE, PREDICTIONS_FILE):
        console.result(os.path.join(arguments.out, name))
    if arguments.epoch_predictions:
        epochs = os.path.join(arguments.out, EPOCHS_FILE)
        console.result(f"{epochs}: see 'mer evaluate {epochs} --averages all'")
    if arguments.sub_clips:
        parts = os.path.join(arguments.out, SUB_CLIPS_FILE)
        console.result(f"{parts}: see 'mer evaluate {parts}'")
    if arguments.profile:
        profile = os.path.join(arguments.out, LOGS, "profile")
        if os.path.isdir(profile):
            console.result(f"{profile}: one epoch, operation by operation")
        else:
            console.note("note: every fold was there already, so no epoch was traced; another --out gets a profile")
    console.result(f"TensorBoard: mer tensorboard {shlex.quote(arguments.out)}")
    console.result(f"log of all libraries: {log}")
