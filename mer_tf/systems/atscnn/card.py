"""Facts and training settings of ATSCNN and its ablations."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import BETAS, NOT_STATED, ModelCard, PublishedAs

# Section 3.1.3; no schedule and no augmentation are stated.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "adam",
    "learning_rate": 1e-4,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "schedule": "constant",
    "batch_size": 64,
    "epochs": 200,
    "mirror": False,
}
SOURCE = {**BETAS, **NOT_STATED, "": "paper, section 3"}
# The same for the networks that the paper compares with: it states settings once, for all its experiments, and no
# others of its rivals.
RIVAL_PRESET = "atscnn_paper"
RIVAL_PRESETS = {RIVAL_PRESET: PAPER}
RIVAL_SOURCES = {RIVAL_PRESET: {**SOURCE, "": "paper, section 3 of ATSCNN 2024, which names no settings of its rivals"}}

ATSCNN_CARD = ModelCard(
    name="atscnn",
    paper_id="004",
    paper=(
        "Zhao et al.: attention-based three-stream convolutional network for micro-expression recognition (ATSCNN), "
        "Journal of Image and Graphics 2024, 29(1) 111-122"
    ),
    input="onset-apex flow u, v and optical strain, three maps 128x128x1",
    recipe="onset_apex_128_streams",
    presets={
        "paper": PAPER,
        # For about 90 clips on two cores: a larger step, smaller batches, few epochs; the number keeps the demo short.
        "demo": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 5e-4,
            "beta_1": 0.9,
            "beta_2": 0.999,
            "schedule": "cosine",
            "batch_size": 32,
            "epochs": 14,
            "mirror": True,
        },
    },
    sources={
        "paper": SOURCE,
        "demo": {"": "assumed, for a short demonstration", "loss": "paper, section 3", "optimizer": "paper, section 3"},
    },
    published_as=(PublishedAs("004", "ATSCNN"),),
    small={"size": 32},
    builder="mer_tf.systems.atscnn.atscnn:ATSCNN",
    confidence="fitted",
)


def _ablation(name, row, **changes):
    """One row of Table 4."""
    options = {**changes.pop("options"), "name": name}
    rows = (PublishedAs("004", f"ATSCNN ablation {row}"),)
    return dataclasses.replace(ATSCNN_CARD, name=name, published_as=rows, options=options, **changes)


# Rows 5 and 6 of Table 4 were decoded from the text; row 6 equals MACNN's figures to the last digit.
CARDS = (
    ATSCNN_CARD,
    _ablation("atscnn_no_attention", "1: three streams, no attention, SELU", options={"attention": "none"}),
    _ablation("atscnn_channel", "2: three streams, channel attention only, SELU", options={"attention": "channel"}),
    _ablation("atscnn_spatial", "3: three streams, spatial attention only, SELU", options={"attention": "spatial"}),
    _ablation("atscnn_relu", "4: three streams, CBAM, ReLU", options={"activation": "relu"}),
    _ablation(
        "atscnn_no_strain",
        "5: CBAM, SELU, no optical strain (decoded)",
        options={"streams": ("u", "v")},
        input="onset-apex flow u, v, two maps 128x128x1",
        recipe="onset_apex_128_uv",
    ),
    _ablation(
        "atscnn_gray",
        "6: CBAM, SELU, no optical flow, grey onset/apex frames (decoded)",
        options={"streams": ("onset", "apex")},
        input="gray onset and apex frames, two maps 128x128x1 in 0..1",
        recipe="onset_apex_128_gray",
    ),
)
