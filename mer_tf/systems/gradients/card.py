"""Facts and settings of histograms of gradients."""

from __future__ import annotations

from mer_tf.systems.feature_card import CLIP, LINEAR, RBF, feature_card, preset

CARDS = (
    feature_card(
        "hog_top",
        "gradients.hog_top:hog_top",
        seed="002",
        paper="Li et al. 2018, Towards reading hidden emotions, IEEE TAC 9(4) 563",
        input=CLIP,
        recipe="clip_gray_128",
        options={"weights": "magnitude"},
        presets={"paper": preset(LINEAR, blocks=[8, 8, 2])},
    ),
    feature_card(
        "higo_top",
        "gradients.hog_top:hog_top",
        seed="002",
        paper="Li et al. 2018, Towards reading hidden emotions, IEEE TAC 9(4) 563",
        input=CLIP,
        recipe="clip_gray_128",
        options={"weights": "count"},
        presets={"paper": preset(LINEAR, blocks=[8, 8, 2])},
    ),
    feature_card(
        "hog3d",
        "gradients.hog3d:hog3d",
        seed="002",
        paper="Klaser et al. 2008, A spatio-temporal descriptor based on 3D-gradients, BMVC 2008",
        input=CLIP,
        recipe="clip_gray_128",
        presets={"paper": preset(RBF, cells=[5, 5, 2])},
        published={
            "seed002 cde": {"accuracy": 0.436, "f1": 0.271},
            "seed002 hde samm": {"war": 0.353, "uar": 0.269},
            "seed002 hde casme2": {"war": 0.373, "uar": 0.187},
        },
    ),
)
