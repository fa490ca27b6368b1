"""Facts and training settings of mini-AORCNN."""

from __future__ import annotations

import dataclasses

from mer_tf.models.off_tanet.card import OFF_TANET_CARD

# Training as Off-TANet.
MINI_AORCNN_CARD = dataclasses.replace(
    OFF_TANET_CARD,
    name="mini_aorcnn",
    paper="Zhang, Liu, Qi: mini-AORCNN, 2022, and its published code",
    parameters=47_365,
    trainable_parameters=47_365,
    builder="mer_tf.models.mini_aorcnn.mini_aorcnn:MiniAORCNN",
    published={"seed004 full": {"uf1": 0.6355, "uar": 0.6601}},
)

CARDS = (MINI_AORCNN_CARD,)
