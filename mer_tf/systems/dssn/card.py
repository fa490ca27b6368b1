"""Facts and training settings of DSSN."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard, PublishedAs

DSSN_CARD = ModelCard(
    name="dssn",
    paper_id="003",
    paper="Khor et al.: Dual-stream Shallow Networks for Facial Micro-expression Recognition, ICIP 2019",
    input="onset-apex flow magnitude and strain, two pictures 227x227x3",
    recipe="onset_apex_227_dssn",
    presets={
        # Not found; the family of the same authors' ELRCN script, which stops at the first epoch without a gain.
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 1e-4,
            "beta_1": 0.9,
            "beta_2": 0.999,
            "schedule": "inverse_time",
            "decay": 1e-6,
            "batch_size": 32,
            "epochs": 100,
            "early_stopping": 0,
            "mirror": False,
        }
    },
    sources={"paper": {"": "assumed, none were found; the family of the same authors' ELRCN script"}},
    published_as=(PublishedAs("003", "DSSN"),),
    starts_from="ImageNet (AlexNet's first layers)",
    small={"size": 67, "filters": [8, 16]},
    builder="mer_tf.systems.dssn.dssn:DSSN",
)

CARDS = (DSSN_CARD,)
