"""New weights for fold after fold, without building the network again where that provably gives the same.

Building a network takes longer than its weights: of Dual-ATME 0.7 s of a processor, of which the drawing of 9.7 million
values is a tenth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from mer_tf.systems.seeds import Seeds

_SEEDS = 512  # of a network's seeds, how many are looked at
_PARTS = 32  # seeds that a layer of parts derives from its own, by adding their number


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """A weight that an initializer drew, or (None) the state of a dropout that begins with a seed.

    Attributes:
        initializer: The one that drew it.
        number: Which of the network's seeds it is.
        part: What is added to that seed.
    """

    initializer: keras.initializers.Initializer | None
    number: int
    part: int

    def again(self, weight: np.ndarray, seeds: list[int]) -> np.ndarray:
        """The same weight of a network with these seeds."""
        seed = seeds[self.number] + self.part
        if self.initializer is None:
            return np.concatenate([np.array([seed], weight.dtype), weight[1:]])
        drawn = type(self.initializer).from_config({**self.initializer.get_config(), "seed": seed})
        return np.array(drawn(weight.shape, weight.dtype))


class FreshWeights:
    """The weights with which a network starts, by random seed.

    The first two seeds build the network. Of the first it is looked up which weight follows from which of its seeds; if
    the second one's weights, all of them, are what this foretells, further seeds only draw. Else each builds, as it
    does with weights that begin with anything but the network's own seeds.

    Args:
        build: Seed -> the network, with the weights it starts with.
    """

    def __init__(self, build: Callable[[int], keras.Model]):
        self._build = build
        self._weights: list[np.ndarray] = []  # of the first network
        self._plan: list[_Drawn | None] | None = None
        self._proven: bool | None = None

    def __call__(self, seed: int) -> list[np.ndarray]:
        """All weights of a new network, in its order."""
        if self._proven:
            return self._foretold(seed)
        model = self._build(seed)
        weights = model.get_weights()
        if self._plan is None:
            self._weights, self._plan = weights, _plan(model, weights, seed)
        elif self._proven is None:
            foretold = self._foretold(seed)
            self._proven = all(map(np.array_equal, foretold, weights))
        return weights

    def _foretold(self, seed: int) -> list[np.ndarray]:
        assert self._plan is not None
        seeds = _seeds(seed)
        return [
            weight.copy() if drawn is None else drawn.again(weight, seeds)
            for weight, drawn in zip(self._weights, self._plan)
        ]


def _plan(model: keras.Model, weights: list[np.ndarray], seed: int) -> list[_Drawn | None]:
    """How each weight came about; None where it does not follow from a seed."""
    known = {value + part: (number, part) for number, value in enumerate(_seeds(seed)) for part in range(_PARTS)}
    initializers = [
        _Drawn(found, *known[found.get_config()["seed"]])
        for layer in model._flatten_layers()
        for found in vars(layer).values()
        if isinstance(found, keras.initializers.Initializer) and found.get_config().get("seed") in known
    ]
    plan: list[_Drawn | None] = []
    for weight in weights:
        drawn = None
        if np.issubdtype(weight.dtype, np.integer):
            if weight.ndim == 1 and len(weight) and int(weight[0]) in known:
                drawn = _Drawn(None, *known[int(weight[0])])
        elif weight.size and weight.ravel()[0] != weight.ravel()[-1]:  # not of one value, as biases are
            seeds = _seeds(seed)
            for found in initializers:  # in the order of the layers, as the weights are
                if np.array_equal(found.again(weight, seeds), weight):
                    drawn = found
                    break
            if drawn is not None:
                initializers.remove(drawn)
        plan.append(drawn)
    return plan


def _seeds(seed: int) -> list[int]:
    seeds = Seeds(seed)
    return [seeds.next() or 0 for _ in range(_SEEDS)]
