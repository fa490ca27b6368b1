"""Local phase by the monogenic signal: a band of the image with its Riesz transform."""

from __future__ import annotations

import numpy as np

SIGMA_ON_F = 0.55
SHARE = 1 / 8  # of the smaller side: wavelength of the band's centre


def riesz(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Riesz transform, periodic.

    Args:
        image: ``(height, width)``.

    Returns:
        ``R_x``, ``R_y`` of the same shape, float64: the spectrum times ``-i w_x / |w|`` and ``-i w_y / |w|``, 0 at 0.
    """
    w_y, w_x, radius = _frequencies(image.shape)
    spectrum = np.fft.fft2(image) / np.where(radius > 0, radius, 1)
    return np.fft.ifft2(-1j * w_x * spectrum).real, np.fft.ifft2(-1j * w_y * spectrum).real


def band_pass(image: np.ndarray, wavelength: float, sigma_on_f: float = SIGMA_ON_F) -> np.ndarray:
    """Log-Gabor band of an image, ``(height, width)`` float64; the mean is taken out.

    Args:
        image: ``(height, width)``.
        wavelength: Centre of the band in pixels.
        sigma_on_f: Width of the band, in (0, 1); smaller is wider.
    """
    _, _, radius = _frequencies(image.shape)
    with np.errstate(divide="ignore"):  # log 0 at frequency 0, where the gain is 0
        gain = np.exp(-(np.log(radius * wavelength) ** 2) / (2 * np.log(sigma_on_f) ** 2))
    return np.fft.ifft2(np.fft.fft2(image) * gain).real


def monogenic(image: np.ndarray, wavelength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Local amplitude, phase and orientation.

    Args:
        image: ``(height, width)`` gray.
        wavelength: Centre of the band in pixels.

    Returns:
        Amplitude ``sqrt(f^2 + |R|^2)``, phase ``atan2(|R|, f)`` in 0..pi, orientation ``atan2(R_y, R_x)``; float64.

    Source: Felsberg and Sommer 2001.
    """
    band = band_pass(image, wavelength)
    r_x, r_y = riesz(band)
    odd = np.hypot(r_x, r_y)
    return np.hypot(band, odd), np.arctan2(odd, band), np.arctan2(r_y, r_x)


def phase_change(onset: np.ndarray, apex: np.ndarray) -> np.ndarray:
    """Change of local phase, weighted by how strong the structure is in both images.

    Args:
        onset: ``(height, width)`` gray.
        apex: Of the same shape.

    Returns:
        ``(height, width)`` float64, 0..pi: difference of the phases times the smaller amplitude over the largest of
        all; zeros for images without structure.

    Raises:
        ValueError: Other shapes, or values that are not finite.
    """
    onset, apex = (_check(name, image) for name, image in (("onset", onset), ("apex", apex)))
    if onset.shape != apex.shape:
        raise ValueError(f"onset and apex must be of one size. Received: {onset.shape}, {apex.shape}")
    wavelength = min(onset.shape) * SHARE
    (amplitude_o, phase_o, _), (amplitude_a, phase_a, _) = (monogenic(image, wavelength) for image in (onset, apex))
    largest = max(amplitude_o.max(), amplitude_a.max())
    # A flat image leaves only what rounding leaves of its mean.
    if largest <= 1e-9 * max(np.abs(onset).max(), np.abs(apex).max()):
        return np.zeros(onset.shape)
    return np.abs(phase_a - phase_o) * np.minimum(amplitude_o, amplitude_a) / largest


def _check(name: str, image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim != 2 or not image.size or not np.isfinite(image).all():
        raise ValueError(f"{name} must be (height, width), finite. Received: {image.shape}")
    return image.astype(np.float64)


def _frequencies(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    w_y = np.fft.fftfreq(shape[0])[:, None] * np.ones(shape)
    w_x = np.fft.fftfreq(shape[1])[None, :] * np.ones(shape)
    return w_y, w_x, np.hypot(w_x, w_y)
