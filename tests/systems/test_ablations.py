"""Registered names that are a tested class with other options: they learn too, each by itself."""

from __future__ import annotations

import pytest
from model_case import ModelFacts

from mer_tf.systems.registry import MODELS

# Name -> Adam's rate.
ABLATIONS = {
    **{name: 5e-3 for name in MODELS if name.startswith("astnet_")},
    **{name: 3e-3 for name in MODELS if name.startswith("atscnn_")},
}


@pytest.mark.trains
@pytest.mark.slow
@pytest.mark.parametrize("name", ABLATIONS)
def test_each_learns_twelve_samples_by_heart(name, training_seed, within):
    case = type("Case", (ModelFacts,), {"name": name, "overfit_rate": ABLATIONS[name]})()
    losses, accuracy = case.learn_by_heart(training_seed)
    within(f"{name}: steps", len(losses), high=case.overfit_steps)
    assert accuracy == 1.0, f"after {len(losses)} steps"
