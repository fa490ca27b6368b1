"""``mer loso``: cross-validation on prepared motion records, without TFX."""

from __future__ import annotations

import json
import os
import time

from mer_tf.console import Console, quiet, setup_logging


def add(verbs) -> None:
    parser = verbs.add_parser("loso", help="leave-one-subject-out cross-validation on prepared clips; resumes")
    parser.add_argument("--model", required=True, help="see 'mer models'")
    parser.add_argument("--data", required=True, help="folder written by 'mer prepare'")
    parser.add_argument("--protocol", choices=("loso",), default="loso", help="splits (default: %(default)s)")
    parser.add_argument("--preset", default="paper", help="training settings (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="instead of the preset's")
    parser.add_argument("--seed", type=int, default=0, help="global seed (default: %(default)s)")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--workers", type=int, default=1, help="processes that train folds (default: %(default)s)")
    parser.add_argument("--shuffle-labels", action="store_true", help="permute training labels inside each fold")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.commands.evaluate import format_scores
    from mer_tf.datasets.mappings import get_mapping
    from mer_tf.models.registry import get_model_card
    from mer_tf.recipes import get_recipe
    from mer_tf.training import TrainConfig

    overrides = {"seed": arguments.seed, "shuffle_labels": arguments.shuffle_labels}
    if arguments.epochs is not None:
        overrides["epochs"] = arguments.epochs
    config = TrainConfig.from_preset(arguments.model, arguments.preset, **overrides)
    recipe = get_recipe(get_model_card(arguments.model).recipe)
    log = os.path.join(arguments.out, "mer.log")
    with quiet(log) as console:
        setup_logging()
        from mer_tf.passport import write_passport
        from mer_tf.training import read_motion_records, run_loso

        start = time.perf_counter()
        data = read_motion_records(arguments.data, recipe)
        bar = console.progress("folds", unit="fold")
        predictions = run_loso(
            data,
            config,
            arguments.out,
            workers=arguments.workers,
            progress=lambda done, total, *_: bar(done, total),
        )
        classes = get_mapping(data.mapping).classes
        passport = write_passport(
            arguments.out,
            predictions=predictions,
            classes=classes,
            config=config.to_json(),
            recipe=recipe,
            data_fingerprint=data.fingerprint,
            protocol=arguments.protocol,
            wall_seconds=time.perf_counter() - start,
            mapping=data.mapping,
        )
        _report(console, arguments, passport, format_scores(passport["metrics"], classes), log)
    return 0


def _report(console: Console, arguments, passport: dict, scores: str, log: str) -> None:
    if arguments.json:
        console.result(json.dumps(passport, indent=1))
        return
    console.result(f"{passport['model']}: {passport['folds']} folds, {passport['clips']} clips")
    console.result(scores)
    for name in ("passport.json", "predictions.csv"):
        console.result(os.path.join(arguments.out, name))
    console.result(f"TensorBoard: tensorboard --logdir {os.path.join(arguments.out, 'logs')}")
    console.result(f"log of all libraries: {log}")
