"""Facts and training settings of ELRCN."""

from __future__ import annotations

from mer_tf.systems.card import ModelCard, PublishedAs

PAPER = (
    "Khor, See, Phan, Lin: Enriched Long-term Recurrent Convolutional Network for Facial Micro-Expression Recognition, "
    "FG 2018 (arXiv 1805.08417)"
)

# Defaults of the published scripts; they stop where the training loss no longer falls.
_COMMON = {
    "loss": "cross_entropy",
    "optimizer": "adam",
    "learning_rate": 1e-5,
    "schedule": "inverse_time",
    "decay": 1e-6,
    "batch_size": 32,
    "early_stopping": 0,
    "resample": "none",
    "mirror": False,
}
_PRESETS = {
    # Both stages in one run, as long as the longer of the two.
    "paper": {**_COMMON, "epochs": 40},
    "spatial": {**_COMMON, "epochs": 10, "model_options": {"stage": "spatial"}},
    "temporal": {**_COMMON, "epochs": 40, "model_options": {"stage": "temporal"}},
}

_SMALL = {"frames": 2, "size": 32, "filters": 4, "dense_units": 16, "lstm_units": 8}
_SOURCES = {stage: {"": "code, the authors' defaults"} for stage in _PRESETS}
_SOURCES["paper"]["epochs"] = "assumed: both stages in one run, as long as the longer of the two"

ELRCN_SE_CARD = ModelCard(
    name="elrcn_se",
    paper_id="002",
    paper=PAPER,
    input="flow (u, v, magnitude) and strain between ten frames, 9x224x224x4 in 0..1",
    recipe="flow_9x224_se",
    presets=_PRESETS,
    sources=_SOURCES,
    # Tables 2 and 4 of the Micro-Attention paper, which does not say whether SE or TE was run.
    published_as=(PublishedAs("002", "ELRCN"),),
    small=_SMALL,
    builder="mer_tf.systems.elrcn.elrcn_se:ELRCNSE",
)
ELRCN_TE_CARD = ModelCard(
    name="elrcn_te",
    paper_id="002",
    paper=PAPER,
    input="flow (u, v, magnitude) and strain between ten frames, two streams 9x224x224x3 in 0..1",
    recipe="flow_9x224_te",
    presets=_PRESETS,
    sources=_SOURCES,
    small=_SMALL,
    builder="mer_tf.systems.elrcn.elrcn_te:ELRCNTE",
)

CARDS = (ELRCN_SE_CARD, ELRCN_TE_CARD)
