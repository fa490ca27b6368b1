"""Facts and training settings of KFC-MER."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

KFC_MER_CARD = ModelCard(
    name="kfc_mer",
    seed="001",
    paper="Su, Zhang, Liu, Zhai: Key Facial Components Guided Micro-Expression Recognition, ICME 2021",
    input=(
        "onset-apex flow (u, v, magnitude) and strain (exx, eyy, exy), 224x224x3 each, and ten masks of face parts "
        "224x224x10, standardised as ImageNet"
    ),
    recipe="onset_apex_224_kfc",
    parameters=53_238_019,
    trainable_parameters=53_238_019,
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
    builder="mer_tf.systems.kfc_mer.kfc_mer:KFCMER",
    # Seed 001, Table 3: below chance on three classes, so rather a failed repetition than a fact about the method.
    published={
        "megc2019 full": {"uf1": 0.255, "uar": 0.235, "accuracy": 0.313},
        "megc2019 smic": {"uf1": 0.283, "uar": 0.251, "accuracy": 0.345},
        "megc2019 casme2": {"uf1": 0.229, "uar": 0.22, "accuracy": 0.276},
        "megc2019 samm": {"uf1": 0.24, "uar": 0.246, "accuracy": 0.316},
    },
)

CARDS = (KFC_MER_CARD,)
