from __future__ import annotations

import cv2
import numpy as np
import pytest

from mer_tf.preprocessing.strain import strain
from mer_tf.systems.bi_woof.bi_woof import BiWoofConfig, bi_woof, bi_woof_phase, block_histograms, feature_dim
from mer_tf.systems.bi_woof.phase import band_pass, monogenic, phase_change, riesz
from mer_tf.systems.feature import FeatureWarning


@pytest.fixture
def flow(rng):
    return cv2.GaussianBlur(rng.standard_normal((128, 128, 2)), (0, 0), 4) * 5


@pytest.fixture
def picture(rng):
    return cv2.GaussianBlur(rng.uniform(0, 255, (128, 128)), (0, 0), 3)


@pytest.mark.parametrize(("grid", "length"), [(5, 200), (8, 512)])
def test_length_and_norm(flow, grid, length):
    config = BiWoofConfig(grid=grid)
    found = bi_woof(flow, config=config)
    assert feature_dim(config) == length == len(found)
    assert np.linalg.norm(found) == pytest.approx(1) and (found >= 0).all()


def test_a_blocks_histogram_sums_to_its_strain(flow):
    magnitude = strain(flow)
    cut = [0, 26, 51, 77, 102, 128]
    for weight, reduce in (("mean", np.mean), ("sum", np.sum)):
        found = block_histograms(flow, magnitude, BiWoofConfig(weight=weight)).sum(axis=1).reshape(5, 5)
        for i in range(5):
            for j in range(5):
                block = magnitude[cut[i] : cut[i + 1], cut[j] : cut[j + 1]]
                assert found[i, j] == pytest.approx(reduce(block))
    np.testing.assert_allclose(block_histograms(flow, config=BiWoofConfig(weight="none")).sum(axis=1), 1)
    np.testing.assert_allclose(block_histograms(flow), block_histograms(flow, magnitude))  # computed where not given


def test_scale_does_not_matter(flow):
    np.testing.assert_allclose(bi_woof(8 * flow), bi_woof(flow), atol=1e-12)


def test_translation_is_no_evidence():
    moved = np.zeros((64, 64, 2)) + (2.5, -1)
    with pytest.warns(FeatureWarning, match="nothing deforms"):
        assert (bi_woof(moved) == 0).all()
    with pytest.warns(FeatureWarning, match="nothing deforms"):
        assert (bi_woof(np.zeros((64, 64, 2))) == 0).all()


def test_the_first_bin_starts_at_minus_180_degrees():
    flow = np.zeros((10, 10, 2))
    flat = BiWoofConfig(grid=1, weight="none")
    for degrees, bin_ in ((180, 0), (-180, 0), (-179, 0), (-136, 0), (-134, 1), (0, 4), (90, 6), (179, 7)):
        flow[:] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        if abs(degrees) == 180:
            flow[..., 1] = 0.0 if degrees > 0 else -0.0
        assert block_histograms(flow, config=flat)[0].argmax() == bin_, degrees


def test_mirror(flow):
    straight = bi_woof(flow).reshape(5, 5, 8)
    mirrored = bi_woof(flow[:, ::-1] * (-1, 1)).reshape(5, 5, 8)
    np.testing.assert_allclose(mirrored[:, ::-1][..., (3 - np.arange(8)) % 8], straight, atol=1e-12)


def test_switches(flow):
    magnitude = strain(flow)
    both = bi_woof(flow, magnitude)
    for settings in ({"local": "none"}, {"weight": "none"}, {"local": "none", "weight": "none"}):
        assert not np.allclose(bi_woof(flow, magnitude, BiWoofConfig(**settings)), both)
    counts = block_histograms(flow, magnitude, BiWoofConfig(grid=1, local="none", weight="none"))[0]
    angle = np.arctan2(flow[..., 1], flow[..., 0])
    np.testing.assert_allclose(counts, np.histogram(angle, 8, (-np.pi, np.pi))[0] / 128**2)


def test_bad_input(flow):
    with pytest.raises(ValueError, match="flow must be"):
        bi_woof(flow[None])
    with pytest.raises(ValueError, match=r"strain must be \(128, 128\)"):
        bi_woof(flow, np.zeros((64, 64)))
    with pytest.raises(ValueError, match="strain"):
        bi_woof(flow, np.full((128, 128), np.nan))
    with pytest.raises(ValueError, match="5 blocks"):
        bi_woof(flow[:4])
    with pytest.raises(ValueError, match="weight must be"):
        BiWoofConfig(weight="max")


# === phase ===


def test_riesz_of_odd_sides_keeps_the_energy(rng):
    image = rng.standard_normal((31, 45)) + 4
    r_x, r_y = riesz(image)
    assert abs(r_x.mean()) < 1e-12 and abs(r_y.mean()) < 1e-12  # gain 0 at frequency 0
    assert (r_x**2 + r_y**2).sum() == pytest.approx(((image - image.mean()) ** 2).sum(), rel=1e-6)


def test_riesz_of_a_cosine_is_the_sine():
    wave = 2 * np.pi * 3 * np.arange(45) / 45 * np.ones((31, 1))
    r_x, r_y = riesz(np.cos(wave))
    np.testing.assert_allclose(r_x, np.sin(wave), atol=1e-12)
    np.testing.assert_allclose(r_y, 0, atol=1e-12)
    amplitude, phase, orientation = monogenic(np.cos(wave), 15)
    np.testing.assert_allclose(amplitude, 1, atol=1e-9)  # the band's gain is 1 at its centre
    np.testing.assert_allclose(np.cos(phase), np.cos(wave), atol=1e-9)
    odd = np.abs(np.sin(wave)) > 0.1
    np.testing.assert_allclose(np.abs(np.cos(orientation[odd])), 1)


def test_band_takes_the_mean_out_and_prefers_its_wavelength(picture):
    assert abs(band_pass(picture, 16).mean()) < 1e-10
    x = np.arange(128) * np.ones((128, 1))
    energy = [(band_pass(np.cos(2 * np.pi * x / wavelength), 16) ** 2).mean() for wavelength in (4, 16, 64)]
    assert energy[1] == pytest.approx(0.5) and energy[1] > 5 * max(energy[0], energy[2])


def test_brightness_factor_leaves_the_phase(picture):
    _, phase, _ = monogenic(picture, 16)
    np.testing.assert_allclose(monogenic(3.7 * picture, 16)[1], phase, atol=1e-9)


def test_no_phase_change_is_bi_woof(flow, picture):
    plain = bi_woof(flow)
    np.testing.assert_allclose(bi_woof_phase(flow, None, picture, picture), plain)
    flat = np.full((128, 128), 90.0)
    np.testing.assert_allclose(bi_woof_phase(flow, None, flat, flat + 20), plain)
    moved = np.roll(picture, 3, axis=1)
    changed = bi_woof_phase(flow, None, picture, moved)
    assert np.linalg.norm(changed) == pytest.approx(1) and not np.allclose(changed, plain, atol=1e-4)


def test_phase_change_is_where_the_picture_changes(picture):
    moved = picture.copy()
    moved[40:80, 40:80] = np.roll(picture, 4, axis=1)[40:80, 40:80]
    change = phase_change(picture, moved)
    assert change.min() >= 0 and change.max() <= np.pi
    assert change[45:75, 45:75].mean() > 10 * change[100:, 100:].mean()


def test_bad_images(flow, picture):
    with pytest.raises(ValueError, match="one size"):
        phase_change(picture, picture[1:])
    with pytest.raises(ValueError, match=r"onset must be \(height, width\)"):
        phase_change(picture[None], picture)
    with pytest.raises(ValueError, match="apex"):
        phase_change(picture, picture * np.nan)
    with pytest.raises(ValueError, match="as large as the flow"):
        bi_woof_phase(flow, None, picture[:64], picture[:64])
