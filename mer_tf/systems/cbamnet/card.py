"""Facts and training settings of CBAMNet and the networks of its paper."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

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


def _card(name, count, builder, confidence="inferred", published=None, options=None):
    return ModelCard(
        name=name,
        seed="000",
        paper=PAPER,
        input="clip of 16 magnified RGB frames 64x64, standardised",
        recipe="evm_16x64",
        parameters=count,
        trainable_parameters=count,
        presets=PRESETS,
        builder=f"mer_tf.systems.cbamnet.{builder}",
        published=published or {},
        options=options or {},
        confidence=confidence,
    )


# Tables 2, 4 and 5. What the paper calls accuracy is the mean of the three class recalls.
BASIC_NETWORK_CARD = _card(
    "basic_network",
    338_307,
    "basic_network:BasicNetwork",
    published={"seed000 casme2": {"accuracy": 0.6778}, "seed000 smic": {"accuracy": 0.5203}},
)
# Accuracies stand in Figure 9 only, without numbers.
SUB_NETWORK_CARDS = tuple(
    _card(
        f"sub_network_{number}",
        count,
        "sub_network:SubNetwork",
        options={"number": number, "name": f"sub_network_{number}"},
    )
    for number, count in enumerate((816_867, 156_483, 310_275, 249_027), start=1)
)
CBAMNET_CARD = _card(
    "cbamnet",
    338_985,
    "cbamnet:CBAMNet",
    published={"seed000 casme2": {"accuracy": 0.6992}, "seed000 smic": {"accuracy": 0.5484}},
)
RESNET3D_18_CARD = _card(
    "resnet3d_18",
    33_205_443,
    "resnet3d18:ResNet3D18",
    published={"seed000 casme2": {"accuracy": 0.6501}, "seed000 smic": {"accuracy": 0.4953}},
)

CARDS = (BASIC_NETWORK_CARD, *SUB_NETWORK_CARDS, CBAMNET_CARD, RESNET3D_18_CARD)
