"""Runs beside each other in TensorBoard's tab HParams: the settings in which they differ, with their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2

from mer_tf.board.events import SCORES
from mer_tf.run_files import ENSEMBLE
from mer_tf.systems.card import flat
from mer_tf.systems.registry import MODELS

_NAMES = {"uf1": "UF1", "uar": "UAR", "accuracy": "accuracy"}
# What names a file or follows from the rest.
_LEFT_OUT = ("model", "model_code", "num_classes", "seed", "members")
_ALWAYS = ("system", "seed")


def settings_of(passport: Mapping) -> dict[str, object]:
    """The settings of a run as numbers, words and truth values, by the names that ``--set`` takes."""
    options = passport["config"].get("model_options", {})
    card = MODELS.get(passport["model"])
    # A hand-crafted feature has none of the settings of networks, though its passport lists their defaults.
    config = passport["config"] if card is None or card.is_network else {"model_options": options}
    kind = passport.get("kind", "runs")
    seeds = [passport["seeds"]["global"]]
    if kind == ENSEMBLE:
        seeds = sorted({member["seed"] for member in passport[ENSEMBLE]["members"]}, key=str)
    found = {"system": passport["model"], "seed": seeds[0] if len(seeds) == 1 else " ".join(map(str, seeds))}
    found |= {"score of": kind, "protocol": passport["protocol"], "clips": passport["clips"]}
    for name, value in flat(config):
        if name not in _LEFT_OUT and value != {}:
            found[name.removeprefix("model_options.")] = value
    return {name: _plain(value) for name, value in found.items() if value is not None and value != ""}


def compared(passports: Mapping[str, Mapping]) -> dict[str, list[Event]]:
    """What each run must have among its events to stand in the table.

    Args:
        passports: By name of the run, at least one.

    Returns:
        Events by name of the run.
    """
    settings = {name: settings_of(passport) for name, passport in passports.items()}
    names = dict.fromkeys(key for one in settings.values() for key in one)
    kept = [key for key in names if key in _ALWAYS or _varies(key, list(settings.values()))]
    numbers = {key: all(_is_number(one[key]) for one in settings.values() if key in one) for key in kept}
    columns = []
    for key in kept:
        values = [one[key] for one in settings.values() if key in one]
        typed = {float(value) if numbers[key] else _word(value) for value in values}
        columns.append(summary_v2.HParam(key, summary_v2.Discrete(sorted(typed))))
    metrics = [summary_v2.Metric(SCORES + key, display_name=name) for key, name in _NAMES.items()]
    head = summary_v2.hparams_config_pb(columns, metrics)
    found = {}
    for run, one in settings.items():
        values = {key: float(one[key]) if numbers[key] else _word(one[key]) for key in kept if key in one}
        end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS)
        data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
        last = Summary.Value(
            tag=metadata.SESSION_END_INFO_TAG,
            metadata=metadata.create_summary_metadata(data),
            tensor=metadata.NULL_TENSOR,
        )
        found[run] = [
            # The first run that has a head is asked for it; none is left out, whichever a person hides.
            Event(summary=head),
            Event(summary=summary_v2.hparams_pb(values, trial_id=run)),
            Event(summary=Summary(value=[last])),
        ]
    return found


def _varies(key: str, settings: Sequence[Mapping]) -> bool:
    """Whether runs that have a setting differ in it, or only some of the runs of one system have it."""
    if len({json.dumps(one[key]) for one in settings if key in one}) > 1:
        return True
    has: dict[object, set[bool]] = {}
    for one in settings:
        has.setdefault(one["system"], set()).add(key in one)
    return any(len(found) > 1 for found in has.values())


def _plain(value):
    return value if isinstance(value, bool | int | float | str) else json.dumps(value, sort_keys=True)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)
