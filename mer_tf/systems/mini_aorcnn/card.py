"""Facts and training settings of mini-AORCNN."""

from __future__ import annotations

import dataclasses

from mer_tf.systems.atscnn.card import RIVAL_PRESET, RIVAL_SOURCES
from mer_tf.systems.card import PublishedAs
from mer_tf.systems.off_tanet.card import OFF_TANET_CARD

# Training as Off-TANet.
MINI_AORCNN_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="mini_aorcnn",
    paper="Zhang, Liu, Qi: mini-AORCNN, 2022, and its published code",
    input="onset-apex flow u, v in pixels and strain, 112x112x3",
    recipe="onset_apex_112",
    sources={"paper": {"": "assumed, those of Off-TANet"}, **RIVAL_SOURCES},
    published_as=(),
    small={"size": 32},
    builder="mer_tf.systems.mini_aorcnn.mini_aorcnn:MiniAORCNN",
)

# The ATSCNN paper gives every network its own 128x128 maps; the published figures are those.
MINI_AORCNN_ATSCNN_SETUP_CARD = dataclasses.replace(
    MINI_AORCNN_CARD,
    name="mini_aorcnn_atscnn_setup",
    input=OFF_TANET_CARD.input,
    recipe=OFF_TANET_CARD.recipe,
    published_as=(PublishedAs("004", "mini-AORCNN", RIVAL_PRESET),),
    options={"size": 128, "name": "mini_aorcnn_atscnn_setup"},
)

CARDS = (MINI_AORCNN_CARD, MINI_AORCNN_ATSCNN_SETUP_CARD)
