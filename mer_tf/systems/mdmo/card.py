"""Facts and settings of MDMO and Sparse MDMO."""

from __future__ import annotations

from mer_tf.systems.feature_card import ONSET_FLOWS, RBF, feature_card, preset

CARDS = (
    feature_card(
        "mdmo",
        "mdmo.mdmo:mdmo",
        seed="000",
        paper="Liu et al. 2016, A main directional mean optical flow feature, IEEE TAC 7(4) 299",
        input=ONSET_FLOWS,
        recipe="flow_clip_128",
        presets={
            "paper": preset(
                {"kernel": "poly", "degree": 3, "gamma": ["1/D"], "coef0": 0.0, "c": [1], "scaling": "standard"},
                beta=0.9,
            ),
            "toolbox": preset({"kernel": "rbf", "gamma": ["scale"], "c": [28], "scaling": "standard"}, beta=0.8),
        },
    ),
    feature_card(
        "sparse_mdmo",
        "mdmo.sparse_mdmo:sparse_mdmo",
        seed="003",
        paper="Liu, Li and Lai 2018, Sparse MDMO: learning a discriminative feature, IEEE TAC 12(1) 254",
        input=ONSET_FLOWS,
        recipe="flow_clip_128",
        presets={"paper": preset(RBF, atoms=64, smoothness=0.1, sparsity=0.1)},
        published={
            "seed003 smic": {"accuracy": 0.7051, "f1": 0.70},
            "seed003 casme2": {"accuracy": 0.6695, "f1": 0.69},
        },
    ),
)
