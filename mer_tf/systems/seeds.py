"""Seeds for the parts of one model, from one seed."""

from __future__ import annotations

import keras
import numpy as np


class Seeds:
    """Hands out one seed after another.

    The models seed every initialiser and every dropout explicitly, so that equal seeds give equal models whatever
    was drawn from the global generators before, and without touching those (setting TensorFlow's global seed also
    throws away every compiled function).

    Args:
        seed: int >= 0, or None: then ``next`` answers None and the layers draw from the global generators.
    """

    def __init__(self, seed: int | None):
        if seed is not None and seed < 0:
            raise ValueError(f"`seed` must not be negative. Received: {seed!r}")
        self._rng = None if seed is None else np.random.default_rng(seed)

    def next(self) -> int | None:
        """Next seed in 1..2^31-1, or None."""
        return None if self._rng is None else int(self._rng.integers(1, 2**31))

    def glorot(self) -> keras.initializers.Initializer:
        """Glorot-uniform initializer with the next seed."""
        return keras.initializers.GlorotUniform(seed=self.next())

    def uniform(self) -> keras.initializers.Initializer:
        """Uniform within 1 / sqrt(fan-in), PyTorch's start of convolutions and dense layers, with the next seed."""
        return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform", seed=self.next())

    def torch(self, fan_in: int) -> dict[str, keras.initializers.Initializer]:
        """Kernel and bias uniform within 1 / sqrt(fan-in), PyTorch's start of a layer, as arguments of the layer.

        Takes one seed, as ``uniform`` does, and starts the kernel alike.
        """
        seed = self.next()
        bound = fan_in**-0.5
        return {
            "kernel_initializer": keras.initializers.VarianceScaling(
                1 / 3, mode="fan_in", distribution="uniform", seed=seed
            ),
            "bias_initializer": keras.initializers.RandomUniform(
                -bound, bound, seed=None if seed is None else seed + 1
            ),
        }
