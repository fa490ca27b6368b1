"""What decides a training run, as one frozen dataclass (no TensorFlow)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from mer_tf.checks import check_fields, from_text, known_settings
from mer_tf.errors import ConfigError, UnknownNameError
from mer_tf.metrics.counts import MAX_CLASSES
from mer_tf.preprocessing.augment import AugmentConfig
from mer_tf.recipes import Recipe
from mer_tf.systems import own
from mer_tf.systems.registry import get_model_card, is_own
from mer_tf.training.losses import CLASS_WEIGHTS, LOSSES

if TYPE_CHECKING:
    from mer_tf.protocols import Protocol

OPTIMIZERS = ("adam", "adamw", "sgd", "sgdw")
SCHEDULES = ("constant", "cosine", "step", "exponential", "inverse_time")
RESAMPLING = ("none", "largest", "balanced")
ORDERS = ("every_epoch", "once", "by_class")
LAST_BATCHES = ("even", "small", "drop")
MOMENTUM_RATES = ("kept", "current")

_CHOICES: dict[str, Collection[str]] = {
    "loss": LOSSES,
    "class_weights": CLASS_WEIGHTS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "resample": RESAMPLING,
    "order": ORDERS,
    "last_batch": LAST_BATCHES,
    "momentum_rate": MOMENTUM_RATES,
}
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "num_classes": (lambda value: 2 <= value <= MAX_CLASSES, f"in 2..{MAX_CLASSES}"),
    "gamma": (lambda value: value >= 0, "at least 0"),
    "beta": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "learning_rate": (lambda value: value > 0, "positive"),
    "momentum": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "beta_1": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "beta_2": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "weight_decay": (lambda value: value >= 0, "at least 0"),
    "bias_rate": (lambda value: value > 0, "positive"),
    "step_epochs": (lambda value: value >= 1, "at least 1"),
    "step_factor": (lambda value: 0 < value <= 1, "in (0, 1]"),
    "schedule_epochs": (lambda value: value >= 0, "at least 0"),
    "decay": (lambda value: value >= 0, "at least 0"),
    "batch_size": (lambda value: value >= 1, "at least 1"),
    "epochs": (lambda value: value >= 1, "at least 1"),
    "label_smoothing": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "mixup": (lambda value: value >= 0, "at least 0"),
    "average": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "early_stopping": (lambda value: value >= -1, "-1 or at least 0"),
    "seed": (lambda value: 0 <= value < 2**31, "in 0..2^31-1"),
}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Settings of one run; every value that changes a number is here.

    Attributes:
        model: Registry name of the model, or ``path/to/net.py:build`` of a network of the user's own.
        preset: Name of the preset that the settings started from, or ``""``; it changes nothing.
        model_options: Constructor options of the model.
        num_classes: Number of classes, from 2 to 100.
        loss: ``"cross_entropy"``, ``"focal"``, or ``"class_balanced_focal"``, which weighs each class by the effective
            number of its training clips in the fold.
        gamma: How strongly the focal losses discount clips that are already predicted well; 0 makes them
            cross-entropy.
        beta: How slowly further clips of a class add to its effective number, ``(1 - beta^n) / (1 - beta)`` for n
            clips, in [0, 1); ``"class_balanced_focal"`` only.
        class_weights: ``"none"``; ``"published"`` (0.2857, 0.1329, 0.1695 as Zhou et al., Entropy 2023, print them;
            they favour the largest class); or ``"inverse_frequency"``, which gives the largest class of the fold's
            training clips the weight 1 and the others more.
        optimizer: ``"adam"``, ``"adamw"``, ``"sgd"`` or ``"sgdw"``; ``"adamw"`` and ``"sgdw"`` decay the weights apart
            from the gradient.
        learning_rate: Learning rate of the first epoch.
        momentum: Momentum of SGD, in [0, 1); 0 disables it. ``"sgd"`` and ``"sgdw"`` only.
        momentum_rate: What a change of the learning rate does to the momentum of earlier steps: ``"kept"`` goes on with
            the rate that they were made with (Caffe, Keras), ``"current"`` takes the new one (PyTorch). The same where
            the rate is constant. ``"sgd"`` and ``"sgdw"`` only.
        beta_1: Decay of Adam's running mean of the gradient, in [0, 1).
        beta_2: Decay of Adam's running mean of the squared gradient, in [0, 1).
        weight_decay: Strength of weight decay; 0 disables it. ``"adam"`` and ``"sgd"`` add it times the weight to the
            gradient (L2); ``"adamw"`` takes it times the learning rate off the weights; ``"sgdw"`` takes it off without
            the learning rate.
        bias_rate: Factor on the gradient of every bias; 2 is a custom of Caffe networks.
        schedule: How the learning rate changes: ``"constant"``; ``"cosine"`` falls to 0 over all epochs; ``"step"``
            multiplies it by ``step_factor`` every ``step_epochs`` epochs; ``"exponential"`` multiplies it by
            ``step_factor`` every epoch; ``"inverse_time"`` divides it by ``1 + decay * step`` at every step.
        step_epochs: Epochs between two changes under ``"step"``.
        step_factor: Factor of each change under ``"step"`` and ``"exponential"``, in (0, 1].
        schedule_epochs: Epochs after which ``"exponential"`` stays constant; 0 lets it fall to the end.
        decay: Rate of the fall under ``"inverse_time"``.
        batch_size: Largest batch.
        order: Order of the training clips: ``"every_epoch"`` shuffles them anew, ``"once"`` before the first epoch
            only, ``"by_class"`` not at all: class after class, as a folder per class is listed.
        last_batch: How an epoch is cut into batches: ``"even"`` makes them of nearly equal size, so that no batch of
            one clip reaches batch normalisation; ``"small"`` fills each and leaves a smaller last one; ``"drop"`` fills
            each and leaves the rest out, in every epoch the same clips where the order is fixed.
        epochs: Number of epochs, fixed in advance; nothing is chosen on held-out clips.
        early_stopping: Epochs without a lower TRAINING loss after which training ends; -1 never ends it early. No
            held-out clip is looked at.
        resample: ``"largest"`` repeats training clips until every class has as many as the largest; ``"balanced"``
            draws as many clips as there are in every epoch, as many of each class; ``"none"`` takes every clip once.
        label_smoothing: Share of each clip's loss that is that of all classes alike, in [0, 1); 0 disables it.
        mixup: Both parameters of the beta distribution from which the share of a second training clip of the batch in
            each sample is drawn; 0 disables it.
        average: Decay per step of a running mean of the weights, in [0, 1), with which the network predicts in place
            of the last ones; 0 disables it. In the first steps it is at most ``(1 + step) / (10 + step)``.
        mirror: Whether each training clip is mirrored with probability one half.
        augment: Settings of ``mer_tf.preprocessing.augment.AugmentConfig``, applied to training clips only.
        initial_weights: Path of the weights that every fold starts from, or ``""`` for new ones: ``.keras`` or
            ``.weights.h5`` of the same model, or ``.npz`` or ``.h5`` of arrays by layer name, where layers without an
            array (a new head) start anew. A folder of a run with saved weights gives each fold its own, by layer
            name, and the classifier starts anew.
        seed: Random seed of the run; the seed of each fold is derived from it and the fold's name.
        shuffle_labels: Whether the labels are permuted among the training clips of each fold (a test against chance);
            test labels stay.
        model_code: SHA-256 of the code of a network of the user's own (``mer_tf.systems.own.code_digest``), else
            ``""``; it is filled in, and code that has changed since is refused.
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
    momentum_rate: str = "kept"
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
    order: str = "every_epoch"
    last_batch: str = "even"
    epochs: int = 20
    early_stopping: int = -1
    resample: str = "none"
    label_smoothing: float = 0.0
    mixup: float = 0.0
    average: float = 0.0
    mirror: bool = False
    augment: dict = dataclasses.field(default_factory=dict)
    initial_weights: str = ""
    seed: int = 0
    shuffle_labels: bool = False
    model_code: str = ""

    def __post_init__(self):
        card = get_model_card(self.model)
        if is_own(self.model):
            object.__setattr__(self, "model", card.name)
        self.check_code()
        object.__setattr__(self, "model_code", own.code_digest(card.name) if is_own(self.model) else "")
        check_fields(self, "train", choices=_CHOICES, ranges=_RANGES)
        AugmentConfig.from_json(self.augment)
        if LOSSES[self.loss].weigh is not None and self.class_weights != "none":
            raise ConfigError(f"train.class_weights do not go with loss {self.loss!r}, which has its own")
        if self.class_weights == "published" and self.num_classes != 3:
            raise ConfigError("train.class_weights 'published' are for 3 classes; use 'inverse_frequency'")
        if "seed" in self.model_options:
            raise ConfigError("train.model_options must not hold a seed; each fold's follows from train.seed")
        try:
            json.dumps(self.model_options, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"train.model_options must be plain JSON values ({error})") from error

    def check_code(self) -> None:
        """Raises ``ConfigError`` where the code of a network of the user's own is not that of these settings."""
        if self.model_code and self.model_code != (own.code_digest(self.model) if is_own(self.model) else ""):
            raise ConfigError(
                f"the code of model {self.model} is not the one that these settings were made for (SHA-256 "
                f"{self.model_code[:12]}...); bring that code back, or begin a new run"
            )

    @classmethod
    def from_preset(cls, model: str, preset: str | None = None, **overrides) -> TrainConfig:
        """The settings of a model's preset, some of them replaced.

        Args:
            model: Name of the model.
            preset: Name of the preset; None for ``"paper"``, or the first that a user's network has.
            **overrides: Settings in place of the preset's.

        Raises:
            UnknownNameError: No such model, preset or key.
            ConfigError: A value is out of range.
        """
        card = get_model_card(model)
        preset = card.default_preset if preset is None else preset
        if preset not in card.presets:
            raise UnknownNameError(f"preset of model {model!r}", preset, card.presets)
        return cls.from_json({**card.presets[preset], "model": card.name, "preset": preset, **overrides})

    @classmethod
    def from_json(cls, settings: Mapping | str) -> TrainConfig:
        """Config from ``to_json``'s dictionary, or that dictionary as JSON text; unknown keys are errors."""
        settings = known_settings(cls, from_text(settings, "the training settings"), "the training settings", "train")
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

    def check_zero_centred(self, recipe: Recipe) -> None:
        """Raises ``ConfigError`` where training changes its clips: the mean taken off is that of them as they are."""
        if self.mirror or self.needs_arrays(recipe):
            raise ConfigError(
                f"zero-centred values do not go with the augmentation of model {self.model!r}: the mean is that of the "
                "clips as they are; train with --set mirror=false --set 'augment={}', or take other values"
            )

    def protocol_notes(self, protocol: Protocol) -> tuple[str, ...]:
        """What must be said with every figure where the model has a preset for the protocol and another one is used."""
        own = protocol.preset
        if not own or own == self.preset or own not in get_model_card(self.model).presets:
            return ()
        used = f"preset {self.preset!r}" if self.preset else "settings of no preset"
        return (
            f"settings: those published for {self.model} under {protocol.name} are preset {own!r}; "
            f"this run uses {used}",
        )

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
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).digest()[:4], "big") >> 1
