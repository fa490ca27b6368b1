"""Puts runs beside each other, beside the published figures, and into sections."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence

import numpy as np

from mer_tf import __version__, metrics
from mer_tf.datasets.registry import CARDS
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics.tables import average_rows
from mer_tf.protocols import PROTOCOLS
from mer_tf.report import svg
from mer_tf.report.blocks import Details, Figure, Report, Row, Section, Table, Text
from mer_tf.report.passports import Run
from mer_tf.systems import published
from mer_tf.types import Prediction

DRAWS = 2000
FEW_SEEDS = 5
_MAX_MATRICES = 12
_DATASET_NAMES = {name: card.title for name, card in CARDS.items()}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Runs that differ in nothing but the seed.

    Attributes:
        name: Short name for tables.
        runs: The runs in order of their seeds.
    """

    name: str
    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """Any run: what is not the seed is the same in all."""
        return self.runs[0]

    def parts(self) -> dict[str, list[list[Prediction]]]:
        """``"full"`` and each dataset (where there are several) -> predictions per run."""
        found = {"full": [list(run.predictions) for run in self.runs]}
        if len(self.first.datasets) > 1:
            for dataset in self.first.datasets:
                found[dataset] = [[p for p in run.predictions if p.dataset == dataset] for run in self.runs]
        return found


def build_report(
    runs: Sequence[Run], *, title: str = "Micro-expression recognition results", command: str = ""
) -> Report:
    """The report of some runs.

    Args:
        runs: Runs of any models, protocols and seeds (``read_run``).
        title: Heading.
        command: Command that makes the report again, shown at its end.

    Returns:
        The report, to be rendered by ``to_html`` or ``to_markdown``. The same runs give the same report.

    Raises:
        EmptySplitError: No runs.
        ConfigError: Two runs of one experiment and seed differ.
    """
    if not runs:
        raise EmptySplitError("there are no runs to report")
    experiments, dropped = group_runs(runs)
    intro = _intro(experiments, dropped)
    sections = [_summary(experiments)]
    for experiment in experiments:
        level = 2 if len(experiments) == 1 else 3
        own = [
            _published(experiment, level),
            _confusions(experiment, level),
            _recalls(experiment, level),
            _subjects(experiment, level),
            _seeds(experiment, level),
            _averages(experiment, level),
            _config(experiment, level),
        ]
        if len(experiments) > 1:
            sections.append(Section(experiment.name, [], 2))
        sections.extend(own)
    sections.append(_reading())
    again = f" Made by: {command}" if command else ""
    return Report(
        title, intro, sections, f"mer-tf {__version__}. Every figure is computed from the runs' predictions.{again}"
    )


def group_runs(runs: Sequence[Run]) -> tuple[list[Experiment], list[str]]:
    """Runs by everything but the seed.

    Returns:
        The experiments in order of model, protocol and name; and paths of runs that repeat another.

    Raises:
        ConfigError: Two runs of one experiment and seed have different predictions.
    """
    groups: dict[str, dict] = {}
    dropped = []
    for run in runs:
        config = {key: value for key, value in run.passport["config"].items() if key != "seed"}
        facts = ("protocol", "model", "mapping", "classes", "recipe_hash", "data_fingerprint")
        key = json.dumps([config, *(run.passport.get(name) for name in facts)], sort_keys=True)
        group = groups.setdefault(key, {})
        if run.seed in group:
            other = group[run.seed]
            if sorted(run.predictions, key=str) != sorted(other.predictions, key=str):
                raise ConfigError(
                    f"{run.path} and {other.path} are the same experiment with seed {run.seed}, but their predictions "
                    "differ; give one of them"
                )
            dropped.append(run.path)
            continue
        group[run.seed] = run
    members = [tuple(group[seed] for seed in sorted(group, key=lambda s: (s is None, s))) for group in groups.values()]
    members.sort(key=lambda m: (m[0].passport["model"], m[0].passport["protocol"], _short_name(m[0]), m[0].path))
    names = [_short_name(m[0]) for m in members]
    experiments = []
    for k, (name, group) in enumerate(zip(names, members)):
        twin = names.count(name) > 1
        experiments.append(Experiment(f"{name} ({names[: k + 1].count(name)})" if twin else name, group))
    return experiments, dropped


def _short_name(run: Run) -> str:
    preset = run.passport["config"].get("preset")
    name = f"{run.passport['model']}" + (f" ({preset})" if preset else "")
    if run.shuffled:
        name += " with shuffled labels"
    return f"{name}, {run.passport['protocol']}, {_data_name(run)}"


def _data_name(run: Run) -> str:
    name = " + ".join(_DATASET_NAMES.get(dataset, dataset) for dataset in run.datasets)
    return f"synthetic clips in the layout of {name}" if run.synthetic else name


# ---- figures ----------------------------------------------------------------------------------------------------


def _matrix(predictions: Sequence[Prediction], n: int) -> np.ndarray:
    return metrics.confusion_matrix([p.label for p in predictions], [p.prediction for p in predictions], n)


def _scores(predictions: Sequence[Prediction], n: int) -> dict[str, float | None]:
    """Every named score of one part of one run; None where a class has no clip."""
    cm = _matrix(predictions, n)
    means = metrics.fold_means(predictions, n)
    complete = bool((cm.sum(axis=1) > 0).all())

    def if_complete(metric: Callable) -> float | None:
        return float(metric(cm)) if complete else None

    return {
        "uf1": if_complete(metrics.uf1),
        "uar": if_complete(metrics.uar),
        "accuracy": metrics.accuracy(cm),
        "recall_spread_pop": if_complete(metrics.recall_spread_pop),
        **means,
    }


def _mean(values: Sequence[float | None], decimals: int = 3, scale: float = 1.0) -> str | None:
    """``0.700``, or ``0.700 ± 0.012`` over several seeds (ddof 1); None where one is undefined."""
    if any(value is None for value in values):
        return None
    scaled = [value * scale for value in values]
    text = f"{np.mean(scaled):.{decimals}f}"
    return text if len(scaled) == 1 else f"{text} ± {metrics.spread(scaled, ddof=1):.{decimals}f}"


def _bootstrap(run: Run) -> dict:
    return metrics.bootstrap_interval(run.predictions, len(run.classes), draws=DRAWS)


def _interval(experiment: Experiment, metric: str) -> tuple[float, float]:
    """Widest interval over the seeds."""
    found = [_bootstrap(run)[metric] for run in experiment.runs]
    return min(low for low, _ in found), max(high for _, high in found)


# ---- sections ---------------------------------------------------------------------------------------------------


def _intro(experiments: Sequence[Experiment], dropped: Sequence[str]) -> list:
    count = sum(len(experiment.runs) for experiment in experiments)
    blocks: list = [
        Text(
            f"{count} {'run' if count == 1 else 'runs'} of {len(experiments)} "
            f"{'experiment' if len(experiments) == 1 else 'experiments'}. UF1, UAR and accuracy are computed once over "
            "the pooled counts of all folds; every clip was predicted by a model that saw no clip of its test fold. "
            "± is the standard deviation over seeds (ddof 1)."
        )
    ]
    synthetic = [experiment for experiment in experiments if experiment.first.synthetic]
    if synthetic:
        which = "All runs" if len(synthetic) == len(experiments) else "; ".join(e.name for e in synthetic)
        blocks.append(
            Text(
                f"Synthetic data. {which}: the clips are drawn faces, not recordings of people. These figures show "
                "that the software works; they say nothing about how well a system reads real faces and cannot be "
                "compared with published ones.",
                "warning",
            )
        )
    for experiment in experiments:
        if experiment.first.passport.get("partial"):
            blocks.append(
                Text(
                    f"Partial set. {experiment.name}: clips that belong to the set are absent; its figures cannot be "
                    "compared with those of the whole set.",
                    "warning",
                )
            )
        straddling = _straddling(experiment.first)
        if straddling:
            blocks.append(
                Text(
                    f"{experiment.name}: {straddling} of its subjects are tested in more than one fold, so models are "
                    "tested on people they were trained on.",
                    "warning",
                )
            )
        if experiment.first.shuffled:
            blocks.append(Text(f"{experiment.name}: a chance test, training labels were permuted.", "warning"))
    if dropped:
        blocks.append(Text(f"Left out as copies of another run given: {', '.join(dropped)}.", "note"))
    return blocks


def _straddling(run: Run) -> int:
    folds: dict[tuple[str, str], set[str]] = {}
    for p in run.predictions:
        folds.setdefault((p.dataset, p.subject), set()).add(p.fold)
    return sum(len(names) > 1 for names in folds.values())


def _summary(experiments: Sequence[Experiment]) -> Section:
    rows, strong = [], set()
    for experiment in experiments:
        n = len(experiment.first.classes)
        for part, per_run in experiment.parts().items():
            scored = [_scores(predictions, n) for predictions in per_run]
            full = part == "full"
            if full:
                strong.add(len(rows))
                low, high = _interval(experiment, "uf1")
                low_uar, high_uar = _interval(experiment, "uar")
            rows.append(
                [
                    experiment.name if full else f"    {_DATASET_NAMES.get(part, part)}",
                    _mean([s["uf1"] for s in scored]),
                    f"{low:.3f} to {high:.3f}" if full else "",
                    _mean([s["uar"] for s in scored]),
                    f"{low_uar:.3f} to {high_uar:.3f}" if full else "",
                    _mean([s["accuracy"] for s in scored]),
                    str(len(per_run[0])),
                    str(len({(p.dataset, p.subject) for p in per_run[0]})),
                    str(len(per_run)) if full else "",
                ]
            )
    header = ("experiment", "UF1", "95 % interval", "UAR", "95 % interval", "accuracy", "clips", "subjects", "seeds")
    caption = (
        f"Intervals: bootstrap over subjects, {DRAWS} draws, the widest over the seeds. Rows of one dataset are the "
        "same predictions restricted to it, not trained separately."
    )
    table = Table(header, rows, "lrrrrrrrr", caption, frozenset(strong))
    drawn = []
    for experiment in experiments:
        n = len(experiment.first.classes)
        rows_published = [
            (_source(row.seed, row.table), row.value)
            for row, reasons in _matching(experiment)
            if row.metric == "UF1" and published.part_of(row.dataset) == "" and not reasons
        ]
        drawn.append(
            (
                experiment.name,
                [_scores(list(run.predictions), n)["uf1"] for run in experiment.runs],
                _interval(experiment, "uf1"),
                rows_published,
            )
        )
    figure = Figure(
        svg.intervals(drawn, "UF1 of each experiment with its interval"),
        table,
        "UF1: a dot per seed, the band is the interval over subjects"
        + (", a diamond a comparable published figure." if any(row[3] for row in drawn) else "."),
    )
    return Section("Results", [table, dataclasses.replace(figure, table=Table((), (), ""))])


def _confusions(experiment: Experiment, level: int) -> Section:
    figures = []
    classes = experiment.first.classes
    for run in experiment.runs[:_MAX_MATRICES]:
        cm = _matrix(run.predictions, len(classes)).tolist()
        label = f"seed {run.seed}"
        rows = [[name, *(str(count) for count in row), str(sum(row))] for name, row in zip(classes, cm)]
        table = Table(("true \\ predicted", *classes, "all"), rows, "l" + "r" * (len(classes) + 1), label)
        figures.append(Figure(svg.confusion(cm, classes, f"confusion matrix, {label}"), table, label))
    blocks: list = [Row(figures)]
    if len(experiment.runs) > _MAX_MATRICES:
        blocks.append(Text(f"The first {_MAX_MATRICES} of {len(experiment.runs)} seeds are shown.", "note"))
    return Section("Confusion matrices, rows true", blocks, level)


def _recalls(experiment: Experiment, level: int) -> Section:
    classes = experiment.first.classes
    matrices = [_matrix(run.predictions, len(classes)) for run in experiment.runs]
    recalls = [metrics.class_recalls(cm) for cm in matrices]
    totals = matrices[0].sum(axis=1)
    drawn = [(name, int(totals[k]), [float(r[k]) for r in recalls]) for k, name in enumerate(classes)]
    parts = {part: per_run for part, per_run in experiment.parts().items() if part != "full"}
    rows = []
    for k, name in enumerate(classes):
        row = [name, str(totals[k]), _mean([r[k] for r in recalls])]
        for per_run in parts.values():
            values = []
            for predictions in per_run:
                cm = _matrix(predictions, len(classes))
                values.append(cm[k, k] / cm[k].sum() if cm[k].sum() else None)
            row.append(_mean(values))
        rows.append(row)
    header = ("class", "clips", "recall", *(_DATASET_NAMES.get(part, part) for part in parts))
    table = Table(header, rows, "l" + "r" * (len(header) - 1))
    spread = _mean([metrics.recall_spread_pop(cm) for cm in matrices], 2)
    sample = _mean([metrics.recall_spread_pop(cm, ddof=1) for cm in matrices], 2)
    extent = _mean([metrics.recall_range(cm) for cm in matrices], 2)
    caption = "Bars: mean over seeds; dots: single seeds." if len(experiment.runs) > 1 else ""
    return Section(
        "Recall of each class",
        [
            Figure(svg.recall_bars(drawn, "recall of each class"), Table((), (), ""), caption),
            table,
            Text(
                f"Spread of the class recalls in points: recall_spread_pop {spread} (population form), {sample} with "
                f"ddof 1, range {extent}. It measures how even one model's classes are, not variation over folds or "
                "seeds.",
                "note",
            ),
        ],
        level,
    )


def _subjects(experiment: Experiment, level: int) -> Section:
    n = len(experiment.first.classes)
    tables = [metrics.per_subject(run.predictions, n) for run in experiment.runs]
    drawn, rows = [], []
    for entries in zip(*tables):
        one, values = entries[0], [entry["accuracy"] for entry in entries]
        drawn.append((one["dataset"], one["subject"], one["clips"], float(np.mean(values)), min(values), max(values)))
        counts = "/".join(map(str, one["labels"]))
        rows.append([f"{one['dataset']}/{one['subject']}", str(one["clips"]), counts, _mean(values)])
    table = Table(("subject", "clips", "of each class", "share correct"), rows, "lrlr")
    worst = sum(row[3] < 0.5 for row in drawn)
    caption = f"Share of each subject's clips that are right ({len(drawn)} subjects, {worst} below one half)" + (
        ", mean over seeds; the line spans the seeds." if len(experiment.runs) > 1 else "."
    )
    figure = Figure(svg.subject_bars(drawn, "share of clips that are right, by subject"), Table((), (), ""), caption)
    return Section("Each subject", [figure, Details("Table of the subjects", [table])], level)


def _seeds(experiment: Experiment, level: int) -> Section:
    n = len(experiment.first.classes)
    rows, columns = [], {"uf1": [], "uar": [], "accuracy": []}
    for run in experiment.runs:
        scored, interval = _scores(list(run.predictions), n), _bootstrap(run)
        for name, values in columns.items():
            values.append(scored[name])
        low, high = interval["uf1"]
        rows.append(
            [
                str(run.seed),
                f"{scored['uf1']:.3f}",
                f"{low:.3f} to {high:.3f}",
                f"{scored['uar']:.3f}",
                f"{scored['accuracy']:.3f}",
                f"{run.passport['wall_seconds']:.0f} s",
            ]
        )
    count = len(experiment.runs)
    strong = set()
    if count > 1:
        for label, function in (
            ("mean", lambda v: np.mean(v)),
            ("standard deviation (ddof 1)", lambda v: metrics.spread(v, ddof=1)),
        ):
            strong.add(len(rows))
            values = [f"{function(columns[name]):.3f}" for name in ("uf1", "uar", "accuracy")]
            rows.append([label, values[0], "", values[1], values[2], ""])
    header = ("seed", "UF1", "95 % interval over subjects", "UAR", "accuracy", "wall time")
    blocks: list = [Table(header, rows, "lrrrrr", f"n = {count}", frozenset(strong))]
    if count < FEW_SEEDS:
        blocks.append(
            Text(
                f"{count} {'seed' if count == 1 else 'seeds'}: fewer than {FEW_SEEDS}, so the spread over seeds is "
                "hardly known.",
                "note",
            )
        )
    return Section("Seeds", blocks, level)


def _averages(experiment: Experiment, level: int) -> Section:
    n = len(experiment.first.classes)
    everything = all(run.by_epoch for run in experiment.runs)
    tables = [
        average_rows(metrics.averages(run.predictions, n, run.by_epoch if everything else None))
        for run in experiment.runs
    ]
    rows = []
    for entries in zip(*tables):
        remark = entries[0][4] if len({entry[4] for entry in entries}) == 1 else entries[0][4].partition(";")[2].strip()
        cells = [_mean([entry[column] for entry in entries]) for column in (1, 2, 3)]
        rows.append([entries[0][0], *cells, remark])
    table = Table(("way of averaging", "F1", "UAR", "accuracy", ""), rows, "lrrrl", "", frozenset({0}))
    blocks: list = [
        Text(
            "The same predictions, scored in every way that papers use. Only the first row may stand beside pooled UF1 "
            "and UAR; the others show how far the way of averaging moves a number."
        ),
        table,
    ]
    if PROTOCOLS.get(experiment.first.passport["protocol"]) and (
        PROTOCOLS[experiment.first.passport["protocol"]].scoring == "hold_out"
    ):
        blocks.append(_hold_out(experiment, n))
    if not everything:
        blocks.append(
            Text(
                "No predictions of single epochs were kept (epochs.csv beside predictions.csv), so the figure a best "
                "epoch chosen on the test fold would give is not shown.",
                "note",
            )
        )
    return Section("How the way of averaging moves the figures", blocks, level)


def _hold_out(experiment: Experiment, n: int) -> Table:
    scored = [metrics.hold_out_scores(run.predictions, n) for run in experiment.runs]
    rows = []
    for dataset in scored[0]["by_test_dataset"]:
        parts = [s["by_test_dataset"][dataset] for s in scored]
        rows.append(
            [
                f"tested on {_DATASET_NAMES.get(dataset, dataset)}",
                _mean([p["war"] for p in parts]),
                _mean([p["uar"] for p in parts]),
            ]
        )
    rows.append(["mean of the directions", *(_mean([s["mean"][key] for s in scored]) for key in ("war", "uar"))])
    caption = "The scores of this protocol: each direction, then the mean."
    return Table(("direction", "WAR", "UAR"), rows, "lrr", caption, frozenset({len(rows) - 1}))


def _config(experiment: Experiment, level: int) -> Section:
    run, passport = experiment.first, experiment.first.passport
    protocol = PROTOCOLS.get(passport["protocol"])
    labels = [p.label for p in run.predictions]
    data = [
        ["data", _data_name(run)],
        ["clips, subjects", f"{len(run.predictions)}, {len({(p.dataset, p.subject) for p in run.predictions})}"],
        ["classes", ", ".join(f"{name} {labels.count(k)}" for k, name in enumerate(run.classes))],
        ["label mapping", str(passport.get("mapping") or "not recorded")],
        ["protocol", passport["protocol"] + (f": {protocol.summary}" if protocol else "")],
        ["folds", str(len({p.fold for p in run.predictions}))],
        ["choice of the epoch", f"last of {passport['config'].get('epochs', '?')}, fixed in advance"],
        ["data fingerprint", passport["data_fingerprint"]],
        ["recipe", f"{passport['recipe'].get('name', '?')} ({passport['recipe_hash']})"],
        [
            "code",
            f"mer-tf {passport['versions'].get('mer-tf', '?')}, commit {passport.get('commit') or 'not recorded'}",
        ],
        ["versions", ", ".join(f"{k} {v}" for k, v in passport["versions"].items() if k != "mer-tf")],
        ["platform", str(passport.get("platform", "not recorded"))],
        ["runs", ", ".join(_relative(run.path) for run in experiment.runs)],
    ]
    skip = ("seed",)
    settings = [[key, _plain(value)] for key, value in passport["config"].items() if key not in skip]
    settings.insert(0, ["seeds", ", ".join(str(run.seed) for run in experiment.runs)])
    recipe = [[key, _plain(value)] for key, value in passport["recipe"].items()]
    return Section(
        "Data and configuration",
        [
            Table(("", ""), data, "ll"),
            Details("Training settings", [Table(("setting", "value"), settings, "ll")]),
            Details("Recipe of the inputs", [Table(("setting", "value"), recipe, "ll")]),
        ],
        level,
    )


# ---- beside the published figures -----------------------------------------------------------------------------------

_HEADLINE = ("UF1", "F1", "UAR", "WAR", "accuracy", "accuracy %")


def _matching(experiment: Experiment) -> list[tuple[published.Published, list[str]]]:
    """Published figures of this system under this protocol, with the reasons why a figure is not comparable."""
    names = published.SYSTEMS.get(experiment.first.passport["model"], ())
    found = []
    for row in published.published_results():
        if row.system in names and _same_protocol(experiment.first, row):
            found.append((row, _reasons(experiment.first, row)))
    return found


def _same_protocol(run: Run, row: published.Published) -> bool:
    setting = published.SETTINGS.get(row.protocol)
    if setting is None or published.part_of(row.dataset) is None or run.passport["protocol"] not in setting.protocols:
        return False
    if not row.classes.startswith(f"{len(run.classes)}:"):
        return False
    protocol = PROTOCOLS[setting.protocols[0]]
    mapping = run.passport.get("mapping")
    if protocol.mapping and mapping and mapping != protocol.mapping:
        return False
    if setting.datasets:
        return set(run.datasets) == set(setting.datasets)
    return run.datasets == (published.part_of(row.dataset),)


def _reasons(run: Run, row: published.Published) -> list[str]:
    setting = published.SETTINGS[row.protocol]
    reasons = ["synthetic clips"] if run.synthetic else []
    if run.shuffled:
        reasons.append("labels shuffled")
    wanted = setting.clips.get(row.dataset)
    count = len(_part(run, row))
    accepted = wanted if isinstance(wanted, tuple) else (wanted,)
    if wanted is not None and count not in accepted:
        reasons.append(f"{count} clips, published {' or '.join(map(str, accepted))}")
    return reasons


def _part(run: Run, row: published.Published) -> list[Prediction]:
    name = published.part_of(row.dataset)
    return [p for p in run.predictions if name in ("", p.dataset)]


def _own(experiment: Experiment, row: published.Published) -> str | None:
    """This experiment's figure in the sense of the row's."""
    n = len(experiment.first.classes)
    average = published.SETTINGS[row.protocol].average
    scored = [_scores(_part(run, row), n) for run in experiment.runs]
    if row.metric.startswith("recall "):
        name = row.metric.replace("recall % ", "").replace("recall ", "").replace(" (confusion diagonal)", "")
        if name not in experiment.first.classes:
            return None
        k = experiment.first.classes.index(name)
        scale, values = (100 if "%" in row.metric else 1), []
        for run in experiment.runs:
            cm = _matrix(_part(run, row), n)
            values.append(cm[k, k] / cm[k].sum() if cm[k].sum() else None)
        return _mean(values, 2 if scale == 100 else 3, scale)
    if row.metric == "std of class recalls %":
        return _mean([s["recall_spread_pop"] for s in scored], 2)
    if row.metric == "accuracy %" and average == "class_mean":
        return _mean([s["uar"] for s in scored], 2, 100)
    if average == "fold_mean":
        if row.metric == "accuracy %":
            return _mean([s["fold_mean_accuracy"] for s in scored], 2, 100)
        if row.metric == "F1":
            present, zero = (
                _mean([s[name] for s in scored]) for name in ("fold_mean_f1_present", "fold_mean_f1_absent_zero")
            )
            return f"{present} (absent classes 0: {zero})"
    key = {"UF1": "uf1", "F1": "uf1", "UAR": "uar", "WAR": "accuracy", "accuracy": "accuracy"}.get(row.metric)
    return _mean([s[key] for s in scored]) if key else None


def _published(experiment: Experiment, level: int) -> Section:
    model = experiment.first.passport["model"]
    names = published.SYSTEMS.get(model, ())
    notes: list[str] = []
    blocks: list = []
    matching = _matching(experiment)
    if matching:
        blocks += _beside(experiment, matching, notes)
    else:
        blocks.append(
            Text(
                f"No figure of {model} is published under this protocol and on these datasets."
                if names
                else f"No figure of {model} is among the published ones."
            )
        )
    shown = {id(row) for row, _ in matching}
    others = [row for row in published.published_results() if row.system in names and id(row) not in shown]
    others = [row for row in others if row.metric in _HEADLINE]
    if others:
        table = _pivot(others, notes)
        blocks.append(
            Details(
                f"{model} under other protocols or on other data: not comparable with this run", [table], not matching
            )
        )
    if matching:
        rivals = _rivals(experiment, matching, notes)
        if rivals is not None:
            blocks.append(Details("Other systems under the same published protocol", [rivals]))
    if _is_megc(experiment.first):
        blocks.append(Details("Figures of further papers on the 442 clips of MEGC 2019", [_megc(experiment, notes)]))
    if notes:
        blocks.append(
            Table(("", "known misprints and cautions"), [[str(k), note] for k, note in enumerate(notes, 1)], "rl")
        )
    return Section("Beside the published figures", blocks, level)


def _beside(experiment: Experiment, matching, notes: list[str]) -> list:
    grouped: dict[tuple, dict] = {}
    for row, reasons in matching:
        entry = grouped.setdefault((row.seed, row.dataset, row.protocol), {})
        # One figure may stand in several tables; where tables differ both stay.
        entry.setdefault((row.metric, row.value), []).append((row, reasons))
    rows = []
    for (seed, dataset, _), entry in grouped.items():
        for (metric, _value), items in sorted(
            entry.items(), key=lambda kv: _HEADLINE.index(kv[0][0]) if kv[0][0] in _HEADLINE else 99
        ):
            row, reasons = items[0]
            tables = ", ".join(dict.fromkeys(item.table for item, _ in items))
            average = published.SETTINGS[row.protocol].average
            extra = {"fold_mean": " (mean over folds)", "class_mean": " (mean of recalls)"}.get(average, "")
            label = metric + (extra if metric in ("accuracy %", "F1") else "")
            text = "; ".join(reasons) if reasons else "yes"
            marks = _marks([note for item, _ in items for note in item.misprints], notes)
            rows.append(
                [
                    dataset,
                    label,
                    _figure(row),
                    _own(experiment, row),
                    text,
                    _source(seed, tables),
                    marks,
                ]
            )
    header = ("data", "metric", "published", "here", "comparable", "source", "cautions")
    caption = (
        "Same system and protocol. Comparable only with the same clips, scored alike, and no epoch chosen on test. "
        + _papers({seed for seed, _, _ in grouped})
    )
    return [Table(header, rows, "llrrlll", caption)]


def _pivot(rows: Sequence[published.Published], notes: list[str]) -> Table:
    """Published figures, one row per system and data; a protocol that all share goes into the caption."""
    columns = [name for name in _HEADLINE if any(row.metric == name for row in rows)]
    protocols = sorted({row.protocol for row in rows})
    grouped: dict[tuple, list[published.Published]] = {}
    for row in rows:
        grouped.setdefault((row.system, row.dataset, row.protocol, row.seed), []).append(row)
    body = []
    for (system, dataset, protocol, seed), every in grouped.items():
        cells = [
            " / ".join(dict.fromkeys(_figure(row) for row in every if row.metric == name)) or None for name in columns
        ]
        tables = ", ".join(dict.fromkeys(row.table for row in every))
        marks = _marks([note for row in every for note in row.misprints], notes)
        words = [protocol] if len(protocols) > 1 else []
        body.append([system, dataset, *cells, *words, _source(seed, tables), marks])
    words = ["protocol as printed"] if len(protocols) > 1 else []
    header = ("system", "data", *columns, *words, "source", "cautions")
    caption = (f"Protocol: {protocols[0]}. " if len(protocols) == 1 else "") + _papers({row.seed for row in rows})
    return Table(header, body, "ll" + "r" * len(columns) + "l" * len(words) + "ll", caption)


def _rivals(experiment: Experiment, matching, notes: list[str]) -> Table | None:
    protocols = {row.protocol for row, _ in matching}
    datasets = {row.dataset for row, _ in matching}
    main = {name for names in published.SYSTEMS.values() for name in names}
    rows = [
        row
        for row in published.published_results()
        if row.protocol in protocols and row.dataset in datasets and row.metric in _HEADLINE and row.system in main
        if row.system not in published.SYSTEMS[experiment.first.passport["model"]]
    ]
    return _pivot(rows, notes) if rows else None


def _is_megc(run: Run) -> bool:
    setting = next(iter(published.SETTINGS.values()))
    row = next(row for row in published.published_results() if published.SETTINGS.get(row.protocol) is setting)
    return _same_protocol(run, row)


def _megc(experiment: Experiment, notes: list[str]) -> Table:
    methods: dict[str, dict] = {}
    for row in published.published_megc2019():
        methods.setdefault(row.method, {})[row.part] = row
    own = published.MEGC2019_METHODS.get(experiment.first.passport["model"], ())
    body, strong = [], set()
    for method, parts in methods.items():
        if method in own:
            strong.add(len(body))
        cells = [
            f"{parts[part].uf1:.4f} / {parts[part].uar:.4f}" if part in parts else None
            for part in ("full", "smic", "casme2", "samm")
        ]
        one = parts["full"]
        marks = _marks([note for row in parts.values() for note in row.misprints], notes)
        body.append([method, *cells, one.selection, one.source, marks])
    header = ("method", "full", "SMIC", "CASME II", "SAMM", "choice of the epoch", "source", "cautions")
    return Table(header, body, "lrrrrlll", "UF1 / UAR as printed.", frozenset(strong))


def _marks(found: Sequence[tuple[str, str]], notes: list[str]) -> str:
    marks = []
    for _, note in found:
        if note not in notes:
            notes.append(note)
        marks.append(notes.index(note) + 1)
    return ", ".join(map(str, sorted(set(marks))))


def _source(seed: str, tables: str) -> str:
    return f"{published.SHORT[seed]} paper, {tables}"


def _papers(seeds) -> str:
    return "; ".join(f"{published.SHORT[seed]}: seed {seed}, {published.PAPERS[seed]}" for seed in sorted(seeds)) + "."


def _figure(row: published.Published) -> str:
    return f"{row.value:.2f}" if "%" in row.metric else f"{row.value:.4f}".rstrip("0").ljust(5, "0")


def _reading() -> Section:
    return Section(
        "How to read this",
        [
            Text(
                "A figure may be put beside a published one only with the same clips, the same protocol and way of "
                "averaging, and no choice made on test clips. Gaps below about 0.05 in UF1 on 442 clips are within "
                "the noise of drawing other subjects; 'mer compare' tests two runs on the same clips."
            )
        ],
    )


def _plain(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _relative(path: str) -> str:
    """The folder of a run as a reader may know it: relative where it lies below the current folder, else its name."""
    folder = os.path.dirname(os.path.abspath(path))
    below = os.path.relpath(folder)
    return os.path.basename(folder) if below.startswith("..") else below
