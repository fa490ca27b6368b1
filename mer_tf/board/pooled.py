"""The logs of a whole run, ``logs/pooled``: what TensorBoard shows first, however many folds there are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from tensorboard.plugins.custom_scalar import layout_pb2

from mer_tf import metrics
from mer_tf.board import events
from mer_tf.board.pictures import SHOWN, Picture, confusion_picture, input_picture
from mer_tf.board.projector import averaged, remove_projector, spread, write_projector
from mer_tf.console import printable, shown
from mer_tf.recipes import Recipe
from mer_tf.types import Prediction

# Before the names of curves; TensorBoard orders by name, and the scores are to come before these.
MEAN, LOW, HIGH = "training_mean", "training_percentile_10", "training_percentile_90"
BY_EPOCH = "held_out_by_epoch"
_PERCENTILES = {LOW: 10, HIGH: 90}
_TITLES = {"loss": "training loss", "accuracy": "training accuracy", "learning_rate": "learning rate"}
_NAMES = {"uf1": "UF1", "uar": "UAR", "accuracy": "accuracy"}
# Headings of charts; TensorBoard puts charts of several runs under one heading where it is the same.
_BAND = "mean over folds; band: 10th to 90th percentile of the folds"
_LOOKED = "pooled score of the held-out clips after each epoch, to look at; nothing was chosen by it"
_WORST = 200  # folds in the table
_BATCH = 64  # clips

Curves = Mapping[str, Sequence[float]]  # figure -> value of each epoch, from the first


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """What the network was given.

    Attributes:
        pictures: Some clips of each class, by its name.
        keys: ``dataset/subject/clip`` of each row of ``averages``.
        averages: (clips, values), see ``mer_tf.board.projector.averaged``.
    """

    pictures: Mapping[str, Picture]
    keys: Sequence[str]
    averages: np.ndarray


def look_at(
    keys: Sequence[str],
    labels: Sequence[int],
    classes: Sequence[str],
    recipe: Recipe,
    inputs: Callable[[Sequence[int]], Mapping[str, np.ndarray]],
) -> Inputs:
    """Pictures and averages of clips; the same for every run on them.

    Args:
        keys: ``dataset/subject/clip`` of each clip.
        labels: Class of each.
        classes: Names of the classes.
        recipe: Recipe of the inputs.
        inputs: Gives the network's inputs of the clips of those numbers, name -> (clips, ...).
    """
    pictures = {}
    for label, name in enumerate(classes):
        own = sorted((key, row) for row, key in enumerate(keys) if labels[row] == label)
        chosen = [own[k] for k in spread(len(own), SHOWN)]  # of as many people as there are
        if chosen:
            maps, title = inputs([row for _, row in chosen]), f"{name}: {len(chosen)} of {len(own)} clips"
            picture = input_picture(maps, [key for key, _ in chosen], recipe, title)
            if picture is not None:
                pictures[name] = picture
    rows = spread(len(keys))
    parts = [averaged(inputs(rows[start : start + _BATCH])) for start in range(0, len(rows), _BATCH)]
    return Inputs(pictures, [keys[row] for row in rows], np.concatenate(parts))


def log_pooled(
    folder: str,
    predictions: Sequence[Prediction],
    classes: Sequence[str],
    *,
    curves: Mapping[str, Curves] | None = None,
    by_epoch: Mapping[int, Sequence[Prediction]] | None = None,
    settings: Mapping | None = None,
    inputs: Inputs | None = None,
    keep_graph: bool = False,
) -> None:
    """Writes the logs of a run in place of the folder's earlier ones; the same run gives the same logs.

    Args:
        folder: ``logs/pooled`` of the run.
        predictions: Those of all folds.
        classes: Names of the classes.
        curves: Those of each fold by its name.
        by_epoch: Predictions of the held-out clips by epoch, where they were asked for.
        settings: What the run was made with, shown as text.
        inputs: What the network was given; None shows none.
        keep_graph: Whether the graph of a network that is there is this run's.
    """
    confusion = _confusion(predictions, len(classes))
    scores = _scores(confusion)
    title = ", ".join(f"{_NAMES[name]} {scores[name]:.3f}" for name in ("uf1", "uar") if name in scores)
    found = [event for name, value in scores.items() for event in events.curve(events.SCORES + name, {0: value})]
    found += _curves(curves or {}, by_epoch or {}, len(classes))
    found.append(events.text(f"{events.SCORES}confusion", _table_of(confusion, classes)))
    found.append(events.text(f"{events.SCORES}folds", _folds(predictions)))
    if settings:
        found.append(events.text(f"{events.SCORES}settings", _json(settings)))
    picture = confusion_picture(confusion, classes, title)
    found.append(events.picture("confusion", picture.png, picture.height, picture.width))
    for name, picture in (inputs.pictures if inputs is not None else {}).items():
        tag = f"inputs/{printable(shown(name))}"
        found.append(events.picture(tag, picture.png, picture.height, picture.width))
    written = events.write_events(folder, found)
    # Only now are there two files, for a moment; a kill in between leaves both, and the next call removes them.
    events.remove_logs(folder, graph=not keep_graph, but=written)
    remove_projector(folder)
    if not all(p.probabilities for p in predictions):
        return
    if inputs is None:
        write_projector(folder, [predictions[row] for row in spread(len(predictions))], classes, None)
        return
    by_key = {p.key: p for p in predictions}
    rows = [row for row, key in enumerate(inputs.keys) if key in by_key]  # not all where some folds were asked for
    write_projector(folder, [by_key[inputs.keys[row]] for row in rows], classes, inputs.averages[rows])


def curves_of(history: Sequence[Mapping]) -> dict[str, list[float]]:
    """The curves of a fold: those figures of a trainer's history that are numbers in every epoch."""
    names = [name for name in (history[0] if history else {}) if all(_is_number(one.get(name)) for one in history)]
    return {name: [float(one[name]) for one in history] for name in names}


def over_folds(curves: Sequence[Sequence[float]]) -> dict[str, np.ndarray]:
    """Mean and percentiles over folds, epoch by epoch; a fold that stopped early counts as far as it went.

    Args:
        curves: Values of each fold by epoch.

    Returns:
        ``MEAN``, ``LOW``, ``HIGH``, each float64 (epochs,).
    """
    table = np.full((len(curves), max(map(len, curves), default=0)), np.nan)
    for row, values in zip(table, curves):
        row[: len(values)] = values
    percentiles = np.nanpercentile(table, list(_PERCENTILES.values()), axis=0)
    return {MEAN: np.nanmean(table, axis=0), **dict(zip(_PERCENTILES, percentiles))}


def _curves(curves: Mapping[str, Curves], by_epoch: Mapping[int, Sequence[Prediction]], num_classes: int) -> list:
    found, charts, looked = [], [], []
    for name in dict.fromkeys(name for fold in curves.values() for name in fold):
        own = [fold[name] for fold in curves.values() if fold.get(name)]
        for part, values in over_folds(own).items():
            found += events.curve(f"{part}/{name}", values.tolist())
        series = layout_pb2.MarginChartContent.Series(
            value=f"{MEAN}/{name}", lower=f"{LOW}/{name}", upper=f"{HIGH}/{name}"
        )
        title = _TITLES.get(name, name.replace("_", " "))
        charts.append(layout_pb2.Chart(title=title, margin=layout_pb2.MarginChartContent(series=[series])))
    lengths = {len(values) for fold in curves.values() for values in fold.values()}
    if len(lengths) > 1:
        last = [max(map(len, fold.values())) for fold in curves.values() if fold]
        still = [sum(epoch < length for length in last) for epoch in range(max(lengths))]
        found += events.curve("training_folds", still)
    scored = {epoch: _scores(_confusion(rows, num_classes)) for epoch, rows in by_epoch.items()}
    for name, title in _NAMES.items():
        steps = {epoch: scores[name] for epoch, scores in scored.items() if name in scores}
        if steps:
            found += events.curve(f"{BY_EPOCH}/{name}", steps)
            looked.append(
                layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=[f"{BY_EPOCH}/{name}"]))
            )
    categories = {}
    if charts:
        categories[_BAND] = charts
    if looked:
        categories[_LOOKED] = looked
    return [*found, events.layout(categories)] if categories else found


def _confusion(predictions: Sequence[Prediction], num_classes: int) -> np.ndarray:
    return metrics.confusion_matrix([p.label for p in predictions], [p.prediction for p in predictions], num_classes)


def _scores(confusion: np.ndarray) -> dict[str, float]:
    scores = {}
    if (confusion.sum(axis=1) > 0).all():  # not so when only some folds were asked for
        scores = {"uf1": float(metrics.uf1(confusion)), "uar": float(metrics.uar(confusion))}
    return {**scores, "accuracy": float(metrics.accuracy(confusion))}


def _table_of(confusion: np.ndarray, classes: Sequence[str]) -> str:
    rows = [[name, *map(str, row)] for name, row in zip(classes, confusion.tolist())]
    return _markdown(["true \\ predicted", *classes], rows)


def _folds(predictions: Sequence[Prediction]) -> str:
    """Folds with the fewest right answers first, as those are the ones to look into."""
    counts: dict[str, list[int]] = {}
    for p in predictions:
        one = counts.setdefault(p.fold, [0, 0])
        one[0] += p.label == p.prediction
        one[1] += 1
    order = sorted(counts, key=lambda name: (counts[name][0] / counts[name][1], -counts[name][1], name))
    rows = [[name, str(counts[name][0]), str(counts[name][1])] for name in order[:_WORST]]
    told = f"{len(counts)} folds, those with the smallest share of right answers first"
    told += f"; the first {_WORST}" if len(order) > _WORST else ""
    return f"{told}. `mer tensorboard RUN --folds NAME,NAME` shows the curves of some.\n\n" + _markdown(
        ["fold", "right", "clips"], rows
    )


def _json(settings: Mapping) -> str:
    return "```\n" + printable(json.dumps(settings, indent=1, default=str, ensure_ascii=False)) + "\n```"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return printable(shown(text)).replace("|", "\\|")


def _is_number(value) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))
