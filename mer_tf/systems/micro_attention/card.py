"""Facts and training settings of the three residual networks of the Micro-Attention paper."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard, PublishedAs

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

# Section 4.1 and 4.2, stage one: macro-expressions. Epochs are not stated: three steps.
_MACRO = {
    **_COMMON,
    "learning_rate": 0.01,
    "step_epochs": 20,
    "batch_size": 50,
    "epochs": 60,
    "augment": {"rotation": 10.0, "colour_shift": 20, "smoothing": 6, "probability": 0.5},
}

# Section 4.2, stage two. The exponents' minus signs are lost in the stored text; epochs are not stated: three steps.
# HDE turns and shifts colours, CDE cuts four corners, LOSO takes the methods of both together.
_FINE = {**_COMMON, "step_epochs": 10, "epochs": 30}
_TURNED = {"rotation": 8.0, "colour_shift": 20, "probability": 0.5}
_CORNERS = {"corner_crops": True, "probability": 0.5}
_LOSO = {
    **_FINE,
    "learning_rate": 1e-3,
    "weight_decay": 5e-4,
    "batch_size": 10,
    "augment": {**_TURNED, **_CORNERS},
}
_FINE_TUNING = {
    "paper": _LOSO,
    "loso": _LOSO,
    "hde": {**_FINE, "learning_rate": 1e-4, "weight_decay": 3e-2, "batch_size": 10, "augment": _TURNED},
    "cde": {**_FINE, "learning_rate": 1e-3, "weight_decay": 5e-6, "batch_size": 8, "augment": _CORNERS},
}

_SOURCES = {
    "": "paper, section 4.2",
    "loss": "code, the authors' train_test.prototxt",
    "bias_rate": "assumed, the custom of Caffe",
    "learning_rate": "paper, section 4.2 (the minus sign of its exponent restored)",
    "weight_decay": "paper, section 4.2 (the minus sign of its exponent restored)",
    "epochs": "assumed: three steps of the rate",
    "mirror": "assumed, none is stated",
}
_SOURCES_CORNERS = {
    **_SOURCES,
    "augment.probability": "assumed for the corners, which have no probability of their own",
}
_FINE_SOURCES = {"paper": _SOURCES_CORNERS, "loso": _SOURCES_CORNERS, "hde": _SOURCES, "cde": _SOURCES_CORNERS}
_MACRO_SOURCES = {
    **_SOURCES,
    "learning_rate": "paper, section 4.2",
    "augment": "paper, section 4.1",
    "resample": "assumed: as the paper states for fine-tuning",
}
_START = "ImageNet, then macro-expressions (sections 3.3 and 4.2)"


def _rows(name: str) -> tuple[PublishedAs, ...]:
    """The rows of a network, each table with the settings of its protocol."""
    return (
        PublishedAs("002", name, "loso", tables=("Table 6",)),
        PublishedAs("002", name, "cde", tables=("Table 4", "Table 5")),
        PublishedAs("002", name, "hde", tables=("Table 2",)),
        PublishedAs("002", name, tables=("Table 3",)),
    )


# Tables 2, 4 and 6; five classes, SMIC three.
RESIDUAL_NETWORK_CARD = ModelCard(
    name="residual_network",
    paper_id="002",
    paper=PAPER + "; network of Peng et al., FG 2018",
    input=INPUT,
    recipe="apex_224_gray",
    presets={**_FINE_TUNING, "macro": _MACRO},
    sources={**_FINE_SOURCES, "macro": _MACRO_SOURCES},
    starts_from=_START,
    published_as=(
        *_rows("Residual network [17]"),
        PublishedAs("002", "Residual network [17] (macro-expression pre-training check)", "macro"),
    ),
    small={"size": 32, "width": 8},
    builder="mer_tf.systems.micro_attention.residual_network:ResidualNetwork",
    confidence="fitted",
)
COMPLEX_ATTENTION_CARD = ModelCard(
    name="complex_attention",
    paper_id="002",
    paper=PAPER + "; attention of Peng, Wang, Chen, FG 2018",
    input=INPUT,
    recipe="apex_224_gray",
    presets=_FINE_TUNING,
    sources=_FINE_SOURCES,
    starts_from=_START,
    trunk="residual_network",
    published_as=_rows("Residual network with complex attention [29]"),
    small={"size": 32, "width": 8},
    builder="mer_tf.systems.micro_attention.complex_attention:ComplexAttention",
    confidence="fitted",
)
# 960 weights are fixed: the mean over the channels is a convolution that is never trained.
MICRO_ATTENTION_CARD = ModelCard(
    name="micro_attention",
    paper_id="002",
    paper=PAPER,
    input=INPUT,
    recipe="apex_224_gray",
    presets=_FINE_TUNING,
    sources=_FINE_SOURCES,
    starts_from=_START,
    trunk="residual_network",
    published_as=_rows("Residual network with micro-attention"),
    small={"size": 32, "width": 8},
    builder="mer_tf.systems.micro_attention.micro_attention:MicroAttention",
)

CARDS = (RESIDUAL_NETWORK_CARD, COMPLEX_ATTENTION_CARD, MICRO_ATTENTION_CARD)
