"""Facts and training settings of OFF-ApexNet."""

from __future__ import annotations

from mer_tf.systems.card import BETAS, NOT_STATED, ModelCard, PublishedAs

OFF_APEXNET_CARD = ModelCard(
    name="off_apexnet",
    paper_id="003",
    paper=(
        "Gan et al.: OFF-ApexNet on micro-expression recognition system, Signal Processing: Image Communication 2019, "
        "74, 129-139"
    ),
    input="onset-apex flow u and v, two maps 28x28x1 in 0..1",
    recipe="onset_apex_28_uv",
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
    sources={
        "paper": {
            "": "paper, Gan et al. 2019",
            **BETAS,
            **NOT_STATED,
            "batch_size": "code, the re-implementation with Off-TANet",
            "epochs": "paper, Gan et al. 2019 (an upper bound)",
        }
    },
    published_as=(PublishedAs("003", "OFF-ApexNet"),),
    megc2019_as=("OFF-ApexNet",),
    small={"units": 64},
    builder="mer_tf.systems.off_apexnet.off_apexnet:OFFApexNet",
)

CARDS = (OFF_APEXNET_CARD,)
