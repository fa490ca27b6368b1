"""Facts and training settings of ATSCNN."""

from __future__ import annotations

from mer_tf.models.card import ModelCard

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
    builder="mer_tf.models.atscnn.atscnn:ATSCNN",
    published={"seed004 full": {"uf1": 0.7205, "uar": 0.7351}},
)

CARDS = (ATSCNN_CARD,)
