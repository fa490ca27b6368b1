from __future__ import annotations

import numpy as np
import pytest
from mirrored import mirror_landmarks

from mer_tf.preprocessing.align import affine, check_landmarks, eye_angle, interocular, similarity, transform_points
from mer_tf.preprocessing.template import (
    TEMPLATE_EYES,
    TEMPLATE_INTEROCULAR,
    TEMPLATE_SIZE,
    neutral_template,
)


def moved(points, degrees, scale, shift):
    angle = np.radians(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ matrix.T + shift


def test_neutral_template_is_symmetric_upright_and_on_its_canvas():
    template = neutral_template()
    check_landmarks(template)
    assert interocular(template) == pytest.approx(TEMPLATE_INTEROCULAR)
    assert eye_angle(template) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose((template[36] + template[45]) / 2, TEMPLATE_EYES)
    height, width = TEMPLATE_SIZE
    np.testing.assert_allclose(mirror_landmarks(template, width), template, atol=1e-9)
    assert template.min() > 0
    assert template[:, 0].max() < width - 1
    assert template[:, 1].max() < height - 1


def test_neutral_template_has_its_parts_in_order():
    template = neutral_template()
    rows = [template[part, 1].mean() for part in (slice(17, 27), slice(36, 48), slice(31, 36), slice(48, 68))]
    assert rows == sorted(rows)
    assert (np.diff(template[:17, 0]) > 0).all()
    assert (np.diff(template[17:27, 0]) > 0).all()
    assert (template[[61, 62, 63], 1] < template[[67, 66, 65], 1]).all()
    template[:] = 0
    assert neutral_template().any()  # a caller's edit does not reach the next one


def test_template_is_a_new_array_each_time():
    assert neutral_template() is not neutral_template()


def test_similarity_and_affine_against_exact_maps():
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 100, (12, 2))
    target = moved(points, 33, 2.5, (7, -9))
    matrix = similarity(points, target)
    np.testing.assert_allclose(transform_points(points, matrix), target, atol=1e-10)
    np.testing.assert_allclose(matrix, affine(points, target), atol=1e-10)
    sheared = points @ np.array([[1.0, 0.3], [-0.2, 0.8]]).T + (4, 5)
    np.testing.assert_allclose(transform_points(points, affine(points, sheared)), sheared, atol=1e-10)
    # a mirror image is not reached by rotation and scale
    assert np.abs(transform_points(points, similarity(points, points * (-1, 1))) - points * (-1, 1)).max() > 1
    with pytest.raises(ValueError, match="n >= 2"):
        similarity(points[:1], points[:1])
    with pytest.raises(ValueError, match="different points"):
        similarity(np.ones((3, 2)), points[:3])
