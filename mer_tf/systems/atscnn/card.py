"""Facts and training settings of ATSCNN and its ablations."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard

ATSCNN_CARD = ModelCard(
    name="atscnn",
    seed="004",
    paper=(
        "Zhao et al.: attention-based three-stream convolutional network for micro-expression recognition (ATSCNN), "
        "Journal of Image and Graphics 2024, 29(1) 111-122"
    ),
    input="onset-apex flow u, v and optical strain, three maps 128x128x1",
    recipe="onset_apex_128_streams",
    parameters=4_213_815,
    trainable_parameters=4_213_815,
    presets={
        # Section 3; no schedule and no augmentation are stated.
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 1e-4,
            "beta_1": 0.9,
            "beta_2": 0.999,
            "schedule": "constant",
            "batch_size": 64,
            "epochs": 200,
            "mirror": False,
        },
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
    builder="mer_tf.systems.atscnn.atscnn:ATSCNN",
    published={"seed004 full": {"uf1": 0.7205, "uar": 0.7351}},
    confidence="fitted",
)


def _ablation(name, parameters, uf1, uar, **changes):
    """One row of Table 4."""
    options = {**changes.pop("options"), "name": name}
    return dataclasses.replace(
        ATSCNN_CARD,
        name=name,
        parameters=parameters,
        trainable_parameters=parameters,
        published={"seed004 full": {"uf1": uf1, "uar": uar}},
        options=options,
        **changes,
    )


# Rows 5 and 6 of Table 4 were decoded from the text; row 6 equals MACNN's figures to the last digit.
CARDS = (
    ATSCNN_CARD,
    _ablation("atscnn_no_attention", 4_213_665, 0.6748, 0.6993, options={"attention": "none"}),
    _ablation("atscnn_channel", 4_213_761, 0.7077, 0.7266, options={"attention": "channel"}),
    _ablation("atscnn_spatial", 4_213_719, 0.6970, 0.7224, options={"attention": "spatial"}),
    _ablation("atscnn_relu", 4_213_815, 0.6685, 0.6900, options={"activation": "relu"}),
    _ablation(
        "atscnn_no_strain",
        3_160_443,
        0.6966,
        0.7228,
        options={"streams": ("u", "v")},
        input="onset-apex flow u, v, two maps 128x128x1",
        recipe="onset_apex_128_uv",
    ),
    _ablation(
        "atscnn_gray",
        3_160_443,
        0.5309,
        0.5921,
        options={"streams": ("onset", "apex")},
        input="gray onset and apex frames, two maps 128x128x1 in 0..1",
        recipe="onset_apex_128_gray",
    ),
)
