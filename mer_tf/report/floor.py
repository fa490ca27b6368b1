"""Which experiments are shown to beat the floor: a system that does not has learned nothing from the clips."""

from __future__ import annotations

from collections.abc import Sequence

from mer_tf.document import Table, Text
from mer_tf.errors import EmptySplitError
from mer_tf.metrics.comparison import over_seeds
from mer_tf.report.experiments import DRAWS, Experiment
from mer_tf.systems.registry import get_model_card

FLOORS = ("linear_flow", "majority")  # the first of them that is among the runs


def floor_of(experiment: Experiment, experiments: Sequence[Experiment]) -> Experiment | None:
    """The floor among the experiments that was run on the same clips, labels and protocol; None where there is none."""
    for name in FLOORS:
        for other in experiments:
            if other.first.passport["model"] == name and not other.first.shuffled and _same(experiment, other):
                return other
    return None


def verdict(experiment: Experiment, experiments: Sequence[Experiment]) -> tuple[str, str | None, str | None]:
    """Whether an experiment is shown to beat its floor, how far above it is in UF1, and the interval; of one without a
    floor the words are empty."""
    floor = floor_of(experiment, experiments)
    if floor is None:
        return "", None, None
    name = floor.first.passport["model"]
    if floor is experiment:
        return "the floor", None, None
    n = len(experiment.first.classes)
    runs, below = ([run.predictions for run in one.runs] for one in (experiment, floor))
    try:
        found = over_seeds(runs, n, against=below, draws=DRAWS)["uf1"]
    except EmptySplitError:
        return "not known: a class has too few subjects", None, None
    low, high = found["interval"]
    words = "beats" if low > 0 else "is below" if high < 0 else "is not shown to beat"
    return f"{words} {name}", f"{found['mean']:+.3f}", f"{low:+.3f} to {high:+.3f}"


def against_floor(experiments: Sequence[Experiment]) -> list:
    """A table of the experiments that have a floor, and how to make one for those that have none."""
    rows = [[experiment.name, *verdict(experiment, experiments)] for experiment in experiments]
    rows = [[name, difference, interval, words] for name, words, difference, interval in rows if words]
    caption = (
        "Difference in UF1 to the floor on the same clips, mean over seeds, with the 95 % interval of a paired "
        f"bootstrap over subjects ({DRAWS} draws). Where that includes zero, the system is not shown to beat the floor."
    )
    header = ("experiment", "UF1 above the floor", "95 % interval", "")
    missing = remark(experiments)
    return [*([Table(header, rows, "lrrl", caption)] if rows else []), *([missing] if missing else [])]


def remark(experiments: Sequence[Experiment]) -> Text | None:
    """How to make a floor, where an experiment has none."""
    lacking = [one for one in experiments if floor_of(one, experiments) is None]
    if not lacking:
        return None
    name = FLOORS[0]
    commands = {}
    for one in lacking:
        given = "--data PREPARED"
        if one.first.pictures is not None:
            kind = "--flow-arrays" if "arrays" in one.first.made_elsewhere else "--flow-images"
            given = f"{kind} DIR --labels CSV"
        protocol = one.first.passport["protocol"]
        commands[f"'mer loso --model {name} {given} --protocol {protocol} --out FOLDER'"] = None
    which = "These runs have" if len(lacking) == len(experiments) else f"{'; '.join(one.name for one in lacking)}: has"
    return Text(
        f"{which} no floor: a system that does not beat one on the same clips has learned nothing from them. "
        f"{' and '.join(commands)} makes it in seconds (recipe {get_model_card(name).recipe}, or another with the same "
        "inputs); give its folder to the report too.",
        "note",
    )


def _same(one: Experiment, other: Experiment) -> bool:
    if one is other:
        return True
    if one.first.passport["protocol"] != other.first.passport["protocol"] or one.first.classes != other.first.classes:
        return False
    return _clips(one.first) == _clips(other.first)


def _clips(run) -> frozenset:
    return frozenset((p.dataset, p.subject, p.clip, p.label) for p in run.predictions)
