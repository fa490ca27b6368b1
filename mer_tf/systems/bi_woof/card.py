"""Facts and settings of Bi-WOOF."""

from __future__ import annotations

from mer_tf.systems.card import PublishedAs
from mer_tf.systems.feature_card import feature_card, preset

SETTINGS = {"": "assumed, as Liong et al. 2018 are remembered"}

CARDS = (
    feature_card(
        "bi_woof",
        "bi_woof.bi_woof:bi_woof",
        paper_id="001",
        paper="Liong et al. 2018, Less is more: micro-expression recognition from video using apex frame, SPIC 62, 82",
        input="onset-apex flow u, v and optical strain, 128x128x3",
        recipe="onset_apex_128",
        presets={
            "paper": preset({"kernel": "linear", "c": [10000]}, grid=5, bins=8),
            "grid8": preset({"kernel": "linear", "c": [10000]}, grid=8, bins=8),
        },
        sources={"paper": SETTINGS, "grid8": {**SETTINGS, "model_options.feature.grid": "assumed, another grid"}},
        published_as=(PublishedAs("001", "Bi-WOOF"),),
        megc2019_as=("Bi-WOOF",),
        confidence="fitted",
    ),
    feature_card(
        "bi_woof_phase",
        "bi_woof.bi_woof:bi_woof_phase",
        paper_id="003",
        paper="Liong and Wong 2017, Micro-expression recognition using apex frame with phase information, APSIPA 2017",
        input="onset-apex flow u, v and optical strain, 128x128x3, and gray onset and apex, 128x128",
        recipe="onset_apex_128_phase",
        presets={"paper": preset({"kernel": "linear", "c": [10000]}, grid=5, bins=8)},
        sources={"paper": {"": "assumed, those of Bi-WOOF"}},
        published_as=(PublishedAs("003", "Bi-WOOF + Phase"),),
    ),
)
