"""The published figures, as package data, and what is known to be wrong with them.

``published_results.csv`` holds figures read from the tables of the five papers, ``published_megc2019.csv``
figures of other papers on the 442 clips of MEGC 2019, ``misprints.json`` what is known of single rows of either.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib.resources
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mer_tf.systems.card import NO_PAPER

if TYPE_CHECKING:
    from mer_tf.systems.card import ModelCard, PublishedAs

PAPERS = {
    NO_PAPER: "none of the five papers",
    "000": "Chen et al. 2020, Information 11(8) 380",
    "001": "Zhou et al. 2023, Entropy 25(3) 460",
    "002": "Wang et al., Micro-Attention for Micro-Expression Recognition",
    "003": "Ren et al. 2024, Applied Sciences 14, 7755",
    "004": "Zhao et al. 2024, J. Image and Graphics 29(1) 111",
}

NAMES = {
    NO_PAPER: "mer-tf",
    "000": "CBAMNet 2020",
    "001": "Dual-ATME 2023",
    "002": "Micro-Attention",
    "003": "ASTNet 2024",
    "004": "ATSCNN 2024",
}

# Data columns of the tables that are all clips of a run.
_WHOLE = ("MEGC2019-CD", "SAMM + CASME II", "CASME + CASME II + SAMM")


@dataclasses.dataclass(frozen=True)
class Setting:
    """A protocol as a paper's table uses it.

    Attributes:
        name: Short name.
        protocols: Registry names of the protocol.
        datasets: Datasets of the run; empty: the one of the row.
        average: ``"pooled"``, ``"fold_mean"`` or ``"class_mean"``: what the paper prints.
        clips: Data column -> number of clips published; a run with another number is not comparable.
        mappings: Label mappings that give the published classes; SMIC has the same classes under all.
        scored: What the paper scores, where it is not the clips themselves; nothing is comparable then.
    """

    name: str
    protocols: tuple[str, ...]
    datasets: tuple[str, ...]
    average: str
    clips: dict
    mappings: tuple[str, ...]
    scored: str = ""


MEGC2019 = "MEGC2019 CDE, LOSO over 68 subjects, predictions pooled then split by database"
SETTINGS = {
    MEGC2019: Setting(
        "MEGC 2019",
        ("megc2019", "loso"),
        ("smic_hs", "casme2", "samm"),
        "pooled",
        {"MEGC2019-CD": 442, "SMIC-HS": 164, "CASME II": 145, "SAMM": 133},
        ("megc2019",),
    ),
    # 247 clips by that paper; 147 of three classes by its rule on the sheet, 145 by its own set.
    "10-fold, folds cut by subject-ordered sample number, after augmentation": Setting(
        "ten folds",
        ("tenfold_numbering",),
        (),
        "class_mean",
        {"CASME II": (145, 147), "SMIC-HS": 164},
        ("cbamnet",),
        "augmented sub-clips",
    ),
    "LOSO single database, mean of per-subject scores": Setting(
        "LOSO", ("loso",), (), "fold_mean", {"CASME II": 246, "SMIC": 164}, ("casme2_five",)
    ),
    "LOSO single database": Setting(
        "LOSO", ("loso",), (), "pooled", {"CASME II": 185, "SMIC": 164, "SAMM": 68}, ("objective",)
    ),
    "CDE (LOSO on the pooled databases)": Setting(
        "CDE", ("cde2018", "loso"), ("casme2", "samm"), "pooled", {"SAMM + CASME II": 253}, ("objective",)
    ),
    "HDE hold-out database": Setting(
        "HDE",
        ("hde2018",),
        ("casme2", "samm"),
        "pooled",
        {"SAMM (test), CASME II (train)": 68, "CASME II (test), SAMM (train)": 185},
        ("objective",),
    ),
    "LOSO over 67 subjects on the combined set": Setting(
        "LOSO", ("loso",), ("casme", "casme2", "samm"), "pooled", {"CASME + CASME II + SAMM": 382}, ("atscnn",)
    ),
}


@dataclasses.dataclass(frozen=True)
class Published:
    """One printed figure.

    Attributes:
        system: Name in the table.
        dataset: Data column as printed.
        protocol: Protocol in words.
        classes: Classes in words, the number first.
        metric: Metric as printed.
        value: The figure.
        paper_id: Number of the paper.
        table: Table or section.
        misprints: What is known to be wrong or to mislead, each with its id.
        not_comparable: Why no run can be compared with the figure, as far as that is known.
    """

    system: str
    dataset: str
    protocol: str
    classes: str
    metric: str
    value: float
    paper_id: str
    table: str
    misprints: tuple[tuple[str, str], ...] = ()
    not_comparable: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class PublishedMegc:
    """UF1 and UAR of a method on one part of MEGC2019-CD.

    Attributes:
        method: Name, with the version of the figures.
        part: ``"full"``, ``"smic"``, ``"casme2"`` or ``"samm"``.
        uf1: As printed.
        uar: As printed.
        selection: How the epoch was chosen, as far as stated.
        source: Where the figures stand.
        misprints: As ``Published.misprints``.
    """

    method: str
    part: str
    uf1: float
    uar: float
    selection: str
    source: str
    misprints: tuple[tuple[str, str], ...] = ()


def part_of(column: str) -> str | None:
    """The dataset whose part a table's data column is; ``""`` for all clips of the run, None for other data."""
    from mer_tf.datasets.registry import CARDS, dataset_name  # here, because a list of systems needs no datasets

    name = "" if column in _WHOLE else dataset_name(column.partition(" (test)")[0])
    return name if not name or name in CARDS else None


@functools.cache
def published_results() -> tuple[Published, ...]:
    """Every figure of the five papers' tables, in the order of the file."""
    rules = [rule for rule in _misprints() if "paper_id" in rule["rows"]]
    rows = []
    for row in csv.DictReader(_text("published_results.csv").splitlines()):
        # A remark may follow the figure, as where a scan lost its exponent.
        value = float(row["value"].split()[0])
        found = _fitting(rules, row, ("paper_id",))
        why = tuple(rule["not_comparable"] for rule in found if "not_comparable" in rule)
        if row["protocol"] in SETTINGS and SETTINGS[row["protocol"]].scored:
            why = (f"published figures are of {SETTINGS[row['protocol']].scored}", *why)
        rows.append(Published(**{**row, "value": value}, misprints=_notes(found), not_comparable=why))
    return tuple(rows)


@functools.cache
def published_megc2019() -> tuple[PublishedMegc, ...]:
    """Figures of further papers on MEGC2019-CD, in the order of the file; a metric's misprint is told by its id."""
    rules = [rule for rule in _misprints() if rule["rows"].get("file") == "megc2019"]
    rows = []
    for row in csv.DictReader(_text("published_megc2019.csv").splitlines()):
        notes = _notes(_fitting(rules, row, ("file", "metric")))
        rows.append(PublishedMegc(**{**row, "uf1": float(row["uf1"]), "uar": float(row["uar"])}, misprints=notes))
    return tuple(rows)


def rows_of(card: ModelCard) -> list[tuple[Published, PublishedAs]]:
    """Every printed figure of a system, with the name and settings it belongs to; in the order of the file."""
    names = {(entry.paper_id, entry.name) for entry in card.published_as}
    found = []
    for row in published_results():
        if (row.paper_id, row.system) in names:
            found += [(row, entry) for entry in card.published_as if belongs(row, entry)]
    return found


def belongs(row: Published, entry: PublishedAs) -> bool:
    """Whether the figure is one of that name and its tables."""
    named = (row.paper_id, row.system) == (entry.paper_id, entry.name)
    return named and (not entry.tables or row.table in entry.tables)


# Metric as printed -> key of ``ModelCard.published`` and factor.
_KEYS = {
    "UF1": ("uf1", 1.0),
    "UAR": ("uar", 1.0),
    "WAR": ("war", 1.0),
    "F1": ("f1", 1.0),
    "accuracy": ("accuracy", 1.0),
    "accuracy %": ("accuracy", 0.01),
    "accuracy gain, points over ResNet-ConvLSTM": ("accuracy_gain", 0.01),
    "parameters": ("parameters", 1.0),
    "parameters (million)": ("parameters", 1e6),
    "MFLOPs": ("mflops", 1.0),
    "memory read+write MB": ("memory_mb", 1.0),
    "seconds per training iteration": ("seconds_per_iteration", 1.0),
}


def figures_of(card: ModelCard) -> dict[str, dict[str, float]]:
    """A system's printed figures: paper, protocol and data -> metric -> value; composite sets first.

    Figures of other settings than the preset ``paper`` say so; percentages are given as shares.
    """
    found: dict[str, dict[str, float]] = {}
    rows = sorted(rows_of(card), key=_apart)
    for row, entry in rows:
        if row.metric not in _KEYS:
            continue
        key, factor = _KEYS[row.metric]
        setting = SETTINGS.get(row.protocol)
        where = [NAMES[row.paper_id], setting.name if setting else row.protocol]
        where += [row.dataset] if row.dataset != "n/a" else []
        changed = [f"preset {entry.preset}"] if entry.preset != "paper" else []
        changed += [f"{name}={value}" for name, value in entry.options.items()]
        changed += [f"recipe {entry.recipe}"] if entry.recipe else []
        part = ", ".join(where) + (f" ({', '.join(changed)})" if changed else "")
        found.setdefault(part, {}).setdefault(key, round(row.value * factor, 6))
    for row in published_megc2019():
        if row.method in card.megc2019_as:
            found[f"{row.method} ({row.source}), MEGC 2019, {row.part}"] = {"uf1": row.uf1, "uar": row.uar}
    return found


def _apart(pair: tuple[Published, PublishedAs]) -> tuple:
    """Figures of the preset ``paper`` and the card's own recipe come first, those of composite sets before others."""
    row, entry = pair
    return bool(entry.options), bool(entry.recipe), entry.preset != "paper", _width(row)


def _width(row: Published) -> int:
    """0 for a figure of a composite set, 1 for one of a part, 2 for counts."""
    return 2 if row.dataset == "n/a" else int(row.dataset not in _WHOLE)


def _misprints() -> list[dict]:
    return json.loads(_text("misprints.json"))


def _fitting(rules: Iterable[dict], row: dict, exact: tuple[str, ...]) -> list[dict]:
    """The rules that speak of the row; keys of ``exact`` hold one value, not a list."""
    found = []
    for rule in rules:
        wanted = rule["rows"]
        fits = all(row[key] in values for key, values in wanted.items() if key not in exact)
        if fits and ("paper_id" not in wanted or row["paper_id"] == wanted["paper_id"]):
            found.append(rule)
    return found


def _notes(rules: Iterable[dict]) -> tuple[tuple[str, str], ...]:
    return tuple((rule["id"], rule["note"]) for rule in rules)


def _text(name: str) -> str:
    return importlib.resources.files("mer_tf.systems").joinpath(name).read_text(encoding="utf-8")
