"""Settings of learned magnification; apart from its code, which loads TensorFlow."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mer_tf.checks import config_errors, number, one_of
from mer_tf.preprocessing.magnify.settings import MagnifyConfig
from mer_tf.preprocessing.methods import Weights


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
