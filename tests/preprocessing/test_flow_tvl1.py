from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from mer_tf.preprocessing.flow import TVL1Config, TVL1Flow, tvl1_flow

INSIDE = (slice(16, -16), slice(16, -16))


def shifted(image, dx, dy):
    matrix = np.float32([[1, 0, dx], [0, 1, dy]])
    return cv2.warpAffine(image, matrix, image.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def test_identical_frames_have_no_flow(textured):
    flow = tvl1_flow(textured, textured.copy())
    assert flow.shape == (128, 128, 2)
    assert flow.dtype == np.float32
    assert not flow.any()


def test_constant_images_of_two_levels_have_no_flow():
    assert not tvl1_flow(np.full((40, 50), 90, np.uint8), np.full((40, 50), 120, np.uint8)).any()


def test_translation_is_constant_flow(textured):
    flow = tvl1_flow(textured, shifted(textured, 2, -1))[INSIDE]
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), (2, -1), atol=0.01)
    assert np.abs(flow - (2, -1)).mean() < 0.05


def test_mirrored_frames_have_mirrored_flow(textured):
    second = shifted(textured, 1.3, 0.4)
    flow = tvl1_flow(textured, second)
    mirrored = tvl1_flow(textured[:, ::-1], second[:, ::-1])
    expected = flow[:, ::-1] * (-1, 1)
    assert np.abs(mirrored - expected)[INSIDE].mean() < 0.03
    assert np.abs(mirrored - flow[:, ::-1])[INSIDE].mean() > 1  # the sign of u matters


def test_inputs_are_not_written(textured):
    first, second = textured.copy(), shifted(textured, 1, 0)
    kept = second.copy()
    tvl1_flow(first, second, TVL1Config(match_brightness=True))
    np.testing.assert_array_equal(first, textured)
    np.testing.assert_array_equal(second, kept)


def test_declared_ranges_give_the_same_field(textured):
    second = shifted(textured, 1, 1)
    flow = tvl1_flow(textured, second)
    as_float = textured.astype(np.float32), second.astype(np.float32)
    np.testing.assert_array_equal(tvl1_flow(*as_float, value_range=(0, 255)), flow)
    unit = tvl1_flow(*(image.astype(np.float64) / 255 for image in as_float), value_range=(0, 1))
    np.testing.assert_allclose(unit, flow, atol=1e-3)
    colour = [np.repeat(image[..., None], 3, axis=2) for image in (textured, second)]
    np.testing.assert_array_equal(tvl1_flow(*colour), flow)


def test_brightness_is_matched_on_request(textured):
    # mid-gray texture, so that adding 20 clips nothing
    brighter = textured + np.uint8(20)
    plain = tvl1_flow(textured, brighter)
    matched = tvl1_flow(textured, brighter, TVL1Config(match_brightness=True))
    assert np.abs(plain).mean() > 0.3
    assert not matched.any()


def test_threads_do_not_change_the_field(textured):
    second, threads = shifted(textured, 1, 1), cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = tvl1_flow(textured, second)
        cv2.setNumThreads(2)
        np.testing.assert_array_equal(tvl1_flow(textured, second), one)
    finally:
        cv2.setNumThreads(threads)


def test_fields_do_not_depend_on_earlier_pairs(textured):
    # OpenCV's own solver fails this when it is kept between pairs of two sizes
    flow, second = TVL1Flow(), shifted(textured, 1, 1)
    first_time = flow(textured, second)
    flow(textured[:32, :40], second[:32, :40])
    flow(textured, shifted(textured, -2, 0.5))
    np.testing.assert_array_equal(flow(textured, second), first_time)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(flow))(textured, second), first_time)


def test_parameters_reach_the_solver(textured):
    second = shifted(textured, 1, 1)
    default = tvl1_flow(textured, second)
    for change in ({"lambda_": 0.05}, {"warps": 1}, {"scales": 1}, {"median": 1}, {"theta": 0.1}, {"tau": 0.1}):
        assert (tvl1_flow(textured, second, TVL1Config(**change)) != default).any(), change


@pytest.mark.parametrize(
    ("first", "second", "options", "error", "said"),
    [
        ((20, 20, "u1"), (20, 21, "u1"), {}, ValueError, "one shape"),
        ((20, 20, "u1"), (20, 20, "f4"), {"value_range": (0, 255)}, ValueError, "one shape and dtype"),
        ((15, 20, "u1"), (15, 20, "u1"), {}, ValueError, "at least 16 px"),
        ((20, 20, "f4"), (20, 20, "f4"), {}, ValueError, "value_range must be declared"),
        ((20, 20, "f4"), (20, 20, "f4"), {"value_range": (-1, 1)}, ValueError, "value_range must be declared"),
        ((20, 20, "u2"), (20, 20, "u2"), {}, TypeError, "uint16"),
        ((20, 20, 4, "u1"), (20, 20, 4, "u1"), {}, ValueError, r"\(20, 20, 4\)"),
        ((20, 20, 3, "u1"), (20, 20, 3, "u1"), {"strict": True}, ValueError, "must be gray"),
    ],
)
def test_bad_input(first, second, options, error, said):
    images = [np.zeros(shape[:-1], shape[-1]) for shape in (first, second)]
    with pytest.raises(error, match=said):
        tvl1_flow(*images, **options)


def test_values_outside_the_declared_range():
    zeros, large = np.zeros((20, 20), np.float32), np.full((20, 20), 200, np.float32)
    with pytest.raises(ValueError, match="must lie in the declared range"):
        tvl1_flow(zeros, large, value_range=(0, 1))
    with pytest.raises(ValueError, match="not finite"):
        tvl1_flow(zeros, np.full((20, 20), np.nan, np.float32), value_range=(0, 1))
    with pytest.raises(TypeError, match="list"):
        tvl1_flow([[1]], zeros)
