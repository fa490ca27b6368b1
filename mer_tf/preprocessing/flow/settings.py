"""What all methods of optical flow share, and no flow."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mer_tf.checks import config_errors, one_of
from mer_tf.preprocessing.methods import MethodSettings


@dataclasses.dataclass(frozen=True)
class FlowConfig(MethodSettings):
    """Base of the settings of a flow method.

    Attributes:
        pairs: Pairs of frames of a sequence: ``"adjacent"`` ones, or each against the ``"onset"``.
    """

    pairs: str = "adjacent"

    def __post_init__(self):
        with config_errors():
            one_of("flow.pairs", self.pairs, ("adjacent", "onset"))
            self._check()

    def _check(self) -> None:
        """Raises ``ValueError`` for values of the method's own settings that are out of range."""

    def used(self, *, sequence: bool = True, **facts) -> dict:
        """As the base class; onset and apex are one pair, whatever ``pairs`` says."""
        settings = super().used(**facts)
        if not sequence:
            settings.pop("pairs", None)
        return settings


@dataclasses.dataclass(frozen=True)
class NoFlow(FlowConfig):
    """No method is named: for recipes of images, or of flow that was computed elsewhere."""

    method: ClassVar[str] = "none"
