"""What decides a training run, as one frozen dataclass (no TensorFlow)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping

from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.preprocessing.augment import AugmentConfig
from mer_tf.recipes import Recipe
from mer_tf.systems.registry import get_model_card

LOSSES = ("cross_entropy", "focal", "class_balanced_focal")
OPTIMIZERS = ("adam", "adamw", "sgd", "sgdw")
SCHEDULES = ("constant", "cosine", "step", "exponential", "inverse_time")
RESAMPLING = ("none", "largest")
CLASS_WEIGHTS = ("none", "published", "inverse_frequency")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Settings of one run; every value that changes a number is here.

    Attributes:
        model: Registry name of the model.
        preset: Name of the preset the settings started from, or ``""``; informative.
        model_options: Constructor options of the model.
        num_classes: Number of classes.
        loss: ``"cross_entropy"``, ``"focal"`` or ``"class_balanced_focal"`` (weights by the effective number of the
            fold's training clips).
        gamma: Focusing of the focal losses.
        beta: Of the effective number, ``(1 - beta) / (1 - beta^n)``.
        class_weights: ``"none"``; ``"published"`` (0.2857, 0.1329, 0.1695, seed 001, which favours the largest
            class); ``"inverse_frequency"`` (largest class 1, counted on the fold's training clips).
        optimizer: ``"adam"``, ``"adamw"``, ``"sgd"`` or ``"sgdw"``; those with a w decay weights apart from the
            gradient.
        learning_rate: Rate of the first epoch.
        momentum: Of sgd and sgdw; 0 for none.
        beta_1: Adam's first decay.
        beta_2: Adam's second decay.
        weight_decay: Under adam and sgd added to the gradient (L2); under adamw times the rate, under sgdw by itself
            taken off the weights.
        bias_rate: Factor on the gradient of biases (2 is a custom of Caffe networks).
        schedule: ``"constant"``, ``"cosine"`` (to 0 over all epochs), ``"step"``, ``"exponential"`` (``step_factor``
            each epoch), each set once an epoch, or ``"inverse_time"`` (rate / (1 + decay * step), each step).
        step_epochs: Epochs between two steps of ``"step"``.
        step_factor: Factor of each step.
        schedule_epochs: Epochs after which ``"exponential"`` stays where it is; 0 for never.
        decay: Of ``"inverse_time"``.
        batch_size: Largest batch. An epoch is cut into as few batches as possible of nearly equal size, so that no
            batch of one clip reaches batch normalisation.
        epochs: Number of epochs, fixed in advance; nothing is chosen on held-out clips.
        early_stopping: Epochs without a lower TRAINING loss after which training ends; -1 for never. No held-out
            clip is looked at.
        resample: ``"largest"`` repeats training clips until every class has as many as the largest; or ``"none"``.
        mirror: Mirror each training clip with probability one half.
        augment: Keys of ``mer_tf.preprocessing.augment.AugmentConfig``; training clips only.
        initial_weights: Path of the weights that every fold starts from, or ``""``: ``.keras`` or ``.weights.h5`` of
            the same model, or ``.npz`` of arrays by layer name, where layers without one (a new head) start anew.
        seed: Global seed; each fold's seed derives from it and the fold's name.
        shuffle_labels: Permute the labels among the training clips of each fold (chance test); test labels stay.
    """

    model: str
    preset: str = ""
    model_options: dict = dataclasses.field(default_factory=dict)
    num_classes: int = 3
    loss: str = "cross_entropy"
    gamma: float = 2.0
    beta: float = 0.999
    class_weights: str = "none"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    weight_decay: float = 0.0
    bias_rate: float = 1.0
    schedule: str = "constant"
    step_epochs: int = 10
    step_factor: float = 0.5
    schedule_epochs: int = 0
    decay: float = 0.0
    batch_size: int = 32
    epochs: int = 20
    early_stopping: int = -1
    resample: str = "none"
    mirror: bool = False
    augment: dict = dataclasses.field(default_factory=dict)
    initial_weights: str = ""
    seed: int = 0
    shuffle_labels: bool = False

    def __post_init__(self):
        get_model_card(self.model)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            fits = {
                "str": isinstance(value, str),
                "bool": isinstance(value, bool),
                "int": isinstance(value, int) and not isinstance(value, bool),
                "float": isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
                "dict": isinstance(value, dict),
            }[str(field.type)]
            if not fits:
                raise ConfigError(f"train.{field.name} must be of type {field.type}. Received: {value!r}")
        for name, known in (
            ("loss", LOSSES),
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("class_weights", CLASS_WEIGHTS),
            ("resample", RESAMPLING),
        ):
            if getattr(self, name) not in known:
                raise UnknownNameError(f"train.{name}", getattr(self, name), known)
        for name, fits, wanted in (
            ("num_classes", self.num_classes >= 2, "at least 2"),
            ("gamma", self.gamma >= 0, "at least 0"),
            ("beta", 0 <= self.beta < 1, "in [0, 1)"),
            ("momentum", 0 <= self.momentum < 1, "in [0, 1)"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("bias_rate", self.bias_rate > 0, "positive"),
            ("schedule_epochs", self.schedule_epochs >= 0, "at least 0"),
            ("decay", self.decay >= 0, "at least 0"),
            ("early_stopping", self.early_stopping == -1 or self.early_stopping >= 0, "-1 or at least 0"),
            ("learning_rate", self.learning_rate > 0, "positive"),
            ("beta_1", 0 <= self.beta_1 < 1, "in [0, 1)"),
            ("beta_2", 0 <= self.beta_2 < 1, "in [0, 1)"),
            ("step_epochs", self.step_epochs >= 1, "at least 1"),
            ("step_factor", 0 < self.step_factor <= 1, "in (0, 1]"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("seed", 0 <= self.seed < 2**31, "in 0..2^31-1"),
        ):
            if not fits:
                raise ConfigError(f"train.{name} must be {wanted}. Received: {getattr(self, name)!r}")
        AugmentConfig.from_json(self.augment)
        if self.loss == "class_balanced_focal" and self.class_weights != "none":
            raise ConfigError("train.class_weights do not go with loss 'class_balanced_focal', which has its own")
        if self.class_weights == "published" and self.num_classes != 3:
            raise ConfigError("train.class_weights 'published' are for 3 classes; use 'inverse_frequency'")
        if "seed" in self.model_options:
            raise ConfigError("train.model_options must not hold a seed; each fold's follows from train.seed")
        try:
            json.dumps(self.model_options, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"train.model_options must be plain JSON values ({error})") from error

    @classmethod
    def from_preset(cls, model: str, preset: str = "paper", **overrides) -> TrainConfig:
        """The settings of a model's preset, some of them replaced.

        Raises:
            UnknownNameError: No such model, preset or key.
            ConfigError: A value is out of range.
        """
        card = get_model_card(model)
        if preset not in card.presets:
            raise UnknownNameError(f"preset of model {model!r}", preset, card.presets)
        return cls.from_json({**card.presets[preset], "model": card.name, "preset": preset, **overrides})

    @classmethod
    def from_json(cls, settings: Mapping | str) -> TrainConfig:
        """Config from ``to_json``'s dictionary, or that dictionary as JSON text; unknown keys are errors."""
        if isinstance(settings, str):
            try:
                settings = json.loads(settings)
            except json.JSONDecodeError as error:
                raise ConfigError(f"the training settings are not JSON: {error}") from error
        if not isinstance(settings, Mapping):
            raise ConfigError(f"the training settings must be an object. Received: {type(settings).__name__}")
        known = [field.name for field in dataclasses.fields(cls)]
        for key in settings:
            if key not in known:
                raise UnknownNameError("train key", key, known)
        if "model" not in settings:
            raise ConfigError("train.model is not given; name a model, see 'mer models'")
        return cls(**settings)

    def to_json(self) -> dict:
        """Plain dictionary that ``from_json`` reads back."""
        return dataclasses.asdict(self)

    @property
    def augmentation(self) -> AugmentConfig:
        """What is done to training clips, ``mirror`` included."""
        settings = dict(self.augment)
        return AugmentConfig.from_json({**settings, "mirror": self.mirror or bool(settings.get("mirror", False))})

    def needs_arrays(self, recipe: Recipe) -> bool:
        """Whether training must see the recipe's arrays (flow in pixels, images) rather than the network's tensors."""
        augmentation = self.augmentation
        if augmentation.copies > 1 or augmentation.subsequences:
            return True
        if dataclasses.replace(augmentation, mirror=False).active:
            return True
        return augmentation.mirror and not recipe.mirrors_in_network

    def learning_rate_at(self, epoch: int, step: int = 0) -> float:
        """Rate of that epoch and of that step of the whole run, both counted from 0."""
        if self.schedule == "exponential":
            return self.learning_rate * self.step_factor ** min(epoch, self.schedule_epochs or epoch)
        if self.schedule == "inverse_time":
            return self.learning_rate / (1 + self.decay * step)
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
        if self.schedule == "step":
            return self.learning_rate * self.step_factor ** (epoch // self.step_epochs)
        return self.learning_rate


def fold_seed(seed: int, name: str) -> int:
    """Seed of a fold from the global seed and the fold's name: the first 31 bits of SHA-256 of ``"seed:name"``."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:4], "big") >> 1
