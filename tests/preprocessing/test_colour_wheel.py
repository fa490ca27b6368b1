"""The colour wheel against hand values and a plain loop; numpy and TensorFlow alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mer_tf.preprocessing.flow import flow_to_colour
from mer_tf.preprocessing.flow.wheel import hue_table


def one(u, v, **options):
    return tuple(int(c) for c in flow_to_colour(np.array([[[u, v]]], np.float32), **options)[0, 0])


def plain_table():
    """The 55 hues from the table of steps, one after another."""
    rows = []
    rows += [(255, 255 * i // 15, 0) for i in range(15)]
    rows += [(255 - 255 * i // 6, 255, 0) for i in range(6)]
    rows += [(0, 255, 255 * i // 4) for i in range(4)]
    rows += [(0, 255 - 255 * i // 11, 255) for i in range(11)]
    rows += [(255 * i // 13, 0, 255) for i in range(13)]
    rows += [(255, 0, 255 - 255 * i // 6) for i in range(6)]
    return rows


def plain_colour(u, v, largest):
    if math.isnan(u) or math.isnan(v) or abs(u) > 1e9 or abs(v) > 1e9:
        return 0.0, 0.0, 0.0
    radius = math.hypot(u, v) / (largest + 1e-9)
    place = (math.atan2(-v, -u) / math.pi + 1) / 2 * 54
    low, part = math.floor(place), place - math.floor(place)
    table = plain_table()
    colour = []
    for k in range(3):
        c = ((1 - part) * table[low][k] + part * table[(low + 1) % 55][k]) / 255
        colour.append(255 * (1 - radius * (1 - c) if radius <= 1 else 0.75 * c))
    return tuple(colour)


def test_table():
    assert hue_table().shape == (55, 3)
    np.testing.assert_array_equal(np.rint(hue_table() * 255), plain_table())


def test_hand_values():
    assert one(0, 0) == (255, 255, 255)
    assert flow_to_colour(np.zeros((4, 5, 2), np.float32)).tolist() == [[[255, 255, 255]] * 5] * 4
    assert one(1, 0) in ((255, 0, 0), (255, 0, 43))  # hue 0, or hue 54 beside it: atan2 follows the sign of zero
    assert one(math.nan, 0) == one(0, -2e9) == one(math.inf, 1) == (0, 0, 0)
    # Half the length is half way to white: 1 - .5 (1 - c), cut to 8 bits.
    assert one(1, 0, max_motion=2) in ((255, 127, 127), (255, 127, 149))
    # Beyond the largest: three quarters.
    assert one(2, 0, max_motion=1) in ((191, 0, 0), (191, 0, 31), (191, 0, 32))


def test_against_a_plain_loop():
    flow = np.random.default_rng(0).normal(size=(9, 11, 2)).astype(np.float32)
    flow[0, 0] = math.nan
    flow[0, 1] = 3e9
    for largest in (None, 1.5):
        ours = flow_to_colour(flow, largest)
        assert ours.dtype == np.uint8
        top = largest or float(np.nanmax(np.hypot(*np.where(np.abs(flow) > 1e9, 0, flow).transpose(2, 0, 1))))
        top *= 1 + 1e-6  # the longest itself is within the circle, however it was rounded
        for (y, x), _ in np.ndenumerate(flow[..., 0]):
            expected = plain_colour(*(float(c) for c in flow[y, x]), top)
            # Cut, not rounded; float32 may fall on the other side of a whole number.
            assert all(-0.01 <= e - o <= 1.01 for e, o in zip(expected, ours[y, x])), (y, x, expected, ours[y, x])


def test_opposite_directions_have_different_hues():
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    flow = np.stack([np.cos(angles), np.sin(angles)], axis=-1)[None].astype(np.float32)
    assert len({tuple(c) for c in flow_to_colour(flow)[0].tolist()}) == 12


def test_a_clip_has_one_scale():
    clip = np.zeros((2, 3, 3, 2), np.float32)
    clip[0, ..., 0], clip[1, ..., 0] = 1, 2
    shared = flow_to_colour(clip)
    assert (shared[0] != shared[1]).any()
    np.testing.assert_array_equal(shared[1], flow_to_colour(clip[1]))
    own = flow_to_colour(clip, per_picture=True)
    np.testing.assert_array_equal(own[0], own[1])


def test_input_is_not_written():
    flow = np.full((3, 3, 2), np.nan, np.float32)
    flow_to_colour(flow)
    assert np.isnan(flow).all()


@pytest.mark.parametrize("shape", [(2, 6, 7, 2), (2, 3, 6, 7, 2)])
@pytest.mark.parametrize("largest", [None, 0.8])
def test_tensorflow_gives_the_same_for_each_element_of_a_batch(shape, largest):
    from mer_tf.preprocessing.flow.wheel_tf import colour_wheel

    flow = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    flow[1] *= 5
    flow[0, ..., 0, 0, :] = np.nan
    ours = np.asarray(colour_wheel(flow, largest))
    expected = np.stack([flow_to_colour(clip, largest) for clip in flow])
    assert ours.dtype == np.float32
    difference = np.abs(ours - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01
    assert not ours[0, ..., 0, 0, :].any()


def test_bad_input():
    from mer_tf.preprocessing.flow.wheel_tf import colour_wheel

    for bad in (np.zeros((3, 3)), np.zeros((3, 3, 3)), [[[0, 0]]]):
        with pytest.raises(ValueError, match="flow must be"):
            flow_to_colour(bad)
    for bad in (np.zeros((3, 3, 2), np.float32), np.zeros((1, 3, 3, 3), np.float32)):
        with pytest.raises(ValueError, match="flow must be"):
            colour_wheel(bad)
    for largest in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="max_motion must be"):
            flow_to_colour(np.zeros((3, 3, 2)), largest)
        with pytest.raises(ValueError, match="max_motion must be"):
            colour_wheel(np.zeros((1, 3, 3, 2), np.float32), largest)
    with pytest.raises(ValueError, match="exclude each other"):
        flow_to_colour(np.zeros((3, 3, 2)), 1.0, per_picture=True)
