"""Facts and settings of Bi-WOOF."""

from __future__ import annotations

from mer_tf.systems.feature_card import feature_card, preset

CARDS = (
    feature_card(
        "bi_woof",
        "bi_woof.bi_woof:bi_woof",
        seed="001",
        paper="Liong et al. 2018, Less is more: micro-expression recognition from video using apex frame, SPIC 62, 82",
        input="onset-apex flow u, v and optical strain, 128x128x3",
        recipe="onset_apex_128",
        presets={
            "paper": preset({"kernel": "linear", "c": [10000]}, grid=5, bins=8),
            "grid8": preset({"kernel": "linear", "c": [10000]}, grid=8, bins=8),
        },
        published={
            "seed001 full": {"accuracy": 0.661, "uar": 0.593, "uf1": 0.604},
            "seed001 smic_hs": {"accuracy": 0.592, "uar": 0.574, "uf1": 0.58},
            "seed001 casme2": {"accuracy": 0.773, "uar": 0.698, "uf1": 0.713},
            "seed001 samm": {"accuracy": 0.624, "uar": 0.439, "uf1": 0.443},
        },
        confidence="fitted",
    ),
    feature_card(
        "bi_woof_phase",
        "bi_woof.bi_woof:bi_woof_phase",
        seed="003",
        paper="Liong and Wong 2017, Micro-expression recognition using apex frame with phase information, APSIPA 2017",
        input="onset-apex flow u, v and optical strain, 128x128x3, and gray onset and apex, 128x128",
        recipe="onset_apex_128_phase",
        presets={"paper": preset({"kernel": "linear", "c": [10000]}, grid=5, bins=8)},
        published={
            "seed003 smic": {"accuracy": 0.6829, "f1": 0.67},
            "seed003 casme2": {"accuracy": 0.6255, "f1": 0.65},
        },
    ),
)
