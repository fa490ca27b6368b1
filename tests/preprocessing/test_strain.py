"""Optical strain against closed forms; the published forms; the TensorFlow version."""

from __future__ import annotations

import numpy as np
import pytest

from mer_tf.errors import UnknownNameError
from mer_tf.preprocessing.strain import STRAIN_FORMS, motion, optical_strain, strain, strain_tensor


def field(a, b, c, d, size=9):
    y, x = np.mgrid[0:size, 0 : size + 3].astype(np.float64)
    return np.stack([a * x + b * y, c * x + d * y], axis=2)


def test_strain_of_a_linear_field():
    # sqrt(.1^2 + .4^2 + (.2 + .3)^2 / 2) = sqrt(.295) = .543139
    strain = optical_strain(field(0.1, 0.2, 0.3, 0.4))
    assert strain.shape == (9, 12)
    assert strain.dtype == np.float32
    np.testing.assert_allclose(strain, 0.543139, atol=1e-6)


def test_rigid_motion_has_no_strain():
    np.testing.assert_allclose(optical_strain(field(0, -0.3, 0.3, 0)), 0, atol=1e-12)
    np.testing.assert_allclose(optical_strain(field(0, 0, 0, 0) + (2, -1)), 0, atol=1e-12)


def test_strain_scales_and_does_not_see_mirrors_or_turns():
    flow = np.random.default_rng(2).normal(size=(10, 10, 2))
    strain = optical_strain(flow)
    np.testing.assert_allclose(optical_strain(-2.5 * flow), 2.5 * strain, rtol=1e-5)
    np.testing.assert_allclose(optical_strain(flow[:, ::-1] * (-1, 1)), strain[:, ::-1], rtol=1e-5, atol=1e-7)
    quarter = np.rot90(np.stack([flow[..., 1], -flow[..., 0]], axis=2))
    np.testing.assert_allclose(optical_strain(quarter), np.rot90(strain), rtol=1e-5, atol=1e-7)


def test_strain_refuses_what_is_no_flow():
    for bad in (np.zeros((5, 5)), np.zeros((1, 5, 2)), np.zeros((5, 5, 3)), [[1, 2]]):
        with pytest.raises(ValueError, match="flow must be"):
            optical_strain(bad)
    with pytest.raises(ValueError, match="not finite"):
        optical_strain(np.full((5, 5, 2), np.inf))


def test_motion_stacks_u_v_strain():
    flow = field(0.1, 0.2, 0.3, 0.4).astype(np.float32)
    stacked = motion(flow)
    assert stacked.dtype == np.float32
    np.testing.assert_array_equal(stacked[..., :2], flow)
    np.testing.assert_array_equal(stacked[..., 2], optical_strain(flow))


def test_parts_of_a_linear_field():
    exx, eyy, exy = strain_tensor(field(0.1, 0.2, 0.3, 0.4))
    np.testing.assert_allclose(exx, 0.1, atol=1e-12)
    np.testing.assert_allclose(eyy, 0.4, atol=1e-12)
    np.testing.assert_allclose(exy, 0.25, atol=1e-12)


def test_derivatives_are_central_inside_and_one_sided_at_the_border():
    flow = np.zeros((3, 4, 2))
    flow[..., 0] = np.array([0.0, 1.0, 4.0, 9.0])  # u = x^2
    np.testing.assert_allclose(strain_tensor(flow)[0], [[1, 2, 4, 5]] * 3)


@pytest.mark.parametrize(
    ("form", "squared"),
    [
        # u_x = a = .1, u_y = b = .2, v_x = c = .3, v_y = d = .4
        ("frobenius", 0.01 + 0.16 + 0.5 * 0.25),
        ("ststnet_misprint", 0.01 + 0.16 + 0.5 * 0.04),
        ("swapped_axes", 0.04 + 0.09 + 0.5 * 0.25),
        ("off_tanet", 0.01 + 0.04 + 0.5 * 0.25),
    ],
)
def test_published_forms(form, squared):
    np.testing.assert_allclose(strain(field(0.1, 0.2, 0.3, 0.4), form), np.sqrt(squared), rtol=1e-6)


def test_what_the_faulty_forms_see_and_miss():
    rotation = field(0, -0.3, 0.3, 0)
    np.testing.assert_allclose(strain(rotation, "swapped_axes"), 0.3 * np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(strain(rotation, "off_tanet"), 0.3, rtol=1e-6)
    shear = field(0, 0.3, 0.3, 0)
    np.testing.assert_allclose(strain(shear, "ststnet_misprint"), 0, atol=1e-12)
    assert (strain(shear) > 0.4).all()


def test_an_unknown_form_lists_the_known():
    with pytest.raises(UnknownNameError, match="frobenius"):
        strain(field(1, 0, 0, 1), "frobenious")


def test_sequences_are_their_fields_one_by_one():
    flow = np.random.default_rng(3).normal(size=(2, 3, 8, 9, 2)).astype(np.float32)
    whole = strain(flow)
    assert whole.shape == (2, 3, 8, 9)
    np.testing.assert_array_equal(whole[1, 2], strain(flow[1, 2]))
    np.testing.assert_array_equal(motion(flow)[0, 1], motion(flow[0, 1]))


@pytest.mark.parametrize("form", STRAIN_FORMS)
def test_tensorflow_gives_the_same(form):
    from mer_tf.preprocessing import strain_tf

    flow = np.random.default_rng(4).normal(size=(2, 3, 7, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(strain_tf.optical_strain(flow, form), strain(flow, form), rtol=1e-5, atol=1e-6)
    for ours, expected in zip(strain_tf.strain_tensor(flow), strain_tensor(flow)):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_tensorflow_takes_the_smallest_field_and_unknown_sizes():
    import tensorflow as tf

    from mer_tf.preprocessing import strain_tf

    flow = np.random.default_rng(4).normal(size=(1, 2, 2, 2)).astype(np.float32)
    np.testing.assert_allclose(strain_tf.optical_strain(flow), strain(flow), rtol=1e-5)
    unknown = tf.function(strain_tf.optical_strain, input_signature=[tf.TensorSpec((None, None, None, 2))])
    np.testing.assert_allclose(unknown(flow), strain(flow), rtol=1e-5)


def test_tensorflow_refuses_what_is_no_flow():
    from mer_tf.preprocessing import strain_tf

    for bad in (np.zeros((5, 5), np.float32), np.zeros((1, 5, 2), np.float32), np.zeros((5, 5, 3), np.float32)):
        with pytest.raises(ValueError, match="flow must be"):
            strain_tf.optical_strain(bad)
    with pytest.raises(UnknownNameError):
        strain_tf.optical_strain(np.zeros((5, 5, 2), np.float32), "l1")
