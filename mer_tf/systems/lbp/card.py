"""Facts and settings of local binary patterns."""

from __future__ import annotations

from mer_tf.systems.feature_card import CLIP, RBF, feature_card, preset

_SMIC_POLY = {"kernel": "poly", "degree": 6, "gamma": ["scale"], "coef0": 1.0, "c": [1]}
_TEN_FRAMES = {"points": [8, 8, 8], "radii": [1, 1, 3], "blocks": [8, 8, 1]}
CARDS = (
    feature_card(
        "lbp_top",
        "lbp.lbp_top:lbp_top",
        seed="001",
        paper="Zhao and Pietikainen 2007, IEEE TPAMI 29(6) 915; baseline of seeds 000, 001, 002 and 003",
        input=CLIP,
        recipe="clip_gray_128",
        presets={
            # The clips are interpolated to ten frames, as in the SMIC baseline.
            "paper": preset(_SMIC_POLY, **_TEN_FRAMES),
            "casme2": preset(RBF, points=[8, 8, 8], radii=[1, 1, 4], blocks=[5, 5, 1]),
            "toolbox": preset(
                {"kernel": "poly", "degree": 3, "gamma": ["scale"], "coef0": 0.0, "c": [1]},
                points=[8, 8, 8],
                radii=[3, 3, 3],
                blocks=[8, 8, 1],
                overlap=0.7,
                normalise="none",
            ),
        },
        published={
            "seed001 full": {"accuracy": 0.643, "uar": 0.575, "uf1": 0.586},
            "seed001 smic_hs": {"accuracy": 0.555, "uar": 0.535, "uf1": 0.544},
            "seed001 casme2": {"accuracy": 0.786, "uar": 0.716, "uf1": 0.723},
            "seed001 samm": {"accuracy": 0.594, "uar": 0.434, "uf1": 0.436},
            "seed000 casme2": {"accuracy": 0.5298},
            "seed000 smic_hs": {"accuracy": 0.4165},
            "seed002 cde": {"accuracy": 0.524, "f1": 0.4},
            "seed002 hde samm": {"war": 0.338, "uar": 0.327},
            "seed002 hde casme2": {"war": 0.232, "uar": 0.316},
            "seed003 smic": {"accuracy": 0.4338, "f1": 0.34},
            "seed003 casme2": {"accuracy": 0.4646, "f1": 0.42},
        },
    ),
    feature_card(
        "lbp_sip",
        "lbp.lbp_sip:lbp_sip",
        seed="002",
        paper="Wang et al. 2014, LBP with six intersection points, ACCV 2014",
        input=CLIP,
        recipe="clip_gray_128",
        presets={"paper": preset(RBF, radii=[1, 1, 3], blocks=[8, 8, 1])},
    ),
)
