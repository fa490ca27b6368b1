"""Learned magnification of a clip, frame by frame, with trained weights by path (Oh et al., ECCV 2018)."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from mer_tf.preprocessing.images import to_gray
from mer_tf.preprocessing.magnify.eulerian import check_factor, checked_frames
from mer_tf.preprocessing.magnify.network import MotionMagnifier
from mer_tf.preprocessing.magnify.weights import load_magnifier

MODES = ("static", "dynamic")
_MULTIPLE = 4  # the network halves each side twice


class LearnedMagnifier:
    """A network with its weights, ready for many clips.

    Args:
        weights: Path of a weight file, or a network.
        batch: Frames that go through the network at once, >= 1; memory grows with it and with nothing else.

    Raises:
        MissingFileError: There is no such file; names the training command.
        BadInputError: Not a weight file.

    Source: Oh et al., sections 3 and 4.1 (static and dynamic mode); ASTNet 2024, section 3.1 (factor 3).
    """

    def __init__(self, weights: str | os.PathLike | MotionMagnifier, *, batch: int = 4):
        if batch < 1:
            raise ValueError(f"batch must be at least 1. Received: {batch!r}")
        self.model = weights if isinstance(weights, MotionMagnifier) else load_magnifier(weights)
        self.batch = batch
        picture = tf.TensorSpec((None, None, None, 3), tf.float32)

        # One trace for every size and number of frames.
        @tf.function(input_signature=[picture, picture, tf.TensorSpec((None, 1), tf.float32)])
        def call(reference, frame, factor):
            return self.model({"reference": reference, "frame": frame, "factor": factor}, training=False)

        self._call = call

    def __call__(
        self,
        frames: Iterable[np.ndarray],
        *,
        factor: float = 3.0,
        mode: str = "static",
        value_range: tuple[float, float] | None = None,
    ) -> Iterator[np.ndarray]:
        """Magnifies the motion of a clip.

        Args:
            frames: Frames of one shape: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or float;
                sides >= 16. Read a batch at a time.
            factor: Ratio of motions, >= 1. 1 gives the frames back bit for bit, without the network.
            mode: ``"static"`` (motion against the first frame) or ``"dynamic"`` (against the previous one).
            value_range: ``(0, 1)`` or ``(0, 255)``; needed for float frames.

        Yields:
            As many frames, of the same shape and dtype (float32 for float64), within the range. The first one has
            passed the network too, with no motion, so that all have the same texture.

        Raises:
            ValueError, TypeError: As ``magnify_eulerian``; another mode.
        """
        if mode not in MODES:
            raise ValueError(f"mode must be one of {MODES}. Received: {mode!r}")
        identity = check_factor(factor) == 0
        checked = checked_frames(frames, value_range)
        return (frame for frame, _ in checked) if identity else self._stream(checked, float(factor), mode)

    def pair(self, reference: np.ndarray, frame: np.ndarray, factor: float) -> np.ndarray:
        """One pair through the network, factor 1 too: ``frame`` (height, width, 3) uint8 moved on from ``reference``.

        Raises:
            ValueError, TypeError: As the call.
        """
        check_factor(factor)
        (one, white), (other, _) = checked_frames((reference, frame), None)
        return _restored(self._magnified([_signed(one, white)], [_signed(other, white)], factor)[0], other, white)

    def _stream(self, checked, factor: float, mode: str) -> Iterator[np.ndarray]:
        reference = None
        waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray, float]] = []
        for frame, white in checked:
            signed = _signed(frame, white)
            waiting.append((signed if reference is None else reference, signed, frame, white))
            if reference is None or mode == "dynamic":
                reference = signed
            if len(waiting) == self.batch:
                yield from self._flush(waiting, factor)
        yield from self._flush(waiting, factor)

    def _flush(self, waiting: list, factor: float) -> Iterator[np.ndarray]:
        if waiting:
            references, frames, originals, whites = zip(*waiting)
            waiting.clear()
            for output, frame, white in zip(self._magnified(references, frames, factor), originals, whites):
                yield _restored(output, frame, white)

    def _magnified(self, references, frames, factor: float) -> np.ndarray:
        height, width = frames[0].shape[:2]
        pad = ((0, 0), (0, -height % _MULTIPLE), (0, -width % _MULTIPLE), (0, 0))
        pictures = [np.pad(np.stack(pictures), pad, mode="reflect") for pictures in (references, frames)]
        output = self._call(*map(tf.constant, pictures), tf.fill((len(frames), 1), np.float32(factor)))
        return output.numpy()[:, :height, :width]


def magnify_learned(
    frames: Iterable[np.ndarray],
    weights: str | os.PathLike | LearnedMagnifier,
    *,
    factor: float = 3.0,
    mode: str = "static",
    value_range: tuple[float, float] | None = None,
) -> Iterator[np.ndarray]:
    """One clip through ``LearnedMagnifier``; the network of a path is kept for the next clip."""
    if not isinstance(weights, LearnedMagnifier):
        path = os.path.abspath(os.fspath(weights))
        state = os.stat(path) if os.path.isfile(path) else None
        weights = _loaded(path, state and (state.st_mtime_ns, state.st_size))
    return weights(frames, factor=factor, mode=mode, value_range=value_range)


@functools.lru_cache(maxsize=2)
def _loaded(path: str, state) -> LearnedMagnifier:
    return LearnedMagnifier(path)


def _signed(frame: np.ndarray, white: float) -> np.ndarray:
    """``(height, width, 3)`` float32 in -1..1."""
    picture = frame.astype(np.float32) * np.float32(2 / white) - np.float32(1)
    return picture if frame.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _restored(output: np.ndarray, frame: np.ndarray, white: float) -> np.ndarray:
    """The network's output in the range, dtype and channels of the frame it belongs to."""
    picture = (np.clip(output, -1, 1) + 1) * np.float32(white / 2)
    if frame.ndim == 2:
        picture = np.clip(to_gray(picture), 0, white)
    return np.rint(picture).astype(np.uint8) if frame.dtype == np.uint8 else picture
