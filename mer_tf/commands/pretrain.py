"""``mer pretrain``: training on pictures of macro-expressions; ``mer loso`` starts from its weights."""

from __future__ import annotations

import json
import os

from mer_tf.commands.options import add_options, preset_options
from mer_tf.commands.source import parse_roots
from mer_tf.console import Console, quiet, setup_logging, table
from mer_tf.errors import ConfigError

_SHOWN = 20  # faults printed; pretrain.json has all


def add(verbs) -> None:
    parser = verbs.add_parser(
        "pretrain", help="train on pictures of macro-expressions; 'mer loso --initial-weights' goes on from there"
    )
    parser.add_argument("--model", default="residual_network", help="see 'mer models' (default: %(default)s)")
    parser.add_argument(
        "--root",
        dest="roots",
        action="append",
        required=True,
        metavar="DATASET=PATH",
        help="folder of a set as the distributor ships it: ckplus, oulu_casia, jaffe, mug (or ck48 instead of ckplus); "
        "once for each",
    )
    parser.add_argument(
        "--initial", metavar="FILE", help="weights to start from: an ImageNet ResNet-18 as .npz (default: none)"
    )
    parser.add_argument("--out", required=True, help="folder of the run; gets weights.npz and pretrain.json")
    parser.add_argument("--preset", default="macro", help="training settings (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="instead of the preset's")
    parser.add_argument("--seed", type=int, default=0, help="global seed (default: %(default)s)")
    add_options(parser)
    parser.add_argument("--pictures", metavar="DIR", help="folder of the prepared pictures (default: OUT/pictures)")
    parser.add_argument("--workers", type=int, help="processes that prepare pictures (default: one per core)")
    parser.add_argument("--landmark-model", help="path of shape_predictor_68_face_landmarks.dat")
    parser.add_argument("--strict", action="store_true", help="stop at the first fault of a clip or picture")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.training.config import TrainConfig

    roots = parse_roots(arguments.roots)
    overrides = {
        "seed": arguments.seed,
        "model_options": preset_options(arguments.model, arguments.preset, arguments.options),
    }
    if arguments.epochs is not None:
        overrides["epochs"] = arguments.epochs
    if arguments.initial is not None:
        overrides["initial_weights"] = arguments.initial
    config = TrainConfig.from_preset(arguments.model, arguments.preset, **overrides)
    if arguments.workers is not None and arguments.workers < 1:
        raise ConfigError("--workers must be at least 1")
    log = os.path.join(arguments.out, "mer.log")
    with quiet(log) as console:
        setup_logging()
        from mer_tf.training.pretrain import Watch, pretrain

        passport = pretrain(
            roots,
            config,
            arguments.out,
            pictures_dir=arguments.pictures,
            workers=arguments.workers or len(os.sched_getaffinity(0)),
            landmark_model=arguments.landmark_model,
            strict=arguments.strict,
            watch=Watch(console.progress("pictures", unit="picture"), console.progress("epochs", unit="epoch")),
        )
        _report(console, arguments, passport, log)
    return 0


def _report(console: Console, arguments, passport: dict, log: str) -> None:
    if arguments.json:
        console.result(json.dumps(passport, indent=1))
        return
    flags = "".join(f" ({name})" for name in ("synthetic", "partial") if passport[name])
    split = passport["split"]
    console.result(
        f"{passport['model']}: {split['train']} pictures to train on, {split['test']} of "
        f"{len(split['held_out_subjects'])} held-out people{flags}"
    )
    rows = [(name, s["expected"], s["found"], s["used"], s["subjects"]) for name, s in passport["sets"].items()]
    console.result(table(("set", "published", "found", "used", "people"), rows))
    if passport["initial_weights"]:
        initial = passport["initial_weights"]
        console.result(f"started from {initial['file']} ({initial['sha256'][:12]}): {initial['summary']}")
    console.result(f"accuracy on the held-out tenth: {passport['test']['accuracy']:.3f} (nothing was chosen by it)")
    faults = [*passport["clips_left_out"], *passport["faults"]]
    for message in faults[:_SHOWN]:
        console.result(f"left out: {message}")
    if len(faults) > _SHOWN:
        console.result(f"and {len(faults) - _SHOWN} more, see {os.path.join(arguments.out, 'pretrain.json')}")
    for name in ("weights.npz", "pretrain.json"):
        console.result(os.path.join(arguments.out, name))
    console.result(f"TensorBoard: tensorboard --logdir {os.path.join(arguments.out, 'logs')}")
    console.result(f"log of all libraries: {log}")
