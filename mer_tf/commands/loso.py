"""``mer loso``: cross-validation on prepared motion records or on flow images, without TFX."""

from __future__ import annotations

import dataclasses
import json
import os
import time

from mer_tf.commands.options import add_options, preset_options
from mer_tf.console import Console, quiet, setup_logging
from mer_tf.errors import ConfigError
from mer_tf.protocols import PROTOCOLS, Split, get_protocol, make_split

_EPOCH_STEP = 1


def add(verbs) -> None:
    parser = verbs.add_parser(
        "loso", help="cross-validation of a model on prepared clips or flow images, by any protocol; resumes"
    )
    parser.add_argument("--model", required=True, help="see 'mer models'")
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
    parser.add_argument("--mapping", help="with pictures: label mapping whose classes the labels are (megc2019)")
    parser.add_argument("--strict", action="store_true", help="with pictures: stop at the first one absent or unusable")
    parser.add_argument("--protocol", default="loso", help=f"{', '.join(PROTOCOLS)} (default: %(default)s)")
    parser.add_argument("--preset", default="paper", help="training settings (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="instead of the preset's")
    parser.add_argument(
        "--initial-weights",
        metavar="FILE",
        help="weights every fold starts from: .npz by layer name ('mer pretrain'; layers it lacks start anew), .keras "
        "or .weights.h5 of the same model",
    )
    add_options(parser)
    parser.add_argument("--seed", type=int, default=0, help="global seed (default: %(default)s)")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--workers", type=int, default=1, help="processes that train folds (default: %(default)s)")
    parser.add_argument("--shuffle-labels", action="store_true", help="permute training labels inside each fold")
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
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.metrics.tables import format_scores
    from mer_tf.recipes import get_recipe
    from mer_tf.systems.registry import get_model_card
    from mer_tf.training import TrainConfig
    from mer_tf.training.initial import initial_weights_facts, weights_hash

    # Whatever the arguments alone can tell comes before anything is read.
    get_protocol(arguments.protocol)
    overrides = {"seed": arguments.seed, "shuffle_labels": arguments.shuffle_labels}
    if arguments.epochs is not None:
        overrides["epochs"] = arguments.epochs
    if arguments.options:
        overrides["model_options"] = preset_options(arguments.model, arguments.preset, arguments.options)
    if arguments.initial_weights is not None:
        weights_hash(arguments.initial_weights)  # a missing file shows here
        overrides["initial_weights"] = arguments.initial_weights
    config = TrainConfig.from_preset(arguments.model, arguments.preset, **overrides)
    recipe = get_recipe(get_model_card(arguments.model).recipe)
    _check_source(arguments, recipe)
    if arguments.workers < 1 or arguments.epoch_predictions < 0:
        raise ConfigError("--workers must be at least 1 and --epoch-predictions at least 0")
    log = os.path.join(arguments.out, "mer.log")
    pictures = _read_pictures(arguments, recipe) if arguments.data is None else {}
    with quiet(log) as console:
        setup_logging()
        from mer_tf.passport import write_passport
        from mer_tf.training import from_flow_images, read_motion_records, run_loso

        start = time.perf_counter()
        if pictures:
            data = from_flow_images(
                pictures,
                recipe,
                mapping=arguments.mapping or "megc2019",
                synthetic=_drawn(arguments),
            )
        else:
            recipe = _recipe_of_records(arguments, config, recipe, console)
            data = read_motion_records(arguments.data, recipe)
        classes = get_mapping(data.mapping).classes
        config = dataclasses.replace(config, num_classes=len(classes))
        initial = {"initial_weights": initial_weights_facts(config)} if config.initial_weights else {}
        for facts in initial.values():
            console.note(f"initial weights {facts['file']} ({facts['sha256'][:12]}): {facts['summary']}")
        split = make_split(
            arguments.protocol,
            data.subject_keys,
            data.labels.tolist(),
            data.keys,
            classes=classes,
            mapping=data.mapping,
            seed=config.seed,
        )
        for note in split.notes:
            console.note(f"note: {note}")
        bar = console.progress("folds", unit="fold")
        predictions = run_loso(
            data,
            config,
            arguments.out,
            folds=split.folds,
            workers=arguments.workers,
            progress=lambda done, total, *_: bar(done, total),
            epoch_predictions=arguments.epoch_predictions,
        )
        passport = write_passport(
            arguments.out,
            predictions=predictions,
            classes=classes,
            config=config.to_json(),
            recipe=recipe,
            data_fingerprint=data.fingerprint,
            protocol=split.protocol.name,
            wall_seconds=time.perf_counter() - start,
            mapping=data.mapping,
            synthetic=data.synthetic,
            # Drawn clips are no part of a published set.
            partial=data.partial or (not data.synthetic and any(note.startswith("partial") for note in split.notes)),
            extra={
                **split_facts(split),
                **_hold_out(split, predictions, len(classes)),
                **_image_facts(pictures, recipe),
                **initial,
            },
        )
        _report(console, arguments, passport, format_scores(passport["metrics"], classes), log)
    return 0


def _recipe_of_records(arguments, config, own, console: Console):
    """The recipe that made the records: another than the model's own does where the network's inputs are the same.

    Raises:
        ConfigError: The model does not take what that recipe yields.
    """
    from mer_tf.recipes import RECIPES
    from mer_tf.records import recorded_recipe
    from mer_tf.systems.registry import check_recipe

    recipe = RECIPES.get(recorded_recipe(arguments.data), own)  # of an unknown one the hash tells in reading
    check_recipe(config.model, recipe, config.model_options)
    if recipe.name != own.name:
        console.note(f"note: the clips were prepared with recipe {recipe.name!r}; that of the model is {own.name!r}")
    return recipe


def split_facts(split: Split) -> dict:
    """What a passport says of the folds: ``{"split": {...}}``."""
    return {
        "split": {
            "protocol": split.protocol.name,
            "source": split.protocol.source,
            "scoring": split.protocol.scoring,
            "folds": split.class_counts,
            "straddling_subjects": list(split.straddling),
            "notes": list(split.notes),
        }
    }


def _check_source(arguments, recipe) -> None:
    """Raises ``ConfigError`` unless the arguments name exactly the data that the model takes."""
    given = {"face": arguments.flow_images, "puzzle": arguments.puzzle_images}
    flags = {"face": "--flow-images", "puzzle": "--puzzle-images"}
    if arguments.data is not None:
        extra = [flag for name, flag in flags.items() if given[name] is not None]
        extra += [f"--{name}" for name in ("labels", "mapping", "strict") if getattr(arguments, name)]
        if extra:
            raise ConfigError(f"{extra[0]} does not go with --data: give prepared records or flow images")
        return
    if not any(given.values()):
        raise ConfigError("give --data DIR (written by 'mer prepare') or --flow-images DIR --labels CSV")
    if any((view.content, view.normalisation) != ("motion", "pm1") for view in recipe.views) or not set(
        recipe.network_inputs
    ) <= set(given):
        shapes = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in recipe.network_inputs.items())
        raise ConfigError(
            f"model {arguments.model!r} takes {shapes} and cannot run on flow images; prepare the clips with "
            f"'mer prepare --recipe {recipe.name}' and give --data"
        )
    missing = [name for name in recipe.network_inputs if given[name] is None]
    unused = [name for name in given if given[name] is not None and name not in recipe.network_inputs]
    if missing:
        what = f"model {arguments.model!r} takes {missing[0]} images: give them with {flags[missing[0]]} DIR"
        if unused:
            raise ConfigError(f"{what}, and leave {flags[unused[0]]} out")
        parts = _parts(arguments.model, {name for name in given if given[name] is not None})
        raise ConfigError(f"{what} too" + "".join(f", or run the branch that needs none: --model {p}" for p in parts))
    if unused:
        raise ConfigError(f"model {arguments.model!r} takes no {unused[0]} images; leave {flags[unused[0]]} out")
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

    classes = get_mapping(arguments.mapping or "megc2019").classes
    folders = {"face": arguments.flow_images, "puzzle": arguments.puzzle_images}
    pictures = {
        name: read_flow_images(folders[name], arguments.labels, classes=classes, strict=arguments.strict)
        for name in recipe.network_inputs
    }
    console, said = Console(), set()
    for images in pictures.values():
        for problem in images.problems:
            if problem.severity == "warning" and problem.message not in said:
                said.add(problem.message)
                console.note(f"warning: {problem.message}")
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


def _hold_out(split: Split, predictions, num_classes: int) -> dict:
    from mer_tf import metrics

    if split.protocol.scoring != "hold_out":
        return {}
    return {"hold_out": metrics.hold_out_scores(predictions, num_classes)}


def _report(console: Console, arguments, passport: dict, scores: str, log: str) -> None:
    if arguments.json:
        console.result(json.dumps(passport, indent=1))
        return
    flags = "".join(f" ({name})" for name in ("synthetic", "partial") if passport[name])
    console.result(
        f"{passport['model']}, {passport['protocol']}: {passport['folds']} folds, {passport['clips']} clips{flags}"
    )
    console.result(scores)
    if "hold_out" in passport:
        from mer_tf.console import table

        found = passport["hold_out"]
        rows = [(f"test {name}", part["war"], part["uar"]) for name, part in found["by_test_dataset"].items()]
        rows.append(("mean", found["mean"]["war"], found["mean"]["uar"]))
        console.result("\n" + table(("hold-out", "WAR", "UAR"), rows))
    for name in ("passport.json", "predictions.csv"):
        console.result(os.path.join(arguments.out, name))
    if arguments.epoch_predictions:
        epochs = os.path.join(arguments.out, "epochs.csv")
        console.result(f"{epochs}: see 'mer evaluate {epochs} --averages all'")
    console.result(f"TensorBoard: tensorboard --logdir {os.path.join(arguments.out, 'logs')}")
    console.result(f"log of all libraries: {log}")
