"""Facts and settings of FDM."""

from __future__ import annotations

from mer_tf.systems.feature_card import FLOWS, RBF, feature_card, preset

CARDS = (
    feature_card(
        "fdm",
        "fdm.fdm:fdm",
        seed="003",
        paper="Xu, Zhang and Wang 2017, Microexpression identification by facial dynamics map, IEEE TAC 8(2) 254",
        input=FLOWS,
        recipe="flow_adjacent_128",
        presets={"paper": preset({**RBF, "scaling": "standard"}, cuboids=[8, 8, 4])},
        published={
            "seed003 smic": {"accuracy": 0.5488, "f1": 0.54},
            "seed003 casme2": {"accuracy": 0.4593, "f1": 0.40},
        },
    ),
)
