"""The trainer that a model takes: of a network, or of a hand-crafted feature with its classifier."""

from __future__ import annotations

from mer_tf.recipes import Recipe
from mer_tf.systems.registry import get_model_card
from mer_tf.training.config import TrainConfig
from mer_tf.training.interface import Trainer


def make_trainer(config: TrainConfig, recipe: Recipe | None = None, *, workers: int = 1) -> Trainer:
    """A trainer for the config's model.

    Args:
        config: Settings.
        recipe: Recipe of the inputs. Defaults to the one the model names.
        workers: Processes that take features of clips side by side; a network uses none of them.

    Raises:
        UnknownNameError: Unknown model, or unknown option of it.
        ConfigError: The recipe does not fit the model, or a setting is out of range.
    """
    if get_model_card(config.model).is_network:
        from mer_tf.training.trainer import FoldTrainer

        return FoldTrainer(config, recipe)
    from mer_tf.training.feature_trainer import FeatureTrainer

    return FeatureTrainer(config, recipe, workers=workers)
