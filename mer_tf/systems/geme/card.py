"""Facts and training settings of GEME."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard, PublishedAs

GEME_CARD = ModelCard(
    name="geme",
    paper_id="003",
    paper=(
        "Nie et al.: GEME: Dual-stream multi-task GEnder-based micro-expression recognition, Neurocomputing 2021, "
        "427, 13-28 (approximate: its text was not found)"
    ),
    input="dynamic image of the clip, 224x224x3",
    recipe="dynamic_image_224",
    presets={
        # All chosen; the class-balanced focal loss is named in the abstract.
        "paper": {
            "loss": "class_balanced_focal",
            "gamma": 2.0,
            "beta": 0.999,
            "optimizer": "adam",
            "learning_rate": 1e-4,
            "beta_1": 0.9,
            "beta_2": 0.999,
            "schedule": "constant",
            "batch_size": 32,
            "epochs": 50,
            "mirror": False,
        }
    },
    sources={
        "paper": {
            "": "assumed, the paper's text was not found",
            "loss": "paper, its abstract names the class-balanced focal loss",
        }
    },
    published_as=(PublishedAs("003", "GEME"),),
    small={"size": 32, "width": 8},
    trunk="resnet18",
    builder="mer_tf.systems.geme.geme:GEME",
    confidence="inferred",
)

CARDS = (GEME_CARD,)
