"""Scores as tables for a person."""

from __future__ import annotations

from mer_tf.console import fill, table


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
        said = (
            f"{interval['level']:.0%} interval over {interval['subjects']} subjects: {shown} "
            f"({interval['draws']} draws{redrawn})"
        )
        lines.append(fill(said))
        lines.append("")
    confusion = [(name, *row) for name, row in zip(classes, result["full"]["confusion"])]
    lines.append(table(("true \\ predicted", *classes), confusion))
    if "averages" in result:
        lines += ["", _format_averages(result["averages"])]
        recalls = result["recalls"]
        lines += [
            "",
            table(("class", "recall"), list(recalls["by_class"].items())),
            fill(
                f"spread of the recalls, points: {recalls['recall_spread_pop']:.2f} (population), "
                f"{recalls['recall_spread_ddof1']:.2f} (ddof 1), range {recalls['recall_range']:.2f}"
            ),
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
