"""Motion magnification of clips: Eulerian (no training) and learned (with trained weights).

Frames go in and come out one by one; memory does not grow with the clip. TensorFlow is loaded by the learned
magnifier only, and importing this package loads neither it nor OpenCV.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.preprocessing.magnify.eulerian import EulerianConfig, checked_frames, magnify_eulerian
from mer_tf.preprocessing.magnify.learned_settings import LearnedConfig
from mer_tf.preprocessing.magnify.settings import MagnifyConfig, NoMagnification
from mer_tf.preprocessing.methods import table

__all__ = [
    "METHODS",
    "EulerianConfig",
    "LearnedConfig",
    "MagnifyConfig",
    "NoMagnification",
    "magnify",
    "magnify_eulerian",
]


def _none(frames, config, fps, weights, value_range):
    return (frame for frame, _ in checked_frames(frames, value_range))


def _eulerian(frames, config: EulerianConfig, fps, weights, value_range):
    if fps is None:
        raise ValueError("fps must be given for Eulerian magnification: its band is in Hz. Received: None")
    return magnify_eulerian(frames, fps=fps, value_range=value_range, **dataclasses.asdict(config))


def _learned(frames, config: LearnedConfig, fps, weights, value_range):
    if weights is None:
        raise MissingFileError(
            "learned magnification needs trained weights by path; train them with: mer magnify train --out FILE"
        )
    from mer_tf.preprocessing.magnify.learned import magnify_learned

    return magnify_learned(frames, weights, factor=config.factor, mode=config.mode, value_range=value_range)


METHODS = table("magnification", (NoMagnification, _none), (EulerianConfig, _eulerian), (LearnedConfig, _learned))


def magnify(
    frames: Iterable[np.ndarray],
    config: MagnifyConfig | None = None,
    *,
    fps: float | None = None,
    weights=None,
    value_range: tuple[float, float] | None = None,
) -> Iterator[np.ndarray]:
    """Magnifies the motion of a clip.

    Args:
        frames: Frames of one shape: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or float; sides
            >= 16.
        config: Settings of one of the ``METHODS``; None and ``NoMagnification()`` give the frames back.
        fps: Frames per second; needed by ``EulerianConfig``.
        weights: Path of a weight file, or a ``LearnedMagnifier``; needed by ``LearnedConfig``. The other method is
            never taken instead.
        value_range: ``(0, 1)`` or ``(0, 255)``; needed for float frames.

    Yields:
        As many frames, of the same shape and dtype.

    Raises:
        ConfigError: Settings of no known method.
        MissingFileError: Learned magnification without weights; names the training command.
        BadInputError: ``weights`` is not a weight file.
        ValueError: See ``magnify_eulerian``.
        TypeError: See ``magnify_eulerian``.
    """
    config = config or NoMagnification()
    known, maker = METHODS.get(config.method, (None, None))
    if known is not type(config):
        raise ConfigError(f"config must be settings of {', '.join(METHODS)}. Received: {config!r}")
    return maker(frames, config, fps, weights, value_range)
