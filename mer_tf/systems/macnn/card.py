"""Facts and training settings of MACNN."""

from __future__ import annotations

from mer_tf.systems.atscnn.card import RIVAL_PRESET, RIVAL_PRESETS, RIVAL_SOURCES
from mer_tf.systems.card import ModelCard, PublishedAs

MACNN_CARD = ModelCard(
    name="macnn",
    paper_id="004",
    paper=(
        "Lai et al.: micro-expression recognition with dilated convolutions (MACNN), Journal of Ambient Intelligence "
        "and Humanized Computing 2020; as re-implemented in the code of Off-TANet"
    ),
    input="onset-apex flow u, v in pixels and strain, 128x128x3",
    recipe="onset_apex_128",
    presets={
        # The re-implementation's; those of the paper were not found.
        "paper": {
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "schedule": "step",
            "step_epochs": 50,
            "step_factor": 0.9,
            "batch_size": 64,
            "epochs": 500,
            "mirror": False,
        },
        **RIVAL_PRESETS,
    },
    sources={
        "paper": {"": "code, the re-implementation with Off-TANet; those of its paper were not found"},
        **RIVAL_SOURCES,
    },
    published_as=(PublishedAs("004", "MACNN", RIVAL_PRESET),),
    small={"size": 32, "width": 4, "dense_units": 16},
    builder="mer_tf.systems.macnn.macnn:MACNN",
)

CARDS = (MACNN_CARD,)
