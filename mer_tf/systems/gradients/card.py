"""Facts and settings of histograms of gradients."""

from __future__ import annotations

from mer_tf.systems.card import PublishedAs
from mer_tf.systems.feature_card import CHOSEN, CLIP, LINEAR, RBF, feature_card, preset

CARDS = (
    feature_card(
        "hog_top",
        "gradients.hog_top:hog_top",
        paper_id="002",
        paper="Li et al. 2018, Towards reading hidden emotions, IEEE TAC 9(4) 563",
        input=CLIP,
        recipe="clip_gray_128",
        options={"weights": "magnitude"},
        presets={"paper": preset(LINEAR, blocks=[8, 8, 2])},
        sources={"paper": CHOSEN},
    ),
    feature_card(
        "higo_top",
        "gradients.hog_top:hog_top",
        paper_id="002",
        paper="Li et al. 2018, Towards reading hidden emotions, IEEE TAC 9(4) 563",
        input=CLIP,
        recipe="clip_gray_128",
        options={"weights": "count"},
        presets={"paper": preset(LINEAR, blocks=[8, 8, 2])},
        sources={"paper": CHOSEN},
    ),
    feature_card(
        "hog3d",
        "gradients.hog3d:hog3d",
        paper_id="002",
        paper="Klaser et al. 2008, A spatio-temporal descriptor based on 3D-gradients, BMVC 2008",
        input=CLIP,
        recipe="clip_gray_128",
        presets={"paper": preset(RBF, cells=[5, 5, 2])},
        sources={"paper": CHOSEN},
        published_as=(PublishedAs("002", "3D-HOG"),),
    ),
)
