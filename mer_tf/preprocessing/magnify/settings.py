"""What all methods of magnification share, and no magnification."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mer_tf.preprocessing.methods import MethodSettings


@dataclasses.dataclass(frozen=True)
class MagnifyConfig(MethodSettings):
    """Base of the settings of a method of magnification."""


@dataclasses.dataclass(frozen=True)
class NoMagnification(MagnifyConfig):
    """The frames as they are."""

    method: ClassVar[str] = "none"
