from __future__ import annotations

import itertools

import numpy as np
import pytest

from mer_tf.preprocessing.blocks import spans
from mer_tf.preprocessing.lbp import bin_count, block_counts, neighbour_codes, plane_codes, uniform_bins
from mer_tf.systems.lbp import lbp_sip, lbp_top
from mer_tf.systems.lbp.lbp_sip import LbpSipConfig
from mer_tf.systems.lbp.lbp_top import LbpTopConfig, feature_dim, plane_bins

RAW = {"mapping": "all", "normalise": "none", "blocks": (1, 1, 1)}


@pytest.fixture(scope="module")
def clip():
    return np.random.default_rng(0).integers(0, 256, (9, 20, 24)).astype(np.uint8)


def planes(feature, config):
    ends = np.cumsum([bin_count(points, config.mapping) for points in config.points])[:-1]
    return np.split(feature, ends)


def reflected(points, place):
    """Code whose bit ``place(p)`` is bit p, for every code."""
    return np.array([sum((c >> p & 1) << place(p) % points for p in range(points)) for c in range(2**points)])


@pytest.mark.parametrize(("points", "bins"), [(4, 15), (6, 33), (8, 59), (12, 135), (16, 243)])
def test_number_of_uniform_patterns(points, bins):
    assert bin_count(points, "u2") == bins == points * (points - 1) + 3
    assert bin_count(points, "riu2") == points + 2
    assert bin_count(points, "all") == 2**points
    assert np.unique(uniform_bins(points)).tolist() == list(range(bins))


def test_bins_of_eight_neighbours():
    bins = uniform_bins(8)
    assert bins[0] == 0 and bins[255] == 57 and bins[0b01010101] == 58
    uniform = np.flatnonzero(bins < 58)
    assert (np.diff(bins[uniform].astype(int)) == 1).all()  # in order of the code
    turned = [(c << 1 | c >> 7) & 255 for c in range(256)]
    assert all((bins[c] == 58) == (bins[turned[c]] == 58) for c in range(256))
    riu = uniform_bins(8, "riu2")
    assert all(riu[c] == riu[turned[c]] for c in range(256)) and riu[0b00111000] == 3 and riu[0b01010101] == 9


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({"blocks": (1, 1, 1)}, 177),
        ({"blocks": (5, 5, 1)}, 4425),
        ({"blocks": (8, 8, 1)}, 11328),
        ({"blocks": (8, 8, 2)}, 22656),
        ({"blocks": (5, 5, 1), "points": (4, 4, 4)}, 1125),
        ({"blocks": (5, 5, 1), "points": (4, 4, 4), "mapping": "all"}, 1200),
        ({"blocks": (1, 1, 1), "points": (4, 8, 16), "mapping": "riu2"}, 6 + 10 + 18),
    ],
)
def test_length(settings, length):
    config = LbpTopConfig(**settings)
    assert feature_dim(config) == length
    clip = np.random.default_rng(1).uniform(0, 255, (9, 20, 20))
    assert lbp_top.lbp_top(clip, config).shape == (length,)


@pytest.mark.parametrize("sampling", ["nearest", "bilinear"])
@pytest.mark.parametrize("points", [(8, 8, 8), (4, 6, 12)])
def test_equals_the_plain_loop(clip, points, sampling):
    clip = clip[:6, :9, :8].astype(np.float64)
    config = LbpTopConfig(points=points, radii=(2, 1, 1), sampling=sampling, **RAW)
    rx, ry, rt = config.radii
    border = max(rx, ry)
    expected = [np.zeros(2**p) for p in points]
    for t, y, x in itertools.product(range(rt, 6 - rt), range(border, 9 - border), range(border, 8 - border)):
        for plane, number in enumerate(points):
            code = 0
            for p in range(number):
                a, b = np.cos(2 * np.pi * p / number), np.sin(2 * np.pi * p / number)
                place = [(t, y - ry * b, x + rx * a), (t - rt * b, y, x + rx * a), (t - rt * b, y - ry * a, x)][plane]
                place = np.round(place, 9)
                if sampling == "nearest":
                    value = clip[tuple(np.floor(place + 0.5).astype(int))]
                else:
                    low = np.floor(place).astype(int)
                    value = 0.0
                    for corner in itertools.product((0, 1), repeat=3):
                        weight = np.prod(np.where(corner, place - low, 1 - (place - low)))
                        if weight:
                            value += weight * clip[tuple(low + corner)]
                    value += 1e-6 * 255
                code |= int(value >= clip[t, y, x]) << p
            expected[plane][code] += 1
    for found, wanted in zip(planes(lbp_top.lbp_top(clip, config), config), expected):
        np.testing.assert_array_equal(found, wanted)


def test_every_valid_voxel_counts_once_per_plane():
    clip = np.random.default_rng(2).integers(0, 256, (10, 128, 128)).astype(np.uint8)
    config = LbpTopConfig(radii=(3, 3, 3), normalise="none")
    counts = lbp_top.lbp_top(clip, config).reshape(64, 3, 59)
    assert counts.sum(axis=(0, 2)).tolist() == [59536] * 3 == [4 * 122 * 122] * 3
    # blocks add up to the histogram of the whole
    whole = lbp_top.lbp_top(clip, LbpTopConfig(radii=(3, 3, 3), normalise="none", blocks=(1, 1, 1)))
    np.testing.assert_array_equal(counts.sum(axis=0).ravel(), whole)
    overlapping = lbp_top.lbp_top(clip, LbpTopConfig(radii=(3, 3, 3), normalise="none", overlap=0.7))
    assert overlapping.sum() > 2 * counts.sum()


def test_spans():
    assert spans(10, 3) == [(0, 3), (3, 7), (7, 10)] and spans(128, 5)[1:3] == [(26, 51), (51, 77)]
    for length, blocks in ((7, 7), (10, 4), (128, 8)):
        cut = spans(length, blocks)
        assert cut[0][0] == 0 and cut[-1][1] == length and [a for a, _ in cut[1:]] == [b for _, b in cut[:-1]]
    half = spans(30, 2, 0.5)
    assert half == [(0, 20), (10, 30)]
    with pytest.raises(ValueError, match="8 blocks along a side of 7"):
        spans(7, 8)


@pytest.mark.parametrize("sampling", ["nearest", "bilinear"])
@pytest.mark.parametrize("value", [0, 77.7, 255])
def test_a_constant_clip_has_all_bits_set(value, sampling):
    clip = np.full((9, 12, 12), value)
    found = planes(lbp_top.lbp_top(clip, LbpTopConfig(blocks=(1, 1, 1), sampling=sampling)), LbpTopConfig())
    for plane in found:
        assert plane[57] == 1 and plane.sum() == 1


def test_a_rising_map_of_gray_changes_nothing(clip):
    config = LbpTopConfig(blocks=(2, 2, 1))
    feature = lbp_top.lbp_top(clip, config)
    np.testing.assert_array_equal(feature, lbp_top.lbp_top(clip.astype(np.int64) * 2 + 7, config))
    np.testing.assert_array_equal(feature, lbp_top.lbp_top((clip / 255.0) ** 2.2, config))
    np.testing.assert_array_equal(feature, lbp_top.lbp_top(clip.astype(np.float32), config))
    assert not np.array_equal(feature, lbp_top.lbp_top(255 - clip, config))


def test_codes_of_a_static_clip(clip):
    still = np.repeat(clip[:1], 7, axis=0)
    config = LbpTopConfig(points=(4, 4, 4), **RAW)
    _, xt, yt = planes(lbp_top.lbp_top(still, config), config)
    for plane in (xt, yt):
        assert set(np.flatnonzero(plane)) <= {10, 11, 14, 15} and plane.sum() > 0
    config = LbpTopConfig(**RAW)
    for plane in planes(lbp_top.lbp_top(still, config), config)[1:]:
        assert np.count_nonzero(plane) <= 16


@pytest.mark.parametrize("points", [4, 8])
def test_time_reversal_reflects_the_temporal_planes(clip, points):
    config = LbpTopConfig(points=(points,) * 3, radii=(1, 1, 3), **RAW)
    forward = planes(lbp_top.lbp_top(clip, config), config)
    backward = planes(lbp_top.lbp_top(clip[::-1], config), config)
    there = reflected(points, lambda p: points - p)
    np.testing.assert_array_equal(backward[0], forward[0])
    for k in (1, 2):
        np.testing.assert_array_equal(backward[k][there], forward[k])
        assert not np.array_equal(backward[k], forward[k])


def test_a_mirrored_clip(clip):
    config = LbpTopConfig(**RAW)
    straight = planes(lbp_top.lbp_top(clip, config), config)
    mirrored = planes(lbp_top.lbp_top(clip[:, :, ::-1], config), config)
    np.testing.assert_array_equal(mirrored[0][reflected(8, lambda p: 4 - p)], straight[0])
    np.testing.assert_array_equal(mirrored[2], straight[2])
    assert not np.array_equal(mirrored[0], straight[0])


def test_a_bright_dot():
    clip = np.full((7, 9, 9), 50, np.uint8)
    clip[3, 4, 5] = 200
    for bins in plane_bins(clip, LbpTopConfig(radii=(1, 1, 1), **RAW)):
        assert bins[2, 3, 4] == 0 and (bins == 0).sum() == 1


def test_planes_take_the_radii_of_their_axes(clip):
    stretched = LbpTopConfig(radii=(2, 1, 1), **RAW)
    xy, xt, yt = plane_bins(clip, stretched)
    margins = (1, 2, 2)
    np.testing.assert_array_equal(yt, plane_codes(clip, (1, 0), (-1, 1), 8, margins))
    np.testing.assert_array_equal(xt, plane_codes(clip, (2, 0), (2, 1), 8, margins))
    assert xy.shape == yt.shape == (7, 16, 20)


def test_normalisation(clip):
    for norm, power in (("l1", 1), ("l2", 2)):
        config = LbpTopConfig(blocks=(2, 3, 1), normalise=norm)
        feature = lbp_top.lbp_top(clip, config).reshape(-1, 59)
        np.testing.assert_allclose((feature**power).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((6, 20, 20)), "at least 7 frames of 10x10"),
        (np.zeros((9, 9, 20)), "at least"),
        (np.zeros((9, 20)), r"clip must be \(frames, height, width\)"),
        (np.full((9, 20, 20), np.nan), "not finite"),
        (np.zeros((9, 20, 20), "U1"), "must hold numbers"),
        ([[[1.0]]], "clip must be"),
    ],
)
def test_bad_clips(bad, message):
    with pytest.raises(ValueError, match=message):
        lbp_top.lbp_top(bad)
    with pytest.raises(ValueError, match=message):
        lbp_sip.lbp_sip(bad)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"points": (8, 8, 5)}, "points must be one of"),
        ({"radii": (1, 1)}, "radii must be 3 whole numbers"),
        ({"radii": (1, 1, 0)}, "radii must be a whole number of at least 1"),
        ({"blocks": (5.0, 5, 1)}, "blocks"),
        ({"overlap": 1.0}, r"overlap must be in \[0, 1\)"),
        ({"mapping": "u3"}, "mapping"),
        ({"sampling": "cubic"}, "sampling"),
        ({"normalise": "max"}, "normalise"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        LbpTopConfig(**settings)


# === LBP-SIP ===


@pytest.mark.parametrize(("blocks", "length"), [((5, 5, 1), 500), ((8, 8, 1), 1280)])
def test_length_of_sip(blocks, length):
    clip = np.random.default_rng(0).uniform(0, 255, (8, 20, 20))
    config = LbpSipConfig(blocks=blocks)
    assert lbp_sip.feature_dim(config) == length == len(lbp_sip.lbp_sip(clip, config))
    joint = LbpSipConfig(blocks=blocks, joint=True)
    assert lbp_sip.feature_dim(joint) == len(lbp_sip.lbp_sip(clip, joint)) == 64 * length // 20


def sip(clip, **settings):
    return lbp_sip.lbp_sip(clip, LbpSipConfig(**{"blocks": (1, 1, 1), "normalise": "none", **settings}))


def test_sip_counts_every_valid_voxel(clip):
    found = sip(clip, radii=(2, 1, 3))
    assert found[:16].sum() == found[16:].sum() == 3 * 16 * 20
    blocks = sip(clip, radii=(2, 1, 3), blocks=(2, 2, 1)).reshape(4, 20)
    np.testing.assert_array_equal(blocks.sum(axis=0), found)
    joint = sip(clip, radii=(2, 1, 3), joint=True).reshape(4, 16)  # the temporal bits are the high ones
    np.testing.assert_array_equal(joint.sum(axis=0), found[:16])
    np.testing.assert_array_equal(joint.sum(axis=1), found[16:])


def test_sip_of_constant_and_static_clips(clip):
    constant = sip(np.full((8, 10, 10), 9))
    assert np.flatnonzero(constant).tolist() == [15, 16 + 3]
    still = sip(np.repeat(clip[:1], 8, axis=0))
    assert np.flatnonzero(still[16:]).tolist() == [3]


def test_sip_does_not_see_a_rising_map_of_gray(clip):
    np.testing.assert_array_equal(sip(clip), sip(clip.astype(float) * 2 + 7))


def test_sip_in_space_is_the_xy_plane_of_four_points(clip):
    config = LbpTopConfig(points=(4, 4, 4), radii=(2, 1, 3), **RAW)
    np.testing.assert_array_equal(sip(clip, radii=(2, 1, 3))[:16], planes(lbp_top.lbp_top(clip, config), config)[0])


def test_sip_does_not_wrap_round():
    clip = np.full((8, 10, 10), 50.0)
    clip[:, :, 0] = 0  # a dark left border, which a rolled array would bring to the right end
    assert (neighbour_codes(clip, [(0, 0, 1)], (3, 1, 1))[:, :, -1] == 1).all()
    # Only voxels beside the border see it: their left neighbour is darker.
    found = sip(clip)
    assert np.flatnonzero(found[:16]).tolist() == [0b1011, 0b1111] and found[0b1011] == 2 * 8


def test_block_counts_follow_time_row_column():
    values = np.zeros((4, 6, 6), np.uint8)
    values[2:, :3, 3:] = 1
    counts = block_counts(values, 2, (2, 2, 2))
    assert counts.shape == (2, 2, 2, 2) and counts[1, 0, 1, 1] == 18 and counts[..., 1].sum() == 18
