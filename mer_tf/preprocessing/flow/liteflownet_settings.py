"""Settings of LiteFlowNet and of its training; apart from its code, which loads TensorFlow."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mer_tf.checks import config_errors, number, whole
from mer_tf.errors import ConfigError
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


@dataclasses.dataclass(frozen=True)
class FlowTrainConfig:
    """Settings of the training.

    Attributes:
        steps: Updates of the weights.
        batch_size: Pairs per update.
        size: Side of the square frames in pixels, a multiple of 32.
        max_motion: Largest displacement of a layer's centre in pixels.
        learning_rate: Learning rate of Adam.
        clip_norm: Largest norm of the gradients.
        seed: Decides first weights and pairs.
        save_every: Steps between savings of the weights.
        distinct_batches: Number of batches that are gone through again and again; 0 makes new pairs for every step.
            One or two show within a dozen steps whether anything is learnt.

    Source: the endpoint loss on all levels and Adam follow Hui et al., section 4.
    Assumption: Adam 1e-4 with clipped gradients, batches and sizes are chosen; the paper trains stage by stage on
    rendered chairs and film scenes, which are no part of this package.
    """

    steps: int = 20_000
    batch_size: int = 8
    size: int = 128
    max_motion: float = 6.0
    learning_rate: float = 1e-4
    clip_norm: float = 1.0
    seed: int = 0
    save_every: int = 500
    distinct_batches: int = 0

    def __post_init__(self):
        with config_errors():
            for name in ("steps", "batch_size", "size", "save_every"):
                whole(name, getattr(self, name))
            for name in ("seed", "distinct_batches"):
                whole(name, getattr(self, name), 0)
            for name in ("max_motion", "learning_rate", "clip_norm"):
                number(name, getattr(self, name), lambda v: v > 0, "positive")
        if self.size % 32:
            raise ConfigError(f"size must be a multiple of 32. Received: {self.size}")
        if self.max_motion > self.size / 4:
            raise ConfigError(f"max_motion must be at most a quarter of size. Received: {self.max_motion}, {self.size}")
