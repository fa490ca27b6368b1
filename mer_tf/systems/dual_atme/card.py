"""Facts and training settings of Dual-ATME."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.card import ModelCard, PublishedAs

# Section 4.2. Where text and code differ the text is taken: betas (0.5, 0.999), cosine schedule, mirroring.
PAPER = {
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
}

SGD = {**PAPER, "loss": "cross_entropy", "optimizer": "sgd", "momentum": 0.9}
del SGD["beta_1"], SGD["beta_2"]

_SOURCES = {"": "paper, section 4.2", "loss": "paper, section 3.5", "gamma": "code, the authors' loss"}
_TABLE_6 = {**_SOURCES, "loss": "paper, Table 6", "class_weights": "paper, section 4.3", "gamma": "code, unused here"}
SOURCES = {
    "paper": _SOURCES,
    "cross_entropy": _TABLE_6,
    "weighted_cross_entropy": _TABLE_6,
    "cross_entropy_sgd": {
        **_TABLE_6,
        "optimizer": "paper, Table 6",
        "learning_rate": "assumed: the one rate that section 4.2 states, for Adam",
        "momentum": "assumed, none is stated",
        "schedule": "assumed: the one that section 4.2 states, for Adam",
    },
    "code": {
        **_SOURCES,
        "beta_1": "code, the authors'",
        "schedule": "code, the authors': their scheduler is never stepped",
        "mirror": "code, the authors': commented out",
    },
    "demo": _SOURCES,
}

# The ablations of Tables 4 to 6 and the full model's rows among them.
PUBLISHED = (
    *(
        PublishedAs("001", name)
        for name in (
            "Dual-ATME (HARS + AARS)",
            "Dual-ATME, second input = eyebrows + mouth (default)",
            "Dual-ATME, lambda = 0.01 (default)",
            "Dual-ATME, focal + Adam (default)",
        )
    ),
    *(
        PublishedAs("001", f"Dual-ATME, lambda = {weight:g}", options={"consistency": weight})
        for weight in (0.0, 0.0001, 0.001, 0.1)
    ),
    *(
        PublishedAs("001", f"Dual-ATME, second input = {areas}", recipe=f"onset_apex_28_{recipe}")
        for areas, recipe in (
            ("eyebrows + nose", "brows_nose"),
            ("cheeks + nose", "cheeks_nose"),
            ("cheeks + mouth", "cheeks_mouth"),
            ("full face in both branches", "full_face"),
        )
    ),
    PublishedAs("001", "Dual-ATME, CE + SGD", "cross_entropy_sgd"),
    PublishedAs("001", "Dual-ATME, CE + Adam", "cross_entropy"),
    PublishedAs("001", "Dual-ATME, weighted CE + Adam", "weighted_cross_entropy"),
)

DUAL_ATME_CARD = ModelCard(
    name="dual_atme",
    paper_id="001",
    paper=(
        "Zhou, Huang, Li, Wang: Dual-ATME: Dual-Branch Attention Network for Micro-Expression Recognition, "
        "Entropy 2023, 25(3) 460"
    ),
    input="whole-face and HARS puzzle flow (u, v, strain), two maps 28x28x3 in -1..1",
    recipe="onset_apex_28_hars",
    presets={
        "paper": PAPER,
        # Table 6, the rows with other losses.
        "cross_entropy": {**PAPER, "loss": "cross_entropy"},
        "weighted_cross_entropy": {**PAPER, "loss": "cross_entropy", "class_weights": "published"},
        # Table 6 names SGD and nothing else of it.
        "cross_entropy_sgd": SGD,
        # What the authors' code does: its schedule is created and never stepped, mirroring is commented out.
        "code": {**PAPER, "beta_1": 0.9, "schedule": "constant", "mirror": False},
        # The published settings are quick enough for the demo's clips.
        "demo": PAPER,
    },
    sources=SOURCES,
    published_as=PUBLISHED,
    builder="mer_tf.systems.dual_atme.dual_atme:DualATME",
)

# The ablations of Table 1. Its tick marks are lost: which row is which was decoded from the text.
DUAL_ATME_AARS_CARD = dataclasses.replace(
    DUAL_ATME_CARD,
    name="dual_atme_aars",
    input="whole-face flow (u, v, strain), one map 28x28x3 in -1..1",
    recipe="onset_apex_28",
    published_as=(PublishedAs("001", "AARS only (decoded)"),),
    options={"branches": "face", "name": "dual_atme_aars"},
)
DUAL_ATME_HARS_CARD = dataclasses.replace(
    DUAL_ATME_CARD,
    name="dual_atme_hars",
    input="HARS puzzle flow (u, v, strain), one map 28x28x3 in -1..1",
    recipe="onset_apex_28_puzzle",
    published_as=(PublishedAs("001", "HARS only (decoded)"),),
    options={"branches": "puzzle", "name": "dual_atme_hars"},
)

DUAL_ATME_ATTENTION_BOTH_CARD = dataclasses.replace(
    DUAL_ATME_CARD,
    name="dual_atme_attention_both",
    published_as=(PublishedAs("001", "HARS with attention + AARS (decoded)"),),
    # Section 3.3.2 speaks of adding a block to the lower branch, so each branch has its own. The authors' code has one
    # block for both, beside a remark on the lower result: that is option attention="shared" of ``dual_atme``.
    options={"attention": "both", "name": "dual_atme_attention_both"},
)

CARDS = (DUAL_ATME_CARD, DUAL_ATME_AARS_CARD, DUAL_ATME_HARS_CARD, DUAL_ATME_ATTENTION_BOTH_CARD)
