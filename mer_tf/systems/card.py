"""What the package knows of a model before building it (no TensorFlow)."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """Facts of one system.

    Attributes:
        name: Registry name.
        seed: Number of the paper that the system comes from.
        paper: Citation.
        input: What the network takes, in words.
        recipe: Name of the recipe whose network inputs it takes.
        parameters: Weights with three classes, moving statistics left out; None for a hand-crafted feature.
        trainable_parameters: Weights that training changes; None for a hand-crafted feature.
        presets: Name -> training settings (keys of ``mer_tf.training.TrainConfig``).
        builder: ``"module:Class"`` of the Keras model, or ``"module:function"`` of a hand-crafted feature.
        published: Published figures: protocol and part -> metric -> value.
        options: Constructor options that make the class this system (settings that make the feature this one); they
            cannot be set otherwise.
        confidence: ``"exact"`` (public code or a complete table), ``"fitted"`` (layout found by the published
            complexity figures) or ``"inferred"`` (something had to be chosen; the class says what).
        kind: ``"network"``, or ``"feature"`` of a hand-crafted one with its classifier.
    """

    name: str
    seed: str
    paper: str
    input: str
    recipe: str
    parameters: int | None
    trainable_parameters: int | None
    presets: dict[str, dict]
    builder: str
    published: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    confidence: str = "exact"
    kind: str = "network"

    @property
    def is_network(self) -> bool:
        """Whether it is a Keras model; False for a hand-crafted feature with its classifier."""
        return self.kind == "network"

    def to_json(self) -> dict:
        """Plain dictionary, as ``mer models --json`` prints it."""
        return dataclasses.asdict(self)
