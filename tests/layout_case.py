"""Clips to write in any layout, and helpers of the readers' tests."""

from __future__ import annotations

import numpy as np

from mer_tf.synthetic.layouts import LayoutClip

EMOTIONS = ("happiness", "disgust", "surprise", "sadness", "fear")
UNITS = ("6+12", "4", "1+2", "15", "1+2+4")


def plan(subjects=(1, 2, 13), clips=3, *, pictures=False, first=94, frames=12, emotions=EMOTIONS) -> list[LayoutClip]:
    """Clips whose numbers cross 100, so that sorting by name would show."""
    result = []
    for subject in subjects:
        for clip in range(clips):
            numbers = range(first, first + frames)
            result.append(
                LayoutClip(
                    subject,
                    clip,
                    emotions[clip % len(emotions)],
                    UNITS[clip % len(UNITS)],
                    onset=first + 1,
                    apex=first + frames // 2,
                    offset=first + frames - 2,
                    frames=tiny_frames(numbers, seed=subject * 100 + clip) if pictures else numbers,
                )
            )
    return result


def tiny_frames(numbers, *, seed: int):
    """A frame source of small noise pictures: same seed and number, same picture."""

    def frames():
        for number in numbers:
            yield number, np.random.default_rng((seed, number)).integers(0, 256, (24, 32, 3), dtype=np.uint8)

    return frames


def messages(table, **wanted):
    """Messages of the problems whose attributes have these values."""
    return [
        problem.message
        for problem in table.problems
        if all(getattr(problem, name) == value for name, value in wanted.items())
    ]
