"""Facts and training settings of ResNet-18."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard, PublishedAs

# First training on pictures of macro-expressions, as the trunk of ASTNet (section 3.2) and of others.
MACRO = {
    "loss": "cross_entropy",
    "optimizer": "sgd",
    "momentum": 0.9,
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "batch_size": 32,
    "epochs": 50,
    "resample": "largest",
    "mirror": True,
}

RESNET18_CARD = ModelCard(
    name="resnet18",
    paper_id="001",
    paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016; as compared in Dual-ATME 2023",
    input="onset-apex flow and strain (u, v, strain), one map enlarged to 224x224x3, in -1..1",
    recipe="onset_apex_224",
    presets={
        # The Dual-ATME paper trains every method with the settings of its own (section 4.2).
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
        "macro": MACRO,
    },
    sources={
        "paper": {"": "paper, section 4.2 of Dual-ATME 2023", "gamma": "code, the Dual-ATME authors' loss"},
        "macro": {"": "assumed, the ASTNet paper names CK+ and no settings"},
    },
    pictures="apex_224_rgb",
    published_as=(PublishedAs("001", "ResNet18"),),
    small={"size": 32, "width": 8},
    builder="mer_tf.systems.resnet18.resnet18:ResNet18",
)

CARDS = (RESNET18_CARD,)
