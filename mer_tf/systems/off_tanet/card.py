"""Facts and training settings of Off-TANet and of the rivals in its code that seed 004 ran."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard

PAPER = (
    "Zhang, Liu, Zhou: Off-TANet: A Lightweight Neural Micro-expression Recognizer with Optical Flow Features and "
    "Integrated Attention Mechanism, PRICAI 2021"
)

# The published code keeps the best epoch on held-out clips; here the last one counts.
OFF_TANET_CARD = ModelCard(
    name="off_tanet",
    seed="004",
    paper=PAPER,
    input="onset-apex flow u, v in pixels and strain, 128x128x3",
    recipe="onset_apex_128",
    parameters=67_083,
    trainable_parameters=67_083,
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
    },
    builder="mer_tf.systems.off_tanet.off_tanet:OffTANet",
    published={"seed004 full": {"uf1": 0.6239, "uar": 0.6504}},
    confidence="inferred",
)

MICRO_ATTENTION_SEED004_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="micro_attention_seed004",
    paper=f"The stand-in for micro-attention in the code of {PAPER}",
    parameters=18_781_187,
    trainable_parameters=18_781_187,
    presets={
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "sgd",
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "learning_rate": 1e-3,
            "schedule": "step",
            "step_epochs": 10,
            "step_factor": 0.1,
            "batch_size": 10,
            "epochs": 50,
            "mirror": False,
        },
    },
    builder="mer_tf.systems.off_tanet.micro_attention_seed004:MicroAttentionSeed004",
    published={"seed004 full": {"uf1": 0.5913, "uar": 0.6237}},
)
STSTNET_SEED004_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="ststnet_seed004",
    paper=f"The stand-in for STSTNet in the code of {PAPER}",
    parameters=49_815_811,
    trainable_parameters=49_815_811,
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
    },
    builder="mer_tf.systems.off_tanet.ststnet_seed004:STSTNetSeed004",
    published={"seed004 full": {"uf1": 0.6434, "uar": 0.6603}},
    confidence="exact",
)
DUAL_INCEPTION_SEED004_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="dual_inception_seed004",
    paper=f"The stand-in for Dual-Inception in the code of {PAPER}",
    input="onset-apex flow u and v in pixels, two maps 128x128x1",
    recipe="onset_apex_128_uv",
    parameters=134_245_067,
    trainable_parameters=134_245_067,
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
    },
    builder="mer_tf.systems.off_tanet.dual_inception_seed004:DualInceptionSeed004",
    published={"seed004 full": {"uf1": 0.6522, "uar": 0.6744}},
    confidence="exact",
)

CARDS = (OFF_TANET_CARD, MICRO_ATTENTION_SEED004_CARD, STSTNET_SEED004_CARD, DUAL_INCEPTION_SEED004_CARD)
