"""Facts and training settings of CBAMNet and the networks of its paper."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard, PublishedAs

PAPER = (
    "Chen et al.: Spatiotemporal Convolutional Neural Network with Convolutional Block Attention Module for "
    "Micro-Expression Recognition, Information 2020, 11(8) 380"
)

# Sub-sequences to about 5000 clips per class (section 3.4.2). The paper states neither loss nor optimiser, rate, batch
# or epochs: these are chosen, the epochs so that about 13,500 clips give about 25,000 updates.
TRAINING = {
    "loss": "cross_entropy",
    "optimizer": "adam",
    "learning_rate": 1e-4,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "schedule": "constant",
    "batch_size": 32,
    "epochs": 60,
    "mirror": False,
    "augment": {"subsequences": 5000},
}
SGD = {**TRAINING, "optimizer": "sgd", "momentum": 0.9, "learning_rate": 1e-3}
del SGD["beta_1"], SGD["beta_2"]
PRESETS = {"paper": TRAINING, "sgd": SGD}
_CHOSEN = {
    "": "assumed: the paper states no training settings",
    "augment": "paper, section 3.4.2 (there before the clips are divided, here in each fold's training part)",
}
SOURCES = {"paper": _CHOSEN, "sgd": _CHOSEN}


def _card(name, builder, row=None, options=None, **small):
    return ModelCard(
        name=name,
        paper_id="000",
        paper=PAPER,
        input="clip of 16 magnified RGB frames 64x64, standardised",
        recipe="evm_16x64",
        presets=PRESETS,
        sources=SOURCES,
        builder=f"mer_tf.systems.cbamnet.{builder}",
        published_as=(PublishedAs("000", row),) if row else (),
        small={"size": 16, "width": 4, **small},
        options=options or {},
        confidence="inferred",
    )


# Tables 2 and 4 to 9. What the paper calls accuracy is the mean of the three class recalls.
BASIC_NETWORK_CARD = _card("basic_network", "basic_network:BasicNetwork", row="BasicNetwork")
# Accuracies stand in Figure 9 only, without numbers.
SUB_NETWORK_CARDS = tuple(
    _card(
        f"sub_network_{number}",
        "sub_network:SubNetwork",
        options={"number": number, "name": f"sub_network_{number}"},
    )
    for number in (1, 2, 3, 4)
)
CBAMNET_CARD = _card("cbamnet", "cbamnet:CBAMNet", row="CBAMNet", reduction=2)
RESNET3D_18_CARD = _card("resnet3d_18", "resnet3d18:ResNet3D18", row="ResNet3D-18")

CARDS = (BASIC_NETWORK_CARD, *SUB_NETWORK_CARDS, CBAMNET_CARD, RESNET3D_18_CARD)
