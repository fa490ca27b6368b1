"""Eulerian magnification against its closed form, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
import weakref

import numpy as np
import pytest

from mer_tf.errors import MissingFileError
from mer_tf.preprocessing.magnify import EulerianConfig, LearnedConfig, magnify
from mer_tf.preprocessing.magnify.eulerian import (
    band_count,
    band_gains,
    collapse_pyramid,
    filter_rates,
    laplacian_pyramid,
    magnify_eulerian,
)


def magnified(frames, **options) -> np.ndarray:
    settings = {"fps": 100.0, **options}
    if np.asarray(frames[0]).dtype != np.uint8:
        settings.setdefault("value_range", (0, 1))
    return np.stack(list(magnify_eulerian(frames, **settings)))


def response(frequency, fps, f_low, f_high):
    """Complex gain of the difference of the two one-pole low-passes at a frequency in Hz."""
    z = np.exp(-2j * np.pi * frequency / fps)
    low, high = filter_rates(f_low, f_high, fps)
    return high / (1 - (1 - high) * z) - low / (1 - (1 - low) * z)


def clip_of_noise(count=6, shape=(40, 48, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


# --- parts against the specification's worked numbers ---


@pytest.mark.parametrize(("size", "bands"), [(16, 3), (64, 5), (128, 6), (224, 7)])
def test_band_count(size, bands):
    assert band_count(size, size) == band_count(size, 3 * size) == bands


def test_worked_gains():
    np.testing.assert_allclose(band_gains(128, 128, 10, 16), [0, 10, 10, 8.371, 3.185, 0], atol=5e-4)
    np.testing.assert_allclose(band_gains(64, 64, 10, 16), [0, 10, 8.371, 3.185, 0], atol=5e-4)
    assert band_gains(64, 64, 10, 1e6) == [0] * 5  # every band lies under the cut-off


@pytest.mark.parametrize(
    ("fps", "f_low", "f_high", "r_low", "r_high", "peak_hz", "peak"),
    [
        (60, 0.5, 10, 0.05101, 0.64908, 2.29, 0.903),
        (100, 0.5, 10, 0.03093, 0.46651, 2.26, 0.904),
        (200, 0.5, 10, 0.01559, 0.26960, 2.24, 0.905),
        (100, 0.4, 3, 0.02482, 0.17180, 1.10, 0.765),
        (200, 0.4, 3, 0.01249, 0.08994, 1.10, 0.765),
    ],
)
def test_filter_rates(fps, f_low, f_high, r_low, r_high, peak_hz, peak):
    np.testing.assert_allclose(filter_rates(f_low, f_high, fps), (r_low, r_high), atol=5e-6)
    hertz = np.arange(0.01, fps / 2, 0.01)
    gain = np.abs(response(hertz, fps, f_low, f_high))
    assert hertz[gain.argmax()] == pytest.approx(peak_hz, abs=0.011)
    assert gain.max() == pytest.approx(peak, abs=5e-4)


@pytest.mark.parametrize("shape", [(64, 64), (128, 128, 3), (37, 51), (17, 90, 3), (16, 16)])
def test_pyramid_is_put_together_exactly(shape):
    image = np.random.default_rng(1).random(shape, dtype=np.float32)
    pyramid = laplacian_pyramid(image, band_count(*shape[:2]))
    assert len(pyramid) == band_count(*shape[:2])
    np.testing.assert_allclose(collapse_pyramid(pyramid), image, atol=1e-5)
    flat = laplacian_pyramid(np.full(shape, 0.7, np.float32), len(pyramid))
    for band in flat[1:]:
        np.testing.assert_allclose(band, 0, atol=1e-6)


# --- the whole ---


def test_amplification_of_a_sinusoid_is_the_closed_form():
    fps, hertz, alpha = 60.0, 3.0, 4.0
    band = {"f_low": 0.5, "f_high": 10.0}
    pattern = np.random.default_rng(2).normal(0, 1, (32, 32)).astype(np.float32)
    times = np.arange(240)
    wave = np.sin(2 * np.pi * hertz * times / fps)
    clip = (0.5 + 0.004 * wave[:, None, None] * pattern).astype(np.float32)
    out = magnified(clip, fps=fps, factor=1 + alpha, lambda_c=16.0, **band)
    # The starting transient of the slow filter has died away after two seconds; whole periods are left.
    carrier = np.exp(-2j * np.pi * hertz * times[120:] / fps) * 2j / 120
    measured = np.tensordot(carrier, out[120:], axes=(0, 0)) / 0.004
    gains = band_gains(32, 32, alpha, 16.0)
    assert len({round(gain, 3) for gain in gains}) == 3  # not one gain for all
    spatial = collapse_pyramid(laplacian_pyramid(pattern, len(gains)), gains)
    expected = pattern + response(hertz, fps, **band) * spatial
    np.testing.assert_allclose(measured, expected, atol=2e-3 * np.abs(expected).max())


def test_motion_of_a_grating_is_multiplied():
    """A grating of 24 px swings by 0.1 px; by the first-order theory the swing is |1 + gain H| times as large."""
    fps, hertz, alpha, wavelength = 100.0, 2.5, 5.0, 24.0
    times = np.arange(400)
    place = 0.1 * np.sin(2 * np.pi * hertz * times / fps)
    x = np.arange(96)
    rows = 0.5 + 0.3 * np.cos(2 * np.pi * (x - place[:, None]) / wavelength)
    clip = np.repeat(rows[:, None, :], 96, axis=1).astype(np.float32)
    out = magnified(clip, fps=fps, factor=1 + alpha, lambda_c=4.0)[240:]
    # Motion from the phase of the grating, over three of its periods in the middle row.
    window = np.hanning(72) * np.exp(-2j * np.pi * x[12:84] / wavelength)
    phase = np.angle(((out[:, 48, 12:84] - 0.5) * window).sum(-1))
    moved = -phase * wavelength / (2 * np.pi)
    carrier = np.exp(-2j * np.pi * hertz * times[240:] / fps) * 2 / 160
    ratio = np.abs((moved * carrier).sum()) / 0.1
    # Gain of the grating: the share of it that lies in the bands that are amplified (nearly all, at 24 px).
    gains = band_gains(96, 96, alpha, 4.0)
    grating = np.repeat(np.cos(2 * np.pi * x[None] / wavelength), 96, axis=0).astype(np.float32)
    spatial = collapse_pyramid(laplacian_pyramid(grating, len(gains)), gains)[48, 12:84]
    gain = (spatial * window).sum() / (grating[48, 12:84] * window).sum()
    assert np.real(gain) > 0.9 * alpha
    assert ratio == pytest.approx(np.abs(1 + gain * response(hertz, fps, 0.5, 10)), rel=0.03)


def test_published_order_gives_the_same():
    """Pyramid first, filter per coefficient, colour in YIQ: the order in print, written out."""
    clip = clip_of_noise(8, (32, 40, 3)).astype(np.float32) / 255
    clip = 0.4 + 0.2 * clip
    yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    gains = band_gains(32, 40, 6.0, 16.0)
    low, high = filter_rates(0.5, 10.0, 100.0)
    expected = []
    for frame in clip:
        bands = laplacian_pyramid((frame @ yiq.T).astype(np.float32), len(gains))
        if not expected:
            slow, fast = [band.copy() for band in bands], [band.copy() for band in bands]
        for index, band in enumerate(bands):
            slow[index] += low * (band - slow[index])
            fast[index] += high * (band - fast[index])
        signal = collapse_pyramid([one - other for one, other in zip(fast, slow)], gains)
        signal[..., 1:] *= 0.1
        expected.append(np.clip(((frame @ yiq.T) + signal) @ np.linalg.inv(yiq).T, 0, 1))
    np.testing.assert_allclose(magnified(clip, factor=7.0), expected, atol=1e-5)


def test_factor_one_gives_the_same_bits():
    for clip in (clip_of_noise(), clip_of_noise(shape=(20, 21)), clip_of_noise().astype(np.float64) / 255):
        out = magnified(clip, factor=1.0)
        assert out.dtype == clip.dtype
        np.testing.assert_array_equal(out, clip)


def test_first_frame_and_a_single_frame_are_unchanged():
    clip = clip_of_noise()
    out = magnified(clip, factor=20.0)
    np.testing.assert_array_equal(out[0], clip[0])
    assert (out[1:] != clip[1:]).any()
    np.testing.assert_array_equal(magnified(clip[:1], factor=20.0), clip[:1])


def test_constant_clip_and_brightness_step_pass():
    frame = np.random.default_rng(3).random((37, 45, 3), dtype=np.float32) * 0.8
    np.testing.assert_allclose(magnified([frame] * 5, factor=11.0), [frame] * 5, atol=1e-5)
    step = np.stack([frame, frame, frame + np.float32(0.1), frame + np.float32(0.1)])
    np.testing.assert_allclose(magnified(step, factor=11.0), step, atol=1e-4)


def test_output_stays_in_range_shape_and_dtype():
    for clip in (clip_of_noise(), clip_of_noise(shape=(33, 18))):
        out = magnified(clip, factor=50.0)
        assert (out.shape, out.dtype) == (clip.shape, np.uint8)
    bright = magnified(clip_of_noise().astype(np.float64), factor=50.0, value_range=(0, 255))
    assert bright.dtype == np.float32
    assert bright.min() == 0
    assert bright.max() == 255


def test_ranges_agree_and_the_input_is_left_alone():
    clip = clip_of_noise()
    before = clip.copy()
    out = magnified(clip, factor=5.0)
    np.testing.assert_array_equal(clip, before)
    unit = magnified(clip / np.float32(255), factor=5.0) * 255
    np.testing.assert_allclose(out, unit, atol=0.51)


def test_gray_is_a_colour_clip_without_colour():
    gray = clip_of_noise(shape=(32, 32)).astype(np.float32) / 255
    colour = np.repeat(gray[..., None], 3, axis=-1)
    np.testing.assert_allclose(magnified(colour)[..., 1], magnified(gray), atol=1e-5)


def test_chroma():
    clip = 0.5 + 0.1 * (clip_of_noise(4).astype(np.float32) / 255 - 0.5)
    full, none = (magnified(clip, factor=4.0, chroma=chroma)[-1] - clip[-1] for chroma in (1.0, 0.0))
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(full @ luma, none @ luma, atol=1e-5)
    np.testing.assert_allclose(none, (none @ luma)[..., None].repeat(3, -1), atol=1e-5)  # gray motion only
    channel = magnified(clip[..., 0], factor=4.0)[-1] - clip[-1, ..., 0]
    np.testing.assert_allclose(full[..., 0], channel, atol=1e-5)


class Frame(np.ndarray):
    """An array that can be watched: plain ones take no weak references."""


class Camera:
    """Yields frames and counts how many of them are held by anyone at once."""

    def __init__(self, count, shape=(32, 32, 3)):
        self.count, self.shape = count, shape
        self.alive = self.most = 0

    def __iter__(self):
        rng = np.random.default_rng(0)
        for _ in range(self.count):
            frame = rng.integers(0, 256, self.shape, dtype=np.uint8).view(Frame)
            weakref.finalize(frame, self._gone)
            self.alive += 1
            self.most = max(self.most, self.alive)
            yield frame

    def _gone(self):
        self.alive -= 1


@pytest.mark.parametrize("factor", [1.0, 11.0])
def test_streams_with_few_frames_alive(factor):
    camera = Camera(60)
    assert sum(1 for _ in magnify_eulerian(camera, fps=100, factor=factor)) == 60
    assert camera.most <= 3


def test_nothing_is_read_before_it_is_asked_for():
    def endless():
        while True:
            yield np.zeros((16, 16), np.uint8)

    stream = magnify_eulerian(endless(), fps=100)
    assert next(stream).shape == next(stream).shape == (16, 16)


# --- refusals ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"f_high": 50.0}, "f_high must be below half"),
        ({"f_low": 10.0}, "f_low must be below f_high"),
        ({"f_low": -1.0}, "f_low must be at least 0"),
        ({"f_low": float("nan")}, "f_low"),
        ({"factor": 0.5}, "factor must be at least 1"),
        ({"factor": float("nan")}, "factor"),
        ({"factor": float("inf")}, "factor"),
        ({"lambda_c": 0.0}, "lambda_c must be positive"),
        ({"chroma": 1.5}, r"chroma must lie in \[0, 1\]"),
        ({"fps": 0.0}, "fps must be positive"),
        ({"value_range": (0, 2)}, "value_range"),
    ],
)
def test_bad_parameters_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        magnify_eulerian(iter(()), **{"fps": 100.0, **options})


def with_bad_value(value):
    clip = np.full((2, 16, 16), 0.5)
    clip[1, 3, 3] = value
    return clip


@pytest.mark.parametrize(
    ("frames", "error", "message"),
    [
        ([], ValueError, "no frame"),
        (np.zeros((2, 15, 40), np.uint8), ValueError, "at least 16 px"),
        (np.zeros((2, 40, 15, 3), np.uint8), ValueError, "at least 16 px"),
        (np.zeros((2, 16, 16, 4), np.uint8), ValueError, "frame 0 must be"),
        (np.zeros((2, 16), np.uint8), ValueError, "frame 0 must be"),
        ([np.zeros((16, 16), np.uint8), np.zeros((16, 17), np.uint8)], ValueError, "frame 1 must be as the first"),
        ([np.zeros((16, 16), np.uint8), np.zeros((16, 16))], ValueError, "frame 1 must be as the first"),
        (np.zeros((2, 16, 16)), ValueError, "value_range must be declared"),
        (np.zeros((2, 16, 16), np.uint16), TypeError, "uint8, or float"),
        (["frame.png"], TypeError, "frame 0 must be a numpy array"),
    ],
)
def test_bad_frames(frames, error, message):
    with pytest.raises(error, match=message):
        list(magnify_eulerian(frames, fps=100.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
@pytest.mark.parametrize("factor", [1.0, 11.0])
def test_values_outside_the_declared_range(value, factor):
    with pytest.raises(ValueError, match="frame 1 must be finite and in the declared range"):
        list(magnify_eulerian(with_bad_value(value), fps=100.0, factor=factor, value_range=(0, 1)))


def test_frames_must_be_iterable():
    with pytest.raises(TypeError, match="iterable"):
        magnify_eulerian(3, fps=100.0)


# --- dispatch ---


def test_magnify_by_config():
    clip = clip_of_noise()
    np.testing.assert_array_equal(list(magnify(clip)), clip)
    config = EulerianConfig(factor=5.0, lambda_c=8.0, chroma=0.3)
    expected = list(magnify_eulerian(clip, fps=100.0, factor=5.0, lambda_c=8.0, chroma=0.3))
    np.testing.assert_array_equal(list(magnify(clip, config, fps=100.0)), expected)
    with pytest.raises(ValueError, match="fps must be given"):
        magnify(clip, config)


def test_learned_without_weights_names_the_command():
    with pytest.raises(MissingFileError, match="mer magnify train --out"):
        magnify(clip_of_noise(), LearnedConfig(factor=3.0))


def test_import_loads_no_tensorflow():
    code = "import sys, mer_tf.preprocessing.magnify.triplets; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
