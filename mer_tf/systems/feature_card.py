"""How the cards of hand-crafted systems are written.

Presets hold ``model_options``: the feature's settings and the classifier's. The five papers print results of these
systems but none of their parameters; ``paper`` is what the feature's own paper is known to use, and where that is not
known a kernel chosen on the training clips.
"""

from __future__ import annotations

from mer_tf.systems.card import ModelCard

# Chosen on the training clips of each fold.
RBF = {"kernel": "rbf", "c": [1, 10, 100, 1000], "gamma": ["scale", "0.1/D", "1/D", "10/D"]}
LINEAR = {"kernel": "linear", "c": [0.1, 1, 2, 10, 100]}

CHOSEN = {"": "assumed, the papers print none; a grid of the classifier is searched on training clips"}

CLIP = "ten gray frames by temporal interpolation, 128x128"
FLOWS = "flow of the nine pairs of neighbours among ten frames, 128x128x2"
ONSET_FLOWS = "flow from the first of ten frames to each other, 9x128x128x2, and 68 landmarks"


def preset(svm: dict, **feature) -> dict:
    """Training settings: options of the classifier, options of the feature."""
    return {"model_options": {"feature": feature, "svm": svm}}


def feature_card(name: str, builder: str, **facts) -> ModelCard:
    """A card of kind ``"feature"``; ``builder`` is ``"family.module:function"`` below ``mer_tf.systems``."""
    return ModelCard(
        name=name,
        kind="feature",
        builder=f"mer_tf.systems.{builder}",
        confidence=facts.pop("confidence", "inferred"),
        **facts,
    )
