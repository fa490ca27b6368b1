"""Optical flow: methods, files and pictures. Importing this package loads no TensorFlow."""

from __future__ import annotations

from mer_tf.preprocessing.flow.tvl1 import MIN_SIDE, TVL1Flow, tvl1_flow

__all__ = ["MIN_SIDE", "TVL1Flow", "tvl1_flow"]
