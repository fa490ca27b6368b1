"""The sections of a report about the runs themselves; one long file, because each is a function of its own."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence

import numpy as np

from mer_tf import metrics
from mer_tf.document import Details, Figure, Row, Section, Table, Text
from mer_tf.metrics.comparison import common_clips, holm, paired_bootstrap
from mer_tf.metrics.counts import confusion_of
from mer_tf.metrics.tables import average_rows
from mer_tf.protocols import PROTOCOLS
from mer_tf.report import svg
from mer_tf.report.beside import comparable_uf1
from mer_tf.report.experiments import (
    DATASET_NAMES,
    DRAWS,
    Experiment,
    bootstrap,
    card_of,
    data_name,
    differences,
    interval,
    mean,
    resolved,
    scores,
    text,
)
from mer_tf.report.floor import against_floor
from mer_tf.report.passports import Run
from mer_tf.systems.card import flat
from mer_tf.types import Prediction

FEW_SEEDS = 5
_MAX_MATRICES = 12
_MAX_COMPARED = 12  # 66 pairs; a wider table cannot be read
_MAX_MISTAKES = 500


def intro(experiments: Sequence[Experiment], dropped: Sequence[str]) -> list:
    """What the report is made of, and warnings."""
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
        blocks.append(Text(f"Left out as copies of another run given: {', '.join(map(_relative, dropped))}.", "note"))
    return blocks


def _straddling(run: Run) -> int:
    folds: dict[tuple[str, str], set[str]] = {}
    for p in run.predictions:
        folds.setdefault((p.dataset, p.subject), set()).add(p.fold)
    return sum(len(names) > 1 for names in folds.values())


def summary(experiments: Sequence[Experiment]) -> Section:
    """The main table and its figure."""
    rows, strong = [], set()
    for experiment in experiments:
        n = len(experiment.first.classes)
        for part, per_run in experiment.parts().items():
            scored = [scores(predictions, n) for predictions in per_run]
            full = part == "full"
            if full:
                strong.add(len(rows))
                low, high = interval(experiment, "uf1")
                low_uar, high_uar = interval(experiment, "uar")
            rows.append(
                [
                    experiment.name if full else f"    {DATASET_NAMES.get(part, part)}",
                    mean([s["uf1"] for s in scored]),
                    f"{low:.3f} to {high:.3f}" if full else "",
                    mean([s["uar"] for s in scored]),
                    f"{low_uar:.3f} to {high_uar:.3f}" if full else "",
                    mean([s["accuracy"] for s in scored]),
                    str(len(per_run[0])),
                    str(len({(p.dataset, p.subject) for p in per_run[0]})),
                    _runs_of(experiment) if full else "",
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
        drawn.append(
            (
                experiment.name,
                [scores(list(run.predictions), n)["uf1"] for run in experiment.runs],
                interval(experiment, "uf1"),
                comparable_uf1(experiment),
            )
        )
    figure = Figure(
        svg.intervals(drawn, "UF1 of each experiment with its interval"),
        None,
        "UF1: a dot per seed, the band is the interval over subjects"
        + (", a diamond a comparable published figure." if any(row[3] for row in drawn) else "."),
    )
    return Section("Results", [table, *against_floor(experiments), figure])


def _seed(run: Run) -> str:
    return "the ensemble" if run.members is not None else f"seed {run.seed}"


def _runs_of(experiment: Experiment) -> str:
    members = experiment.first.members
    return str(len(experiment.runs)) if members is None else f"{len(members)} as one"


def classes(experiment: Experiment, level: int) -> Section:
    """Confusion matrix of each seed, and recall, precision and F1 of each class."""
    names, runs = experiment.first.classes, experiment.runs
    matrices = [confusion_of(run.predictions, len(names)) for run in runs]
    shown = list(zip(runs, matrices))[:_MAX_MATRICES]
    figures = [_matrix(cm.tolist(), names, f"confusion matrix, rows true, {_seed(run)}") for run, cm in shown]
    totals = matrices[0].sum(axis=1)
    recalls = [metrics.class_recalls(cm) for cm in matrices]
    drawn = [(name, int(totals[k]), [float(r[k]) for r in recalls]) for k, name in enumerate(names)]
    caption = "recall of each class" + ("; bars: mean over seeds, dots: single seeds" if len(runs) > 1 else "")
    blocks: list = [Row([*figures, Figure(svg.recall_bars(drawn, "recall of each class"), None, caption)])]
    if len(runs) > _MAX_MATRICES:
        blocks.append(Text(f"The matrices of the first {_MAX_MATRICES} of {len(runs)} seeds are shown.", "note"))
    parts = {part: per_run for part, per_run in experiment.parts().items() if part != "full"}
    by_part = [[confusion_of(predictions, len(names)) for predictions in per_run] for per_run in parts.values()]
    rows = [
        [
            name,
            str(totals[k]),
            mean([recall[k] for recall in recalls]),
            mean([_share(cm[k, k], cm[:, k].sum()) for cm in matrices]),
            mean([metrics.class_f1(cm)[k] for cm in matrices]),
            *(mean([_share(cm[k, k], cm[k].sum()) for cm in part]) for part in by_part),
        ]
        for k, name in enumerate(names)
    ]
    header = ("class", "clips", "recall", "precision", "F1", *(f"recall, {DATASET_NAMES.get(p, p)}" for p in parts))
    drawings = [
        _matrix(
            cms[0].tolist(), names, f"{DATASET_NAMES.get(part, part)}: confusion matrix, rows true, {_seed(runs[0])}"
        )
        for part, cms in zip(parts, by_part)
    ]
    spread = mean([metrics.recall_spread_pop(cm) for cm in matrices], 2)
    sample = mean([metrics.recall_spread_pop(cm, ddof=1) for cm in matrices], 2)
    extent = mean([metrics.recall_range(cm) for cm in matrices], 2)
    blocks += [
        Table(header, rows, "l" + "r" * (len(header) - 1)),
        Text(
            f"Spread of the class recalls in points: recall_spread_pop {spread} (population form), {sample} with "
            f"ddof 1, range {extent}. It measures how even one model's classes are, not variation over folds or "
            "seeds.",
            "note",
        ),
        *([Row(drawings)] if drawings else []),
    ]
    return Section("Each class", blocks, level)


def _matrix(cm: Sequence[Sequence[int]], names: Sequence[str], label: str) -> Figure:
    """A confusion matrix as a drawing and as figures."""
    rows = [[name, *map(str, row), str(sum(row))] for name, row in zip(names, cm)]
    table = Table(("true \\ predicted", *names, "all"), rows, "l" + "r" * (len(names) + 1), label)
    return Figure(svg.confusion(cm, names, label), table, label)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def side_by_side(experiments: Sequence[Experiment]) -> list[Section]:
    """Experiments on the very same clips, ranked, and tested against each other; none where no two share them."""
    groups: dict[tuple, list[Experiment]] = {}
    for experiment in experiments:
        passport = experiment.first.passport
        facts = ("data_fingerprint", "protocol", "mapping")
        key = (*(str(passport.get(name)) for name in facts), experiment.first.classes)
        groups.setdefault(key, []).append(experiment)
    compared = [group for group in groups.values() if len(group) > 1]
    sections = []
    for group in compared:
        first = group[0].first
        title = "Side by side" + (f": {data_name(first)}, {first.passport['protocol']}" if len(compared) > 1 else "")
        sections.append(Section(title, _ranked(group)))
    return sections


def _ranked(group: Sequence[Experiment]) -> list:
    n = len(group[0].first.classes)
    scored = {e.name: [scores(run.predictions, n) for run in e.runs] for e in group}
    order = sorted(group, key=lambda e: -float(np.mean([found["uf1"] or 0.0 for found in scored[e.name]])))
    rows = [
        [str(k), e.name, *(mean([found[name] for found in scored[e.name]]) for name in ("uf1", "uar", "accuracy"))]
        for k, e in enumerate(order, 1)
    ]
    ranking = Table(("rank", "experiment", "UF1", "UAR", "accuracy"), rows, "rlrrr", "The same clips, by UF1.")
    shown = order[:_MAX_COMPARED]
    pairs = [(i, j) for i in range(len(shown)) for j in range(i + 1, len(shown))]
    found = {}
    for i, j in pairs:
        one, other, _ = common_clips(shown[i].first.predictions, shown[j].first.predictions)
        found[i, j] = paired_bootstrap(one, other, n, draws=DRAWS)["uf1"]
    adjusted = dict(zip(pairs, holm([found[pair]["p"] for pair in pairs])))
    cells = []
    for i, experiment in enumerate(shown):
        row: list = [f"{i + 1}  {experiment.name}"]
        for j in range(len(shown)):
            difference = found[min(i, j), max(i, j)]["difference"] * (1 if i < j else -1) if i != j else 0.0
            row.append(None if i == j else f"{difference:+.3f} (p {adjusted[min(i, j), max(i, j)]:.2g})")
        cells.append(row)
    caption = (
        "Difference in UF1, row minus column, on the same clips; p of a paired bootstrap over subjects "
        f"({DRAWS} draws), after Holm's correction for {len(pairs)} {'test' if len(pairs) == 1 else 'tests'}. "
        "Where an experiment has several seeds, its lowest seed."
    )
    matrix_table = Table(("", *map(str, range(1, len(shown) + 1))), cells, "l" + "r" * len(shown), caption)
    blocks: list = [ranking, matrix_table]
    if len(order) > len(shown):
        blocks.append(Text(f"The best {len(shown)} of {len(order)} experiments are tested against each other.", "note"))
    return blocks


def mistakes(experiment: Experiment, level: int) -> Section:
    """The clips that were predicted wrongly, the most certain mistakes first."""
    names, total = experiment.first.classes, len(experiment.runs)
    wrong: dict[tuple, list[Prediction]] = {}
    for run in experiment.runs:
        for p in run.predictions:
            if p.prediction != p.label:
                wrong.setdefault((p.dataset, p.subject, p.clip), []).append(p)

    def certainty(found: list[Prediction]) -> float:
        return float(np.mean([p.probabilities[p.prediction] if p.probabilities else 0.0 for p in found]))

    ordered = sorted(wrong.items(), key=lambda item: (-len(item[1]), -certainty(item[1]), item[0]))
    rows = []
    for key, found in ordered[:_MAX_MISTAKES]:
        guesses = collections.Counter(names[p.prediction] for p in found)
        guessed = ", ".join(f"{name} {count}" if total > 1 else name for name, count in guesses.most_common())
        sure = f"{certainty(found):.3f}" if found[0].probabilities else None
        rows.append(["/".join(key), names[found[0].label], guessed, sure, *([str(len(found))] if total > 1 else [])])
    several = total > 1
    header = ("clip", "true", "predicted", "probability of it", *(["seeds"] if several else []))
    count = len(experiment.first.predictions)
    caption = f"{len(wrong)} of {count} clips" + (f" in at least one of {total} seeds." if several else ".")
    if len(ordered) > len(rows):
        caption += f" The first {len(rows)} are listed; predictions.csv holds all."
    table = Table(header, rows, "lllr" + "r" * several, caption)
    return Section("Clips that were wrong", [Details("Table of the clips", [table])], level)


def subjects(experiment: Experiment, level: int) -> Section:
    """How each subject fares."""
    n = len(experiment.first.classes)
    tables = [metrics.per_subject(run.predictions, n) for run in experiment.runs]
    drawn, rows = [], []
    for entries in zip(*tables):
        one, values = entries[0], [entry["accuracy"] for entry in entries]
        drawn.append((one["dataset"], one["subject"], one["clips"], float(np.mean(values)), min(values), max(values)))
        counts = "/".join(map(str, one["labels"]))
        rows.append([f"{one['dataset']}/{one['subject']}", str(one["clips"]), counts, mean(values)])
    table = Table(("subject", "clips", "of each class", "share correct"), rows, "lrlr")
    worst = sum(row[3] < 0.5 for row in drawn)
    caption = f"Share of each subject's clips that are right ({len(drawn)} subjects, {worst} below one half)" + (
        ", mean over seeds; the line spans the seeds." if len(experiment.runs) > 1 else "."
    )
    figure = Figure(svg.subject_bars(drawn, "share of clips that are right, by subject"), None, caption)
    return Section("Each subject", [figure, Details("Table of the subjects", [table])], level)


def seeds(experiment: Experiment, level: int) -> Section:
    """Scores of each seed."""
    n = len(experiment.first.classes)
    rows, columns = [], {"uf1": [], "uar": [], "accuracy": []}
    for run in experiment.runs:
        scored, interval = scores(list(run.predictions), n), bootstrap(run)
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
    members = experiment.first.members
    if members is not None:
        rows = [
            [str(one.get("model")), str(one.get("seed")), *map(_figure, (one.get("uf1"), one.get("uar")))]
            for one in members
        ]
        table = Table(
            ("member", "seed", "UF1", "UAR"), rows, "lrrr", "The ensemble is the mean of their probabilities."
        )
        return Section("Members", [table], level)
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


def _figure(value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"


def averages(experiment: Experiment, level: int) -> Section:
    """The same predictions under every way of averaging."""
    n = len(experiment.first.classes)
    everything = all(run.by_epoch for run in experiment.runs)
    tables = [
        average_rows(metrics.averages(run.predictions, n, run.by_epoch if everything else None))
        for run in experiment.runs
    ]
    rows = []
    for entries in zip(*tables):
        remark = entries[0][4] if len({entry[4] for entry in entries}) == 1 else entries[0][4].partition(";")[2].strip()
        cells = [mean([entry[column] for entry in entries]) for column in (1, 2, 3)]
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
                f"tested on {DATASET_NAMES.get(dataset, dataset)}",
                mean([p["war"] for p in parts]),
                mean([p["uar"] for p in parts]),
            ]
        )
    rows.append(["mean of the directions", *(mean([s["mean"][key] for s in scored]) for key in ("war", "uar"))])
    caption = "The scores of this protocol: each direction, then the mean."
    return Table(("direction", "WAR", "UAR"), rows, "lrr", caption, frozenset({len(rows) - 1}))


def config(experiment: Experiment, level: int) -> Section:
    """What was run on what."""
    run, passport = experiment.first, experiment.first.passport
    protocol = PROTOCOLS.get(passport["protocol"])
    labels = [p.label for p in run.predictions]
    pictures = run.pictures
    maps = ", ".join(map(str, pictures.get("maps", ()))) if pictures else ""
    data = [
        ["data", data_name(run)],
        ["clips, subjects", f"{len(run.predictions)}, {len({(p.dataset, p.subject) for p in run.predictions})}"],
        ["classes", ", ".join(f"{name} {labels.count(k)}" for k, name in enumerate(run.classes))],
        ["label mapping", str(passport.get("mapping") or "not recorded")],
        ["protocol", passport["protocol"] + (f": {protocol.summary}" if protocol else "")],
        ["folds", str(len({p.fold for p in run.predictions}))],
        ["choice of the epoch", _epochs(run)],
        ["data fingerprint", passport["data_fingerprint"]],
        *([["inputs", f"{run.made_elsewhere}: {maps}"], *_taken(pictures)] if pictures else []),
        [
            "kind of input" if pictures else "recipe",
            f"{passport['recipe'].get('name', '?')} ({passport['recipe_hash']})",
        ],
        [
            "code",
            f"mer-tf {passport['versions'].get('mer-tf', '?')}, commit {passport.get('commit') or 'not recorded'}",
        ],
        ["versions", ", ".join(f"{k} {v}" for k, v in passport["versions"].items() if k != "mer-tf")],
        ["platform", str(passport.get("platform", "not recorded"))],
        ["runs", ", ".join(_relative(run.path) for run in experiment.runs)],
    ]
    blocks: list = [Table(("", ""), data, "ll")]
    if run.picked is not None:
        blocks.append(_picks(experiment))
    blocks.append(Details("Training settings", _settings(experiment) if run.members is None else _of_members(run)))
    if pictures:
        views = {"views": passport["recipe"].get("views", [])}
        blocks += [
            Text(
                f"{run.made_elsewhere.capitalize()}: with which detector, alignment and flow method is not known; "
                "nothing of the kind was run here."
                + (f" What is lost: {pictures['lost']}." if pictures.get("lost") else ""),
                "warning",
            ),
            Details("What the network takes of them", [_listed(views)]),
        ]
    else:
        blocks.append(Details("Recipe of the inputs", [_listed(passport["recipe"])]))
    return Section("Data and configuration", blocks, level)


def _taken(pictures: dict) -> list[list[str]]:
    """Rows on the values and sizes of flow computed elsewhere, as far as the passport tells them."""
    titles = {"values_by_input": "values in the network", "resized": "resized"}
    rows = [[title, pictures.get(key)] for key, title in titles.items()]
    return [[title, ", ".join(f"{name} {text}" for name, text in found.items())] for title, found in rows if found]


def _epochs(run: Run) -> str:
    card = card_of(run)
    if card is not None and not card.is_network:
        return "none: a hand-crafted feature has no epochs"
    epochs = run.passport["config"].get("epochs", "?")
    return f"last of {epochs}, fixed in advance" if isinstance(epochs, int) else f"last of each training: {epochs}"


def _picks(experiment: Experiment) -> Table:
    """How often each candidate of a nested choice was picked."""
    picked = [run.picked for run in experiment.runs]
    names = [
        ", ".join(f"{name} {value}" for name, value in one.get("settings", {}).items()) or str(one.get("name"))
        for one in picked[0]["candidates"]
    ]
    counts = [
        sum(pick.get("candidate") == k for one in picked for pick in one["picks"].values()) for k in range(len(names))
    ]
    total = sum(len(one["picks"]) for one in picked)
    caption = f"Settings were picked inside each fold, without its held-out clips, by {picked[0]['criterion']}."
    rows = [[name, f"{count} of {total}"] for name, count in zip(names, counts)]
    return Table(("candidate", "picked in folds"), rows, "lr", caption)


def _of_members(run: Run) -> list[Table]:
    """The settings of an ensemble's members: what all share, and what each has for itself."""
    configs = [dict(flat(member.get("config", {}))) for member in run.members]
    shared = {name: value for name, value in configs[0].items() if all(c.get(name) == value for c in configs)}
    rows = [
        [
            str(member.get("model")),
            str(member.get("seed")),
            str(member.get("recipe")),
            ", ".join(
                f"{name} {text(value)}"
                for name, value in own.items()
                if name not in shared and name not in ("model", "seed")
            ),
        ]
        for member, own in zip(run.members, configs)
    ]
    return [_listed(shared), Table(("member", "seed", "recipe", "settings of its own"), rows, "lrll")]


def _settings(experiment: Experiment) -> list[Table]:
    """Each setting with its source: the paper, code, an assumption, or this run."""
    run = experiment.first
    card, preset = card_of(run), run.passport["config"].get("preset")
    known = card is not None and preset in card.presets
    preset_names = dict(flat(card.presets[preset])) if known else {}
    changed = {name for name, *_ in differences(run, card, preset, {})} if known else set()
    rows = [["seeds", ", ".join(str(run.seed) for run in experiment.runs), "this run"]]
    for name, value in resolved(run).items():
        if name == "seed":
            continue
        label = name.removeprefix("model_options.").removeprefix("feature.")
        if not known:
            source = ""
        elif label in changed or name in ("model", "preset", "shuffle_labels", "initial_weights"):
            source = "this run"
        elif name == "num_classes":
            source = "the data"
        else:
            source = card.source(preset, name) if name in preset_names else "default of this package"
        rows.append([name, text(value), source])
    start = "" if run.passport["config"].get("initial_weights") or not known else card.starts_from
    caption = f"The published training starts from {start}; this run from new weights." if start else ""
    return [Table(("setting", "value", "source"), rows, "lll", caption)]


def _listed(settings: dict) -> Table:
    return Table(("setting", "value"), [[key, text(value)] for key, value in settings.items()], "ll")


def reading() -> Section:
    """What may be put beside what."""
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


def _relative(path: str) -> str:
    """The folder of a run as a reader may know it: relative where it lies below the current folder, else its name."""
    folder = os.path.dirname(os.path.abspath(path))
    below = os.path.relpath(folder)
    return os.path.basename(folder) if below.startswith("..") else below
