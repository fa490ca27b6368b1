"""Facts and settings of local binary patterns."""

from __future__ import annotations

from mer_tf.systems.card import PublishedAs
from mer_tf.systems.feature_card import CHOSEN, CLIP, RBF, feature_card, preset

_SMIC_POLY = {"kernel": "poly", "degree": 6, "gamma": ["scale"], "coef0": 1.0, "c": [1]}
_TEN_FRAMES = {"points": [8, 8, 8], "radii": [1, 1, 3], "blocks": [8, 8, 1]}
_BASELINE = {"paper": {"": "assumed, as the baseline of the SMIC database is remembered"}}
CARDS = (
    feature_card(
        "lbp_top",
        "lbp.lbp_top:lbp_top",
        paper_id="001",
        paper="Zhao and Pietikainen 2007, IEEE TPAMI 29(6) 915; baseline of four of the five papers",
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
        sources={
            **_BASELINE,
            "casme2": {**CHOSEN, "model_options.feature": "assumed, as the baseline of CASME II is remembered"},
            "toolbox": {"": "code, a public toolbox"},
        },
        published_as=tuple(PublishedAs(paper, "LBP-TOP") for paper in ("001", "002", "003")),
        megc2019_as=("LBP-TOP baseline",),
    ),
    # Chen et al. 2020 compare on their own clips: magnified, 16 frames of 64x64 (section 4).
    feature_card(
        "lbp_top_cbamnet_setup",
        "lbp.lbp_top:lbp_top",
        paper_id="000",
        paper="Zhao and Pietikainen 2007, IEEE TPAMI 29(6) 915; as compared in CBAMNet 2020",
        input="clip of 16 magnified gray frames 64x64",
        recipe="evm_16x64_gray",
        presets={"paper": preset(_SMIC_POLY, **_TEN_FRAMES)},
        sources=_BASELINE,
        published_as=(PublishedAs("000", "LBP-TOP"),),
    ),
    feature_card(
        "lbp_sip",
        "lbp.lbp_sip:lbp_sip",
        paper_id="002",
        paper="Wang et al. 2014, LBP with six intersection points, ACCV 2014",
        input=CLIP,
        recipe="clip_gray_128",
        presets={"paper": preset(RBF, radii=[1, 1, 3], blocks=[8, 8, 1])},
        sources={"paper": CHOSEN},
    ),
)
