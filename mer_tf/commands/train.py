"""``mer train``: the final model on all prepared clips, exported as a server loads it, without TFX."""

from __future__ import annotations

import dataclasses
import json
import os

from mer_tf import output
from mer_tf.commands.flow_source import add_flow, check_flow, flow_data, read_flow
from mer_tf.commands.options import add_training_options, training_config
from mer_tf.console import Console, fill, quiet, setup_logging
from mer_tf.errors import ConfigError
from mer_tf.recipes.outside import ZERO_CENTRED
from mer_tf.run_files import FLOW_FIELD, PASSPORT_FILE


def add(verbs) -> None:
    parser = verbs.add_parser(
        "train", help="final model on all prepared clips, or on flow, as 'mer serve' and TF Serving load it"
    )
    add_flow(parser)
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
    card = get_model_card(config.model)
    own = None if not card.recipe and arguments.data is not None else recipe_of_model(config.model)
    check_flow(arguments, own)
    if arguments.values == ZERO_CENTRED:
        raise ConfigError(
            "--values zero-centred is for 'mer loso': a served model has no mean of its training clips to take off"
        )
    output.check_folder(arguments.out)
    maps = read_flow(arguments, own)
    log = os.path.join(arguments.out, "mer.log")
    with output.locked(arguments.out), quiet(log) as console:
        setup_logging()
        description, folder = _train(arguments, config, own, maps, console)
        _report(console, arguments, description, folder, log)
    return 0


def _train(arguments, config, own, maps: dict, console: Console) -> tuple[dict, str]:
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.export import export_saved_model, next_version
    from mer_tf.systems.own import short_name
    from mer_tf.training import train_final
    from mer_tf.training.facts import describe_training
    from mer_tf.training.interface import TRAININGS

    data, recipe, clips, outside = _read(arguments, config, own, maps, console)
    classes = get_mapping(data.mapping).classes
    config = dataclasses.replace(config, num_classes=len(classes))
    passport = _passport_of(arguments.loso, config, data) if arguments.loso else None
    with console.following(TRAININGS, "model", 1):
        model = train_final(data, config, log_dir=os.path.join(arguments.out, "logs"))
    training = describe_training(clips, recipe, config, data.fingerprint, passport)
    training["trained_on"] |= outside
    if lost := outside.get(FLOW_FIELD, {}).get("lost"):
        training["gate"] = {"floor": None, "reason": lost}
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


def _read(arguments, config, own, maps: dict, console: Console):
    """The clips, the recipe that clients prepare others by, facts of each clip, and what is told of outside flow."""
    from mer_tf.training.facts import array_facts, read_clip_facts

    if not maps:
        from mer_tf.commands.loso import recipe_of_records
        from mer_tf.records import record_files
        from mer_tf.training import read_motion_records

        recipe = recipe_of_records(arguments.data, config, own, console)
        data = read_motion_records(arguments.data, recipe)
        return data, recipe, read_clip_facts(record_files(arguments.data), recipe), {}
    from mer_tf.training.outside import flow_facts, flow_notes

    facts = flow_facts(maps, own, arguments.values or "recipe")
    told = "note: clips that are served go through the steps of recipe "
    for note in (*flow_notes(facts), f"{told}{own.name!r}; whether the flow was made by the like is not known"):
        console.note(fill(note))
    data = flow_data(arguments, own, maps)
    recipe = dataclasses.replace(own, views=data.recipe.views)
    return data, recipe, array_facts(data), {FLOW_FIELD: facts}


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
