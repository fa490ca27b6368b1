"""Facts and training settings of the RCN family."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard, PublishedAs

# The public code's defaults; its StepLR(10, 0.5) is created and never stepped, so the rate is constant.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "sgd",
    "momentum": 0.9,
    "momentum_rate": "current",  # PyTorch
    "learning_rate": 5e-4,
    "schedule": "constant",
    "batch_size": 64,
    "epochs": 100,
    "mirror": False,
}

_SOURCES = {"": "code, the authors' defaults", "schedule": "code, the authors': their scheduler is never stepped"}

RCN_CARD = ModelCard(
    name="rcn",
    paper_id="001",
    paper=(
        "Xia, Peng, Khor, Feng, Zhao: Revealing the Invisible with Model and Data Shrinking for Composite-database "
        "Micro-expression Recognition, IEEE Transactions on Image Processing 2020, 29"
    ),
    input="onset-apex flow and strain (u, v, strain), one map 28x28x3 in 0..1",
    recipe="onset_apex_28_minmax",
    # 28x28 maps leave 6x6 (wide 5x5), hence P = 5; 55,747 (wide 52,675) with the code's default P = 7.
    presets={
        "paper": PAPER,
        "step": {**PAPER, "schedule": "step", "step_epochs": 10, "step_factor": 0.5},  # as if it were stepped
        "readme": {**PAPER, "epochs": 20},  # the example of the code's description, with filters=32
        "focal": {**PAPER, "loss": "focal", "gamma": 2.0},  # what the Dual-ATME paper says of the method
    },
    sources={
        "paper": _SOURCES,
        "step": {**_SOURCES, "schedule": "code, the authors' scheduler as if it were stepped"},
        "readme": {**_SOURCES, "epochs": "code, the example of its description"},
        "focal": {**_SOURCES, "loss": "paper, what the Dual-ATME paper says of the method", "gamma": "assumed"},
    },
    small={"filters": 8, "pool": 5},
    builder="mer_tf.systems.rcn.rcn:RCN",
    options={"variant": "base"},
)


def _variant(variant: str, **names) -> ModelCard:
    return dataclasses.replace(RCN_CARD, name=f"rcn_{variant}", options={"variant": variant}, **names)


# The Dual-ATME paper has no figures of the base and of _s.
CARDS = (
    RCN_CARD,
    _variant("a", published_as=(PublishedAs("001", "RCN_a"),), megc2019_as=("RCN",)),
    _variant("s"),
    *(_variant(variant, published_as=(PublishedAs("001", f"RCN_{variant}"),)) for variant in "wcf"),
)
