"""Facts and training settings of Dual-Inception."""

from __future__ import annotations

from mer_tf.systems.card import BETAS, ModelCard, PublishedAs

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
    paper_id="001",
    paper="Zhou, Mao, Xue: Dual-Inception Network for Cross-Database Micro-Expression Recognition, FG 2019",
    input="onset-apex flow, u and v as pictures of three equal channels, two maps 28x28x3 in 0..1",
    recipe="onset_apex_28_uv3",
    presets={"paper": PAPER, "reimplementation": REIMPLEMENTED},
    sources={
        "paper": {"": "code, the authors' dual_inception.py", **BETAS},
        "reimplementation": {"": "code, that of Off-TANet", **BETAS},
    },
    published_as=(PublishedAs("001", "Dual-Inception"),),
    megc2019_as=("Dual-Inception",),
    small={"hidden": 32, "filters": [2, 4]},
    builder="mer_tf.systems.dual_inception.dual_inception:DualInception",
)

CARDS = (DUAL_INCEPTION_CARD,)
