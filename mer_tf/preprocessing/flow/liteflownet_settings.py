"""Settings of LiteFlowNet; apart from its code, which loads TensorFlow."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mer_tf.preprocessing.flow.settings import FlowConfig
from mer_tf.preprocessing.methods import Weights


@dataclasses.dataclass(frozen=True)
class LiteFlowNetConfig(FlowConfig):
    """LiteFlowNet (Hui, Tang and Loy 2018) with trained weights; nothing else of it can be set."""

    method: ClassVar[str] = "liteflownet"
    weights: ClassVar[Weights] = Weights(
        "liteflownet",
        "MER_LITEFLOWNET_WEIGHTS",
        "convert the public file with 'mer flow convert', or train with 'mer flow train --out FILE'",
    )


def make_liteflownet(config: LiteFlowNetConfig, weights):
    """LiteFlowNet with the weights of a file."""
    from mer_tf.preprocessing.flow.liteflownet import LiteFlowNetFlow

    return LiteFlowNetFlow(weights)
