"""Facts and training settings of Off-TANet and of the rivals in its code that the ATSCNN paper ran."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.atscnn.card import RIVAL_PRESET, RIVAL_PRESETS, RIVAL_SOURCES
from mer_tf.systems.card import ModelCard, PublishedAs

PAPER = (
    "Zhang, Liu, Zhou: Off-TANet: A Lightweight Neural Micro-expression Recognizer with Optical Flow Features and "
    "Integrated Attention Mechanism, PRICAI 2021"
)

# The published code keeps the best epoch on held-out clips; here the last one counts.
_SOURCES = {"paper": {"": "code, that of Off-TANet"}, **RIVAL_SOURCES}

OFF_TANET_CARD = ModelCard(
    name="off_tanet",
    paper_id="004",
    paper=PAPER,
    input="onset-apex flow u, v in pixels and strain, 128x128x3",
    recipe="onset_apex_128",
    presets={
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "schedule": "step",
            "step_epochs": 60,
            "step_factor": 0.3,
            "batch_size": 64,
            "epochs": 200,
            "mirror": False,
        },
        **RIVAL_PRESETS,
    },
    sources=_SOURCES,
    published_as=(PublishedAs("004", "Off-TANet", RIVAL_PRESET),),
    small={"size": 32},
    builder="mer_tf.systems.off_tanet.off_tanet:OffTANet",
    confidence="inferred",
)

MICRO_ATTENTION_ATSCNN_SETUP_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="micro_attention_atscnn_setup",
    paper=f"The stand-in for micro-attention in the code of {PAPER}",
    presets={
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "sgd",
            "momentum": 0.9,
            "momentum_rate": "current",  # PyTorch
            "weight_decay": 5e-4,
            "learning_rate": 1e-3,
            "schedule": "step",
            "step_epochs": 10,
            "step_factor": 0.1,
            "batch_size": 10,
            "epochs": 50,
            "mirror": False,
        },
        **RIVAL_PRESETS,
    },
    published_as=(PublishedAs("004", "Micro-Attention", RIVAL_PRESET),),
    small={"size": 32, "width": 2, "dense_units": 16},
    builder="mer_tf.systems.off_tanet.micro_attention_atscnn_setup:MicroAttentionAtscnnSetup",
)
STSTNET_ATSCNN_SETUP_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="ststnet_atscnn_setup",
    paper=f"The stand-in for STSTNet in the code of {PAPER}",
    presets={
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 5e-5,
            "schedule": "constant",
            "batch_size": 64,
            "epochs": 1000,
            "mirror": False,
        },
        **RIVAL_PRESETS,
    },
    published_as=(PublishedAs("004", "STSTNet", RIVAL_PRESET),),
    small={"size": 28},
    builder="mer_tf.systems.off_tanet.ststnet_atscnn_setup:STSTNetAtscnnSetup",
    confidence="exact",
)
DUAL_INCEPTION_ATSCNN_SETUP_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="dual_inception_atscnn_setup",
    paper=f"The stand-in for Dual-Inception in the code of {PAPER}",
    input="onset-apex flow u and v in pixels, two maps 128x128x1",
    recipe="onset_apex_128_uv",
    presets={
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "schedule": "constant",
            "batch_size": 64,
            "epochs": 500,
            "mirror": False,
        },
        **RIVAL_PRESETS,
    },
    published_as=(PublishedAs("004", "Dual-Inception", RIVAL_PRESET),),
    small={"size": 16, "dense_units": 32},
    builder="mer_tf.systems.off_tanet.dual_inception_atscnn_setup:DualInceptionAtscnnSetup",
    confidence="exact",
)

CARDS = (OFF_TANET_CARD, MICRO_ATTENTION_ATSCNN_SETUP_CARD, STSTNET_ATSCNN_SETUP_CARD, DUAL_INCEPTION_ATSCNN_SETUP_CARD)
