"""Facts and settings of HOOF."""

from __future__ import annotations

from mer_tf.systems.card import PublishedAs
from mer_tf.systems.feature_card import CHOSEN, FLOWS, RBF, feature_card, preset

CARDS = (
    feature_card(
        "hoof",
        "hoof.hoof:hoof",
        paper_id="002",
        paper="Chaudhry et al. 2009, Histograms of oriented optical flow, CVPR 2009",
        input=FLOWS,
        recipe="flow_adjacent_128",
        presets={
            "paper": preset(RBF, kind="full", bins=8, blocks=[5, 5]),
            "primary": preset(RBF, kind="primary", bins=30, blocks=[1, 1]),
        },
        sources={
            "paper": CHOSEN,
            "primary": {**CHOSEN, "model_options.feature": "assumed, as Chaudhry et al. 2009 are remembered"},
        },
        published_as=(PublishedAs("002", "HOOF"),),
    ),
)
