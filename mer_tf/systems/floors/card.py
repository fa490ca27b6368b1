"""Facts and settings of the floors."""

from __future__ import annotations

from mer_tf.systems.card import NO_PAPER
from mer_tf.systems.feature_card import feature_card

_OWN = {"": "assumed, a choice of this package; no paper states it"}

CARDS = (
    feature_card(
        "majority",
        "floors.floors:majority",
        paper_id=NO_PAPER,
        paper="the class that most training clips have, whatever the clip shows",
        input="flow and strain of the face, 28x28x3, not looked at",
        recipe="onset_apex_28",
        presets={"plain": {}},
        sources={"plain": _OWN},
        confidence="own",
    ),
    feature_card(
        "linear_flow",
        "floors.floors:linear_flow",
        paper_id=NO_PAPER,
        paper="u, v and strain averaged over a 7x7 grid, balanced multinomial logistic regression",
        input="flow and strain of the face, 28x28x3",
        recipe="onset_apex_28",
        presets={"plain": {"model_options": {"feature": {"grid": [7, 7]}, "logistic": {"c": [0.001, 0.01, 0.1, 1]}}}},
        sources={"plain": _OWN},
        confidence="own",
    ),
)
