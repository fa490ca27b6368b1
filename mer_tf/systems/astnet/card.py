"""Facts and training settings of ASTNet and its ablations."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard, PublishedAs

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

_SOURCES = {
    "": "paper, Table 4",
    "loss": "assumed, none is stated",
    "optimizer": "paper, section 4.4",
    "learning_rate": "paper, section 4.4 (Table 4 prints 1e-5, which the section calls too slow)",
    "weight_decay": 'paper, Table 4 (its "decay" is read as weight decay)',
    "schedule": "assumed, the paper's scheduler has no name",
    "mirror": "assumed: the mirroring among the twenty versions is that of augment",
    "augment.mirror": "paper, section 4.1",
    "augment.rotation": "assumed: rotation is stated (section 4.1), its angle is not",
    "augment.crop": "assumed: clipping is stated (section 4.1), its size is not",
    "augment.copies": "paper, section 4.1 and Table 3",
}

ASTNET_CARD = ModelCard(
    name="astnet",
    paper_id="003",
    paper=(
        "Ren, Lu et al.: Attention-Based Spatiotemporal-Aware Network for Fine-Grained Visual Recognition (ASTNet), "
        "Applied Sciences 2024, 14(17) 7755"
    ),
    input="ten flow fields of a magnified clip as colour pictures 224x224x3",
    recipe="magnified_flow_10x224",
    presets={"paper": PAPER, "paper_inverse_time": INVERSE_TIME},
    sources={
        "paper": _SOURCES,
        "paper_inverse_time": {
            **_SOURCES,
            "weight_decay": 'paper, Table 4 (the other reading of "decay")',
            "schedule": 'assumed, as the reading of "decay"',
        },
    },
    starts_from="ImageNet, then CK+ (section 3.2)",
    trunk="resnet18",
    published_as=(PublishedAs("003", "ASTNet"), PublishedAs("003", "ASTNet (CBAM after ResNet)")),
    small={"frames": 3, "size": 32, "width": 8, "filters": 8, "reduction": 4},
    builder="mer_tf.systems.astnet.astnet:ASTNet",
    confidence="inferred",
)


def _ablation(name, row, recipe=ASTNET_CARD.recipe, **options):
    card = dataclasses.replace(
        ASTNET_CARD,
        name=name,
        recipe=recipe,
        published_as=(PublishedAs("003", f"ASTNet ablation: {row}"),),
        options={**options, "name": name},
    )
    if recipe == "flow_10x224":
        card = dataclasses.replace(card, input="ten flow fields of the clip as colour pictures 224x224x3")
    return card


# Table 6, and Table 8, which prints the gain over the network without attention.
ABLATIONS = (
    _ablation("astnet_no_magnification", "no magnification, no attention", recipe="flow_10x224", attention="none"),
    _ablation("astnet_no_attention", "magnification, no attention", attention="none"),
    _ablation("astnet_spatial", "magnification, spatial attention only", attention="spatial"),
    _ablation("astnet_channel", "magnification, channel attention only", attention="channel"),
    *(_ablation(f"astnet_cbam_{number}", f"CBAM position {number}", position=number) for number in (1, 2, 3, 4)),
)

CARDS = (ASTNET_CARD, *ABLATIONS)
