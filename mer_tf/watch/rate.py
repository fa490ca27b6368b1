"""Frames a second, measured: how they follow one another, and which of them repeat the one before."""

from __future__ import annotations

import collections
import dataclasses

import cv2
import numpy as np

from mer_tf.watch.types import Source

# Of the time between frames, see ``Rate.recent``; the 90th percentile, so that one lost frame in twenty is no jitter.
MOST_JITTER = 0.55
# Mean gray levels by which two frames differ at least, of every fourth pixel each way. A frame that was repeated before
# it was compressed differs by a little more, but by far less than the frames just before differ from one another.
_SAME, _NEARLY_SAME, _OF_USUAL = 0.05, 1.0, 0.2
_NEAR, _NEAR_S = 0.1, 0.0015  # steps that are as long as the usual one: share, and seconds at least


def _usual(steps: np.ndarray) -> float:
    """Mean of the steps near their median: time stamps are rounded to milliseconds, and a median of them too."""
    middle = float(np.median(steps))
    return float(steps[np.abs(steps - middle) <= max(_NEAR_S, _NEAR * middle)].mean())


class Rate:
    """Measures the time between frames, and which frames repeat the one before.

    Args:
        window_s: Seconds of the recording that ``fps`` looks back.
    """

    def __init__(self, window_s: float = 5.0):
        self._window = window_s
        self._recent: collections.deque = collections.deque()  # (time, time since the one before, repeated)
        self._before: np.ndarray | None = None
        self._away: collections.deque = collections.deque(maxlen=3)
        self._time: float | None = None
        self._all = np.zeros(4096, np.int64)  # histogram of the steps, 0.5 ms each, for the whole recording
        self._sums = np.zeros(4096)  # of the steps in each
        self.frames = self.repeated = self.gaps = 0
        self.first_s = self.last_s = 0.0

    def take(self, time_s: float, gray: np.ndarray) -> bool:
        """One frame, ``gray`` (height, width) uint8; returns whether it repeats the one before."""
        small = np.ascontiguousarray(gray[::4, ::4])
        repeated = False
        if self._before is not None:
            away = cv2.norm(small, self._before, cv2.NORM_L1) / small.size
            usual = max(self._away, default=0.0)
            repeated = away < _SAME or (away < _NEARLY_SAME and away < _OF_USUAL * usual)
            self._away.append(away)
        self._before = small
        if self._time is None:
            self.first_s = time_s
        else:
            step = time_s - self._time
            self._recent.append((time_s, step, repeated))
            place = min(int(step * 2000), len(self._all) - 1)
            self._all[place] += 1
            self._sums[place] += step
            while self._recent[0][0] < time_s - self._window:
                self._recent.popleft()
        self._time = self.last_s = time_s
        self.frames += 1
        self.repeated += repeated
        return repeated

    def step(self) -> float | None:
        """Usual time between the recent frames, repeated ones too; None before there are five."""
        if len(self._recent) < 5:
            return None
        return _usual(np.array([step for _, step, _ in self._recent]))

    def recent(self) -> tuple[float | None, float, float]:
        """Frames a second without repeated ones (None before there are five), their share, and the jitter.

        The jitter is the 90th percentile of the deviation of the time between frames from its median, over the median.
        """
        if len(self._recent) < 5:
            return None, 0.0, 0.0
        _, steps, repeated = map(np.array, zip(*self._recent))
        middle, share = _usual(steps), float(np.mean(repeated))
        jitter = float(np.percentile(np.abs(steps - middle), 90)) / middle
        return (1 - share) / middle, share, jitter

    def facts(self, source: Source, dropped: int = 0, damage: str = "") -> Source:
        """The source with what was measured so far."""
        counts = np.cumsum(self._all)
        if not counts[-1]:
            return dataclasses.replace(source, frames=self.frames, dropped=dropped, damage=damage)
        place = int(np.searchsorted(counts, counts[-1] / 2))
        reach = max(round(2000 * _NEAR_S), round(_NEAR * place))
        near = slice(max(place - reach, 0), place + reach + 1)
        middle = float(self._sums[near].sum() / self._all[near].sum())
        away = np.abs((np.arange(len(self._all)) + 0.5) / 2000 - middle)
        order = np.argsort(away, kind="stable")
        reached = np.searchsorted(np.cumsum(self._all[order]), 0.9 * counts[-1])
        jitter = max(float(away[order][min(reached, len(order) - 1)]) - 0.0005, 0.0) / middle
        share = self.repeated / max(self.frames, 1)
        return dataclasses.replace(
            source,
            fps=1 / middle,
            effective_fps=(1 - share) / middle,
            frames=self.frames,
            seconds=self.last_s - self.first_s + middle,
            duplicates=share,
            variable_rate=jitter > MOST_JITTER,
            dropped=dropped,
            damage=damage,
        )
