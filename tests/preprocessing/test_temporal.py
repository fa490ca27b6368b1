from __future__ import annotations

import numpy as np
import pytest

from mer_tf.preprocessing.temporal import (
    dynamic_image,
    frame_positions,
    interpolate_linear,
    rank_pooling_weights,
    sample_uniform,
    tim,
    to_length,
)
from mer_tf.types import Clip


def random_clip(length, shape=(6, 5), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (length, *shape)).astype(np.uint8)


def annotated(clip, length=21, label=0, apex=7, subject="sub01", first=30):
    return Clip("casme2", subject, clip, first, None if apex is None else first + apex, first + length - 1, 200.0,
                "happiness", "12", label, "megc2019", (), ())  # fmt: skip


def test_linear_frames_lie_between_their_neighbours():
    clip = random_clip(7)
    out = interpolate_linear(clip, 16)
    assert out.shape == (16, 6, 5) and out.dtype == np.float32
    for j in range(16):
        s = j * 6 / 15
        i = min(int(s), 5)
        np.testing.assert_allclose(out[j], (1 - (s - i)) * clip[i] + (s - i) * clip[i + 1], atol=1e-4)
    np.testing.assert_array_equal(out[[0, -1]], clip[[0, -1]])


@pytest.mark.parametrize("length", [1, 2, 7, 100])
def test_linear_same_length_is_a_copy(length):
    clip = random_clip(length)
    out = interpolate_linear(clip, length)
    np.testing.assert_array_equal(out, clip)
    assert not np.shares_memory(out, clip)


@pytest.mark.parametrize("length", [1, 4, 5, 300])
def test_linear_one_frame_is_the_middle(length):
    np.testing.assert_array_equal(interpolate_linear(random_clip(length), 1)[0], random_clip(length)[(length - 1) // 2])


def test_linear_of_one_frame_repeats_it_and_leaves_the_input():
    clip = random_clip(1)
    kept = clip.copy()
    np.testing.assert_array_equal(interpolate_linear(clip, 16), np.repeat(kept, 16, 0))
    np.testing.assert_array_equal(clip, kept)


def test_linear_does_not_round():
    assert interpolate_linear(np.array([[0], [1]], np.uint8), 3)[1, 0] == np.float32(0.5)


@pytest.mark.parametrize("function", [interpolate_linear, tim, lambda f, n: to_length(f, n, "uniform")])
def test_bad_clips_are_refused(function):
    clip = random_clip(3).astype(np.float32)
    with pytest.raises(ValueError, match="n must be at least"):
        function(clip, 0)
    with pytest.raises(ValueError, match=r"frames must be \(T"):
        function(clip[:0], 4)
    with pytest.raises(TypeError, match="n must be"):
        function(clip, 4.0)
    with pytest.raises(TypeError, match="frames must be"):
        function([[1, 2]], 4)
    with pytest.raises(TypeError, match="frames must be"):
        function(np.array(["a"]), 4)
    for bad in (np.nan, np.inf):
        broken = clip.copy()
        broken[1, 2, 3] = bad
        with pytest.raises(ValueError, match="not finite"):
            function(broken, 4)


def tim_as_published(frames, n):
    """The published steps one by one: SVD, linear extension, scale."""
    length = len(frames)
    columns = frames.reshape(length, -1).T.astype(float)
    mean = columns.mean(axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(columns - mean, full_matrices=False)
    u, q = u[:, : length - 1], s[: length - 1, None] * vt[: length - 1]
    k = np.arange(1, length)

    def f(t):
        return np.sin(np.pi * k * t + np.pi * (length - k) / (2 * length))

    y = np.array([f(i / length) for i in range(1, length + 1)])
    y /= np.linalg.norm(y, axis=0)
    w = np.linalg.inv(q @ q.T) @ q @ y
    m = q[:, 0] @ w / f(1 / length)
    places = 1 / length + np.arange(n) / (n - 1) * (1 - 1 / length)
    out = [u @ np.linalg.pinv(w.T) @ (m * f(t)) + mean[:, 0] for t in places]
    return np.array(out).reshape(n, *frames.shape[1:])


@pytest.mark.parametrize(("length", "n"), [(2, 5), (3, 10), (10, 16), (16, 10)])
def test_tim_follows_the_published_steps(length, n):
    clip = random_clip(length, (8, 8))
    made = tim(clip, n)
    assert made.method == "tim" and not made.fallback
    np.testing.assert_allclose(made.frames, tim_as_published(clip, n), atol=1e-3)


def test_tim_curves_are_eigenvectors_of_the_path_graph():
    length = 9
    laplacian = np.diag([1, *[2] * (length - 2), 1]) - np.eye(length, k=1) - np.eye(length, k=-1)
    i, k = np.arange(1, length + 1)[:, None], np.arange(1, length)
    curves = np.sin(np.pi * k * i / length + np.pi * (length - k) / (2 * length))
    np.testing.assert_allclose(laplacian @ curves, curves * (4 * np.sin(np.pi * k / (2 * length)) ** 2), atol=1e-12)


@pytest.mark.parametrize("length", [2, 10, 60])
def test_tim_same_length_gives_the_input(length):
    clip = random_clip(length, (12, 12))
    np.testing.assert_allclose(tim(clip, length).frames, clip, atol=1e-4)


@pytest.mark.parametrize(
    "frames",
    [
        random_clip(5)[[0, 1, 1, 3, 4]],
        np.full((4, 3, 3), 7, np.uint8),
        random_clip(10, (2, 2)),  # fewer pixels than frames
    ],
    ids=["repeated frame", "still", "tiny"],
)
def test_tim_of_dependent_frames_falls_back_and_says_so(frames):
    made = tim(frames, 8)
    assert made.method == "linear" and "not linearly independent" in made.fallback
    np.testing.assert_array_equal(made.frames, interpolate_linear(frames, 8))


def test_tim_needs_two_frames():
    with pytest.raises(ValueError, match="T >= 2"):
        tim(random_clip(1), 4)
    with pytest.raises(ValueError, match="at least 2"):
        tim(random_clip(4), 1)


def test_to_length_by_name():
    clip = random_clip(5)
    np.testing.assert_array_equal(to_length(clip, 3, "uniform").frames, clip[[0, 2, 4]])
    np.testing.assert_array_equal(to_length(clip, 9, "linear").frames, interpolate_linear(clip, 9))
    assert to_length(clip, 9, "tim").method == "tim"
    with pytest.raises(ValueError, match="linear, tim, uniform"):
        to_length(clip, 3, "cubic")


def test_uniform_sampling():
    assert sample_uniform([46, 47, 50, 52, 59], 3) == [46, 50, 59]
    assert sample_uniform(range(100), 2) == [0, 99]
    assert sample_uniform(range(6), 1) == [2]
    assert sample_uniform([8], 4) == [8] * 4
    assert sample_uniform(range(3), 5) == [0, 1, 1, 2, 2]
    assert sample_uniform(range(11), 11) == list(range(11))
    with pytest.raises(ValueError, match="numbers"):
        sample_uniform([], 2)


def test_positions_name_the_frames_to_decode():
    index, weight = frame_positions(11, 4)
    assert index.tolist() == [0, 3, 6, 10]
    np.testing.assert_allclose(weight, [0, 1 / 3, 2 / 3, 0])


@pytest.mark.parametrize("form", ["average", "direct"])
def test_rank_pooling_weights_sum_to_zero(form):
    for length in (1, 2, 3, 50):
        assert abs(rank_pooling_weights(length, form).sum()) < 1e-9


def test_rank_pooling_weights_by_hand():
    # T = 2: 2 * 2 - 3 (1 + 1/2) = -1/2 and 2 - 3/2 = 1/2
    np.testing.assert_allclose(rank_pooling_weights(2), [-0.5, 0.5])
    np.testing.assert_allclose(rank_pooling_weights(4, "direct"), [-3, -1, 1, 3])


def test_average_form_ranks_the_running_means():
    clip = random_clip(8).astype(float)
    means = np.cumsum(clip, axis=0) / np.arange(1, 9)[:, None, None]
    by_means = np.tensordot(2 * np.arange(1, 9) - 9, means, 1)
    np.testing.assert_allclose(dynamic_image(clip), by_means, rtol=1e-5, atol=1e-3)


def test_dynamic_image():
    still = np.repeat(random_clip(1, (6, 5, 3)), 9, 0)
    np.testing.assert_array_equal(dynamic_image(still), np.zeros((6, 5, 3)))
    np.testing.assert_array_equal(dynamic_image(still, scaled=True), np.zeros((6, 5, 3)))
    clip = random_clip(9, (6, 5, 3))
    forward = dynamic_image(clip, form="direct")
    np.testing.assert_allclose(dynamic_image(clip[::-1], form="direct"), -forward, atol=1e-3)
    picture = dynamic_image(clip, scaled=True)
    assert picture.dtype == np.float32 and picture.min() == 0 and picture.max() == pytest.approx(255)
    with pytest.raises(ValueError, match="T >= 2"):
        dynamic_image(clip[:1])
    with pytest.raises(ValueError, match="average, direct"):
        dynamic_image(clip, form="exact")
    with pytest.raises(ValueError, match="height, width"):
        dynamic_image(clip[..., 0, 0])
