"""``mer evaluate``: metrics of a prediction file, without importing TensorFlow."""

from __future__ import annotations

import json

from mer_tf.console import table


def add(verbs) -> None:
    parser = verbs.add_parser("evaluate", help="pooled UF1, UAR, accuracy and confusion of a prediction file")
    parser.add_argument("file", help="CSV with dataset,subject,clip,fold,label,prediction,p_0..p_k")
    parser.add_argument("--classes", default="negative,positive,surprise", help="names (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    from mer_tf.metrics import scores
    from mer_tf.metrics.predictions import read_predictions

    classes = tuple(name.strip() for name in arguments.classes.split(","))
    result = scores(read_predictions(arguments.file), classes)
    print(json.dumps(result, indent=1) if arguments.json else format_scores(result, classes))
    return 0


def format_scores(result: dict, classes) -> str:
    """Scores of ``mer_tf.metrics.scores`` as two tables for a person."""
    parts = {"all": result["full"], **(result["by_dataset"] if len(result["by_dataset"]) > 1 else {})}
    rows = [(name, s["uf1"], s["uar"], s["accuracy"], s["n"]) for name, s in parts.items()]
    lines = [table(("pooled", "UF1", "UAR", "accuracy", "clips"), rows), ""]
    confusion = [(name, *row) for name, row in zip(classes, result["full"]["confusion"])]
    lines.append(table(("true \\ predicted", *classes), confusion))
    return "\n".join(lines)
