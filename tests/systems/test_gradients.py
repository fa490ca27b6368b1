"""HOG3D, HOG-TOP and HIGO-TOP."""

from __future__ import annotations

import numpy as np
import pytest

from mer_tf.systems.gradients import hog3d as module3d
from mer_tf.systems.gradients.hog3d import Hog3dConfig, hog3d, icosahedron_directions, quantise
from mer_tf.systems.gradients.hog_top import HogTopConfig, feature_dim, hog_top

RAW = Hog3dConfig(clip=0)


@pytest.fixture
def clip(rng):
    return rng.uniform(0, 255, (10, 24, 24))


# === HOG3D ===


def test_twenty_directions():
    p = icosahedron_directions()
    assert len(np.unique(p.round(12), axis=0)) == 20
    np.testing.assert_allclose(np.linalg.norm(p, axis=1), 3**0.5)
    np.testing.assert_allclose(p[::-1], -p)  # ten antipodal pairs
    near = np.isclose(p @ p.T, 5**0.5)
    assert near.sum(axis=1).tolist() == [3] * 20


@pytest.mark.parametrize("k", [0, 5, 7, 9, 13])
def test_a_gradient_along_a_direction_votes_for_it_alone(k):
    p = icosahedron_directions()
    votes = quantise(p[k] * 2.5)
    assert votes[k] == pytest.approx(2.5 * 3**0.5)
    np.testing.assert_allclose(np.delete(votes, k), 0, atol=1e-7)
    # The printed constant is above the exact one, by 8e-5.
    assert np.count_nonzero(quantise(p[k], Hog3dConfig(threshold="published"))) == 1
    gap = module3d.PUBLISHED_THRESHOLD - module3d.EXACT_THRESHOLD
    assert gap == pytest.approx(7.6e-5, abs=1e-6)


def test_votes_keep_the_length_and_turn_with_the_gradient(rng):
    g = rng.standard_normal((500, 3))
    votes = quantise(g)
    np.testing.assert_allclose(np.linalg.norm(votes, axis=1), np.linalg.norm(g, axis=1))
    np.testing.assert_allclose(quantise(-g), votes[:, ::-1])
    merged = Hog3dConfig(merge=True)
    np.testing.assert_allclose(quantise(-g, merged), quantise(g, merged))
    assert quantise(np.zeros(3)).tolist() == [0.0] * 20


@pytest.mark.parametrize(
    ("settings", "length"), [({}, 1000), ({"cells": (4, 4, 3)}, 960), ({"cells": (4, 4, 3), "merge": True}, 480)]
)
def test_length(clip, settings, length):
    config = Hog3dConfig(**settings)
    found = hog3d(clip, config)
    assert module3d.feature_dim(config) == length == len(found)
    assert np.linalg.norm(found) == pytest.approx(1) and found.max() < 1


def test_constant_clip_and_added_constant(clip):
    assert (hog3d(np.full((10, 20, 20), 80)) == 0).all()
    np.testing.assert_allclose(hog3d(clip + 31, RAW), hog3d(clip, RAW), atol=1e-9)


def test_static_clip_uses_only_directions_within_reach(rng):
    still = np.repeat(rng.uniform(0, 255, (1, 24, 24)), 10, axis=0)
    votes = hog3d(still, RAW).reshape(-1, 20).sum(axis=0)
    p = icosahedron_directions()
    reach = np.hypot(p[:, 0], p[:, 1]) > module3d.EXACT_THRESHOLD
    assert reach.sum() == 16 and (votes[~reach] == 0).all() and (votes[reach] > 0).all()


def test_scale_shows_before_normalisation_only(clip):
    np.testing.assert_allclose(hog3d(3 * clip, RAW), 3 * hog3d(clip, RAW))
    np.testing.assert_allclose(hog3d(3 * clip), hog3d(clip))


def test_a_ramp_in_time_and_the_order_of_cells():
    clip = np.zeros((12, 15, 15))
    clip[6:] = np.arange(6)[:, None, None]  # grows in the second half only
    cells = hog3d(clip, RAW).reshape(2, 5, 5, 20)
    assert cells[0].sum() < cells[1].sum() and np.ptp(cells[1], axis=(0, 1)).max() < 1e-9
    best = cells[1, 0, 0] > 0
    assert (icosahedron_directions()[best][:, 2] > 0).all()
    # the mean of 3 x 3 x 3 parts of a gradient of one per frame in at least the last two thirds
    assert np.linalg.norm(quantise(np.array([0, 0, 1.0]))) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(5, 24, 24), (10, 14, 24), (10, 24, 14)])
def test_clip_smaller_than_the_parts(shape):
    with pytest.raises(ValueError, match="at least 6 frames of 15x15"):
        hog3d(np.zeros(shape))


@pytest.mark.parametrize("settings", [{"threshold": "about"}, {"threshold": 1.4}, {"clip": -1}, {"parts": 0}])
def test_bad_settings_of_hog3d(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Hog3dConfig(**settings)


# === HOG-TOP, HIGO-TOP ===

HIGO = HogTopConfig(weights="count", blocks=(2, 2, 2))


@pytest.mark.parametrize(("planes", "length"), [("all", 3072), ("xyot", 2048), ("xy", 1024)])
def test_length_of_top(clip, planes, length):
    config = HogTopConfig(planes=planes)
    found = hog_top(clip, config)
    assert feature_dim(config) == length == len(found)
    np.testing.assert_allclose(found.reshape(-1, 8).sum(axis=1), 1)


def test_higo_does_not_see_contrast(clip):
    np.testing.assert_allclose(hog_top(4 * clip + 32, HIGO), hog_top(clip, HIGO), atol=1e-12)
    hog, raw = HogTopConfig(), HogTopConfig(normalise="none")
    np.testing.assert_allclose(hog_top(4 * clip + 32, hog), hog_top(clip, hog), atol=1e-12)
    np.testing.assert_allclose(hog_top(4 * clip, raw), 4 * hog_top(clip, raw))


def parts(clip, **settings):
    return hog_top(clip, HogTopConfig(**{"blocks": (1, 1, 1), "normalise": "none", **settings})).reshape(-1, 8)


@pytest.mark.parametrize("weights", ["count", "magnitude"])
@pytest.mark.parametrize("vote", ["hard", "linear"])
def test_ramps(weights, vote):
    t, y, x = np.mgrid[:5, :12, :12].astype(float)
    size = 3 * 10 * 10 * (1 if weights == "count" else 2)
    for clip, expected in (
        (x, (0, 0, None)),
        (-x, (4, 4, None)),
        (y, (2, None, 0)),
        (t, (None, 2, 2)),
        (-t, (None, 6, 6)),
    ):
        for histogram, bin_ in zip(parts(clip, weights=weights, vote=vote), expected):
            wanted = np.zeros(8)
            if bin_ is not None:
                wanted[bin_] = size
            np.testing.assert_allclose(histogram, wanted, atol=1e-9)
    negative = parts(-x - y, weights=weights, vote=vote)
    np.testing.assert_allclose(np.roll(negative, 4, axis=1), parts(x + y, weights=weights, vote=vote), atol=1e-9)


def test_static_clip_in_the_temporal_planes(rng):
    still = np.repeat(rng.uniform(0, 255, (1, 16, 16)), 6, axis=0)
    _, xt, yt = parts(still)
    for plane in (xt, yt):
        np.testing.assert_allclose(np.delete(plane, [0, 4]), 0, atol=1e-9)
        assert plane[0] > 0 and plane[4] > 0


def test_counts_sum_to_the_counted_pixels(clip):
    assert parts(clip, weights="count").sum(axis=1) == pytest.approx([8 * 22 * 22] * 3)
    assert (parts(np.full((6, 9, 9), 5.0), weights="count") == 0).all()
    # a ripple far below the clip's range has no direction
    faint = np.zeros((5, 9, 9))
    faint[:, 4, 4] = 1e6
    faint[:, 1, 1] = 0.1
    ripple = parts(faint, weights="count", planes="xy")
    faint[:, 1, 1] = 0
    np.testing.assert_array_equal(ripple, parts(faint, weights="count", planes="xy"))


def test_linear_vote_splits_between_neighbours():
    _, y, x = np.mgrid[:4, :8, :8].astype(float)
    slope = np.tan(np.radians(15))  # a third of the way from bin 0 to bin 1
    xy = parts(x + slope * y, weights="count", planes="xy")[0]
    np.testing.assert_allclose(xy[:2] / xy.sum(), [2 / 3, 1 / 3])
    assert parts(x + slope * y, weights="count", planes="xy", vote="hard")[0, 0] == 2 * 6 * 6


def test_order_of_blocks():
    clip = np.zeros((6, 10, 10))
    clip[:, 5:, 5:] = np.arange(5) * 3.0  # gradients in the last block of each time only
    found = hog_top(clip, HogTopConfig(blocks=(2, 2, 2), normalise="none", planes="xy")).reshape(2, 2, 2, 8)
    assert found[:, 0, 0].sum() == 0 and (found[:, 1, 1].sum(axis=-1) > 0).all()


@pytest.mark.parametrize("shape", [(3, 20, 20), (10, 9, 20)])
def test_clip_too_small_for_the_blocks(shape):
    with pytest.raises(ValueError, match="at least 4 frames of 10x10"):
        hog_top(np.zeros(shape))


@pytest.mark.parametrize("settings", [{"weights": "both"}, {"vote": "soft"}, {"planes": "yt"}, {"bins": True}])
def test_bad_settings_of_top(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        HogTopConfig(**settings)
