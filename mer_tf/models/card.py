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
        parameters: Weights with three classes, moving statistics left out.
        trainable_parameters: Weights that training changes.
        presets: Name -> training settings (keys of ``mer_tf.training.TrainConfig``).
        builder: ``"module:Class"`` of the Keras model.
        published: Published figures: protocol and part -> metric -> value.
        options: Constructor options that make the class this system; they cannot be set otherwise.
    """

    name: str
    seed: str
    paper: str
    input: str
    recipe: str
    parameters: int
    trainable_parameters: int
    presets: dict[str, dict]
    builder: str
    published: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict:
        """Plain dictionary, as ``mer models --json`` prints it."""
        return dataclasses.asdict(self)
