"""``mer train``: the final model on all prepared clips, exported as a server loads it, without TFX."""

from __future__ import annotations

import dataclasses
import json
import os

from mer_tf import output
from mer_tf.commands.options import add_training_options, training_config
from mer_tf.console import Console, fill, quiet, setup_logging
from mer_tf.errors import ConfigError
from mer_tf.run_files import PASSPORT_FILE


def add(verbs) -> None:
    parser = verbs.add_parser("train", help="final model on all prepared clips, as 'mer serve' and TF Serving load it")
    parser.add_argument("--data", required=True, help="folder written by 'mer prepare'")
    parser.add_argument(
        "--out", required=True, help="folder of the model; a version is added to it, as servers expect: OUT/VERSION"
    )
    parser.add_argument(
        "--loso",
        metavar="RUN",
        help="folder of a cross-validation of the same settings on the same clips; the served model tells its scores",
    )
    add_training_options(parser, folds=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.systems.registry import check_network, get_model_card, recipe_of_model

    config = training_config(arguments)
    check_network(config.model)
    own = recipe_of_model(config.model) if get_model_card(config.model).recipe else None
    output.check_folder(arguments.out)
    log = os.path.join(arguments.out, "mer.log")
    with output.locked(arguments.out), quiet(log) as console:
        setup_logging()
        description, folder = _train(arguments, config, own, console)
        _report(console, arguments, description, folder, log)
    return 0


def _train(arguments, config, own, console: Console) -> tuple[dict, str]:
    from mer_tf.commands.loso import recipe_of_records
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.export import export_saved_model, next_version
    from mer_tf.records import record_files
    from mer_tf.systems.own import short_name
    from mer_tf.training import read_motion_records, train_final, training_description
    from mer_tf.training.interface import TRAININGS

    recipe = recipe_of_records(arguments.data, config, own, console)
    files = record_files(arguments.data)
    data = read_motion_records(arguments.data, recipe)
    classes = get_mapping(data.mapping).classes
    config = dataclasses.replace(config, num_classes=len(classes))
    passport = _passport_of(arguments.loso, config, data) if arguments.loso else None
    with console.following(TRAININGS, "model", 1):
        model = train_final(data, config, log_dir=os.path.join(arguments.out, "logs"))
    training = training_description(files, recipe, config, data.fingerprint, passport)
    if passport is None:
        training["trained_on"] |= {"synthetic": data.synthetic, "partial": data.partial}
    folder = os.path.join(arguments.out, str(next_version(arguments.out)))
    description = export_saved_model(
        model,
        recipe,
        classes,
        folder,
        model_name=short_name(config.model),
        training=training,
    )
    return description, folder


def _passport_of(run: str, config, data) -> str:
    """Path of the passport of that run; refuses one of other settings or clips.

    Raises:
        ConfigError: The run is of another model, other settings or other clips.
    """
    from mer_tf.report.passports import read_run
    from mer_tf.systems.own import short_name

    passport = read_run(run).passport
    settings = passport["config"], config.to_json()
    theirs, ours = ({**one, "model": short_name(one["model"])} for one in settings)
    compared = ours.keys() - {"preset", "shuffle_labels"}
    differing = output.differences({n: theirs.get(n, ours[n]) for n in compared}, {n: ours[n] for n in compared})
    if differing:
        said = "; ".join(differing)
        raise ConfigError(f"--loso {run} was run with other settings: {said}; its scores are not this model's")
    if theirs.get("shuffle_labels"):
        raise ConfigError(f"--loso {run} was run with shuffled labels; its scores are not this model's")
    if passport["data_fingerprint"] != data.fingerprint:
        raise ConfigError(f"--loso {run} was run on other clips; its scores are not this model's")
    return os.path.join(run, PASSPORT_FILE) if os.path.isdir(run) else run


def _report(console: Console, arguments, description: dict, folder: str, log: str) -> None:
    from mer_tf import served

    if arguments.json:
        console.result(json.dumps({"folder": folder, **description}, indent=1))
        return
    told = description[served.TRAINED_ON]
    what = f"{told['clips']} clips of {told['subjects']} subjects"
    console.result(f"{description[served.MODEL]}, trained on {what}: {folder}")
    scores = told["loso"]
    if scores["uf1"] is not None:
        console.result(f"cross-validated before: UF1 {scores['uf1']:.3f}, UAR {scores['uar']:.3f}")
    else:
        console.result(fill("not cross-validated: nothing is known of its quality; run 'mer loso' and give --loso RUN"))
    console.result(f"serve it: mer serve --model {arguments.out}")
    console.result(f"log of all libraries: {log}")
