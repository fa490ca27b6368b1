"""Facts and training settings of ResNet-18."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

RESNET18_CARD = ModelCard(
    name="resnet18",
    seed="001",
    paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016; as compared in seed 001",
    input="onset-apex flow and strain (u, v, strain), one map enlarged to 224x224x3, in -1..1",
    recipe="onset_apex_224",
    parameters=11_178_051,
    trainable_parameters=11_178_051,
    presets={
        # Seed 001 trains every method with the settings of its own (section 4.2).
        "paper": {
            "loss": "focal",
            "gamma": 2.0,
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "beta_1": 0.5,
            "beta_2": 0.999,
            "schedule": "cosine",
            "batch_size": 128,
            "epochs": 60,
            "mirror": True,
        },
    },
    builder="mer_tf.systems.resnet18.resnet18:ResNet18",
    # No figures: its row in seed 001's Table 3 equals that of LBP-TOP in all twelve cells, so one was copied.
)

CARDS = (RESNET18_CARD,)
