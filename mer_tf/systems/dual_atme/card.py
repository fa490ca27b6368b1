"""Facts and training settings of Dual-ATME."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard

# Section 4.2. Where text and code differ the text is taken: betas (0.5, 0.999), cosine schedule, mirroring.
PAPER = {
    "loss": "focal",
    "gamma": 2.0,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "beta_1": 0.5,
    "beta_2": 0.999,
    "schedule": "cosine",
    "batch_size": 128,
    "epochs": 60,
    "mirror": True,
}

DUAL_ATME_CARD = ModelCard(
    name="dual_atme",
    seed="001",
    paper=(
        "Zhou, Huang, Li, Wang: Dual-ATME: Dual-Branch Attention Network for Micro-Expression Recognition, "
        "Entropy 2023, 25(3) 460"
    ),
    input="whole-face and HARS puzzle flow (u, v, strain), two maps 28x28x3 in -1..1",
    recipe="onset_apex_28_hars",
    parameters=4_833_193,
    trainable_parameters=4_833_193,
    presets={
        "paper": PAPER,
        # Table 6, the rows with other losses.
        "cross_entropy": {**PAPER, "loss": "cross_entropy"},
        "weighted_cross_entropy": {**PAPER, "loss": "cross_entropy", "class_weights": "published"},
        # What the authors' code does: its schedule is created and never stepped, mirroring is commented out.
        "code": {**PAPER, "beta_1": 0.9, "schedule": "constant", "mirror": False},
        # The published settings are quick enough for the demo's clips.
        "demo": PAPER,
    },
    builder="mer_tf.systems.dual_atme.dual_atme:DualATME",
    published={
        "megc2019 full": {"uf1": 0.679, "uar": 0.680},
        "megc2019 smic": {"uf1": 0.646, "uar": 0.658},
        "megc2019 casme2": {"uf1": 0.765, "uar": 0.751},
        "megc2019 samm": {"uf1": 0.562, "uar": 0.538},
    },
)

# The ablations of Table 1. Its tick marks are lost: which row is which was decoded from the text.
DUAL_ATME_AARS_CARD = dataclasses.replace(
    DUAL_ATME_CARD,
    name="dual_atme_aars",
    input="whole-face flow (u, v, strain), one map 28x28x3 in -1..1",
    recipe="onset_apex_28",
    parameters=2_419_849,
    trainable_parameters=2_419_849,
    published={
        "megc2019 full": {"uf1": 0.632, "uar": 0.633},
        "megc2019 smic": {"uf1": 0.535, "uar": 0.533},
        "megc2019 casme2": {"uf1": 0.796, "uar": 0.768},
        "megc2019 samm": {"uf1": 0.516, "uar": 0.503},
    },
    options={"branches": "face", "name": "dual_atme_aars"},
)
DUAL_ATME_HARS_CARD = dataclasses.replace(
    DUAL_ATME_CARD,
    name="dual_atme_hars",
    input="HARS puzzle flow (u, v, strain), one map 28x28x3 in -1..1",
    recipe="onset_apex_28_puzzle",
    parameters=2_419_491,
    trainable_parameters=2_419_491,
    published={
        "megc2019 full": {"uf1": 0.648, "uar": 0.645},
        "megc2019 smic": {"uf1": 0.563, "uar": 0.565},
        "megc2019 casme2": {"uf1": 0.785, "uar": 0.776},
        "megc2019 samm": {"uf1": 0.576, "uar": 0.572},
    },
    options={"branches": "puzzle", "name": "dual_atme_hars"},
)

DUAL_ATME_ATTENTION_BOTH_CARD = dataclasses.replace(
    DUAL_ATME_CARD,
    name="dual_atme_attention_both",
    published={
        "megc2019 full": {"uf1": 0.662, "uar": 0.662},
        "megc2019 smic": {"uf1": 0.614, "uar": 0.619},
        "megc2019 casme2": {"uf1": 0.784, "uar": 0.777},
        "megc2019 samm": {"uf1": 0.527, "uar": 0.515},
    },
    # One block for both branches, as the code has it beside a remark on the lower result; "both" gives each its own.
    options={"attention": "shared", "name": "dual_atme_attention_both"},
)

CARDS = (DUAL_ATME_CARD, DUAL_ATME_AARS_CARD, DUAL_ATME_HARS_CARD, DUAL_ATME_ATTENTION_BOTH_CARD)
