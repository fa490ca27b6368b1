from __future__ import annotations

import numpy as np
import pytest

from mer_tf.preprocessing.blocks import circle_bins
from mer_tf.systems.feature import FeatureWarning
from mer_tf.systems.hoof.hoof import HoofConfig, feature_dim, hoof


@pytest.fixture
def flow(rng):
    return rng.standard_normal((3, 20, 30, 2))


ONE = {"blocks": (1, 1)}


def mirrored(flow):
    return flow[:, :, ::-1] * (-1, 1)


@pytest.mark.parametrize("kind", ["full", "primary"])
def test_every_histogram_sums_to_one(flow, kind):
    config = HoofConfig(kind=kind, pool="concat")
    found = hoof(flow, config)
    assert found.shape == (feature_dim(config, 3),) == (3 * 25 * 8,)
    np.testing.assert_allclose(found.reshape(-1, 8).sum(axis=1), 1)
    mean = hoof(flow, HoofConfig(kind=kind))
    assert mean.shape == (feature_dim(HoofConfig()),) == (200,)
    np.testing.assert_allclose(mean, found.reshape(3, 200).mean(axis=0))


@pytest.mark.parametrize("kind", ["full", "primary"])
def test_scale_of_the_flow_does_not_matter(flow, kind):
    np.testing.assert_allclose(hoof(flow * 7.5, HoofConfig(kind=kind)), hoof(flow, HoofConfig(kind=kind)))


def test_primary_is_symmetric(flow):
    config = HoofConfig(kind="primary", bins=30, **ONE)
    np.testing.assert_allclose(hoof(mirrored(flow), config), hoof(flow, config))
    down = np.zeros((1, 4, 4, 2)) + (0, 1)
    assert hoof(down, config).argmax() == 29 and hoof(-down, config).argmax() == 0


@pytest.mark.parametrize("centred", [True, False])
def test_full_mirrors_by_permuting_bins(flow, centred):
    config = HoofConfig(centred=centred, **ONE)
    # the middle of each bin, then of pi - theta
    middle = np.arange(8) * np.pi / 4 if centred else -np.pi + (np.arange(8) + 0.5) * np.pi / 4
    np.testing.assert_allclose(
        hoof(mirrored(flow), config)[circle_bins(np.pi - middle, 8, centred)], hoof(flow, config)
    )
    assert not np.allclose(hoof(mirrored(flow), config), hoof(flow, config))


@pytest.mark.parametrize(("kind", "centred", "holds"), [("full", True, 0), ("full", False, 4), ("primary", True, 4)])
def test_uniform_flow_lands_where_zero_is(kind, centred, holds):
    found = hoof(np.zeros((2, 10, 10, 2)) + (1, 0), HoofConfig(kind=kind, centred=centred, **ONE))
    assert found[holds] == 1 and found.sum() == 1


def test_no_motion_gives_zeros_and_a_warning(flow):
    with pytest.warns(FeatureWarning, match="75 of 75 blocks have no motion"):
        assert (hoof(np.zeros_like(flow)) == 0).all()
    flow[0, :4, :6] = 0
    with pytest.warns(FeatureWarning, match="1 of 75"):
        assert np.isfinite(hoof(flow)).all()


def test_counts_instead_of_magnitudes():
    flow = np.zeros((1, 4, 4, 2))
    flow[0, 0, 0] = (10, 0)
    flow[0, 0, 1:4] = (0, 1)
    count = hoof(flow, HoofConfig(weights="count", normalise="none", **ONE))
    assert count[0] == 1 and count[2] == 3 and count.sum() == 4
    magnitude = hoof(flow, HoofConfig(normalise="none", **ONE))
    assert magnitude[0] == 10 and magnitude[2] == 3  # a quarter turn is downward


def test_angles_at_the_ends_of_the_circle():
    assert circle_bins(np.array([np.pi, -np.pi]), 8, False).tolist() == [0, 0]
    assert circle_bins(np.array([np.pi, -np.pi]), 8, True).tolist() == [4, 4]
    assert circle_bins(np.radians([22.4, 22.6, -22.4, -22.6]), 8, True).tolist() == [0, 1, 0, 7]


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (np.zeros((4, 4, 2)), r"flow must be \(frames, height, width, 2\)"),
        (np.zeros((1, 4, 4, 3)), "flow must be"),
        (np.zeros((0, 8, 8, 2)), "flow must be"),
        (np.full((1, 8, 8, 2), np.inf), "not finite"),
        (np.ones((1, 4, 8, 2)), "5 blocks along a side of 4"),
    ],
)
def test_bad_flow(flow, message):
    with pytest.raises(ValueError, match=message):
        hoof(flow)


@pytest.mark.parametrize(
    "settings", [{"bins": 1}, {"kind": "half"}, {"blocks": (0, 1)}, {"pool": "max"}, {"centred": 2}]
)
def test_bad_settings(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        HoofConfig(**settings)
