"""Facts and training settings of MMNet."""

from __future__ import annotations

from mer_tf.systems.card import BETAS, ModelCard, PublishedAs

# The 3-class script. Rate times 0.987 after each of the first 50 epochs; flip 0.5, turned by up to 4 degrees, padded by
# 4 and cropped. The script also draws the onset up to 5 % of the way to the apex later and the apex up to 3.75 % either
# way; prepared records hold one onset and one apex, so that is left out.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "adamw",
    "learning_rate": 8e-4,
    "weight_decay": 0.7,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "schedule": "exponential",
    "step_factor": 0.987,
    "schedule_epochs": 50,
    "batch_size": 24,
    "epochs": 99,
    "mirror": True,
    "augment": {"rotation": 4.0, "shift": 4, "probability": 1.0},
}

MMNET_CARD = ModelCard(
    name="mmnet",
    paper_id="001",
    paper=(
        "Li, Sui, Zhu, Zhao: MMNet: Muscle Motion-Guided Network for Micro-Expression Recognition, IJCAI 2022, "
        "arXiv 2201.05297"
    ),
    input="onset and apex frames, RGB, 224x224x3 each, standardised as ImageNet",
    recipe="onset_apex_224_rgb",
    presets={
        "paper": PAPER,
        "five_classes": {**PAPER, "weight_decay": 0.6, "batch_size": 32, "epochs": 74},
    },
    sources={
        "paper": {"": "code, the authors' script for three classes", **BETAS},
        "five_classes": {"": "code, the authors' script for five classes", **BETAS},
    },
    published_as=(PublishedAs("001", "MMNet"),),
    small={"size": 32, "width": 16, "stem": 12},
    builder="mer_tf.systems.mmnet.mmnet:MMNet",
)

CARDS = (MMNET_CARD,)
