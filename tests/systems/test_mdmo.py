from __future__ import annotations

import cv2
import numpy as np
import pytest

from mer_tf.systems.feature import FeatureWarning
from mer_tf.systems.mdmo.mdmo import (
    REGION_POINTS,
    MdmoConfig,
    _mirrored,
    aligned,
    feature_dim,
    main_direction,
    mdmo,
    mdmo_frames,
    region_polygons,
)

PLAIN = MdmoConfig(align=False)


def constant(u, v, frames=2, size=128):
    return np.zeros((frames, size, size, 2)) + (u, v)


def affine(matrix, shift, size=128):
    """Flow of x -> matrix x + shift."""
    y, x = np.mgrid[:size, :size].astype(float)
    places = np.stack([x, y], axis=-1)
    return (places @ np.asarray(matrix).T + shift - places)[None]


def test_regions_are_quadrilaterals_that_mirror_into_each_other(face_points):
    polygons = region_polygons(face_points)
    assert len(polygons) == 36 and all(polygon.shape == (4, 2) for polygon in polygons)
    assert len({frozenset(map(str, corners)) for corners in REGION_POINTS}) == 36
    for left, right in zip(polygons[::2], polygons[1::2]):
        np.testing.assert_allclose(right[::-1] * (-1, 1) + (127, 0), left)
        # simple: walked around the same way the area is that of its hull
        area = cv2.contourArea(left.astype(np.float32))
        assert area > 20
    assert _mirrored(17) == 26 and _mirrored(38) == 43 and _mirrored("2-41") == "14-46" and _mirrored(9) == 7


def test_regions_hardly_overlap(face_points):
    hits = np.zeros((128, 128), int)
    for polygon in region_polygons(face_points):
        mask = np.zeros((128, 128), np.uint8)
        cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1)
        # shared corners and edges are not what is looked for
        hits += cv2.erode(mask, np.ones((3, 3)))
    assert (hits > 1).sum() < 0.03 * (hits > 0).sum()
    assert (hits > 0).mean() > 0.25


@pytest.mark.parametrize("angle", [0, 2, -5])
def test_the_heads_affine_motion_vanishes(face_points, angle):
    turn = np.radians(angle)
    matrix = 1.01 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    flow = affine(matrix, (3.0, -1.5))
    assert np.abs(flow).max() > 1
    assert np.abs(aligned(flow[0], face_points)).max() < 1e-4
    found = mdmo(flow, face_points)
    assert np.isfinite(found).all()


def test_what_moves_besides_the_head_is_kept(face_points):
    flow = constant(2, 1, 1)
    flow[0, 85:105, 55:72] += (0, 3)  # mouth: no stable point there
    found = aligned(flow[0], face_points)
    np.testing.assert_allclose(found[95, 63], (0, 3), atol=1e-6)
    np.testing.assert_allclose(found[20, 20], 0, atol=1e-6)


def test_length_and_range(face_points, rng):
    flow = rng.standard_normal((4, 128, 128, 2))
    found = mdmo(flow, face_points)
    assert found.shape == (feature_dim(),) == (72,)
    assert found[:36].max() == pytest.approx(0.9) and found[:36].min() >= 0
    assert np.abs(found[36:]).max() <= 0.1 * np.pi
    assert mdmo(flow, face_points, MdmoConfig(beta=0.8))[:36].max() == pytest.approx(0.8)
    frames = mdmo_frames(flow, face_points)
    assert frames.shape == (4, 72) and frames[:, :36].max(axis=1) == pytest.approx([0.9] * 4)


def test_equal_flow_everywhere(face_points):
    found = mdmo(constant(-1, 1), face_points, PLAIN)
    np.testing.assert_allclose(found[:36], 0.9)
    np.testing.assert_allclose(found[36:], 0.1 * np.radians(135))
    straight_left = mdmo(constant(-1, -0.0), face_points, PLAIN)
    np.testing.assert_allclose(straight_left[36:], 0.1 * np.pi)  # (-pi, pi]


@pytest.mark.parametrize("weights", ["equal", "magnitude"])
def test_scale_does_not_matter_without_alignment(face_points, rng, weights):
    smooth = (
        cv2.GaussianBlur(rng.standard_normal((128, 128, 6)), (0, 0), 6).reshape(128, 128, 3, 2).transpose(2, 0, 1, 3)
    )
    config = MdmoConfig(align=False, weights=weights)
    np.testing.assert_allclose(mdmo(smooth * 7, face_points, config), mdmo(smooth, face_points, config), atol=1e-9)


def test_weights_of_the_frames(face_points):
    flow = np.concatenate([constant(3, 0, 1), constant(0, 1, 1)])
    angle = {w: mdmo(flow, face_points, MdmoConfig(beta=0, align=False, weights=w))[40] for w in ("equal", "magnitude")}
    assert angle["equal"] == pytest.approx(np.arctan2(1, 3))
    assert angle["magnitude"] == pytest.approx(np.arctan2(1 * 1, 3 * 3))


def test_nothing_moves(face_points):
    assert (mdmo(constant(0, 0), face_points, PLAIN) == 0).all()
    assert np.isfinite(mdmo(constant(0, 0), face_points)).all()


def test_bins_are_centred_on_the_axes():
    def direction(*degrees):
        vectors = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=-1)[None]
        u, v = main_direction(vectors, np.zeros(len(degrees), int), 1)[0, 0]
        return np.degrees(np.arctan2(v, u))

    assert direction(22.4, 22.6) == pytest.approx(22.4)  # bins 0 and 1 have a pixel each: the lower one
    assert direction(22.4, 22.6, 22.8) == pytest.approx(22.7)
    assert direction(-10, 10) == pytest.approx(0, abs=1e-9)  # one bin; the mean of vectors, not of angles
    assert direction(170, -170) % 360 == pytest.approx(180)


def test_most_pixels_win_and_magnitude_breaks_ties():
    vectors = np.array([[(1, 0), (1, 0), (0, 3), (0, 3), (5, 5)]], float)
    region = np.array([0, 0, 0, 0, 2])
    found = main_direction(vectors, region, 4)
    np.testing.assert_allclose(found, [[(0, 3), (0, 0), (5, 5), (0, 0)]])
    vectors[0, 3] = (0.1, 0)
    np.testing.assert_allclose(main_direction(vectors, region, 4)[0, 0], (0.7, 0))


def test_a_region_outside_the_image_is_zero_and_told(face_points):
    cut = face_points - (0, 60)
    with pytest.warns(FeatureWarning, match="regions 0, 1, 2.* lie outside"):
        found = mdmo(constant(1, 0), cut, PLAIN)
    assert found[0] == 0 and found[36] == 0 and found[:36].max() == pytest.approx(0.9) and np.isfinite(found).all()
    with pytest.warns(FeatureWarning):
        far = mdmo(constant(1, 0), face_points + 1e9, PLAIN)
    assert (far == 0).all()


def test_bad_input(face_points):
    with pytest.raises(ValueError, match=r"landmarks must be \(68, 2\)"):
        mdmo(constant(1, 0), face_points[:67])
    with pytest.raises(ValueError, match="landmarks"):
        mdmo(constant(1, 0), face_points * np.nan)
    with pytest.raises(ValueError, match="flow must be"):
        mdmo(constant(1, 0)[0], face_points)
    with pytest.raises(ValueError, match="beta"):
        MdmoConfig(beta=1.5)
