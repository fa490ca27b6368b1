"""Facts and settings of MDMO and Sparse MDMO."""

from __future__ import annotations

from mer_tf.systems.card import PublishedAs
from mer_tf.systems.feature_card import CHOSEN, ONSET_FLOWS, RBF, feature_card, preset

CARDS = (
    feature_card(
        "mdmo",
        "mdmo.mdmo:mdmo",
        paper_id="000",
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
        sources={
            "paper": {"": "assumed, as Liu et al. 2016 are remembered"},
            "toolbox": {"": "code, a public toolbox"},
        },
    ),
    feature_card(
        "sparse_mdmo",
        "mdmo.sparse_mdmo:sparse_mdmo",
        paper_id="003",
        paper="Liu, Li and Lai 2018, Sparse MDMO: learning a discriminative feature, IEEE TAC 12(1) 254",
        input=ONSET_FLOWS,
        recipe="flow_clip_128",
        presets={"paper": preset(RBF, atoms=64, smoothness=0.1, sparsity=0.1)},
        sources={"paper": CHOSEN},
        published_as=(PublishedAs("003", "Sparse MDMO"),),
    ),
)
