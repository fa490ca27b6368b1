"""The lines of a sweep's table: what was run, and its scores over seeds and subjects."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Mapping, Sequence

from mer_tf.files import read_json
from mer_tf.metrics.comparison import over_seeds
from mer_tf.metrics.predictions import read_predictions
from mer_tf.run_files import PASSPORT_FILE, PREDICTIONS_FILE

METRICS = ("uf1", "uar", "accuracy")


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """One line of a sweep's table.

    Attributes:
        model: The system, or the systems of an ensemble.
        preset: Preset; of an ensemble of several what all share, or ``""``.
        point: As ``Job``.
        kind: ``"runs"`` (one for each seed), ``"ensemble"`` (all seeds as one) or ``"nested"`` (settings picked inside
            each fold; one run for each seed).
        seeds: Seeds.
        folder: Folder of the runs or of the ensemble, from that of the sweep.
        scores: What ``over_seeds`` returns; None where a run failed.
        clips: Number of clips.
        subjects: Number of subjects.
        failed: What went wrong, or ``""``.
    """

    model: str
    preset: str
    point: Mapping[str, str]
    kind: str
    seeds: tuple[int, ...]
    folder: str
    scores: dict | None
    clips: int
    subjects: int
    failed: str = ""

    def to_json(self) -> dict:
        """Plain dictionary."""
        scores = {name: self.scores[name] for name in METRICS} if self.scores else None
        return {**dataclasses.asdict(self), "point": dict(self.point), "seeds": list(self.seeds), "scores": scores}


def scored(out_dir: str, places: Sequence[str], row: Row) -> Row:
    """The row with the scores of the runs in these folders, from that of the sweep."""
    passport = read_json(os.path.join(out_dir, places[0], PASSPORT_FILE))
    n = len(passport["classes"])
    runs = [read_predictions(os.path.join(out_dir, place, PREDICTIONS_FILE), n) for place in places]
    return dataclasses.replace(row, scores=over_seeds(runs, n))


def varying(rows: Sequence[Row]) -> list[str]:
    """Swept settings of which the rows have more than one value, in order."""
    names = dict.fromkeys(name for row in rows for name in row.point)
    return [name for name in names if len({row.point[name] for row in rows if name in row.point}) > 1]


def seeds_text(seeds: Sequence[int]) -> str:
    """``seed 0``, ``seeds 0-4`` or ``seeds 0, 3``."""
    ordered = sorted(seeds)
    if len(ordered) == 1:
        return f"seed {ordered[0]}"
    if ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"seeds {ordered[0]}-{ordered[-1]}"
    return f"seeds {', '.join(map(str, ordered))}"


def to_csv(rows: Sequence[Row]) -> str:
    """All figures of the rows, one line each."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row.point) if name != "preset"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    figures = [f"{metric}_{part}" for metric in METRICS for part in ("mean", "sd", "low", "high")]
    writer.writerow(["model", "preset", *names, "kind", "seeds", *figures, "clips", "subjects", "folder", "failed"])
    for row in rows:
        cells: list = []
        for metric in METRICS:
            one = row.scores[metric] if row.scores else {"mean": None, "sd": None, "interval": (None, None)}
            cells += [one["mean"], one["sd"], *one["interval"]]
        point = [row.point.get(name, "") for name in names]
        values = ["" if cell is None else repr(cell) for cell in cells]
        seeds = " ".join(map(str, row.seeds))
        writer.writerow(
            [
                row.model,
                row.preset or row.point.get("preset", ""),
                *point,
                row.kind,
                seeds,
                *values,
                row.clips,
                row.subjects,
                row.folder,
                row.failed,
            ]
        )
    return out.getvalue()
