"""Preprocessing of single clips in a process of its own.

Processes are spawned, and a spawned process imports the module of the function it is given: this one imports
neither Beam nor TensorFlow, so a process is at work after a second instead of ten.
"""

from __future__ import annotations

import functools
import time

from mer_tf import numerics
from mer_tf.errors import ClipError
from mer_tf.preprocessing import ClipPreprocessor, Preprocessed
from mer_tf.recipes import Recipe
from mer_tf.types import Clip


def open_preprocessor(recipe: Recipe, landmark_model: str | None, threads: int | None) -> ClipPreprocessor:
    """An opened preprocessor; ``threads`` limits OpenCV in this process (None: as it is).

    Recipes with a network compute it with one thread: records are the same for any number of processes.
    """
    numerics.claim_one_thread()
    return ClipPreprocessor(recipe, landmark_model=landmark_model, opencv_threads=threads).open()


def attempt(
    preprocessor: ClipPreprocessor, clip: Clip, frames: dict[int, bytes]
) -> tuple[Preprocessed | None, ClipError | None]:
    """(result, None), or (None, the fault of this clip); other errors are raised."""
    try:
        return preprocessor.process_clip(clip, frames), None
    except ClipError as error:
        return None, error if error.clip else error.at(clip.key)
    except MemoryError:
        return None, ClipError("there is not enough memory for this clip", clip.key)


def work(recipe: Recipe, landmark_model: str | None, clip: Clip, frames: dict[int, bytes]):
    """``attempt`` with the preprocessor of this process, and the seconds it took."""
    preprocessor = _opened(recipe, landmark_model)
    start = time.perf_counter()
    result, error = attempt(preprocessor, clip, frames)
    return result, error, time.perf_counter() - start


def warm_up(recipe: Recipe, landmark_model: str | None) -> None:
    """Opens the preprocessor of this process before the first clip is there."""
    _opened(recipe, landmark_model)


@functools.lru_cache(maxsize=1)
def _opened(recipe: Recipe, landmark_model: str | None) -> ClipPreprocessor:
    return open_preprocessor(recipe, landmark_model, threads=1)  # the processes share the cores already
