"""Names of the models, their cards and their builders. Importing this module does not import TensorFlow."""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mer_tf.errors import ConfigError, UnknownNameError, look_up
from mer_tf.numerics import set_keras
from mer_tf.plugins import installed
from mer_tf.recipes import Recipe, get_recipe
from mer_tf.systems import own
from mer_tf.systems.card import ModelCard

if TYPE_CHECKING:
    import keras

__all__ = [
    "MODELS",
    "ModelCard",
    "build_model",
    "check_inputs",
    "check_network",
    "check_recipe",
    "get_model_card",
    "is_own",
    "recipe_of_model",
]


def _collect() -> dict[str, ModelCard]:
    """The cards of every folder beside this file that has a ``card.py``."""
    cards = {}
    families = [module.name for module in pkgutil.iter_modules([os.path.dirname(__file__)]) if module.ispkg]
    for family in sorted(families):
        for card in importlib.import_module(f"mer_tf.systems.{family}.card").CARDS:
            if card.name in cards:
                raise ValueError(f"two models are called {card.name!r}")
            cards[card.name] = card
    return dict(sorted(cards.items()))


MODELS: dict[str, ModelCard] = _collect()


# Names of the former release; to be removed in the next.
FORMER_NAMES = {
    f"{name}_seed004": f"{name}_atscnn_setup"
    for name in ("dual_inception", "micro_attention", "mini_aorcnn", "ststnet")
}
_log = logging.getLogger(__name__)


def is_own(name: str) -> bool:
    """Whether a name is that of a user's network (``path/to/net.py:build``, or of an installed package)."""
    known = name in MODELS or name in FORMER_NAMES
    return not known and (own.in_file(name) or name in installed(own.GROUP))


def get_model_card(name: str) -> ModelCard:
    """The card of that model; an unknown name lists the known ones, a former one is noted in the log.

    Args:
        name: Registry name, ``path/to/net.py:build`` of a network of the user's own, or the name of one that an
            installed package brings. The code of these two is loaded.
    """
    if isinstance(name, str) and name in FORMER_NAMES and name not in MODELS:
        _log.warning("model %r is now called %r; the old name goes with the next release", name, FORMER_NAMES[name])
        name = FORMER_NAMES[name]
    if isinstance(name, str) and is_own(name):
        return own.card_of(name)
    return look_up("model", name, MODELS, "mer models")


def recipe_of_model(name: str) -> Recipe:
    """The recipe that the model's card names.

    Raises:
        ConfigError: The card of a user's network names none.
    """
    card = get_model_card(name)
    if not card.recipe:
        raise ConfigError(
            f"nothing says which recipe {own.short_name(card.name)} takes; give --data with prepared records or "
            '--recipe, or write CARD = {"recipe": "onset_apex_28_minmax"} into its file (see \'mer recipes\')'
        )
    return get_recipe(card.recipe)


def check_network(model: str) -> None:
    """Raises ``ConfigError`` where the model is a hand-crafted feature: it cannot be built, exported or served."""
    if not get_model_card(model).is_network:
        raise ConfigError(f"model {model!r} is not a network; run it with 'mer loso'")


def check_recipe(model: str, recipe: Recipe, options: Mapping | None = None) -> None:
    """Raises ``ConfigError`` unless the recipe yields the inputs that the model takes.

    Constructor options may change those inputs; with any given, only the built model can tell (``check_inputs``), and
    so it is of a user's network.
    """
    card = get_model_card(model)
    if (options and card.is_network) or is_own(model):
        return
    wanted = get_recipe(card.recipe).network_inputs
    # A feature reads what it needs by name; a network is built and served for all that the recipe yields.
    fits = recipe.network_inputs == wanted if card.is_network else wanted.items() <= recipe.network_inputs.items()
    if not fits:
        raise ConfigError(
            f"model {model!r} takes {_describe(wanted)} (recipe {card.recipe!r}), "
            f"but recipe {recipe.name!r} yields {_describe(recipe.network_inputs)}; "
            f"prepare the clips with --recipe {card.recipe}, or take another model"
        )


def check_inputs(name: str, model: keras.Model, recipe: Recipe) -> None:
    """Raises ``ConfigError`` unless what the built model takes is among what the recipe yields."""
    takes = {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}
    if not takes.items() <= recipe.network_inputs.items():
        raise ConfigError(
            f"model {name!r} with these options takes {_describe(takes)}, "
            f"but recipe {recipe.name!r} yields {_describe(recipe.network_inputs)}; "
            f"prepare the clips with --recipe {get_model_card(name).recipe}, or take other options"
        )


def build_model(name: str, num_classes: int = 3, **options) -> keras.Model:
    """Builds the model with new weights.

    Args:
        name: Registry name.
        num_classes: Number of classes, at least 2.
        **options: Constructor options of the model class.

    Returns:
        Keras model whose inputs are a dictionary by the names of the recipe's ``network_inputs`` and whose output
        is float32 probabilities (batch, num_classes).

    Raises:
        UnknownNameError: No model has that name, or the model has no such option.
        ConfigError: An option has a value that the model refuses, or is one that makes the system what it is; or the
            model is a hand-crafted feature.
    """
    import inspect

    card = get_model_card(name)
    check_network(name)
    set_keras()
    if is_own(name):
        return own.build_own(name, num_classes, options, options.pop("seed", None))
    module, _, attribute = card.builder.partition(":")
    builder = getattr(importlib.import_module(module), attribute)
    known = [key for key in inspect.signature(builder.__init__).parameters if key not in ("self", "kwargs")]
    for key in options:
        if key not in known:
            raise UnknownNameError(f"option of model {name!r}", key, known)
        if key in card.options:
            raise ConfigError(f"model {name!r} is the one with {key} {card.options[key]!r}; the option cannot be set")
    try:
        return builder(num_classes=num_classes, **card.options, **options)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"model {name!r}: {error}") from error


def _describe(inputs: dict) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in inputs.items())
