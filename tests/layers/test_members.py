"""What the ensemble is made of: maps around their median, and the mean over members."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from layer_case import check_layer

from mer_tf.layers import MedianCentre, MemberMean


def test_maps_around_their_median():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 5, 7, 2)).astype("float32")
    out = MedianCentre()(x).numpy()
    for clip in range(3):
        for channel in range(2):
            rest = x[clip, ..., channel] - np.median(x[clip, ..., channel])
            np.testing.assert_allclose(out[clip, ..., channel], rest / np.abs(rest).mean(), rtol=1e-5, atol=1e-6)


def test_range_and_zero_of_the_maps_do_not_matter_and_a_still_map_stays_still():
    x = np.random.default_rng(1).uniform(0, 1, (2, 4, 4, 3)).astype("float32")
    for other in (255 * x, 2 * x - 1, x + 7):
        np.testing.assert_allclose(MedianCentre()(other), MedianCentre()(x), rtol=2e-3, atol=2e-3)
    assert not MedianCentre()(np.full((1, 4, 4, 3), 0.5, "float32")).numpy().any()


def test_median_layer(tmp_path):
    assert check_layer(MedianCentre(), [(5, 8, 2)], tmp_path).shape == (2, 5, 8, 2)


def softmax(*shape):
    return tf.Variable(tf.nn.softmax(tf.random.stateless_normal(shape, (1, 2))))


def test_each_member_learns_by_its_own_cross_entropy():
    members, labels = [softmax(4, 3), tf.Variable(softmax(4, 3)[:, ::-1])], np.array([0, 2, 1, 1])
    with tf.GradientTape(persistent=True) as tape:
        together = -tf.math.log(tf.gather(MemberMean()(members, training=True), labels, batch_dims=1))
        alone = [-tf.math.log(tf.gather(member, labels, batch_dims=1)) for member in members]
        mean = (alone[0] + alone[1]) / 2
    np.testing.assert_allclose(together, mean, rtol=1e-5)
    for member, own in zip(members, alone):
        np.testing.assert_allclose(tape.gradient(together, member), tape.gradient(own, member) / 2, rtol=1e-5)


def test_they_predict_by_the_mean():
    one, other = np.array([[0.9, 0.1, 0.0]], "float32"), np.array([[0.2, 0.2, 0.6]], "float32")
    np.testing.assert_allclose(MemberMean()([one, other]), [[0.55, 0.15, 0.3]], rtol=1e-6)
    out = MemberMean()([one, other], training=True).numpy()
    np.testing.assert_allclose(out[0, 0], np.sqrt(0.18), rtol=1e-5)
    assert np.isfinite(np.log(out)).all()
