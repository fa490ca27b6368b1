"""TV-L1 in TensorFlow: against OpenCV, independence of batch mates, exact zeros, in a graph and in a SavedModel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tensorflow as tf

from mer_tf.preprocessing.flow import TVL1Config, make_flow, tvl1_flow
from mer_tf.preprocessing.flow.tvl1_tf import TVL1TensorFlow, median_filter, tvl1_batch

# OpenCV 5 no longer rounds the positions at which it samples.
AS_OPENCV = {"border": "zero", "positions": 32 if int(cv2.__version__.split(".")[0]) < 5 else 0}
SHORT = TVL1Config(scales=2, warps=2, inner_iterations=8, outer_iterations=2)


def shift(shape, seed=0):
    """Field of two smooth bumps of up to 1.5 px, ``(2, height, width)``."""
    rng = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    field = np.zeros((2, height, width), np.float32)
    for _ in range(2):
        cx, cy = rng.uniform(0.3, 0.7, 2) * (width, height)
        bump = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * (0.12 * width) ** 2))
        field += rng.uniform(-1.5, 1.5, (2, 1, 1)).astype(np.float32) * bump
    return field


def moved(image, seed=0):
    """``second(q) = image(q - shift(q))``."""
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    field = shift(image.shape, seed)
    return cv2.remap(image, x - field[0], y - field[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def true_flow(shape, seed=0):
    """Flow from ``image`` to ``moved(image)``: ``flow(p) = shift(p + flow(p))``."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    field, flow = shift(shape, seed), np.zeros((2, *shape), np.float32)
    for _ in range(20):
        flow = np.stack([cv2.remap(part, x + flow[0], y + flow[1], cv2.INTER_LINEAR) for part in field])
    return flow.transpose(1, 2, 0)


def batch(*images):
    return np.stack(images).astype(np.float32)


@pytest.fixture(scope="module")
def pairs(textured):
    """Three pairs of 40x48, of which the last is of identical frames."""
    first = [textured[:40, :48], textured[60:100, 50:98], textured[20:60, 70:118]]
    return batch(*first), batch(moved(first[0], 1), moved(first[1], 2), first[2])


@pytest.mark.parametrize(
    "settings",
    [
        {"scales": 1, "warps": 1, "inner_iterations": 1, "outer_iterations": 1, "median": 1},
        {"scales": 1, "warps": 1, "inner_iterations": 10, "outer_iterations": 3},
        {"scales": 1, "warps": 1, "inner_iterations": 10, "outer_iterations": 2, "median": 3},
        {"scales": 1, "warps": 2, "inner_iterations": 10, "outer_iterations": 1, "median": 1},
        {"scales": 3, "warps": 1, "inner_iterations": 10, "outer_iterations": 1, "median": 1},
    ],
)
def test_every_step_is_opencvs(textured, settings):
    """Median, sampling, thresholding, dual step, pyramid: to rounding, while nothing has had time to amplify it."""
    config = TVL1Config(**settings)
    first = textured[:64, :72]
    second = moved(first)
    ours = tvl1_batch(batch(first), batch(second), config, jit=False, **AS_OPENCV)[0]
    np.testing.assert_allclose(ours, tvl1_flow(first, second, config), atol=2e-3, rtol=0)
    assert np.abs(ours - tvl1_flow(first, second, config)).mean() < 1e-5


def test_defaults_agree_with_opencv(textured):
    """Mean <= 0.03 px and interior <= 0.5 px; OpenCV is no nearer to itself after noise of 1e-6 on its input."""
    first, second = textured, moved(textured)
    flow = tvl1_flow(first, second)
    ours = tvl1_batch(batch(first), batch(second), border="zero")[0].numpy()
    far = np.linalg.norm(ours - flow, axis=-1)
    assert np.linalg.norm(flow, axis=-1).max() > 0.8
    assert far.mean() < 0.03
    assert far[8:-8, 8:-8].max() < 0.5


@pytest.mark.slow
def test_edge_is_the_default_and_nearer_to_the_truth(textured):
    first, second = batch(textured), batch(moved(textured))
    true = true_flow(textured.shape)
    edge, zero = (tvl1_batch(first, second, border=border)[0] for border in ("edge", "zero"))
    error, error_zero, none = (np.linalg.norm(flow - true, axis=-1) for flow in (edge, zero, 0 * true))
    assert error.mean() < 0.25 * none.mean()
    assert error.mean() < error_zero.mean()
    outside = np.ones(textured.shape, bool)
    outside[8:-8, 8:-8] = False
    assert error[outside].max() < 0.3 * error_zero[outside].max()
    np.testing.assert_array_equal(tvl1_batch(first, second)[0], edge)


@pytest.mark.parametrize(("jit", "group"), [(False, 1), (False, 3), (True, 1), (True, 3)])
def test_a_pair_does_not_depend_on_its_mates(pairs, jit, group):
    together = tvl1_batch(*pairs, SHORT, group=group, jit=jit)
    alone = [tvl1_batch(first[None], second[None], SHORT, group=group, jit=jit)[0] for first, second in zip(*pairs)]
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=0)
    turned = tvl1_batch(*(images[::-1] for images in pairs), SHORT, group=group, jit=jit)
    np.testing.assert_allclose(turned[::-1], alone, atol=1e-5, rtol=0)
    assert np.abs(together[:2]).max() > 0.3
    assert not together[2].numpy().any()  # identical frames: exactly 0


def test_pairs_that_stop_early_are_frozen(pairs):
    """One pair needs a few iterations, another many: the first keeps what it had when it stopped."""
    config = TVL1Config(scales=1, warps=3, epsilon=0.05)
    first = pairs[0][:2]
    second = np.stack([0.9 * pairs[0][0] + 0.1 * pairs[1][0], pairs[1][1]])
    together = tvl1_batch(first, second, config, group=2, jit=False)
    alone = tvl1_batch(first, second, config, group=1, jit=False)
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=0)


def test_constant_images_of_two_levels_have_no_flow():
    first, second = np.full((2, 40, 50), 90, np.float32), np.full((2, 40, 50), 120, np.float32)
    assert not tvl1_batch(first, second, SHORT, jit=False).numpy().any()


def test_translation_is_constant_flow(textured):
    matrix = np.float32([[1, 0, 2], [0, 1, -1]])
    second = cv2.warpAffine(textured, matrix, (128, 128), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    flow = tvl1_batch(batch(textured), batch(second))[0].numpy()[16:-16, 16:-16]
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), (2, -1), atol=0.01)


def test_brightness_can_be_matched(textured):
    image = textured[:48, :48]
    config = TVL1Config(scales=2, match_brightness=True)
    assert not tvl1_batch(batch(image), batch(image) + 10, config, jit=False).numpy().any()
    plain = tvl1_batch(batch(image), batch(image) + 10, TVL1Config(scales=2), jit=False)
    assert np.linalg.norm(plain, axis=-1).mean() > 0.3


def test_not_finite_pairs_are_nan_and_disturb_nobody(pairs):
    spoilt = pairs[1].copy()
    spoilt[1, 5, 5] = np.nan
    flow = tvl1_batch(pairs[0], spoilt, SHORT, group=3, jit=False).numpy()
    assert np.isnan(flow[1]).all()
    np.testing.assert_array_equal(flow[[0, 2]], tvl1_batch(*pairs, SHORT, group=3, jit=False).numpy()[[0, 2]])


def test_an_empty_batch():
    none = np.zeros((0, 20, 24), np.float32)
    for group in (None, 4):
        assert tvl1_batch(none, none, SHORT, group=group, jit=False).shape == (0, 20, 24, 2)


def test_very_different_frames_stay_finite():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, (2, 1, 32, 32)) * 255
    for border in ("edge", "zero"):
        assert np.isfinite(tvl1_batch(first, second, SHORT, border=border, jit=False)).all()


@pytest.mark.parametrize("jit", [False, True])
def test_in_a_saved_model(tmp_path, pairs, jit):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 40, 48))] * 2)
        def flow(self, first, second):
            return tvl1_batch(first, second, SHORT, group=1, jit=jit)

    tf.saved_model.save(Module(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    expected = tvl1_batch(*pairs, SHORT, group=1, jit=jit)
    for count in (3, 1):
        np.testing.assert_allclose(
            loaded.flow(*(tf.constant(images[:count]) for images in pairs)), expected[:count], atol=1e-5, rtol=0
        )


@pytest.mark.parametrize("window", [3, 5])
def test_median_is_opencvs(window):
    field = np.random.default_rng(2).normal(size=(2, 17, 23)).astype(np.float32)
    field[1] = np.round(field[1])  # many equal values
    ours = median_filter(tf.constant(field.reshape(2, -1)), (17, 23), window).numpy().reshape(field.shape)
    for one, expected in zip(ours, field):
        np.testing.assert_array_equal(one, cv2.medianBlur(expected, window))


def test_the_backend_is_chosen_by_the_configuration(textured):
    first, second = textured[:40, :48], moved(textured[:40, :48])
    config = TVL1Config(scales=1, warps=1, inner_iterations=5, outer_iterations=1, backend="tensorflow", border="zero")
    flow = make_flow(config)
    assert isinstance(flow, TVL1TensorFlow)
    ours = flow(first, second)
    assert isinstance(ours, np.ndarray)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, tvl1_flow(first, second, config), atol=1e-3)
    colour = np.repeat(first[..., None], 3, axis=-1), np.repeat(second[..., None], 3, axis=-1)
    np.testing.assert_allclose(flow(*colour), ours, atol=1e-4)
    as_float = (image.astype(np.float32) / 255 for image in (first, second))
    np.testing.assert_allclose(flow(*as_float, value_range=(0, 1)), ours, atol=1e-3)
    with pytest.raises(ValueError, match="value_range must be declared"):
        flow(first.astype(np.float32), second.astype(np.float32))


@pytest.mark.parametrize(
    ("shapes", "options", "said"),
    [
        (((1, 20, 20), (1, 20, 21)), {}, "one shape"),
        (((1, 20, 20), (2, 20, 20)), {}, "one shape"),
        (((1, 15, 20), (1, 15, 20)), {}, "known sides >= 16"),
        (((20, 20), (20, 20)), {}, r"\(batch, height, width\)"),
        (((1, 20, 20, 1), (1, 20, 20, 1)), {}, r"\(batch, height, width\)"),
        (((1, 20, 20), (1, 20, 20)), {"border": "mirror"}, "border must be"),
        (((1, 20, 20), (1, 20, 20)), {"group": 0}, "group must be"),
        (((1, 20, 20), (1, 20, 20)), {"positions": -1}, "positions must not"),
    ],
)
def test_bad_input(shapes, options, said):
    with pytest.raises(ValueError, match=said):
        tvl1_batch(*(np.zeros(shape, np.float32) for shape in shapes), **options)


def test_unknown_sides_are_refused():
    function = tf.function(tvl1_batch, input_signature=[tf.TensorSpec((None, None, None))] * 2)
    with pytest.raises(ValueError, match="known sides"):
        function(tf.zeros((1, 20, 20)), tf.zeros((1, 20, 20)))
