"""Facts and settings of HOOF."""

from __future__ import annotations

from mer_tf.systems.feature_card import FLOWS, RBF, feature_card, preset

CARDS = (
    feature_card(
        "hoof",
        "hoof.hoof:hoof",
        seed="002",
        paper="Chaudhry et al. 2009, Histograms of oriented optical flow, CVPR 2009",
        input=FLOWS,
        recipe="flow_adjacent_128",
        presets={
            "paper": preset(RBF, kind="full", bins=8, blocks=[5, 5]),
            "primary": preset(RBF, kind="primary", bins=30, blocks=[1, 1]),
        },
        published={
            "seed002 cde": {"accuracy": 0.527, "f1": 0.404},
            "seed002 hde samm": {"war": 0.441, "uar": 0.349},
            "seed002 hde casme2": {"war": 0.265, "uar": 0.346},
        },
    ),
)
