"""Runs beside the published figures, and what keeps the two from being comparable.

A run and a printed figure are comparable where the network and its options, the clips and their labels, the protocol
and scoring and all training settings but the seed are the same. Whatever differs is listed.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence

from mer_tf.document import Details, Section, Table, Text
from mer_tf.metrics.counts import confusion_of
from mer_tf.protocols import PROTOCOLS
from mer_tf.recipes import get_recipe
from mer_tf.report.experiments import Experiment, card_of, differences, mean, scores, text
from mer_tf.report.passports import Run
from mer_tf.systems import published
from mer_tf.systems.card import ModelCard, PublishedAs
from mer_tf.systems.published import Published
from mer_tf.systems.registry import MODELS
from mer_tf.types import Prediction

_HEADLINE = ("UF1", "F1", "UAR", "WAR", "accuracy", "accuracy %", "accuracy gain, points over ResNet-ConvLSTM")
_OTHER_SETTINGS = "other settings"


def comparable_uf1(experiment: Experiment) -> list[tuple[str, float]]:
    """(source, value) of every published UF1 of the whole set that the experiment can be compared with."""
    rows, entry, changes = _nearest(experiment)
    if changes or entry is None:
        return []
    return [
        (_source(row.paper_id, row.table), row.value)
        for row in rows
        if row.metric == "UF1" and published.part_of(row.dataset) == "" and not _reasons(experiment.first, row, entry)
    ]


def beside(experiment: Experiment, level: int) -> Section:
    """The experiment beside what is printed of its system, and of others under the same protocol."""
    members = experiment.first.members
    if members is not None:
        reason = f"an ensemble of {len(members)} runs; the published figures are of single systems"
        return Section("Beside the published figures", [Text(f"Comparable: no. This is {reason}.")], level)
    run, model = experiment.first, experiment.first.passport["model"]
    card = card_of(run)
    notes: list[str] = []
    blocks: list = []
    rows, entry, changes = _nearest(experiment)
    printed = published.rows_of(card) if card else []
    if rows:
        blocks += _own_rows(experiment, rows, entry, changes, notes)
    elif printed:
        blocks.append(Text(f"No figure of {model} is published under this protocol and on these datasets."))
    else:
        blocks.append(Text(f"No figure of {model} is among the published ones."))
    near = {id(row) for row in rows}
    rest = [(row, found) for row, found in printed if id(row) not in near and row.metric in _HEADLINE]
    settings = [pair for pair in rest if _same_protocol(run, pair[0])]
    elsewhere = [pair for pair in rest if not _same_protocol(run, pair[0])]
    if settings:
        table = _pivot([row for row, _ in settings], notes)
        blocks.append(Details(f"{model} with other settings: not comparable with this run", [table]))
    if elsewhere:
        table = _pivot([row for row, _ in elsewhere], notes)
        title = f"{model} under other protocols or on other data: not comparable with this run"
        blocks.append(Details(title, [table], not rows))
    if rows:
        rivals = _rivals(card, rows, notes)
        if rivals is not None:
            blocks.append(Details("Other systems under the same published protocol", [rivals]))
    if _is_megc(run):
        blocks.append(Details("Figures of further papers on the 442 clips of MEGC 2019", [_megc(card, notes)]))
    if notes:
        table = Table(("", "known misprints and cautions"), [[str(k), note] for k, note in enumerate(notes, 1)], "rl")
        blocks.append(table)
    return Section("Beside the published figures", blocks, level)


# ---- which rows, and why not ------------------------------------------------------------------------------------


def _nearest(experiment: Experiment) -> tuple[list[Published], PublishedAs | None, list[str]]:
    """Rows of the system under this protocol whose settings are nearest to the run's; what still differs, in words."""
    run = experiment.first
    card = card_of(run)
    found: dict[tuple, tuple[PublishedAs, list[Published]]] = {}
    for row, entry in published.rows_of(card) if card else ():
        if _same_protocol(run, row):
            key = (entry.preset, tuple(sorted(entry.options.items())), entry.recipe)
            found.setdefault(key, (entry, []))[1].append(row)
    if not found:
        return [], None, []
    told = [(_told(run, card, entry), entry, rows) for entry, rows in found.values()]
    changes, entry, rows = min(told, key=lambda one: len(one[0]) + len(_other_inputs(run, one[1])))
    return rows, entry, changes


def _told(run: Run, card: ModelCard, entry: PublishedAs) -> list[str]:
    """What is set otherwise than for the published figure, a phrase each."""

    def named(value) -> str:
        return "not set" if value is None else text(value)

    found = [
        f"{name} {named(own)} instead of {named(wanted)}"
        for name, own, wanted in differences(run, card, entry.preset, entry.options)
    ]
    if card.starts_from and not run.passport["config"].get("initial_weights"):
        found.append(f"new weights instead of those of {card.starts_from}")
    return found


def _same_protocol(run: Run, row: Published) -> bool:
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


def _reasons(run: Run, row: Published, entry: PublishedAs) -> list[str]:
    """Why the run's data or the figure itself keep the two from being comparable; settings are told apart."""
    setting = published.SETTINGS[row.protocol]
    flags = (
        (run.synthetic, "synthetic clips"),
        (run.shuffled, "labels shuffled"),
        (run.passport.get("partial"), "partial set"),
    )
    reasons = [word for flag, word in flags if flag]
    wanted = setting.clips.get(row.dataset)
    count = len(_part(run, row))
    accepted = wanted if isinstance(wanted, tuple) else (wanted,)
    if wanted is not None and count not in accepted:
        reasons.append(f"{count} clips, published {' or '.join(map(str, accepted))}")
    mapping = run.passport.get("mapping")
    if mapping not in setting.mappings and not row.dataset.startswith("SMIC"):
        reasons.append(f"label mapping {mapping or 'not recorded'}, published {' or '.join(setting.mappings)}")
    reasons += _other_inputs(run, entry)
    return [*reasons, *row.not_comparable]


def _other_inputs(run: Run, entry: PublishedAs) -> list[str]:
    if run.pictures:
        return [run.made_elsewhere]
    recipe = get_recipe(entry.recipe or card_of(run).recipe)
    if run.passport["recipe_hash"] == recipe.hash:
        return []
    name = run.passport["recipe"].get("name", "?")
    return [f"recipe {name}, published {recipe.name}" if name != recipe.name else f"recipe {name} with other settings"]


def _part(run: Run, row: Published) -> list[Prediction]:
    name = published.part_of(row.dataset)
    return [p for p in run.predictions if name in ("", p.dataset)]


# ---- own figures ------------------------------------------------------------------------------------------------


def _own(experiment: Experiment, row: Published) -> str | None:
    """This experiment's figure in the sense of the row's."""
    n = len(experiment.first.classes)
    average = published.SETTINGS[row.protocol].average
    if row.metric.startswith(("recall ", "confusion ")):
        return _cell(experiment, row)
    scored = [scores(_part(run, row), n) for run in experiment.runs]
    if row.metric == "std of class recalls %":
        return mean([s["recall_spread_pop"] for s in scored], 2)
    if row.metric == "accuracy %" and average == "class_mean":
        return mean([s["uar"] for s in scored], 2, 100)
    if average == "fold_mean":
        if row.metric == "accuracy %":
            return mean([s["fold_mean_accuracy"] for s in scored], 2, 100)
        if row.metric == "F1":
            present, zero = (
                mean([s[name] for s in scored]) for name in ("fold_mean_f1_present", "fold_mean_f1_absent_zero")
            )
            return f"{present} (absent classes 0: {zero})"
    key = {"UF1": "uf1", "F1": "uf1", "UAR": "uar", "WAR": "accuracy", "accuracy": "accuracy"}.get(row.metric)
    return mean([s[key] for s in scored]) if key else None


def _on_sub_clips(experiment: Experiment) -> Experiment | None:
    """The same runs with the predictions of sub-sequences; None where a run has none."""
    if not all(run.sub_clips for run in experiment.runs):
        return None
    runs = tuple(dataclasses.replace(run, predictions=run.sub_clips) for run in experiment.runs)
    return dataclasses.replace(experiment, runs=runs)


def _cell(experiment: Experiment, row: Published) -> str | None:
    """A recall, or a cell of the confusion matrix over its row; None where the run has no such class."""
    words = row.metric.replace("%", "").replace("(confusion diagonal)", "").split()
    names = [words[1]] * 2 if words[0] == "recall" else [word.partition("=")[2] for word in words[1:]]
    classes = list(experiment.first.classes)
    if experiment.first.passport.get("mapping") == "objective":  # I to V are printed by their emotions
        classes = row.classes.partition(":")[2].partition("(")[0].strip().split("/")
    if not set(names) <= set(classes):
        return None
    i, j = map(classes.index, names)
    values = []
    for run in experiment.runs:
        cm = confusion_of(_part(run, row), len(classes))
        values.append(cm[i, j] / cm[i].sum() if cm[i].sum() else None)
    return mean(values, 2, 100) if "%" in row.metric else mean(values)


# ---- tables -----------------------------------------------------------------------------------------------------


def _own_rows(
    experiment: Experiment, rows: Sequence[Published], entry: PublishedAs, changes: list[str], notes: list[str]
) -> list:
    grouped: dict[tuple, dict] = {}
    for row in rows:
        group = grouped.setdefault((row.paper_id, row.dataset, row.protocol), {})
        # One figure may stand in several tables; where tables differ both stay.
        group.setdefault((row.metric, row.value), []).append(row)
    body = []
    # Beside whole clips, where the paper scores parts of them and the runs have predictions of such.
    parts = _on_sub_clips(experiment) if any(published.SETTINGS[row.protocol].scored for row in rows) else None
    for (paper_id, dataset, protocol), group in grouped.items():
        average = published.SETTINGS[protocol].average
        extra = {"fold_mean": " (mean over folds)", "class_mean": " (mean of recalls)"}.get(average, "")
        for (metric, _), items in sorted(group.items(), key=lambda pair: _order(pair[0][0])):
            row = items[0]
            reasons = [reason for item in items for reason in _reasons(experiment.first, item, entry)]
            reasons = list(dict.fromkeys(reasons))
            reasons += [_OTHER_SETTINGS] if changes else []
            body.append(
                [
                    dataset,
                    metric + (extra if metric in ("accuracy %", "F1") else ""),
                    _figure(row),
                    _own(experiment, row),
                    *([_own(parts, row)] if parts else []),
                    "; ".join(reasons) or "yes",
                    _source(paper_id, ", ".join(dict.fromkeys(item.table for item in items))),
                    _marks([note for item in items for note in item.misprints], notes),
                ]
            )
    scored = ["here, sub-clips"] if parts else []
    header = ("data", "metric", "published", "here", *scored, "comparable", "source", "cautions")
    caption = (
        "Same system and protocol. Comparable only with the same clips, inputs and training settings, scored alike, "
        "and no epoch chosen on test. " + _papers(paper_id for paper_id, _, _ in grouped)
    )
    names = ", ".join(dict.fromkeys(row.system for row in rows))
    settings = [f"preset {entry.preset}", *(f"{name} {text(value)}" for name, value in entry.options.items())]
    settings += [f"recipe {entry.recipe}"] if entry.recipe else []
    about = [Text(f"Printed as: {names} ({', '.join(settings)}).")]
    if changes:
        about.append(
            Text(f"Settings of this run that differ from the published ones: {'; '.join(changes)}.", "warning")
        )
    return [*about, Table(header, body, f"llrr{'r' * len(scored)}lll", caption)]


def _order(metric: str) -> int:
    return _HEADLINE.index(metric) if metric in _HEADLINE else len(_HEADLINE)


def _pivot(rows: Sequence[Published], notes: list[str]) -> Table:
    """Published figures, one row per system and data; a protocol that all share goes into the caption."""
    columns = [name for name in _HEADLINE if any(row.metric == name for row in rows)]
    protocols = sorted({row.protocol for row in rows})
    grouped: dict[tuple, list[Published]] = {}
    for row in rows:
        grouped.setdefault((row.system, row.dataset, row.protocol, row.paper_id), []).append(row)
    body = []
    for (system, dataset, protocol, paper_id), every in grouped.items():
        cells = [
            " / ".join(dict.fromkeys(_figure(row) for row in every if row.metric == name)) or None for name in columns
        ]
        tables = ", ".join(dict.fromkeys(row.table for row in every))
        marks = _marks([note for row in every for note in row.misprints], notes)
        words = [protocol] if len(protocols) > 1 else []
        body.append([system, dataset, *cells, *words, _source(paper_id, tables), marks])
    words = ["protocol as printed"] if len(protocols) > 1 else []
    header = ("system", "data", *columns, *words, "source", "cautions")
    caption = (f"Protocol: {protocols[0]}. " if len(protocols) == 1 else "") + _papers({row.paper_id for row in rows})
    return Table(header, body, "ll" + "r" * len(columns) + "l" * len(words) + "ll", caption)


def _rivals(card: ModelCard, rows: Sequence[Published], notes: list[str]) -> Table | None:
    protocols = {row.protocol for row in rows}
    datasets = {row.dataset for row in rows}
    own = {entry.name for entry in card.published_as}
    found = [
        row
        for row in published.published_results()
        if row.protocol in protocols and row.dataset in datasets and row.metric in _HEADLINE
        if row.system in _whole_systems() and row.system not in own
    ]
    return _pivot(found, notes) if found else None


@functools.cache
def _whole_systems() -> set[str]:
    """Names in the papers' tables of systems with the preset of that protocol; ablations have a word of their own."""
    names = {entry.name for card in MODELS.values() for entry in card.published_as if not entry.options}
    return {name for name in names if not any(word in name for word in ("ablation", "decoded", "(default)", ", "))}


def _is_megc(run: Run) -> bool:
    row = next(row for row in published.published_results() if row.protocol == published.MEGC2019)
    return _same_protocol(run, row)


def _megc(card: ModelCard | None, notes: list[str]) -> Table:
    methods: dict[str, dict] = {}
    for row in published.published_megc2019():
        methods.setdefault(row.method, {})[row.part] = row
    body, strong = [], set()
    for method, parts in methods.items():
        if card and method in card.megc2019_as:
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


def _source(paper_id: str, tables: str) -> str:
    return f"{published.NAMES[paper_id]}, {tables}"


def _papers(ids: Iterable[str]) -> str:
    return "; ".join(f"{published.NAMES[one]}: {published.PAPERS[one]}" for one in sorted(set(ids))) + "."


def _figure(row: Published) -> str:
    return f"{row.value:.2f}" if "%" in row.metric else f"{row.value:.4f}".rstrip("0").ljust(5, "0")
