"""``mer loso``: cross-validation on prepared motion records or on flow images, without TFX."""

from __future__ import annotations

import json
import os

from mer_tf import output
from mer_tf.commands.options import add_force, add_training_options, add_workers, training_config, worker_count
from mer_tf.console import Console, fill, quiet, setup_logging, table
from mer_tf.errors import ConfigError
from mer_tf.run_files import EPOCHS_FILE, PASSPORT_FILE, PREDICTIONS_FILE, SUB_CLIPS_FILE

_EPOCH_STEP = 1
_DEFAULT_MAPPING = "megc2019"
_FLAGS = {"face": "--flow-images", "puzzle": "--puzzle-images"}


def add(verbs) -> None:
    parser = verbs.add_parser(
        "loso", help="cross-validation of a model on prepared clips or flow images, by any protocol; resumes"
    )
    parser.add_argument("--data", help="folder written by 'mer prepare'")
    parser.add_argument(
        "--flow-images",
        metavar="DIR",
        help="instead of --data: onset-apex flow pictures of the whole face, 28x28 RGB, one per clip",
    )
    parser.add_argument(
        "--puzzle-images", metavar="DIR", help="the same of the HARS puzzle, for the models that take the puzzle"
    )
    parser.add_argument("--labels", metavar="CSV", help="with pictures: columns dataset, sub, filename_o, label")
    parser.add_argument(
        "--mapping", help=f"with pictures: label mapping whose classes the labels are (default: {_DEFAULT_MAPPING})"
    )
    parser.add_argument("--strict", action="store_true", help="with pictures: stop at the first one absent or unusable")
    parser.add_argument("--out", required=True, help="folder of the run")
    add_training_options(parser)
    add_workers(parser, "the folds; with hand-crafted features, the clips", default=1)
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
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, resumes="finished folds are kept")


def run(arguments) -> int:
    config, recipe, workers = check_arguments(arguments)
    output.check_folder(arguments.out)
    pictures = _read_pictures(arguments, recipe) if arguments.data is None else {}
    log = os.path.join(arguments.out, "mer.log")
    with output.locked(arguments.out), quiet(log) as console:
        setup_logging()
        from mer_tf.systems.feature import FEATURES
        from mer_tf.training.cross_validation import cross_validate
        from mer_tf.training.interface import TRAININGS

        data = _read_data(arguments, config, recipe, pictures, console)
        with console.following(FEATURES, "features of clips"), console.following(TRAININGS, "folds"):
            passport = cross_validate(
                data,
                config,
                arguments.out,
                protocol=arguments.protocol,
                workers=workers,
                epoch_predictions=arguments.epoch_predictions,
                sub_clips=arguments.sub_clips,
                force=arguments.force,
                facts=_image_facts(pictures, recipe),
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

    config, workers = training_config(arguments), worker_count(arguments)
    card = get_model_card(config.model)
    recipe = None if not card.recipe and arguments.data is not None else recipe_of_model(config.model)
    _check_source(arguments, recipe)
    if arguments.epoch_predictions < 0:
        raise ConfigError(f"--epoch-predictions must be at least 0. Received: {arguments.epoch_predictions}")
    if arguments.epoch_predictions and not card.is_network:
        raise ConfigError(f"model {card.name!r} has no epochs; leave --epoch-predictions out")
    if arguments.sub_clips and not config.augmentation.subsequences:
        raise ConfigError(
            f"--sub-clips: preset {config.preset!r} of model {card.name!r} cuts no sub-sequences of training clips; "
            'leave it out, or give --set augment={"subsequences":5000}'
        )
    return config, recipe, workers


def _read_data(arguments, config, recipe, pictures: dict, console: Console):
    from mer_tf.training import from_flow_images, read_motion_records

    if pictures:
        mapping = arguments.mapping or _DEFAULT_MAPPING
        return from_flow_images(pictures, recipe, mapping=mapping, synthetic=_drawn(arguments))
    return read_motion_records(arguments.data, recipe_of_records(arguments.data, config, recipe, console))


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


def _check_source(arguments, recipe) -> None:
    """Raises ``ConfigError`` unless the arguments name exactly the data that the model takes."""
    from mer_tf.datasets.flow_images import takes_flow_images

    given = {"face": arguments.flow_images, "puzzle": arguments.puzzle_images}
    if arguments.data is not None:
        extra = [flag for name, flag in _FLAGS.items() if given[name] is not None]
        extra += [f"--{name}" for name in ("labels", "mapping", "strict") if getattr(arguments, name)]
        if extra:
            raise ConfigError(f"{extra[0]} does not go with --data: give prepared records or flow images")
        return
    if not any(given.values()):
        raise ConfigError("give --data DIR (written by 'mer prepare') or --flow-images DIR --labels CSV")
    if not takes_flow_images(recipe):
        shapes = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in recipe.network_inputs.items())
        raise ConfigError(
            f"model {arguments.model!r} takes {shapes} and cannot run on flow images; prepare the clips with "
            f"'mer prepare --recipe {recipe.name}' and give --data"
        )
    missing = [name for name in recipe.network_inputs if given[name] is None]
    unused = [name for name in given if given[name] is not None and name not in recipe.network_inputs]
    if missing:
        what = f"model {arguments.model!r} takes {missing[0]} images: give them with {_FLAGS[missing[0]]} DIR"
        if unused:
            raise ConfigError(f"{what}, and leave {_FLAGS[unused[0]]} out")
        parts = _parts(arguments.model, {name for name in given if given[name] is not None})
        raise ConfigError(f"{what} too" + "".join(f", or run the branch that needs none: --model {p}" for p in parts))
    if unused:
        raise ConfigError(f"model {arguments.model!r} takes no {unused[0]} images; leave {_FLAGS[unused[0]]} out")
    if arguments.labels is None:
        raise ConfigError("give the labels of the pictures with --labels CSV (dataset, sub, filename_o, label)")


def _parts(model: str, maps: set[str]) -> list[str]:
    """Models of the same class that take exactly these maps."""
    from mer_tf.recipes import get_recipe
    from mer_tf.systems.registry import MODELS, get_model_card

    builder = get_model_card(model).builder
    return [
        card.name
        for card in MODELS.values()
        if card.builder == builder and set(get_recipe(card.recipe).network_inputs) == maps
    ]


def _read_pictures(arguments, recipe) -> dict:
    from mer_tf.datasets.flow_images import read_flow_images
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.datasets.summary import problem_lines

    classes = get_mapping(arguments.mapping or _DEFAULT_MAPPING).classes
    folders = {"face": arguments.flow_images, "puzzle": arguments.puzzle_images}
    pictures = {
        name: read_flow_images(folders[name], arguments.labels, classes=classes, strict=arguments.strict)
        for name in recipe.network_inputs
    }
    console = Console()
    warnings = {p.message: p for images in pictures.values() for p in images.problems if p.severity == "warning"}
    for line in problem_lines(warnings.values())[0]:
        console.note(fill(line))
    return pictures


def _drawn(arguments) -> bool:
    from mer_tf.datasets.origin import is_synthetic

    folders = [folder for folder in (arguments.flow_images, arguments.puzzle_images) if folder is not None]
    return any(map(is_synthetic, [*folders, os.path.dirname(os.path.abspath(arguments.labels))]))


def _image_facts(pictures: dict, recipe) -> dict:
    """What a passport says of pictures that somebody else made: the recipe names their kind, most of it was not run."""
    if not pictures:
        return {}
    skipped = sorted({p.message for images in pictures.values() for p in images.problems if p.dropped})
    facts = {
        "note": "flow pictures made elsewhere; 'recipe' names the kind of input, of which only 'used' was applied",
        "maps": list(pictures),
        "used": ["views"],
        "not_run": [key for key in recipe.to_json() if key not in ("name", "source", "views")],
        "skipped": skipped,
    }
    return {"flow_images": facts}


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
    console.result(f"TensorBoard: tensorboard --logdir {os.path.join(arguments.out, 'logs')}")
    console.result(f"log of all libraries: {log}")
