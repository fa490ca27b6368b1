"""Facts and training settings of KFC-MER."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard, PublishedAs

KFC_MER_CARD = ModelCard(
    name="kfc_mer",
    paper_id="001",
    paper="Su, Zhang, Liu, Zhai: Key Facial Components Guided Micro-Expression Recognition, ICME 2021",
    input=(
        "onset-apex flow (u, v, magnitude) and strain (exx, eyy, exy), 224x224x3 each, and ten masks of face parts "
        "224x224x10, standardised as ImageNet"
    ),
    recipe="onset_apex_224_kfc",
    presets={
        # Chosen: only a test script is public. Its weights are named epoch 49, its folders "augment".
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "sgd",
            "momentum": 0.9,
            "learning_rate": 0.01,
            "schedule": "step",
            "step_epochs": 10,
            "step_factor": 0.5,
            "batch_size": 32,
            "epochs": 50,
            "mirror": True,
            "augment": {"rotation": 10.0, "probability": 0.5},
        },
    },
    sources={
        "paper": {
            "": "assumed, only a test script is public",
            "epochs": "assumed: the public weights are named epoch 49",
            "augment": 'assumed: the public folders are called "augment"',
        }
    },
    published_as=(PublishedAs("001", "KFC-MER"),),
    small={"size": 32, "width": 8, "hidden": 16},
    builder="mer_tf.systems.kfc_mer.kfc_mer:KFCMER",
)

CARDS = (KFC_MER_CARD,)
