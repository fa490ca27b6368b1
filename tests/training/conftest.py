from __future__ import annotations

import numpy as np
import pytest

from mer_tf.recipes import get_recipe
from mer_tf.systems.registry import get_model_card
from mer_tf.training import MotionData


@pytest.fixture(scope="session")
def make_data():
    """Clips of a recipe: noise, with a class-dependent patch when ``signal`` is positive."""

    def make(model="dual_atme", subjects=4, clips=3, signal=0.0, network=True, seed=0, recipe=None):
        recipe = recipe or get_recipe(get_model_card(model).recipe)
        rng = np.random.default_rng(seed)
        count = subjects * clips
        labels = np.arange(count) % 3
        shapes = recipe.network_inputs if network else recipe.inputs
        tensors = {name: rng.uniform(-0.3, 0.3, (count, *shape)).astype("float32") for name, shape in shapes.items()}
        for array in tensors.values():
            side = array.shape[1]
            for row, label in enumerate(labels):  # a band of rows: the same after mirroring, but for the sign of u
                array[row, label * side // 3 : (label + 1) * side // 3, :, -1] += signal
        return MotionData(
            tensors=tensors,
            labels=labels,
            datasets=["casme2"] * count,
            subjects=[f"sub{k // clips:02}" for k in range(count)],
            clips=[f"EP{k % clips:02}" for k in range(count)],
            recipe=recipe,
            network=network,
        )

    return make
