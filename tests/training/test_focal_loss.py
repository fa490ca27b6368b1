from __future__ import annotations

import keras
import numpy as np
import pytest

from mer_tf.training.focal_loss import FocalLoss

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]], "float32")
LABELS = np.array([0, 2])


def test_focal_loss_by_hand():
    expected = np.mean([0.3**2 * -np.log(0.7), 0.75**2 * -np.log(0.25)])
    assert float(FocalLoss()(LABELS, PROBABILITIES)) == pytest.approx(expected, rel=1e-5)


def test_gamma_zero_is_cross_entropy():
    expected = float(np.mean(keras.losses.sparse_categorical_crossentropy(LABELS, PROBABILITIES)))
    assert float(FocalLoss(gamma=0)(LABELS[:, None], PROBABILITIES)) == pytest.approx(expected, rel=1e-5)


def test_certain_and_wrong_is_finite():
    assert np.isfinite(float(FocalLoss()([1], [[1.0, 0.0]])))
    assert float(FocalLoss()([0], [[1.0, 0.0]])) == 0


def test_config_round_trip():
    loss = FocalLoss(gamma=1.5, name="mine")
    assert FocalLoss.from_config(loss.get_config()).get_config() == loss.get_config()


def test_negative_gamma_is_refused():
    with pytest.raises(ValueError, match="Received"):
        FocalLoss(gamma=-1)
