from __future__ import annotations

import warnings

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from mer_tf.addons import SGDW, make_sgdw  # noqa: E402


def steps(optimizer, gradients):
    variable = keras.Variable([1.0, -2.0, 0.5]) if hasattr(keras, "Variable") else tf.Variable([1.0, -2.0, 0.5])
    seen = []
    for gradient in gradients:
        optimizer.apply_gradients([(tf.constant(gradient, tf.float32), variable)])
        seen.append(np.array(variable))
    return np.stack(seen)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_it_equals_the_one_of_addons(momentum):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tfa = pytest.importorskip("tensorflow_addons")
    gradients = np.random.default_rng(0).normal(size=(6, 3))
    own = steps(make_sgdw(0.1, momentum, 0.01), gradients)
    theirs = steps(tfa.optimizers.SGDW(weight_decay=0.01, learning_rate=0.1, momentum=momentum), gradients)
    np.testing.assert_allclose(own, theirs, rtol=1e-6)


def test_it_is_the_published_rule():
    gradients = np.random.default_rng(1).normal(size=(5, 3))
    weights, speed = np.array([1.0, -2.0, 0.5]), np.zeros(3)
    for gradient in gradients:
        weights = weights * (1 - 0.02)
        speed = 0.9 * speed - 0.1 * gradient
        weights = weights + speed
    np.testing.assert_allclose(steps(make_sgdw(0.1, 0.9, 0.02), gradients)[-1], weights, rtol=1e-5)


def test_config_round_trip_and_bad_decay():
    again = SGDW.from_config(SGDW(0.01, learning_rate=0.2, momentum=0.8).get_config())
    assert (again.decoupled, float(again.learning_rate)) == (0.01, pytest.approx(0.2))
    with pytest.raises(ValueError, match="decay"):
        SGDW(-1.0)
