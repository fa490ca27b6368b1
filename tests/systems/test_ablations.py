"""Registered names that are a tested class with other options: they learn too, each by itself."""

from __future__ import annotations

import pytest
from model_case import ModelFacts
from test_astnet import SMALL

from mer_tf.systems.registry import MODELS

ASTNET = {"small_options": SMALL, "small_inputs": {"flow": (3, 32, 32, 3)}, "overfit_rate": 5e-3}
SIDE = 32


def streams(*names):
    return {
        "small_options": {"size": SIDE},
        "small_inputs": dict.fromkeys(names, (SIDE, SIDE, 1)),
        "overfit_rate": 3e-3,
    }


ABLATIONS = {
    **{name: ASTNET for name in MODELS if name.startswith("astnet_")},
    **{f"atscnn_{name}": streams("u", "v", "strain") for name in ("channel", "no_attention", "relu", "spatial")},
    "atscnn_no_strain": streams("u", "v"),
    "atscnn_gray": streams("onset", "apex"),
}


@pytest.mark.trains
@pytest.mark.slow
@pytest.mark.parametrize("name", ABLATIONS)
def test_each_learns_twelve_samples_by_heart(name, training_seed, within):
    case = type("Case", (ModelFacts,), {"name": name, **ABLATIONS[name]})()
    losses, accuracy = case.learn_by_heart(training_seed)
    within(f"{name}: steps", len(losses), high=case.overfit_steps)
    assert accuracy == 1.0, f"after {len(losses)} steps"
