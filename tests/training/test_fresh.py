"""New weights without building: the same as those of a new network, or the network is built."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mer_tf.systems.registry import build_model, get_model_card
from mer_tf.training.fresh import FreshWeights


def counted(build):
    calls = []

    def counting(seed):
        calls.append(seed)
        return build(seed)

    return FreshWeights(counting), calls


@pytest.mark.parametrize("name", ["ststnet", "dual_atme", "atscnn", "astnet", "cbamnet", "mer_ensemble", "geme"])
def test_the_third_network_is_drawn_and_equals_one_that_was_built(name):
    options = get_model_card(name).small
    fresh, calls = counted(lambda seed: build_model(name, 3, seed=seed, **options))
    for seed in (5, 6, 0, 7, 5):
        drawn, built = fresh(seed), build_model(name, 3, seed=seed, **options).get_weights()
        assert len(drawn) == len(built)
        for number, (one, other) in enumerate(zip(drawn, built)):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other, err_msg=f"weight {number} of seed {seed}")
    assert calls == [5, 6]


def dense(initializer):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, kernel_initializer=initializer)])


def test_weights_that_follow_from_something_else_are_built_each_time():
    fresh, calls = counted(lambda seed: dense(keras.initializers.RandomNormal(seed=seed)))
    for seed in (5, 6, 7):
        np.testing.assert_array_equal(
            fresh(seed)[0], dense(keras.initializers.RandomNormal(seed=seed)).get_weights()[0]
        )
    assert calls == [5, 6, 7]


def test_what_was_drawn_may_be_changed():
    fresh, _ = counted(lambda seed: build_model("ststnet", 3, seed=seed))
    fresh(1), fresh(2)
    for weight in fresh(3):
        weight += 1
    for one, other in zip(fresh(3), build_model("ststnet", 3, seed=3).get_weights()):
        np.testing.assert_array_equal(one, other)
