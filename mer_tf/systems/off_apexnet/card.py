"""Facts and training settings of OFF-ApexNet."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

OFF_APEXNET_CARD = ModelCard(
    name="off_apexnet",
    seed="003",
    paper=(
        "Gan et al.: OFF-ApexNet on micro-expression recognition system, Signal Processing: Image Communication 2019, "
        "74, 129-139"
    ),
    input="onset-apex flow u and v, two maps 28x28x1 in 0..1",
    recipe="onset_apex_28_uv",
    parameters=2_664_475,
    trainable_parameters=2_664_475,
    presets={
        # Batches of 64 are the re-implementation's; the paper's size was not found. 3000 epochs are an upper bound.
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 1e-4,
            "beta_1": 0.9,
            "beta_2": 0.999,
            "schedule": "constant",
            "batch_size": 64,
            "epochs": 3000,
            "mirror": False,
        }
    },
    builder="mer_tf.systems.off_apexnet.off_apexnet:OFFApexNet",
    published={
        "seed003 smic": {"accuracy": 0.6768, "f1": 0.67},
        "seed003 casme2": {"accuracy": 0.6894, "f1": 0.70},
        # As printed in the STSTNet paper.
        "megc2019 full": {"uf1": 0.7196, "uar": 0.7096},
        "megc2019 smic": {"uf1": 0.6817, "uar": 0.6695},
        "megc2019 casme2": {"uf1": 0.8764, "uar": 0.8681},
        "megc2019 samm": {"uf1": 0.5409, "uar": 0.5392},
    },
)

CARDS = (OFF_APEXNET_CARD,)
