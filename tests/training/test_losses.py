from __future__ import annotations

import numpy as np
import pytest

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.training import TrainConfig
from mer_tf.training.losses import CLASS_WEIGHTS, LOSSES, PUBLISHED_WEIGHTS, make_loss

COUNTS = np.array([8, 2, 1])


def made(counts=COUNTS, **settings):
    return make_loss(TrainConfig("ststnet", **settings), counts)


def test_cross_entropy_has_no_focus_whatever_gamma_says():
    gammas = {name: made(loss=name, gamma=1.5)[0].gamma for name in LOSSES}
    assert gammas == {"cross_entropy": 0, "focal": 1.5, "class_balanced_focal": 1.5}


def test_class_weights_by_hand():
    weights = {name: made(class_weights=name)[1].tolist() for name in CLASS_WEIGHTS}
    assert weights == {"none": [1, 1, 1], "published": list(PUBLISHED_WEIGHTS), "inverse_frequency": [1, 4, 8]}


def test_weights_by_effective_number():
    _, weights = made(loss="class_balanced_focal", beta=0.9)
    expected = 0.1 / (1 - 0.9**COUNTS)
    np.testing.assert_allclose(weights, expected / expected.mean())
    with pytest.raises(ConfigError, match="'class_balanced_focal', which has its own"):
        made(loss="class_balanced_focal", class_weights="inverse_frequency")


def test_a_class_without_clips():
    with pytest.raises(EmptySplitError, match="class 2"):
        made(np.array([3, 1, 0]), class_weights="inverse_frequency")
    assert np.isfinite(made(np.array([3, 1, 0]), loss="class_balanced_focal")[1]).all()
