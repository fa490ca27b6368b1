"""Facts and training settings of STSTNet."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

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
    seed="001",
    paper=(
        "Liong, Gan, See, Khor, Huang: Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression "
        "Recognition, FG 2019"
    ),
    input="onset-apex flow and strain (u, v, strain), one map 28x28x3 in 0..1",
    recipe="onset_apex_28_minmax",
    parameters=1_683,
    trainable_parameters=1_683,
    # The authors' PyTorch code trains longer.
    presets={"paper": PAPER, "code": {**PAPER, "epochs": 800}},
    builder="mer_tf.systems.ststnet.ststnet:STSTNet",
    # Seed 001, Table 3.
    published={
        "megc2019 full": {"uf1": 0.624, "uar": 0.61, "accuracy": 0.688},
        "megc2019 smic": {"uf1": 0.532, "uar": 0.529, "accuracy": 0.543},
        "megc2019 casme2": {"uf1": 0.769, "uar": 0.745, "accuracy": 0.821},
        "megc2019 samm": {"uf1": 0.531, "uar": 0.505, "accuracy": 0.712},
    },
)

CARDS = (STSTNET_CARD,)
