"""``mer pretrain``: training on pictures of macro-expressions; ``mer loso`` starts from its weights."""

from __future__ import annotations

import json
import os
import shlex

from mer_tf import output
from mer_tf.commands.options import add_force, add_training_options, add_workers, training_config, worker_count
from mer_tf.commands.source import parse_roots
from mer_tf.console import Console, fill, quiet, setup_logging, table
from mer_tf.errors import ConfigError
from mer_tf.run_files import NETWORK_FILE, PRETRAINED_FILE, WEIGHTS_FILE
from mer_tf.systems.registry import get_model_card

_PRESET = "macro"
_SHOWN = 20  # faults printed; pretrain.json has all


def add(verbs) -> None:
    parser = verbs.add_parser(
        "pretrain",
        help="train on macro-expressions or on drawn motion; 'mer loso --initial-weights' goes on from there",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data",
        help="for networks of clips or of flow: folder that 'mer prepare' wrote of a set of macro-expressions",
    )
    source.add_argument(
        "--flow",
        type=int,
        metavar="CLIPS",
        help="for networks of the motion from onset to apex: so many clips of drawn motion, such as 4000",
    )
    source.add_argument(
        "--root",
        dest="roots",
        action="append",
        metavar="DATASET=PATH",
        help="for networks of pictures: folder of a set as the distributor ships it: ckplus, oulu_casia, jaffe, mug, "
        "or ck48 instead of ckplus; once for each",
    )
    parser.add_argument(
        "--mapping", help="with --flow: label mapping whose classes the drawn emotions get (default: megc2019)"
    )
    parser.add_argument("--out", required=True, help=f"folder of the run; gets {WEIGHTS_FILE} and {PRETRAINED_FILE}")
    add_training_options(parser, model="residual_network", preset=_PRESET, folds=False)
    parser.add_argument("--pictures", metavar="DIR", help="folder of the prepared pictures (default: OUT/pictures)")
    add_workers(parser, "the pictures while they are prepared")
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    parser.add_argument("--strict", action="store_true", help="stop at the first fault of a clip or picture")
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, resumes="finished pictures are kept")


def run(arguments) -> int:
    roots = parse_roots(arguments.roots or [])
    model = arguments.model
    if arguments.roots:
        arguments.model = get_model_card(model).trunk or model  # its layers have the same names
    elif arguments.preset == _PRESET and _PRESET not in get_model_card(model).presets:
        arguments.preset = None  # the one of the system itself
    if arguments.mapping is not None and arguments.flow is None:
        raise ConfigError("--mapping goes with --flow; sets of macro-expressions have their own classes")
    config, workers = training_config(arguments), worker_count(arguments)
    output.check_folder(arguments.out)
    if arguments.pictures is not None:
        output.check_folder(arguments.pictures, "--pictures")
    log = os.path.join(arguments.out, "mer.log")
    with output.locked(arguments.out), quiet(log) as console:
        setup_logging()
        if arguments.model != model:
            console.note(fill(f"note: {arguments.model} is trained, the part of {model} that sees pictures"))
        from mer_tf.training.pretrain import Watch, pretrain
        from mer_tf.training.pretrain_clips import pretrain_clips, pretrain_flow

        epochs = console.progress("epochs")
        if arguments.flow is not None:
            watch = Watch(console.progress("clips drawn"), epochs)
            passport = pretrain_flow(
                config,
                arguments.out,
                clips=arguments.flow,
                mapping=arguments.mapping or "megc2019",
                force=arguments.force,
                watch=watch,
            )
        elif arguments.data is not None:
            data = _read_clips(arguments.data, config, console)
            passport = pretrain_clips(data, config, arguments.out, force=arguments.force, on_epoch=epochs)
        else:
            passport = pretrain(
                roots,
                config,
                arguments.out,
                pictures_dir=arguments.pictures,
                workers=workers,
                landmark_model=arguments.landmark_model,
                strict=arguments.strict,
                force=arguments.force,
                watch=Watch(console.progress("pictures"), epochs),
            )
        epochs.close()  # where training stopped early
        _report(console, arguments, passport, log)
    return 0


def _read_clips(folder: str, config, console: Console):
    from mer_tf.commands.loso import recipe_of_records
    from mer_tf.recipes import get_recipe
    from mer_tf.training import read_motion_records

    own = get_recipe(get_model_card(config.model).recipe)
    return read_motion_records(folder, recipe_of_records(folder, config, own, console))


def _report(console: Console, arguments, passport: dict, log: str) -> None:
    if arguments.json:
        console.result(json.dumps(passport, indent=1))
        return
    flags = "".join(f" ({name})" for name in ("synthetic", "partial") if passport[name])
    split = passport["split"]
    what = "pictures" if arguments.roots else "clips"
    console.result(
        f"{passport['model']}: {split['train']} {what} to train on, {split['test']} of "
        f"{len(split['held_out_subjects'])} held-out people{flags}"
    )
    rows = [(name, s["expected"], s["found"], s["used"], s["subjects"]) for name, s in passport["sets"].items()]
    console.result(table(("set", "published", "found", "used", "people"), rows))
    if passport["initial_weights"]:
        initial = passport["initial_weights"]
        console.result(fill(f"started from {initial['file']} ({initial['sha256'][:12]}): {initial['summary']}"))
    console.result(f"accuracy on the held-out tenth: {passport['test']['accuracy']:.3f} (nothing was chosen by it)")
    faults = [f"left out: {message}" for message in (*passport["clips_left_out"], *passport["faults"])]
    faults += [f"warning: {message}" for message in passport["not_read"]]
    for message in faults[:_SHOWN]:
        console.result(fill(message))
    if len(faults) > _SHOWN:
        console.result(f"and {len(faults) - _SHOWN} more, see {os.path.join(arguments.out, PRETRAINED_FILE)}")
    written = (WEIGHTS_FILE, *((NETWORK_FILE,) if arguments.flow is not None else ()), PRETRAINED_FILE)
    for name in written:
        console.result(os.path.join(arguments.out, name))
    console.result(f"TensorBoard: mer tensorboard {shlex.quote(arguments.out)}")
    console.result(f"log of all libraries: {log}")
