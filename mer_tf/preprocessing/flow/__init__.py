"""Optical flow: methods, files and pictures.

Flow is ``(height, width, 2)`` float32, (u, v) in pixels of that image: ``second(x + u, y + v)`` looks like
``first(x, y)``. Importing this package loads no TensorFlow; the methods that need it are imported when they are made.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from mer_tf.errors import ConfigError
from mer_tf.preprocessing.flow.drafts import DISFlow, FarnebackFlow
from mer_tf.preprocessing.flow.files import read_flo, write_flo
from mer_tf.preprocessing.flow.pairs import MIN_SIDE
from mer_tf.preprocessing.flow.tvl1 import TVL1Flow, tvl1_flow
from mer_tf.preprocessing.flow.wheel import flow_to_colour
from mer_tf.recipes import FLOW_METHODS, FlowConfig

__all__ = [
    "FLOW_METHODS",
    "MIN_SIDE",
    "DISFlow",
    "FarnebackFlow",
    "TVL1Flow",
    "flow_to_colour",
    "make_flow",
    "read_flo",
    "tvl1_flow",
    "write_flo",
]


def make_flow(
    config: FlowConfig | None = None, *, weights: str | os.PathLike | None = None
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The flow method that a configuration names.

    Args:
        config: ``method`` and its parameters; TV-L1 through OpenCV by default.
        weights: File of trained weights; for ``"liteflownet"`` alone, which needs it.

    Returns:
        Function of two frames of one shape, giving ``(height, width, 2)`` float32 in pixels. ``"liteflownet"`` takes
        RGB uint8; the others take gray or RGB, which is reduced to luma, and float images with a declared
        ``value_range``.

    Raises:
        ConfigError: Weights for a method that has none, or none for the one that needs them.
    """
    config = config or FlowConfig()
    if config.method == "liteflownet":
        from mer_tf.preprocessing.flow.liteflownet import LiteFlowNetFlow

        return LiteFlowNetFlow(weights)
    if weights is not None:
        raise ConfigError(f"flow method {config.method!r} has no weights; leave the weights file out")
    if config.method == "farneback":
        return FarnebackFlow(config)
    if config.method == "dis":
        return DISFlow(config)
    if config.backend == "tensorflow":
        from mer_tf.preprocessing.flow.tvl1_tf import TVL1TensorFlow

        return TVL1TensorFlow(config)
    return TVL1Flow(config)
