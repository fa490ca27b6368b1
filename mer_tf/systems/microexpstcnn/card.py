"""Facts and training settings of MicroExpSTCNN."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import NOT_STATED, ModelCard, PublishedAs

# The scripts' settings; the paper's text has batches of 8. The authors keep the epoch that is best on the data they
# report; here the last one counts.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.0,
    "schedule": "constant",
    "batch_size": 16,
    "epochs": 100,
    "mirror": False,
}

# Chen et al. 2020 augment all the data before they divide it (section 4), that of their rivals too.
CBAMNET_PAPER = {**PAPER, "augment": {"subsequences": 5000}}

# As Chen et al. 2020 must have run it: their 16 RGB frames, the pooling clamped to what is left of them.
MICROEXPSTCNN_CARD = ModelCard(
    name="microexpstcnn",
    paper_id="000",
    paper=(
        "Reddy et al.: Spontaneous Facial Micro-Expression Recognition using 3D Spatiotemporal Convolutional Neural "
        "Networks, IJCNN 2019"
    ),
    input="clip of 16 magnified RGB frames 64x64, standardised",
    recipe="evm_16x64",
    presets={"paper": PAPER, "paper_batch8": {**PAPER, "batch_size": 8}, "cbamnet_paper": CBAMNET_PAPER},
    sources={
        "paper": {"": "code, the authors' scripts", **NOT_STATED},
        "paper_batch8": {"": "code, the authors' scripts", **NOT_STATED, "batch_size": "paper, its text"},
        "cbamnet_paper": {
            "": "code, the authors' scripts; the CBAMNet paper states no settings of its rivals",
            **NOT_STATED,
            "augment": "paper, section 4 of CBAMNet 2020 (there before the clips are divided, here in each fold's "
            "training part)",
        },
    },
    published_as=(PublishedAs("000", "MicroExpSTCNN", "cbamnet_paper"),),
    small={"size": 17, "filters": 8, "units": 16},
    builder="mer_tf.systems.microexpstcnn.microexpstcnn:MicroExpSTCNN",
    confidence="inferred",
)
MICROEXPSTCNN_18_CARD = dataclasses.replace(
    MICROEXPSTCNN_CARD,
    name="microexpstcnn_18",
    input="clip of 18 gray frames 64x64, standardised",
    recipe="clip_18x64_gray",
    presets={"paper": PAPER, "paper_batch8": {**PAPER, "batch_size": 8}},
    sources={name: MICROEXPSTCNN_CARD.sources[name] for name in ("paper", "paper_batch8")},
    published_as=(),
    options={"frames": 18, "channels": 1, "name": "microexpstcnn_18"},
    confidence="exact",
)

CARDS = (MICROEXPSTCNN_CARD, MICROEXPSTCNN_18_CARD)
