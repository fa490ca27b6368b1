"""Base class of the networks, and the layer they all end with."""

from __future__ import annotations

import keras

from mer_tf.layers.configured import Configured, check_at_least, check_share


class Network(Configured, keras.Model):
    """A functional network made by its constructor, which ends with ``super().__init__(inputs=..., outputs=...)``.

    The config holds the constructor's arguments and the name, not the graph: whoever has it builds the network anew.
    Of every network ``num_classes`` must be at least 2 and ``dropout`` lie in [0, 1), where it has them.
    """

    def get_config(self) -> dict:
        return {"name": self.name, **self.arguments()}

    def in_training(self, inputs):
        """What ``self(inputs, training=True)`` gives and changes; a network may compute it in a faster order."""
        return self(inputs, training=True)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)

    @staticmethod
    def check_arguments(arguments: dict) -> None:
        num_classes, dropout = arguments.get("num_classes", 2), arguments.get("dropout")
        check_at_least(2, num_classes=num_classes)
        if dropout is not None:
            check_share(dropout=dropout)


def probabilities(x, num_classes: int, initializer=None, name: str = "probabilities", **start):
    """The classes of (batch, features): a dense layer with softmax, in float32 under every policy.

    ``start`` are ``kernel_initializer`` and ``bias_initializer``, in place of the kernel's ``initializer`` alone.
    """
    start = start or {"kernel_initializer": initializer}
    return keras.layers.Dense(num_classes, activation="softmax", dtype="float32", name=name, **start)(x)
