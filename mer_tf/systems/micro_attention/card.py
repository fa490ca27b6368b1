"""Facts and training settings of the three residual networks of seed 002."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

PAPER = "Wang, Peng, Bi, Chen: Micro-Attention for Micro-Expression Recognition, Neurocomputing 410 (2020)"
INPUT = "apex frame, gray, 224x224x1 in 0..255"

_COMMON = {
    "loss": "cross_entropy",
    "optimizer": "sgd",
    "momentum": 0.9,
    "bias_rate": 2.0,  # Caffe
    "schedule": "step",
    "step_factor": 0.1,
    "resample": "largest",
    "mirror": False,
}

# Section 4.2, stage one: macro-expressions. Frames of 240 are cut to 224. Epochs are not stated: three steps.
_MACRO = {
    **_COMMON,
    "learning_rate": 0.01,
    "step_epochs": 20,
    "batch_size": 50,
    "epochs": 60,
    "augment": {"rotation": 10.0, "colour_shift": 20, "smoothing": 6, "crop": 224 / 240, "probability": 0.5},
}

# Section 4.2, stage two. The exponents' minus signs are lost in the stored text; epochs are not stated: three steps.
_FINE = {
    **_COMMON,
    "step_epochs": 10,
    "epochs": 30,
    "augment": {"rotation": 8.0, "colour_shift": 20, "crop": 224 / 240, "probability": 0.5},
}
_LOSO = {**_FINE, "learning_rate": 1e-3, "weight_decay": 5e-4, "batch_size": 10}
_FINE_TUNING = {
    "paper": _LOSO,
    "loso": _LOSO,
    "hde": {**_FINE, "learning_rate": 1e-4, "weight_decay": 3e-2, "batch_size": 10},
    "cde": {
        **_FINE,
        "learning_rate": 1e-3,
        "weight_decay": 5e-6,
        "batch_size": 8,
        "augment": {"rotation": 8.0, "colour_shift": 20, "corner_crops": True, "probability": 0.5},
    },
}

# Tables 2, 4 and 6; five classes, SMIC three.
RESIDUAL_NETWORK_CARD = ModelCard(
    name="residual_network",
    seed="002",
    paper=PAPER + "; network of Peng et al., FG 2018",
    input=INPUT,
    recipe="apex_224_gray",
    parameters=4_899_333,
    trainable_parameters=4_899_333,
    presets={**_FINE_TUNING, "macro": _MACRO},
    builder="mer_tf.systems.micro_attention.residual_network:ResidualNetwork",
    published={
        "hde2018 samm": {"war": 0.544, "uar": 0.440},
        "hde2018 casme2": {"war": 0.578, "uar": 0.337},
        "cde2018 full": {"accuracy": 0.747, "f1": 0.640},
        "loso samm": {"accuracy": 0.456, "f1": 0.383},
        "loso casme2": {"accuracy": 0.622, "f1": 0.464},
        "loso smic": {"accuracy": 0.415, "f1": 0.406},
    },
    confidence="fitted",
)
COMPLEX_ATTENTION_CARD = ModelCard(
    name="complex_attention",
    seed="002",
    paper=PAPER + "; attention of Peng, Wang, Chen, FG 2018",
    input=INPUT,
    recipe="apex_224_gray",
    parameters=11_166_213,
    trainable_parameters=11_166_213,
    presets=_FINE_TUNING,
    builder="mer_tf.systems.micro_attention.complex_attention:ComplexAttention",
    published={
        "hde2018 samm": {"war": 0.529, "uar": 0.393},
        "hde2018 casme2": {"war": 0.573, "uar": 0.319},
        "cde2018 full": {"accuracy": 0.625, "f1": 0.489},
        "loso samm": {"accuracy": 0.471, "f1": 0.306},
        "loso casme2": {"accuracy": 0.627, "f1": 0.473},
        "loso smic": {"accuracy": 0.494, "f1": 0.448},
    },
    confidence="fitted",
)
MICRO_ATTENTION_CARD = ModelCard(
    name="micro_attention",
    seed="002",
    paper=PAPER,
    input=INPUT,
    recipe="apex_224_gray",
    parameters=5_944_773,  # 960 of them fixed: the mean over the channels is a convolution that is never trained
    trainable_parameters=5_943_813,
    presets=_FINE_TUNING,
    builder="mer_tf.systems.micro_attention.micro_attention:MicroAttention",
    published={
        "hde2018 samm": {"war": 0.559, "uar": 0.427},
        "hde2018 casme2": {"war": 0.584, "uar": 0.341},
        "cde2018 full": {"accuracy": 0.763, "f1": 0.668},
        "loso samm": {"accuracy": 0.485, "f1": 0.402},
        "loso casme2": {"accuracy": 0.659, "f1": 0.539},
        "loso smic": {"accuracy": 0.494, "f1": 0.496},
    },
)

CARDS = (RESIDUAL_NETWORK_CARD, COMPLEX_ATTENTION_CARD, MICRO_ATTENTION_CARD)
