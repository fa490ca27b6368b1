"""Facts and training settings of Dual-Inception."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

# The authors' code: dual_inception.py. Their parameters.py (rate 5e-5, batch 100, 100 epochs) is used by nothing.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "adam",
    "learning_rate": 1e-4,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "schedule": "constant",
    "batch_size": 3,
    "epochs": 40,
    "mirror": False,
}
# The re-implementation published with Off-TANet.
REIMPLEMENTED = {**PAPER, "learning_rate": 1e-3, "batch_size": 64, "epochs": 500}

DUAL_INCEPTION_CARD = ModelCard(
    name="dual_inception",
    seed="001",
    paper="Zhou, Mao, Xue: Dual-Inception Network for Cross-Database Micro-Expression Recognition, FG 2019",
    input="onset-apex flow, u and v as pictures of three equal channels, two maps 28x28x3 in 0..1",
    recipe="onset_apex_28_uv3",
    parameters=6_449_963,
    trainable_parameters=6_449_963,
    presets={"paper": PAPER, "reimplementation": REIMPLEMENTED},
    builder="mer_tf.systems.dual_inception.dual_inception:DualInception",
    # Seed 001, Table 3.
    published={
        "megc2019 full": {"uf1": 0.629, "uar": 0.631, "accuracy": 0.68},
        "megc2019 smic": {"uf1": 0.571, "uar": 0.571, "accuracy": 0.575},
        "megc2019 casme2": {"uf1": 0.774, "uar": 0.754, "accuracy": 0.814},
        "megc2019 samm": {"uf1": 0.496, "uar": 0.493, "accuracy": 0.649},
    },
)

CARDS = (DUAL_INCEPTION_CARD,)
