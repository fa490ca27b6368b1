"""What the hand-crafted features share: how a system takes its feature from tensors, checks, warnings.

Conventions: clips are ``(T, height, width)`` gray, flow is ``(..., height, width, 2)`` as (u, v) in pixels with y down,
angles are ``atan2(v, u)``, so that a quarter turn is motion downward. No feature of a clip depends on another clip,
except Sparse MDMO's dictionary, which is fitted on training clips. Nothing here needs TensorFlow.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mer_tf.console import announce
from mer_tf.errors import MerError, ProcessEndedError
from mer_tf.processes import Processes

FEATURES = "features"  # what ``extract_clips`` announces (``mer_tf.console``), one for each clip
Tensors = Mapping[str, np.ndarray]


class FeatureWarning(UserWarning):
    """A part of a feature could not be measured and is zero, such as the directions of a block without motion."""


def warn(message: str) -> None:
    """Warns with ``FeatureWarning``; the caller's caller is named."""
    warnings.warn(message, FeatureWarning, stacklevel=3)


@dataclasses.dataclass(frozen=True)
class Extractor:
    """One feature.

    Attributes:
        config: Settings class.
        extract: From the tensors of one clip (names of the recipe's network inputs) and settings to an array.
        fitted: Class with ``fit(arrays)`` and ``transform(arrays)`` that turns the clips' arrays into features, made
            with (settings, seed); None where the array is the feature.
        classifier: Name in ``mer_tf.training.feature_trainer.CLASSIFIERS``.
    """

    config: type
    extract: Callable[[Tensors, object], np.ndarray]
    fitted: Callable | None = None
    classifier: str = "svm"


def get_extractor(builder: str) -> Extractor:
    """The extractor of a feature's ``"module:function"``: the constant of that name in capitals beside it."""
    module, _, function = builder.partition(":")
    return getattr(importlib.import_module(module), function.upper())


def face_motion(tensors: Tensors) -> tuple[np.ndarray, np.ndarray]:
    """Flow (height, width, 2) and strain (height, width) of the input ``face``."""
    return tensors["face"][..., :2], tensors["face"][..., 2]


def check_clip(clip: np.ndarray, least: tuple[int, int, int]) -> np.ndarray:
    """The clip as it is, if it is ``(T, height, width)``, finite, and each side at least that of ``least``."""
    if not isinstance(clip, np.ndarray) or clip.ndim != 3:
        raise ValueError(
            f"clip must be (frames, height, width). Received: {getattr(clip, 'shape', type(clip).__name__)}"
        )
    _check_numbers("clip", clip)
    if any(side < smallest for side, smallest in zip(clip.shape, least)):
        raise ValueError(
            f"clip must have at least {least[0]} frames of {least[1]}x{least[2]} for these radii and blocks. "
            f"Received: {clip.shape}"
        )
    return clip


def check_flow(flow: np.ndarray, *, frames: bool, name: str = "flow") -> np.ndarray:
    """The flow as float64, if it is ``(height, width, 2)`` (with ``frames`` in front where asked for) and finite."""
    rank, shape = (4, "(frames, height, width, 2)") if frames else (3, "(height, width, 2)")
    if not isinstance(flow, np.ndarray) or flow.ndim != rank or flow.shape[-1] != 2 or not flow.size:
        raise ValueError(f"{name} must be {shape}. Received: {getattr(flow, 'shape', type(flow).__name__)}")
    _check_numbers(name, flow)
    return flow.astype(np.float64)


def _check_numbers(name: str, array: np.ndarray) -> None:
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must hold numbers. Received: {array.dtype}")
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")


def extract_clips(
    builder: str, config, clips: Sequence[Tensors], workers: int = 1
) -> list[tuple[np.ndarray, list[str]]]:
    """The feature's array of each clip.

    Args:
        builder: ``"module:function"`` of the feature.
        config: Its settings.
        clips: Tensors of each clip.
        workers: Processes; 1 works in this one.

    Returns:
        Per clip its array and what it was warned of.

    Raises:
        ValueError: A clip does not suit the settings.
        MerError: The process of a clip was killed twice.
    """
    work = functools.partial(_extract, builder, config)
    announce(FEATURES, 0, len(clips))
    if workers <= 1 or len(clips) < 2 * workers:
        return [work(clip) for clip in clips]
    with Processes(workers) as processes:
        found = [processes.submit(work, clip) for clip in clips]
        try:
            return [future.result() for future in found]
        except ProcessEndedError as error:
            raise MerError(f"features of clips: {error}, twice; run again with fewer workers") from error


def _extract(builder: str, config, tensors: Tensors) -> tuple[np.ndarray, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", FeatureWarning)
        array = get_extractor(builder).extract(tensors, config)
    announce(FEATURES)
    return array, [str(one.message) for one in caught]
