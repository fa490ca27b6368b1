"""Settings of learned magnification and of its training; apart from its code, which loads TensorFlow."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from mer_tf.checks import between, config_errors, number, one_of, whole
from mer_tf.preprocessing.magnify.settings import MagnifyConfig
from mer_tf.preprocessing.methods import Weights

SCHEDULES = ("constant", "cosine")
LONG_WAVE = 24.0  # in pixels: the shortest wave of a blurred background


@dataclasses.dataclass(frozen=True)
class LearnedConfig(MagnifyConfig):
    """Learned magnification (Oh et al. 2018) of the sequence after sampling in time.

    Attributes:
        factor: Ratio of output motion to input motion; 1 changes nothing.
        mode: ``"static"`` (against the first frame) or ``"dynamic"`` (against the previous one).
    """

    method: ClassVar[str] = "learned"
    weights: ClassVar[Weights] = Weights(
        "magnifier", "MER_MAGNIFIER_WEIGHTS", "train them with 'mer magnify train --out FILE'"
    )

    factor: float = 1.0
    mode: str = "static"

    def __post_init__(self):
        with config_errors():
            number("magnify.factor", self.factor, lambda v: v >= 1, "at least 1")
            one_of("magnify.mode", self.mode, ("static", "dynamic"))


@dataclasses.dataclass(frozen=True)
class TripletConfig:
    """What the training pictures hold.

    Attributes:
        size: Side in pixels, a multiple of 4, >= 16.
        cutouts: Cut-outs before the background.
        max_factor: Largest factor; drawn log-uniformly from 1.
        max_motion: Largest motion from A to B, in pixels.
        max_magnified: Largest motion from A to the target, in pixels.
        shortest_wave: Shortest wave of the procedural textures in pixels, >= 2; smooth pictures are learnt sooner.
        still_background: Share of samples in which only the cut-outs move.
        static: Share of samples without motion.
        low_contrast: Share of samples of a tenth to a half of the contrast.
        blurred: Share of samples whose background holds long waves only.
        gain: Largest deviation of B's gain per channel from 1.
        offset: Largest offset of B per channel, of a range of -1..1.
    """

    size: int = 384
    cutouts: int = 4
    max_factor: float = 10.0
    max_motion: float = 10.0
    max_magnified: float = 30.0
    shortest_wave: float = 5.0
    still_background: float = 0.5
    static: float = 0.1
    low_contrast: float = 0.1
    blurred: float = 0.1
    gain: float = 0.2
    offset: float = 0.1

    def __post_init__(self):
        whole("size", self.size, 16)
        if self.size % 4:
            raise ValueError(f"size must be a multiple of 4. Received: {self.size!r}")
        whole("cutouts", self.cutouts, 0)
        number("max_factor", self.max_factor, lambda v: v >= 1, "at least 1")
        for name in ("max_motion", "max_magnified"):
            number(name, getattr(self, name), lambda v: v > 0, "positive")
        between("shortest_wave", self.shortest_wave, 2, LONG_WAVE)
        for name in ("still_background", "static", "low_contrast", "blurred", "gain", "offset"):
            between(name, getattr(self, name), 0, 1)


@dataclasses.dataclass(frozen=True)
class MagnifierTraining:
    """Settings of ``train_magnifier``; the defaults are the published ones.

    Attributes:
        steps: Optimisation steps, >= 1.
        batch: Triplets of a step, >= 1.
        learning_rate: Learning rate of Adam (beta1 0.9).
        schedule: ``"constant"``, or ``"cosine"`` to a hundredth of the rate over ``steps``.
        warm_up: Steps over which the rate rises linearly.
        regulariser: Weight of the two feature terms: 0.1 as in the paper; the published configuration has 1.0.
        noise: Largest strength of the input noise; each batch draws its own from 0.
        seed: Seed of pictures and noise, >= 0; the network has its own.
    """

    steps: int = 1000
    batch: int = 4
    learning_rate: float = 1e-4
    schedule: str = "constant"
    warm_up: int = 0
    regulariser: float = 0.1
    noise: float = 0.3
    seed: int = 0

    def __post_init__(self):
        for name, least in (("steps", 1), ("batch", 1), ("warm_up", 0), ("seed", 0)):
            whole(name, getattr(self, name), least)
        for name in ("regulariser", "noise"):
            number(name, getattr(self, name), lambda v: v >= 0, "at least 0")
        number("learning_rate", self.learning_rate, lambda v: v > 0, "positive")
        one_of("schedule", self.schedule, SCHEDULES)

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        rate = self.learning_rate
        if self.schedule == "cosine":
            rate *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return rate * min(1.0, (step + 1) / (self.warm_up + 1))
