"""Optical flow: methods, files and pictures.

Flow is ``(height, width, 2)`` float32, (u, v) in pixels of that image: ``second(x + u, y + v)`` looks like
``first(x, y)``. Importing this package loads neither TensorFlow nor OpenCV; they
are loaded when flow is computed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from mer_tf.errors import ConfigError
from mer_tf.preprocessing.flow.drafts import DISConfig, DISFlow, FarnebackConfig, FarnebackFlow
from mer_tf.preprocessing.flow.files import read_flo, write_flo
from mer_tf.preprocessing.flow.liteflownet_settings import LiteFlowNetConfig, make_liteflownet
from mer_tf.preprocessing.flow.pairs import MIN_SIDE
from mer_tf.preprocessing.flow.settings import FlowConfig, NoFlow
from mer_tf.preprocessing.flow.tvl1 import TVL1Config, TVL1Flow, make_tvl1, tvl1_flow
from mer_tf.preprocessing.flow.wheel import flow_to_colour
from mer_tf.preprocessing.methods import table

__all__ = [
    "METHODS",
    "MIN_SIDE",
    "DISConfig",
    "DISFlow",
    "FarnebackConfig",
    "FarnebackFlow",
    "FlowConfig",
    "LiteFlowNetConfig",
    "NoFlow",
    "TVL1Config",
    "TVL1Flow",
    "flow_to_colour",
    "make_flow",
    "read_flo",
    "tvl1_flow",
    "write_flo",
]

# Name -> settings, and what makes the method of them (and of a file of weights, where the settings say so).
METHODS = table(
    "flow",
    (TVL1Config, make_tvl1),
    (FarnebackConfig, FarnebackFlow),
    (DISConfig, DISFlow),
    (LiteFlowNetConfig, make_liteflownet),
)


def make_flow(
    config: FlowConfig, *, weights: str | os.PathLike | None = None
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The flow method that settings stand for.

    Args:
        config: Settings of one of the ``METHODS``.
        weights: File of trained weights, for a method that needs them.

    Returns:
        Function of two frames of one shape, giving ``(height, width, 2)`` float32 in pixels. LiteFlowNet takes RGB
        uint8; the others take gray or RGB, which is reduced to luma, and float images with a declared
        ``value_range``.

    Raises:
        ConfigError: Settings of no known method, or weights for a method that has none.
        MissingFileError: No weights for a method that needs them.
    """
    known, maker = METHODS.get(config.method, (None, None))
    if known is not type(config):
        raise ConfigError(f"config must be settings of a flow method ({', '.join(METHODS)}). Received: {config!r}")
    if config.weights is not None:
        return maker(config, weights)
    if weights is not None:
        raise ConfigError(f"flow method {config.method!r} has no weights; leave the weights file out")
    return maker(config)
