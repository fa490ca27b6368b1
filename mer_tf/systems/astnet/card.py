"""Facts and training settings of ASTNet and its ablations."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard

# Sections 4.2 to 4.4. Table 4 has 1e-5, section 4.4 chooses 1e-4 and calls 1e-5 too slow. "Decay 1e-7" is read as
# weight decay and the unnamed scheduler as cosine. The loss is not stated; nor are angles and sizes of the twenty
# versions of each clip.
PAPER = {
    "loss": "cross_entropy",
    "optimizer": "sgd",
    "learning_rate": 1e-4,
    "momentum": 0.9,
    "weight_decay": 1e-7,
    "schedule": "cosine",
    "batch_size": 32,
    "epochs": 50,
    "mirror": False,
    "augment": {"mirror": True, "rotation": 10.0, "crop": 0.9, "copies": 20},
}
# The other reading of "decay": rate / (1 + decay * step).
INVERSE_TIME = {**PAPER, "weight_decay": 0.0, "schedule": "inverse_time", "decay": 1e-7}

ASTNET_CARD = ModelCard(
    name="astnet",
    seed="003",
    paper=(
        "Ren, Lu et al.: Attention-Based Spatiotemporal-Aware Network for Fine-Grained Visual Recognition (ASTNet), "
        "Applied Sciences 2024, 14(17) 7755"
    ),
    input="ten flow fields of a magnified clip as colour pictures 224x224x3",
    recipe="magnified_flow_10x224",
    parameters=14_159_941,
    trainable_parameters=14_159_941,
    presets={"paper": PAPER, "paper_inverse_time": INVERSE_TIME},
    builder="mer_tf.systems.astnet.astnet:ASTNet",
    published={
        "seed003 smic": {"accuracy": 0.7357, "f1": 0.72},
        "seed003 casme2": {"accuracy": 0.7561, "f1": 0.74},
    },
    confidence="inferred",
)


def _ablation(name, count, smic, casme2, recipe=ASTNET_CARD.recipe, metric="accuracy", **options):
    card = dataclasses.replace(
        ASTNET_CARD,
        name=name,
        recipe=recipe,
        parameters=count,
        trainable_parameters=count,
        published={"seed003 smic": {metric: smic}, "seed003 casme2": {metric: casme2}},
        options={**options, "name": name},
    )
    if recipe == "flow_10x224":
        card = dataclasses.replace(card, input="ten flow fields of the clip as colour pictures 224x224x3")
    return card


# Table 6, and Table 8, which prints the gain over the network without attention.
ABLATIONS = (
    _ablation("astnet_no_magnification", 14_126_531, 0.6421, 0.6683, recipe="flow_10x224", attention="none"),
    _ablation("astnet_no_attention", 14_126_531, 0.6959, 0.7154, attention="none"),
    _ablation("astnet_spatial", 14_126_629, 0.7183, 0.7396, attention="spatial"),
    _ablation("astnet_channel", 14_159_843, 0.7227, 0.7435, attention="channel"),
    _ablation("astnet_cbam_1", 14_127_209, 0.0359, 0.0364, metric="accuracy_gain", position=1),
    _ablation("astnet_cbam_2", 14_127_209, 0.0352, 0.0379, metric="accuracy_gain", position=2),
    _ablation("astnet_cbam_3", 14_128_813, 0.0364, 0.0362, metric="accuracy_gain", position=3),
    _ablation("astnet_cbam_4", 14_135_093, 0.0359, 0.0361, metric="accuracy_gain", position=4),
)

CARDS = (ASTNET_CARD, *ABLATIONS)
