"""What the training of folds asks of a trainer, whatever it trains."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.recipes import Recipe
from mer_tf.training.config import TrainConfig

TRAININGS = "trainings"  # what ``fit`` announces (``mer_tf.console``): parts of one as epochs are done, 1 in all


def check_tensors(model: str, tensors: Mapping[str, np.ndarray], wanted: Mapping[str, tuple[int, ...]]) -> int:
    """The number of clips, if the tensors that a model takes are there in their shapes.

    Args:
        model: Its name, for messages.
        tensors: What a trainer was given; others than those wanted are ignored.
        wanted: Name -> shape of one clip.

    Raises:
        ConfigError: A tensor is missing or of another shape, or their numbers of clips differ.
    """
    for name, shape in wanted.items():
        if name not in tensors:
            raise ConfigError(
                f"model {model!r} takes the tensors {', '.join(wanted)}. Received: {', '.join(tensors) or 'none'}"
            )
        if np.shape(tensors[name])[1:] != shape:
            raise ConfigError(f"tensor {name!r} must be (clips, {shape}). Received: {np.shape(tensors[name])}")
    counts = {len(tensors[name]) for name in wanted}
    if len(counts) != 1:
        raise ConfigError(f"the tensors differ in their number of clips: {sorted(counts)}")
    return counts.pop()


def check_labels(labels, clips: int, num_classes: int) -> np.ndarray:
    """The labels of the training clips as an array.

    Raises:
        EmptySplitError: There is no clip.
        ConfigError: They are not one integer below ``num_classes`` for each clip.
    """
    labels = np.asarray(labels)
    if not clips:
        raise EmptySplitError("there are no training clips")
    if labels.shape != (clips,) or not np.issubdtype(labels.dtype, np.integer):
        raise ConfigError(f"labels must be {clips} integers. Received: {labels.dtype} {labels.shape}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ConfigError(f"labels must lie in 0..{num_classes - 1}. Received: {sorted(set(labels))}")
    return labels


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

    def graph(self) -> Any:
        """What the system computes as a ``GraphDef``; None of one that is no network."""
        return None

    def serves(self, config: TrainConfig, recipe: Recipe) -> bool:
        """Whether this trainer can train that config: all but the seed, shuffling and the preset's name is equal."""
        same = dataclasses.replace(
            config, seed=self.config.seed, shuffle_labels=self.config.shuffle_labels, preset=self.config.preset
        )
        return same == self.config and recipe.hash == self.recipe.hash
