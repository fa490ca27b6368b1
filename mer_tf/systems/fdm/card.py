"""Facts and settings of FDM."""

from __future__ import annotations

from mer_tf.systems.card import PublishedAs
from mer_tf.systems.feature_card import CHOSEN, FLOWS, RBF, feature_card, preset

CARDS = (
    feature_card(
        "fdm",
        "fdm.fdm:fdm",
        paper_id="003",
        paper="Xu, Zhang and Wang 2017, Microexpression identification by facial dynamics map, IEEE TAC 8(2) 254",
        input=FLOWS,
        recipe="flow_adjacent_128",
        presets={"paper": preset({**RBF, "scaling": "standard"}, cuboids=[8, 8, 4])},
        sources={"paper": CHOSEN},
        published_as=(PublishedAs("003", "FDM"),),
    ),
)
