"""Facts and training settings of STSTNet."""

from __future__ import annotations

from mer_tf.systems.card import BETAS, NOT_STATED, ModelCard, PublishedAs

# Section III; the authors' Matlab code agrees.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "adam",
    "learning_rate": 5e-5,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "schedule": "constant",
    "batch_size": 256,
    "epochs": 500,
    "mirror": False,
}

STSTNET_CARD = ModelCard(
    name="ststnet",
    paper_id="001",
    paper=(
        "Liong, Gan, See, Khor, Huang: Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression "
        "Recognition, FG 2019"
    ),
    input="onset-apex flow and strain (u, v, strain), one map 28x28x3 in 0..1",
    recipe="onset_apex_28_minmax",
    # The authors' PyTorch code trains longer.
    presets={"paper": PAPER, "code": {**PAPER, "epochs": 800}},
    sources={
        "paper": {**BETAS, **NOT_STATED, "": "paper, section III; the authors' Matlab code agrees"},
        "code": {**BETAS, **NOT_STATED, "": "code, the authors' in PyTorch"},
    },
    published_as=(PublishedAs("001", "STSTNet"),),
    megc2019_as=("STSTNet as printed", "STSTNet recomputed", "STSTNet Python port"),
    builder="mer_tf.systems.ststnet.ststnet:STSTNet",
)

CARDS = (STSTNET_CARD,)
