"""Runs that belong together, what they are called, and their figures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mer_tf import metrics
from mer_tf.datasets.registry import CARDS
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.metrics.counts import confusion_of
from mer_tf.report.passports import Run
from mer_tf.systems.card import ModelCard, flat
from mer_tf.systems.registry import get_model_card, is_own
from mer_tf.training.config import TrainConfig
from mer_tf.types import Prediction
from mer_tf.zoo.docstrings import default_of

DRAWS = 2000
_NAMED_CHANGES = 3
# Settings that are the run's own, or are told of in other places.
_APART = ("model", "model_code", "preset", "seed", "num_classes", "shuffle_labels", "initial_weights")
DATASET_NAMES = {name: card.title for name, card in CARDS.items()}


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
    members.sort(key=lambda m: (m[0].passport["model"], m[0].passport["protocol"], short_name(m[0]), m[0].path))
    names = [short_name(m[0]) for m in members]
    experiments = []
    for k, (name, group) in enumerate(zip(names, members)):
        twin = names.count(name) > 1
        experiments.append(Experiment(f"{name} ({names[: k + 1].count(name)})" if twin else name, group))
    return experiments, dropped


def short_name(run: Run) -> str:
    """Model, preset and what was changed of it, protocol, data; of an ensemble what it is made of."""
    if run.members is not None:
        return f"{run.passport['ensemble']['name']}, {run.passport['protocol']}, {data_name(run)}"
    preset = run.passport["config"].get("preset")
    changes = changes_of(run) or []
    told = ", ".join(changes[:_NAMED_CHANGES])
    if len(changes) > _NAMED_CHANGES:
        told += f" and {len(changes) - _NAMED_CHANGES} more"
    name = run.passport["model"] + (f" ({preset}{' with ' if told else ''}{told})" if preset else "")
    if run.shuffled:
        name += " with shuffled labels"
    return f"{name}, {run.passport['protocol']}, {data_name(run)}"


def data_name(run: Run) -> str:
    """The datasets of a run, in words."""
    name = " + ".join(DATASET_NAMES.get(dataset, dataset) for dataset in run.datasets)
    return f"synthetic clips in the layout of {name}" if run.synthetic else name


# ---- settings ---------------------------------------------------------------------------------------------------


def card_of(run: Run) -> ModelCard | None:
    """The card of the run's model; None where this version has no such model, or it is of a user's own, whose code a
    report does not run."""
    if is_own(run.passport["model"]):
        return None
    try:
        return get_model_card(run.passport["model"])
    except UnknownNameError:
        return None


def resolved(run: Run) -> dict:
    """Every setting of the run by its flat name; what the passport does not name has the default."""
    defaults = {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(TrainConfig)
        if field.name != "model"
    }
    return dict(flat({**defaults, **run.passport["config"]}))


def changes_of(run: Run) -> list[str] | None:
    """What was changed of the run's preset, as ``"epochs 5"``; None where the preset is not known."""
    card, preset = card_of(run), run.passport["config"].get("preset")
    if card is None or preset not in card.presets:
        return None
    return [f"{name} {text(own)}" for name, own, _ in differences(run, card, preset, {})]


def differences(run: Run, card: ModelCard, preset: str, options: dict) -> Iterator[tuple[str, object, object]]:
    """Settings in which the run differs from a preset with some constructor options.

    Args:
        run: The run.
        card: Card of its model.
        preset: Name of one of its presets.
        options: Constructor options beside the preset's.

    Yields:
        Flat name, the run's value, the preset's value; None for a value that is not set.
    """
    base = TrainConfig.from_preset(card.name, preset).to_json()
    base["model_options"] = {**base["model_options"], **options}
    own, wanted = resolved(run), dict(flat(base))
    for name in [*wanted, *(name for name in own if name not in wanted)]:
        if name.partition(".")[0] in _APART:
            continue
        label = name.removeprefix("model_options.").removeprefix("feature.")
        default = default_of(card.builder, label) if name.startswith("model_options.") and card.is_network else None
        pair = [settings.get(name, default) for settings in (own, wanted)]
        if any(value not in (None, {}) for value in pair) and _plain(pair[0]) != _plain(pair[1]):
            yield label, *(None if value == {} else value for value in pair)


def text(value) -> str:
    """A setting's value as a reader knows it from the command line."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _plain(value):
    return None if value == {} else json.loads(json.dumps(value, default=str))


# ---- figures ----------------------------------------------------------------------------------------------------


def scores(predictions: Sequence[Prediction], n: int) -> dict[str, float | None]:
    """Every named score of one part of one run; None where a class has no clip."""
    cm = confusion_of(predictions, n)
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


def mean(values: Sequence[float | None], decimals: int = 3, scale: float = 1.0) -> str | None:
    """``0.700``, or ``0.700 ± 0.012`` over several seeds (ddof 1); None where one is undefined."""
    if any(value is None for value in values):
        return None
    scaled = [value * scale for value in values]
    text = f"{np.mean(scaled):.{decimals}f}"
    return text if len(scaled) == 1 else f"{text} ± {metrics.spread(scaled, ddof=1):.{decimals}f}"


def bootstrap(run: Run) -> dict:
    """Bootstrap intervals over subjects, by metric."""
    return metrics.bootstrap_interval(run.predictions, len(run.classes), draws=DRAWS)


def interval(experiment: Experiment, metric: str) -> tuple[float, float]:
    """Widest interval over the seeds."""
    found = [bootstrap(run)[metric] for run in experiment.runs]
    return min(low for low, _ in found), max(high for _, high in found)
