"""``mer evaluate``: metrics of a prediction file, without importing TensorFlow."""

from __future__ import annotations

import json
import os

from mer_tf.console import say
from mer_tf.run_files import EPOCHS_FILE, PASSPORT_FILE, PREDICTIONS_FILE, SUB_CLIPS_FILE

DEFAULT_CLASSES = ("negative", "positive", "surprise")


def add(verbs) -> None:
    parser = verbs.add_parser("evaluate", help="pooled UF1, UAR, accuracy and confusion of a prediction file")
    parser.add_argument(
        "file",
        help="folder of a run; or a CSV with dataset,subject,clip,fold,label,prediction,p_0..p_k; or a challenge log: "
        "a line 'dataset subject', then lines 'clip truth prediction'",
    )
    parser.add_argument(
        "--classes",
        help=f"class names by index (default: those of {PASSPORT_FILE} beside the file, else "
        f"{','.join(DEFAULT_CLASSES)})",
    )
    parser.add_argument(
        "--averages",
        choices=("pooled", "all"),
        default="pooled",
        help="all: pooled beside the fold means, and beside the best epoch per fold where the file has the column "
        "epoch (default: %(default)s)",
    )
    parser.add_argument(
        "--draws", type=int, default=2000, help="bootstrap draws over subjects, 0 for none (default: %(default)s)"
    )
    parser.add_argument("--within-dataset", action="store_true", help="draw subjects within each dataset")
    parser.add_argument("--write-log", metavar="PATH", help="also write the predictions in the challenge's log format")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf import metrics, output
    from mer_tf.metrics.predictions import is_csv, read_any, read_epoch_predictions, write_megc_log
    from mer_tf.metrics.tables import format_scores

    if arguments.write_log is not None:
        output.check_file(arguments.write_log, "--write-log")
    file = prediction_file(arguments.file, every_epoch=arguments.averages == "all")
    classes = class_names(arguments.classes, file)
    predictions = read_any(file, len(classes))
    result = metrics.scores(predictions, classes)
    if arguments.draws:
        result["bootstrap"] = metrics.bootstrap_interval(
            predictions, len(classes), draws=arguments.draws, within_dataset=arguments.within_dataset
        )
    if arguments.averages == "all":
        by_epoch = read_epoch_predictions(file, len(classes)) if is_csv(file) else {}
        result["averages"] = metrics.averages(predictions, len(classes), by_epoch)
        cm = result["full"]["confusion"]
        result["recalls"] = {
            "by_class": dict(zip(classes, metrics.class_recalls(cm).tolist())),
            "recall_spread_pop": metrics.recall_spread_pop(cm),
            "recall_spread_ddof1": metrics.recall_spread_pop(cm, ddof=1),
            "recall_range": metrics.recall_range(cm),
        }
    if arguments.write_log is not None:
        write_megc_log(arguments.write_log, predictions)
    say(json.dumps(result, indent=1) if arguments.json else format_scores(result, classes))
    return 0


def prediction_file(path: str, *, every_epoch: bool = False) -> str:
    """The file of predictions that is meant: of the folder of a run, or its passport, the one that lies there.

    Args:
        path: As the user gave it; any other file is given back.
        every_epoch: Take the predictions of every epoch where the run kept them.

    Raises:
        MissingFileError: The folder holds none.
    """
    from mer_tf.errors import MissingFileError

    if os.path.basename(path) == PASSPORT_FILE:
        path = os.path.dirname(path) or os.curdir
    if not os.path.isdir(path):
        return path
    for name in ((EPOCHS_FILE,) if every_epoch else ()) + (PREDICTIONS_FILE,):
        if os.path.isfile(os.path.join(path, name)):
            return os.path.join(path, name)
    raise MissingFileError(
        f"folder {path!r} holds no {PREDICTIONS_FILE}; give the folder of a finished run, or a prediction file"
    )


def class_names(given: str | None, file: str) -> tuple[str, ...]:
    """Class names: as given, else of the passport beside the prediction file, else the three of MEGC 2019.

    Raises:
        ConfigError: Fewer than two names, or one twice; or a passport that cannot be read.
    """
    from mer_tf.errors import ConfigError
    from mer_tf.metrics.counts import check_class_count

    if given is None:
        return _passport_classes(file) or DEFAULT_CLASSES
    classes = tuple(name.strip() for name in given.split(","))
    if len(classes) < 2 or not all(classes) or len(set(classes)) != len(classes):
        raise ConfigError(f"--classes takes at least two different names, with commas between. Received: {given!r}")
    check_class_count(len(classes), "the number of --classes")
    return classes


def _passport_classes(file: str) -> tuple[str, ...] | None:
    from mer_tf.files import read_json

    path = os.path.join(os.path.dirname(os.path.abspath(file)), PASSPORT_FILE)
    if not os.path.lexists(path):
        return None
    passport = read_json(path, "the passport beside the file,", "remove it, or give --classes")
    try:
        if os.path.basename(file) not in (passport["predictions"], EPOCHS_FILE, SUB_CLIPS_FILE):
            return None
        return tuple(str(name) for name in passport["classes"]) or None
    except (KeyError, TypeError):  # of another kind
        return None
