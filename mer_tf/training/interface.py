"""What the training of folds asks of a trainer, whatever it trains."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mer_tf.recipes import Recipe
from mer_tf.training.config import TrainConfig

TRAININGS = "trainings"  # what ``fit`` announces (``mer_tf.console``): parts of one as epochs are done, 1 in all


class Trainer(Protocol):
    """Trains one system on the clips of one fold after another.

    Attributes:
        config: Settings.
        recipe: Recipe of the inputs.
        takes_arrays: Whether ``fit`` and ``predict`` take the recipe's arrays instead of the network's inputs.
        history: One entry of figures for each epoch of the last ``fit``, or one for the whole of it.
    """

    config: TrainConfig
    recipe: Recipe
    takes_arrays: bool
    history: list[dict]

    def fit(
        self,
        tensors: Mapping[str, np.ndarray],
        labels: np.ndarray,
        *,
        seed: int,
        keys: Sequence[str] | None = None,
        rows: Sequence[int] | None = None,
        log_dir: str | os.PathLike | None = None,
        on_epoch: Callable[[int], None] | None = None,
    ) -> Any:
        """Trains anew on the clips in ``rows`` of ``tensors``; nothing of an earlier ``fit`` is left."""
        ...

    def predict(self, tensors: Mapping[str, np.ndarray], rows: Sequence[int] | None = None) -> np.ndarray:
        """Probabilities float32 (clips, classes) of the clips in ``rows`` of ``tensors``."""
        ...

    def serves(self, config: TrainConfig, recipe: Recipe) -> bool:
        """Whether this trainer can train that config: all but the seed, shuffling and the preset's name is equal."""
        same = dataclasses.replace(
            config, seed=self.config.seed, shuffle_labels=self.config.shuffle_labels, preset=self.config.preset
        )
        return same == self.config and recipe.hash == self.recipe.hash
