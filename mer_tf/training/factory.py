"""The trainer that a model takes: of a network, or of a hand-crafted feature with its classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mer_tf.recipes import Recipe
from mer_tf.systems.registry import get_model_card
from mer_tf.training.config import TrainConfig

if TYPE_CHECKING:
    from mer_tf.training.feature_trainer import FeatureTrainer
    from mer_tf.training.trainer import FoldTrainer


def make_trainer(
    config: TrainConfig, recipe: Recipe | None = None, *, workers: int = 1
) -> FoldTrainer | FeatureTrainer:
    """A trainer for the config's model.

    Args:
        config: Settings.
        recipe: Recipe of the inputs. Defaults to the one the model names.
        workers: Processes that take features; of no use to a network.

    Raises:
        UnknownNameError, ConfigError: As the trainers.
    """
    if get_model_card(config.model).is_network:
        from mer_tf.training.trainer import FoldTrainer

        return FoldTrainer(config, recipe)
    from mer_tf.training.feature_trainer import FeatureTrainer

    return FeatureTrainer(config, recipe, workers=workers)
