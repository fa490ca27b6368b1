"""The published figures, as package data, and what is known to be wrong with them.

``published_results.csv`` holds figures read from the tables of the five seed papers, ``published_megc2019.csv``
figures of other papers on the 442 clips of MEGC 2019, ``misprints.json`` what is known of single rows of either.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib.resources
import json

PAPERS = {
    "000": "Chen et al. 2020, Information 11(8) 380",
    "001": "Zhou et al. 2023, Entropy 25(3) 460",
    "002": "Wang et al., Micro-Attention for Micro-Expression Recognition",
    "003": "Ren et al. 2024, Applied Sciences 14, 7755",
    "004": "Zhao et al. 2024, J. Image and Graphics 29(1) 111",
}

SHORT = {"000": "CBAMNet", "001": "Dual-ATME", "002": "Micro-Attention", "003": "ASTNet", "004": "ATSCNN"}

# Registry name -> the names the papers' tables use for that system itself (ablations have other names).
SYSTEMS = {
    "astnet": ("ASTNet",),
    "atscnn": ("ATSCNN",),
    "basic_network": ("BasicNetwork",),
    "bi_woof": ("Bi-WOOF",),
    "bi_woof_phase": ("Bi-WOOF + Phase",),
    "cbamnet": ("CBAMNet",),
    "complex_attention": ("Residual network with complex attention [29]",),
    "dssn": ("DSSN",),
    "dual_atme": ("Dual-ATME (HARS + AARS)",),
    "dual_atme_aars": ("AARS only (decoded)",),
    "dual_atme_hars": ("HARS only (decoded)",),
    "dual_inception": ("Dual-Inception",),
    "elrcn_se": ("ELRCN",),
    "fdm": ("FDM",),
    "geme": ("GEME",),
    "hog3d": ("3D-HOG",),
    "hoof": ("HOOF",),
    "kfc_mer": ("KFC-MER",),
    "lbp_top": ("LBP-TOP",),
    "macnn": ("MACNN",),
    "micro_attention": ("Residual network with micro-attention", "Micro-Attention"),
    "microexpstcnn": ("MicroExpSTCNN",),
    "mini_aorcnn": ("mini-AORCNN",),
    "mmnet": ("MMNet",),
    "off_apexnet": ("OFF-ApexNet",),
    "off_tanet": ("Off-TANet",),
    "rcn_a": ("RCN_a",),
    "rcn_c": ("RCN_c",),
    "rcn_f": ("RCN_f",),
    "rcn_w": ("RCN_w",),
    "residual_network": ("Residual network [17]",),
    "resnet18": ("ResNet18",),
    "resnet3d_18": ("ResNet3D-18",),
    "sparse_mdmo": ("Sparse MDMO",),
    "ststnet": ("STSTNet",),
}
MEGC2019_METHODS = {
    "bi_woof": ("Bi-WOOF",),
    "dual_inception": ("Dual-Inception",),
    "lbp_top": ("LBP-TOP baseline",),
    "off_apexnet": ("OFF-ApexNet",),
    "rcn_a": ("RCN",),
    "ststnet": ("STSTNet as printed", "STSTNet recomputed", "STSTNet Python port"),
}

# Data columns of the tables that are all clips of a run.
_WHOLE = ("MEGC2019-CD", "SAMM + CASME II", "CASME + CASME II + SAMM")


@dataclasses.dataclass(frozen=True)
class Setting:
    """A protocol as a paper's table uses it.

    Attributes:
        protocols: Registry names of the protocol.
        datasets: Datasets of the run; empty: the one of the row.
        average: ``"pooled"``, ``"fold_mean"`` or ``"class_mean"``: what the paper prints.
        clips: Data column -> number of clips published; a run with another number is not comparable.
    """

    protocols: tuple[str, ...]
    datasets: tuple[str, ...]
    average: str
    clips: dict


SETTINGS = {
    "MEGC2019 CDE, LOSO over 68 subjects, predictions pooled then split by database": Setting(
        ("megc2019", "loso"),
        ("smic_hs", "casme2", "samm"),
        "pooled",
        {"MEGC2019-CD": 442, "SMIC-HS": 164, "CASME II": 145, "SAMM": 133},
    ),
    # 247 clips by that paper; 147 of three classes by its rule on the sheet, 145 by its own set.
    "10-fold, folds cut by subject-ordered sample number, after augmentation": Setting(
        ("tenfold_numbering",), (), "class_mean", {"CASME II": (145, 147), "SMIC-HS": 164}
    ),
    "LOSO single database, mean of per-subject scores": Setting(
        ("loso",), (), "fold_mean", {"CASME II": 246, "SMIC": 164}
    ),
    "LOSO single database": Setting(("loso",), (), "pooled", {"CASME II": 185, "SMIC": 164, "SAMM": 68}),
    "CDE (LOSO on the pooled databases)": Setting(
        ("cde2018", "loso"), ("casme2", "samm"), "pooled", {"SAMM + CASME II": 253}
    ),
    "HDE hold-out database": Setting(
        ("hde2018",),
        ("casme2", "samm"),
        "pooled",
        {"SAMM (test), CASME II (train)": 68, "CASME II (test), SAMM (train)": 185},
    ),
    "LOSO over 67 subjects on the combined set": Setting(
        ("loso",), ("casme", "casme2", "samm"), "pooled", {"CASME + CASME II + SAMM": 382}
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
        seed: Number of the seed paper.
        table: Table or section.
        misprints: What is known to be wrong or to mislead, each with its id.
    """

    system: str
    dataset: str
    protocol: str
    classes: str
    metric: str
    value: float
    seed: str
    table: str
    misprints: tuple[tuple[str, str], ...] = ()


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
    """Every figure of the seed papers' tables, in the order of the file."""
    rules = [rule for rule in _misprints() if "seed" in rule["rows"]]
    rows = []
    for row in csv.DictReader(_text("published_results.csv").splitlines()):
        row["seed"] = row["seed"][:3]
        # A remark may follow the figure, as where a scan lost its exponent.
        value = float(row["value"].split()[0])
        notes = _notes(rules, row, ("seed",))
        rows.append(Published(**{**row, "value": value}, misprints=notes))
    return tuple(rows)


@functools.cache
def published_megc2019() -> tuple[PublishedMegc, ...]:
    """Figures of further papers on MEGC2019-CD, in the order of the file; a metric's misprint is told by its id."""
    rules = [rule for rule in _misprints() if rule["rows"].get("file") == "megc2019"]
    rows = []
    for row in csv.DictReader(_text("published_megc2019.csv").splitlines()):
        notes = _notes(rules, row, ("file", "metric"))
        rows.append(PublishedMegc(**{**row, "uf1": float(row["uf1"]), "uar": float(row["uar"])}, misprints=notes))
    return tuple(rows)


def _misprints() -> list[dict]:
    return json.loads(_text("misprints.json"))


def _notes(rules, row, exact: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Ids and notes of the rules that speak of the row; keys of ``exact`` hold one value, not a list."""
    found = []
    for rule in rules:
        wanted = rule["rows"]
        fits = all(row[key] in values for key, values in wanted.items() if key not in exact)
        if fits and ("seed" not in wanted or row["seed"] == wanted["seed"]):
            found.append((rule["id"], rule["note"]))
    return tuple(found)


def _text(name: str) -> str:
    return importlib.resources.files("mer_tf.systems").joinpath(name).read_text(encoding="utf-8")
