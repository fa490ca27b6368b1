"""``mer evaluate``: metrics of a prediction file, without importing TensorFlow."""

from __future__ import annotations

import json
import os

from mer_tf.console import table

DEFAULT_CLASSES = ("negative", "positive", "surprise")


def add(verbs) -> None:
    parser = verbs.add_parser("evaluate", help="pooled UF1, UAR, accuracy and confusion of a prediction file")
    parser.add_argument(
        "file",
        help="CSV with dataset,subject,clip,fold,label,prediction,p_0..p_k; or a challenge log: a line 'dataset "
        "subject', then lines 'clip truth prediction'",
    )
    parser.add_argument(
        "--classes",
        help="class names by index (default: those of passport.json beside the file, else "
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
    from mer_tf import metrics
    from mer_tf.metrics.predictions import is_csv, read_any, read_epoch_predictions, write_megc_log

    classes = class_names(arguments.classes, arguments.file)
    predictions = read_any(arguments.file, len(classes))
    result = metrics.scores(predictions, classes)
    if arguments.draws:
        result["bootstrap"] = metrics.bootstrap_interval(
            predictions, len(classes), draws=arguments.draws, within_dataset=arguments.within_dataset
        )
    if arguments.averages == "all":
        by_epoch = read_epoch_predictions(arguments.file, len(classes)) if is_csv(arguments.file) else {}
        result["averages"] = metrics.averages(predictions, len(classes), by_epoch)
        cm = result["full"]["confusion"]
        result["recalls"] = {
            "by_class": dict(zip(classes, metrics.class_recalls(cm).tolist())),
            "recall_spread_pop": metrics.recall_spread_pop(cm),
            "recall_spread_ddof1": metrics.recall_spread_pop(cm, ddof=1),
            "recall_range": metrics.recall_range(cm),
        }
    if arguments.write_log:
        write_megc_log(arguments.write_log, predictions)
    print(json.dumps(result, indent=1) if arguments.json else format_scores(result, classes))
    return 0


def class_names(given: str | None, file: str) -> tuple[str, ...]:
    """Class names: as given, else of the passport beside the prediction file, else the three of MEGC 2019.

    Raises:
        ConfigError: Fewer than two names, or one twice.
    """
    from mer_tf.errors import ConfigError

    if given is None:
        return _passport_classes(file) or DEFAULT_CLASSES
    classes = tuple(name.strip() for name in given.split(","))
    if len(classes) < 2 or not all(classes) or len(set(classes)) != len(classes):
        raise ConfigError(f"--classes takes at least two different names, with commas between. Received: {given!r}")
    return classes


def format_scores(result: dict, classes) -> str:
    """Scores of ``mer_tf.metrics.scores`` as tables for a person; shows bootstrap and averages where they are there."""
    parts = {"all": result["full"], **(result["by_dataset"] if len(result["by_dataset"]) > 1 else {})}
    rows = [(name, s["uf1"], s["uar"], s["accuracy"], s["n"]) for name, s in parts.items()]
    lines = [table(("pooled", "UF1", "UAR", "accuracy", "clips"), rows), ""]
    interval = result.get("bootstrap")
    if interval:
        shown = ", ".join(
            f"{label} {interval[key][0]:.3f} to {interval[key][1]:.3f}"
            for key, label in (("uf1", "UF1"), ("uar", "UAR"), ("accuracy", "accuracy"))
        )
        redrawn = f", {interval['redrawn']} drawn again for lack of a class" if interval["redrawn"] else ""
        lines.append(
            f"{interval['level']:.0%} interval over {interval['subjects']} subjects: {shown} "
            f"({interval['draws']} draws{redrawn})"
        )
        lines.append("")
    confusion = [(name, *row) for name, row in zip(classes, result["full"]["confusion"])]
    lines.append(table(("true \\ predicted", *classes), confusion))
    if "averages" in result:
        lines += ["", _format_averages(result["averages"])]
        recalls = result["recalls"]
        lines += [
            "",
            table(("class", "recall"), list(recalls["by_class"].items())),
            f"spread of the recalls, points: {recalls['recall_spread_pop']:.2f} (population), "
            f"{recalls['recall_spread_ddof1']:.2f} (ddof 1), range {recalls['recall_range']:.2f}",
        ]
    return "\n".join(lines)


def average_rows(averages: dict) -> list[tuple]:
    """Rows (way of averaging, F1, UAR, accuracy, remark) of ``mer_tf.metrics.averages``; None where undefined."""
    pooled, fold = averages["pooled"], averages["fold_mean"]
    rows = [
        ("pooled counts", pooled["uf1"], pooled["uar"], pooled["accuracy"], "UF1, UAR of MEGC 2019"),
        ("pooled, F1 weighted by class size", pooled["weighted_f1"], None, None, "weighted F1"),
        ("pooled, macro precision", None, pooled["macro_precision"], None, "printed as UAR by some; it is not"),
        (
            "mean over folds, absent classes 0",
            fold["f1_absent_zero"],
            None,
            fold["accuracy"],
            f"{fold['folds']} folds, {fold['one_class_folds']} with one class",
        ),
        ("mean over folds, present classes", fold["f1_present"], None, fold["accuracy"], ""),
    ]
    for key, name in (("best_common_epoch", "best epoch on the test folds"), ("oracle_epoch", "best epoch per fold")):
        if key in averages:
            row = averages[key]
            remark = f"epoch {row['epoch']}" if "epoch" in row else f"of {row['epochs']} epochs"
            rows.append((name, row["uf1"], row["uar"], row["accuracy"], f"{remark}; chosen on test clips: no result"))
    return rows


def _format_averages(averages: dict) -> str:
    return table(("way of averaging", "F1", "UAR", "accuracy", ""), average_rows(averages))


def _passport_classes(file: str) -> tuple[str, ...] | None:
    try:
        with open(os.path.join(os.path.dirname(os.path.abspath(file)), "passport.json"), encoding="utf-8") as stream:
            passport = json.load(stream)
        if passport["predictions"] != os.path.basename(file):
            return None
        return tuple(str(name) for name in passport["classes"]) or None
    except (OSError, ValueError, KeyError, TypeError):
        return None
