"""Facts and training settings of GEME."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

GEME_CARD = ModelCard(
    name="geme",
    seed="003",
    paper=(
        "Nie et al.: GEME: Dual-stream multi-task GEnder-based micro-expression recognition, Neurocomputing 2021, "
        "427, 13-28 (approximate: its text was not found)"
    ),
    input="dynamic image of the clip, 224x224x3",
    recipe="dynamic_image_224",
    parameters=22_355_589,
    trainable_parameters=22_355_589,
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
    builder="mer_tf.systems.geme.geme:GEME",
    published={
        "seed003 smic": {"accuracy": 0.6524, "f1": 0.61},
        "seed003 casme2": {"accuracy": 0.7502, "f1": 0.73},
    },
    confidence="inferred",
)

CARDS = (GEME_CARD,)
