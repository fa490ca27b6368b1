"""Facts and training settings of the RCN family."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard

# The public code's defaults; its StepLR(10, 0.5) is created and never stepped, so the rate is constant.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "sgd",
    "momentum": 0.9,
    "learning_rate": 5e-4,
    "schedule": "constant",
    "batch_size": 64,
    "epochs": 100,
    "mirror": False,
}

RCN_CARD = ModelCard(
    name="rcn",
    seed="001",
    paper=(
        "Xia, Peng, Khor, Feng, Zhao: Revealing the Invisible with Model and Data Shrinking for Composite-database "
        "Micro-expression Recognition, IEEE Transactions on Image Processing 2020, 29"
    ),
    input="onset-apex flow and strain (u, v, strain), one map 28x28x3 in 0..1",
    recipe="onset_apex_28_minmax",
    # 28x28 maps leave 6x6 (wide 5x5), hence P = 5; 55,747 (wide 52,675) with the code's default P = 7.
    parameters=51_139,
    trainable_parameters=51_139,
    presets={
        "paper": PAPER,
        "step": {**PAPER, "schedule": "step", "step_epochs": 10, "step_factor": 0.5},  # as if it were stepped
        "readme": {**PAPER, "epochs": 20},  # the example of the code's description, with filters=32
        "focal": {**PAPER, "loss": "focal", "gamma": 2.0},  # what seed 001 says of the method
    },
    builder="mer_tf.systems.rcn.rcn:RCN",
    options={"variant": "base"},
)


def _variant(variant: str, parameters: int, published: dict) -> ModelCard:
    return dataclasses.replace(
        RCN_CARD,
        name=f"rcn_{variant}",
        parameters=parameters,
        trainable_parameters=parameters,
        published=published,
        options={"variant": variant},
    )


# Figures: seed 001, Table 3. For the base and for _s it has none.
CARDS = (
    RCN_CARD,
    _variant(
        "a",
        51_139,
        {
            "megc2019 full": {"uf1": 0.634, "uar": 0.635, "accuracy": 0.681},
            "megc2019 smic": {"uf1": 0.556, "uar": 0.558, "accuracy": 0.567},
            "megc2019 casme2": {"uf1": 0.806, "uar": 0.804, "accuracy": 0.834},
            "megc2019 samm": {"uf1": 0.502, "uar": 0.5, "accuracy": 0.654},
        },
    ),
    _variant(
        "s",
        51_139,
        {},
    ),
    _variant(
        "w",
        48_067,
        {
            "megc2019 full": {"uf1": 0.6, "uar": 0.59, "accuracy": 0.661},
            "megc2019 smic": {"uf1": 0.554, "uar": 0.552, "accuracy": 0.567},
            "megc2019 casme2": {"uf1": 0.706, "uar": 0.681, "accuracy": 0.758},
            "megc2019 samm": {"uf1": 0.489, "uar": 0.479, "accuracy": 0.669},
        },
    ),
    _variant(
        "c",
        48_067,
        {
            "megc2019 full": {"uf1": 0.616, "uar": 0.598, "accuracy": 0.681},
            "megc2019 smic": {"uf1": 0.558, "uar": 0.553, "accuracy": 0.573},
            "megc2019 casme2": {"uf1": 0.737, "uar": 0.708, "accuracy": 0.779},
            "megc2019 samm": {"uf1": 0.503, "uar": 0.479, "accuracy": 0.706},
        },
    ),
    _variant(
        "f",
        48_067,
        {
            "megc2019 full": {"uf1": 0.607, "uar": 0.595, "accuracy": 0.667},
            "megc2019 smic": {"uf1": 0.547, "uar": 0.545, "accuracy": 0.561},
            "megc2019 casme2": {"uf1": 0.727, "uar": 0.698, "accuracy": 0.772},
            "megc2019 samm": {"uf1": 0.499, "uar": 0.487, "accuracy": 0.684},
        },
    ),
)
