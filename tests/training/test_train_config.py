from __future__ import annotations

import dataclasses
import json

import pytest

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.protocols import PROTOCOLS, get_protocol
from mer_tf.systems.registry import MODELS
from mer_tf.training import TrainConfig


def test_every_model_has_its_published_settings():
    own = [name for name, card in MODELS.items() if card.confidence == "own"]
    assert [name for name, card in MODELS.items() if "paper" not in card.presets] == own
    assert own == ["linear_flow", "majority", "mer_ensemble"]
    assert {"atscnn", "dual_atme"} <= {name for name, card in MODELS.items() if "demo" in card.presets}


@pytest.mark.parametrize(("model", "preset"), [(name, preset) for name in MODELS for preset in MODELS[name].presets])
def test_presets_are_valid_and_round_trip(model, preset):
    config = TrainConfig.from_preset(model, preset)
    assert config.model == model and config.preset == preset
    text = json.dumps(config.to_json())
    assert TrainConfig.from_json(text) == config == TrainConfig.from_json(json.loads(text))


def test_published_settings():
    dual = TrainConfig.from_preset("dual_atme", "paper")
    assert (dual.loss, dual.gamma, dual.learning_rate, dual.beta_1, dual.beta_2) == ("focal", 2.0, 1e-3, 0.5, 0.999)
    assert (dual.schedule, dual.batch_size, dual.epochs, dual.mirror) == ("cosine", 128, 60, True)
    at = TrainConfig.from_preset("atscnn", "paper")
    assert (at.loss, at.learning_rate, at.batch_size, at.epochs) == ("cross_entropy", 1e-4, 64, 200)
    assert (at.schedule, at.mirror) == ("constant", False)


def test_overrides_and_unknown_names():
    assert TrainConfig.from_preset("atscnn", epochs=3, seed=9).epochs == 3
    with pytest.raises(UnknownNameError, match="unknown train key 'epoch'. Did you mean 'epochs'"):
        TrainConfig.from_preset("atscnn", epoch=3)
    with pytest.raises(UnknownNameError, match="preset of model 'atscnn' 'papers'"):
        TrainConfig.from_preset("atscnn", "papers")
    with pytest.raises(UnknownNameError, match="unknown model"):
        TrainConfig("resnet")
    with pytest.raises(UnknownNameError, match="train.loss 'hinge'"):
        TrainConfig("atscnn", loss="hinge")


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 0},
        {"epochs": 2.5},
        {"epochs": "3"},
        {"epochs": True},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"beta_1": 1.0},
        {"seed": -1},
        {"seed": 2**31},
        {"num_classes": 1},
        {"gamma": -1},
        {"mirror": 1},
        {"model_options": []},
        {"model_options": {"seed": 1}},
        {"model_options": {"x": object()}},
        {"class_weights": "published", "num_classes": 5},
        {"step_factor": 0.0},
        {"step_epochs": 0},
    ],
)
def test_bad_values_name_the_key(settings):
    with pytest.raises(ConfigError, match=r"train\." + next(iter(settings))):
        TrainConfig("atscnn", **settings)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"epochs": 3}'])
def test_bad_json(text):
    with pytest.raises(ConfigError):
        TrainConfig.from_json(text)


def test_schedules():
    base = TrainConfig("atscnn", learning_rate=1.0, epochs=20)
    assert {base.learning_rate_at(epoch) for epoch in range(20)} == {1.0}
    cosine = dataclasses.replace(base, schedule="cosine")
    rates = [cosine.learning_rate_at(epoch) for epoch in range(21)]
    assert rates[0] == 1 and rates[10] == pytest.approx(0.5) and rates[20] == pytest.approx(0)
    assert rates == sorted(rates, reverse=True)
    step = dataclasses.replace(base, schedule="step", step_epochs=10, step_factor=0.5)
    assert [step.learning_rate_at(epoch) for epoch in (0, 9, 10, 19)] == [1, 1, 0.5, 0.5]


def test_options_go_over_those_of_the_preset():
    from mer_tf.commands.options import preset_options

    own = MODELS["hoof"].presets["primary"]["model_options"]
    assert preset_options("hoof", "primary", []) == own
    merged = preset_options("hoof", "primary", ['feature={"bins": 12}', "more=1"])
    assert merged["feature"] == {**own["feature"], "bins": 12} and merged["more"] == 1
    assert own == MODELS["hoof"].presets["primary"]["model_options"]  # the card is not changed


def test_a_preset_of_another_protocol_is_told():
    def notes(model, preset, protocol):
        return TrainConfig.from_preset(model, preset).protocol_notes(get_protocol(protocol))

    (note,) = notes("micro_attention", "paper", "hde2018")
    assert note == (
        "settings: those published for micro_attention under hde2018 are preset 'hde'; this run uses preset 'paper'"
    )
    assert "preset 'cde'" in notes("micro_attention", "hde", "cde2018")[0]
    assert notes("micro_attention", "cde", "cde2018") == notes("micro_attention", "paper", "loso") == ()
    assert notes("atscnn", "paper", "hde2018") == ()  # has no preset of that name
    bare = TrainConfig("micro_attention").protocol_notes(get_protocol("hde2018"))
    assert bare[0].endswith("this run uses settings of no preset")


def test_presets_of_protocols_exist():
    presets = {preset for card in MODELS.values() for preset in card.presets}
    assert {protocol.preset for protocol in PROTOCOLS.values()} <= presets | {""}
