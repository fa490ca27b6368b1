"""From the motion of a face's regions to intervals: onset, apex, offset.

The noise is taken from the very quantity that is compared with the threshold: the peaks, in quiet half seconds, of the
filtered motion about its running median. An absolute floor comes on top, so that a still face yields nothing however
quiet the camera is.

Assumption: the constants of ``WatchConfig``, and that a face is still in at least a third of the time.
"""

from __future__ import annotations

import collections
import dataclasses

import numpy as np
from scipy import ndimage

from mer_tf.watch.motion import CURVE_REGIONS, CURVES
from mer_tf.watch.settings import WatchConfig
from mer_tf.watch.types import MACRO, MICRO, REGIONS

BRIDGED_S = 0.3  # frames left out for no longer are interpolated
_SLOW_S = 0.6  # before and after a moment; what the head does to the face's proportions is slower
_GAP = 2.5  # times the usual step between frames ends a stretch
_COARSE_S = 0.1  # step of the running median
_PEAK_S = 0.5  # windows whose peaks tell the noise
_PEAK_PERIOD_S = 60.0  # and how far back they count
_QUIET = 0.35  # quantile of the peaks that stands for quiet ones
PEAK_OF_NOISE = 2.2  # largest of half a second's filtered noise over its standard deviation
_FOOT, _HALF = 0.2, 0.5  # of the peak, where an event's ends are sought
_VALLEY = 0.35  # of the peak by which a curve rises again where another event begins
_LEAST_WIDTH_S = 0.05
_HEAD_FREE = 0.05  # eye distances that a head may move about a moment
_HEAD_S = 0.4
_HEAD_EVENT, _HEAD_ANGLE = 0.15, 6.0
_STAYS = 0.5  # of the peak that is left after the event where it does not come back
_SPEECH_EVENTS, _SPEECH_S = 3, 1.5
_LIDS_FALL, _EYES_UNLIKE = 0.25, 0.3
_BLINK_REGIONS = frozenset(("brow_left", "brow_right", "nose"))


@dataclasses.dataclass
class Buffer:
    """The last seconds of a track, one row per frame in which it was followed; rows with ``ok`` False are not used.

    Attributes:
        times: Seconds, ``(n,)``, rising.
        frames: Frame numbers, ``(n,)``.
        motion: ``(n, curves, 2)``, eye distances.
        nose: ``(n, 2)``, eye distances, in the picture.
        ok: Whether a frame is fit for motion, ``(n,)``.
        eyes: Likeness of the eyes to those of the reference, ``(n,)``.
        lids: Opening of the lids, ``(n,)``; NaN where not measured.
        yaw: Degrees, ``(n,)``; NaN where not measured.
        pitch: As ``yaw``.
        segment: Number of the stretch, ``(n,)``; a new one begins where the face was lost.
        stretch: ``(n, 3)``, see ``mer_tf.watch.motion.Sample``.
        lever: ``(curves, 2)``, what a stretch takes hold of, see ``Motion``.
    """

    times: np.ndarray
    frames: np.ndarray
    motion: np.ndarray
    nose: np.ndarray
    ok: np.ndarray
    eyes: np.ndarray
    lids: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    segment: np.ndarray
    stretch: np.ndarray
    lever: np.ndarray


# Fields of a buffer that have a row for each frame, in the order of a track's rows.
COLUMNS = tuple(field.name for field in dataclasses.fields(Buffer))[:-1]


@dataclasses.dataclass
class Stretch:
    """The filtered curves of a stretch without gaps, at even times.

    Attributes:
        times: Seconds, ``(n,)``.
        low: ``(n, curves, 2)``, filtered.
        away: ``low`` less its running median.
        size: Length of ``away``, ``(n, curves)``: what is compared with the threshold.
        ok: Whether a moment was measured rather than bridged, ``(n,)``.
        head: How far the head moves about a moment, eye distances, ``(n,)``.
    """

    times: np.ndarray
    low: np.ndarray
    away: np.ndarray
    size: np.ndarray
    ok: np.ndarray
    head: np.ndarray


@dataclasses.dataclass(frozen=True)
class Found:
    """An interval in the curves, before tiers and frames are looked up; times in seconds."""

    kind: str
    onset: float
    apex: float
    offset: float
    regions: tuple[str, ...]
    strength: float
    noise: float
    confidence: float
    ok: float


class Noise:
    """Peaks of the quiet half seconds of each curve, of the last minute.

    ``level`` holds the quiet peak of each curve, ``(curves,)``; NaN before any was seen.
    """

    def __init__(self):
        self._peaks: collections.deque = collections.deque()

    def add(self, time_s: float, peaks: np.ndarray) -> None:
        """The ``(curves,)`` peaks of the half second that ends at ``time_s``."""
        self._peaks.append((time_s, peaks))
        while self._peaks[0][0] < time_s - _PEAK_PERIOD_S:
            self._peaks.popleft()

    def level(self, more: np.ndarray) -> np.ndarray:
        """Quiet peak of each curve, with the ``(n, curves)`` peaks that are not settled yet."""
        rows = [peaks for _, peaks in self._peaks]
        every = np.concatenate([np.array(rows).reshape(len(rows), len(CURVES)), more])
        every = every[np.isfinite(every).all(axis=1)]
        return np.quantile(every, _QUIET, axis=0) if len(every) else np.full(len(CURVES), np.nan)


def stretches(buffer: Buffer, step: float, config: WatchConfig) -> list[Stretch]:
    """Cuts a track at its gaps and filters what is between them.

    Args:
        buffer: Its last seconds.
        step: Usual time between two frames.
        config: Constants.
    """
    usable = buffer.ok & np.isfinite(buffer.motion).all(axis=(1, 2))
    at = np.flatnonzero(usable)
    if len(at) < 4:
        return []
    times, segment = buffer.times[at], buffer.segment[at]
    between = np.diff(times)
    whole = max(BRIDGED_S, _GAP * step)
    cuts = np.flatnonzero((between > whole) | (np.diff(segment) != 0)) + 1
    found = []
    for part in np.split(np.arange(len(at)), cuts):
        if len(part) < 4 or times[part[-1]] - times[part[0]] < 4 * step:
            continue
        found.append(_filtered(buffer, at[part], step, config))
    return found


def _filtered(buffer: Buffer, at: np.ndarray, step: float, config: WatchConfig) -> Stretch:
    known = buffer.times[at]
    count = round((known[-1] - known[0]) / step) + 1
    times = known[0] + step * np.arange(count)
    times = times[times <= known[-1] + 1e-9]
    flat = buffer.motion[at].reshape(len(at), -1).astype(np.float64)
    even = np.stack([np.interp(times, known, column) for column in flat.T], axis=1)
    nearest = np.abs(known[np.clip(np.searchsorted(known, times), 1, len(known) - 1)] - times)
    nearest = np.minimum(nearest, np.abs(known[np.clip(np.searchsorted(known, times) - 1, 0, None)] - times))
    width = max(0.1325 / config.cutoff_hz, 0.5 * step) / step  # of a Gaussian with that cut-off at half power
    even += _quick_stretch(times, known, buffer.stretch[at], buffer.lever).reshape(len(times), -1)
    low = ndimage.gaussian_filter1d(even, width, axis=0, mode="nearest")
    middle = _running_median(times, low, config.history_s, config.look_ahead_s)
    shape = (len(times), len(CURVES), 2)
    away = (low - middle).reshape(shape)
    nose = np.stack([np.interp(times, known, column) for column in buffer.nose[at].T], axis=1)
    back = max(1, round(_HEAD_S / step))
    head = np.zeros(len(times))
    if len(times) > back:
        # The head's size changes where it nods towards the camera; a face is about as large as its eyes are apart.
        size = np.interp(times, known, buffer.stretch[at, 0])
        far = np.maximum(np.linalg.norm(nose[back:] - nose[:-back], axis=1), np.abs(size[back:] - size[:-back]))
        head[back:] = far
        head[:-back] = np.maximum(head[:-back], far)
    return Stretch(times, low.reshape(shape), away, np.linalg.norm(away, axis=2), nearest < 0.75 * step, head)


def _quick_stretch(times: np.ndarray, known: np.ndarray, stretch: np.ndarray, lever: np.ndarray) -> np.ndarray:
    """Motion ``(n, curves, 2)`` that was taken for the head's, and is none since no head stretches so quickly."""
    even = np.stack([np.interp(times, known, column) for column in stretch.T], axis=1)
    size, axes, diagonal = (even - _running_median(times, even, _SLOW_S, _SLOW_S)).T[:, :, None]
    x, y = lever.T
    return np.stack([(size + axes) * x + diagonal * y, diagonal * x + (size - axes) * y], axis=2)


def _running_median(times: np.ndarray, values: np.ndarray, before: float, after: float) -> np.ndarray:
    """Median of ``(n, columns)`` from ``before`` seconds before to ``after`` seconds after each moment.

    It is taken every tenth of a second, of means over as long, and interpolated: it is slow by its nature.
    """
    cells = np.floor((times - times[0]) / _COARSE_S).astype(int)
    count = np.bincount(cells)
    held = count > 0
    sums = np.stack([np.bincount(cells, column) for column in values.T], axis=1)
    coarse = sums[held] / count[held][:, None]
    middles = times[0] + (np.flatnonzero(held) + 0.5) * _COARSE_S
    first = np.searchsorted(middles, middles - before)
    last = np.searchsorted(middles, middles + after, side="right")
    medians = np.stack([np.median(coarse[low:high], axis=0) for low, high in zip(first, last)])
    return np.stack([np.interp(times, middles, column) for column in medians.T], axis=1)


def peaks(stretch: Stretch, start: float, stop: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the half seconds in ``[start, stop)`` that the stretch covers, and their ``(n, curves)`` peaks.

    A first half second is not counted, since a filter settles in it.
    """
    windows = np.floor(stretch.times / _PEAK_S + 1e-9).astype(int)
    ends, found = [], []
    for window in range(int(np.floor(start / _PEAK_S + 1e-9)), int(np.floor(stop / _PEAK_S + 1e-9))):
        inside = windows == window
        if inside.sum() * _PEAK_S >= 0.8 * _PEAK_S and _covers(stretch.times[inside]):
            ends.append((window + 1) * _PEAK_S)
            found.append(stretch.size[inside].max(axis=0))
    return np.array(ends), np.array(found).reshape(len(found), len(CURVES))


def _covers(times: np.ndarray) -> bool:
    return len(times) >= 3 and times[-1] - times[0] > 0.8 * _PEAK_S - (times[1] - times[0])


def thresholds(level: np.ndarray, config: WatchConfig) -> tuple[np.ndarray, np.ndarray]:
    """What each curve must exceed, and the standard deviation of its noise, both ``(curves,)`` in eye distances."""
    return np.maximum(config.floor, config.factor * level), level / PEAK_OF_NOISE


def events(
    stretch: Stretch, level: np.ndarray, buffer: Buffer, config: WatchConfig, stop: float, *, last: bool
) -> list[Found]:
    """The intervals of a stretch.

    Args:
        stretch: Filtered curves.
        level: Quiet peaks, of ``Noise.level``.
        buffer: What the stretch was made of; tells blinks and turns of the head.
        config: Constants.
        stop: Moment up to which the recording was judged: intervals that end later are left to the next time.
        last: Whether nothing follows: then all are judged.

    Returns:
        By onset; those that do not count too.
    """
    least, sigma = thresholds(level, config)
    extra = config.head_leak * np.maximum(stretch.head - _HEAD_FREE, 0.0)
    ratio = stretch.size / (least + extra[:, None])
    step = float(stretch.times[1] - stretch.times[0])
    free = np.ones(len(ratio), bool)
    top = ratio.max(axis=1)
    found: list[Found] = []
    while True:
        open_now = np.where(free, top, 0.0)
        peak = int(open_now.argmax())
        if open_now[peak] < 1:
            break
        one, taken = _interval(stretch, ratio, peak, free, step, sigma, buffer, config)
        free[taken] = False
        if one is not None and (last or one.offset < stop):
            found.append(one)
    return _speech(sorted(found, key=lambda event: event.onset))


def _interval(stretch, ratio, peak, free, step, sigma, buffer, config) -> tuple[Found | None, slice]:
    near = max(1, round(0.1 / step))
    window = slice(max(peak - near, 0), peak + near + 1)
    strongest = int(ratio[peak].argmax())
    active = np.flatnonzero(ratio[window].max(axis=0) >= 1)
    # Along the direction that each moving curve has at the peak, weighed by how far it is above its threshold.
    unit = stretch.away[peak, active] / np.maximum(stretch.size[peak, active], 1e-9)[:, None]
    weight = ratio[peak, active] / np.maximum(stretch.size[peak, active], 1e-9)
    course = np.einsum("tcd,cd,c->t", stretch.away[:, active], unit, weight) / weight.sum()
    apex = window.start + int(np.where(free[window], course[window], -np.inf).argmax())
    height = float(course[apex])
    left, left_edge, left_half = _walk(course[: apex + 1][::-1], height)
    right, right_edge, right_half = _walk(course[apex:], height)
    # A raised cosine crosses a fifth and a half of its height at 0.295 and 0.5 of its rise: its foot lies beyond.
    reach_left, reach_right = left + _foot(left, left_half, step), right + _foot(right, right_half, step)
    room_left, room_right = apex, len(course) - 1 - apex
    onset = stretch.times[apex] - step * min(reach_left, room_left)
    offset = stretch.times[apex] + step * min(reach_right, room_right)
    taken = slice(max(apex - int(left) - near, 0), apex + int(right) + near + 1)
    if (left_half + right_half) * step < max(_LEAST_WIDTH_S, 2 * step):
        return None, slice(max(peak - 1, 0), peak + 2)
    inside = slice(max(apex - int(left), 0), apex + int(right) + 1)
    most = ratio[inside].max(axis=0)
    order = [CURVE_REGIONS[curve] for curve in np.argsort(-most) if most[curve] >= 1]
    regions = tuple(dict.fromkeys(order)) or (CURVE_REGIONS[strongest],)
    strength = float(stretch.size[inside, strongest].max())
    ok = float(stretch.ok[inside].mean())
    confidence = float((1 - np.exp(-(max(most.max(), 1.0) - 1))) * ok)
    kind = MICRO if offset - onset <= config.micro_s + 1e-9 else MACRO
    one = Found(
        kind, onset, float(stretch.times[apex]), offset, regions, strength, float(sigma[strongest]), confidence, ok
    )
    # The running median follows a change that stays; the filtered curve shows it.
    kept = np.einsum("tcd,cd,c->t", stretch.low[:, active], unit, weight) / weight.sum()
    kind = _kind(one, stretch, kept, height, left_edge or right_edge, buffer, config)
    return dataclasses.replace(one, kind=kind), taken


def _walk(course: np.ndarray, height: float) -> tuple[float, bool, float]:
    """From an apex outwards: where the foot is, whether the stretch ends before it, and where half the height is.

    Both in samples, with fractions.
    """
    below = course < _FOOT * height
    lowest = np.minimum.accumulate(course)
    again = (course > lowest + _VALLEY * height) & (lowest < 0.6 * height)
    ends = np.flatnonzero(below | again)
    half = _crossing(course, _HALF * height)
    if not len(ends):
        return float(len(course) - 1), True, half
    end = int(ends[0])
    if below[end]:
        return _crossing(course, _FOOT * height), False, half
    end = int(course[:end].argmin())
    return float(end), False, min(half, float(end))


def _crossing(course: np.ndarray, value: float) -> float:
    """First place at which a falling course goes below a value, with its fraction; the last one where it never does."""
    below = np.flatnonzero(course < value)
    if not len(below) or below[0] == 0:
        return float(len(course) - 1) if not len(below) else 0.0
    after = int(below[0])
    fall = course[after - 1] - course[after]
    return after - 1 + float((course[after - 1] - value) / fall) if fall > 0 else float(after)


def _foot(foot: float, half: float, step: float) -> float:
    """How much farther the foot is than the crossing of a fifth, in samples."""
    return min(max(foot - half, 0.0), 0.15 / step)


def _kind(one: Found, stretch: Stretch, kept, height, truncated: bool, buffer: Buffer, config: WatchConfig) -> str:
    if truncated or one.ok < 0.7:
        return "truncated"
    inside = (stretch.times >= one.onset) & (stretch.times <= one.offset)
    if _blinks(one, buffer):
        return "blink"
    head = float(stretch.head[inside].max()) if inside.any() else 0.0
    if head > _HEAD_FREE and one.strength < _HEAD_EVENT * head:
        return "head_motion"
    if _turns(one, buffer) > _HEAD_ANGLE and one.strength < 0.05:
        return "head_motion"
    before = (stretch.times >= one.onset - 1.0) & (stretch.times < one.onset)
    after = (stretch.times > one.offset) & (stretch.times <= one.offset + 1.0)
    left = 0.0
    if before.sum() > 2 and after.sum() > 2:
        left = abs(float(np.median(kept[after]) - np.median(kept[before])))
    return "macro_long" if left > _STAYS * height or one.offset - one.onset > config.macro_s else one.kind


def _blinks(one: Found, buffer: Buffer) -> bool:
    """Whether the lids close within an interval in which nothing but the brows (and the nose below them) moves."""
    if not _BLINK_REGIONS.issuperset(one.regions):
        return False
    inside = (buffer.times >= one.onset - 0.1) & (buffer.times <= one.offset + 0.1)
    lids = buffer.lids[inside]
    known = np.isfinite(lids)
    if known.sum() >= 2 and float(np.nanmin(lids)) < (1 - _LIDS_FALL) * float(np.nanmedian(buffer.lids)):
        return True
    # The points of closed lids are often taken for open ones; the eye itself is gone all the same.
    eyes = buffer.eyes[inside & (buffer.eyes > 0)]
    return len(eyes) > 0 and float(eyes.min()) < float(np.median(buffer.eyes)) - _EYES_UNLIKE


def _turns(one: Found, buffer: Buffer) -> float:
    """Degrees by which the head turns or nods within an interval; 0 where that was not measured."""
    inside = (buffer.times >= one.onset - 0.2) & (buffer.times <= one.offset + 0.2)
    most = 0.0
    for angle in (buffer.yaw[inside], buffer.pitch[inside]):
        known = angle[np.isfinite(angle)]
        if len(known) > 2:
            most = max(most, float(np.percentile(known, 90) - np.percentile(known, 10)))
    return most


def _speech(found: list[Found]) -> list[Found]:
    """Three intervals of the mouth alone within a second and a half are speech."""
    alone = [index for index, one in enumerate(found) if one.kind in (MICRO, MACRO) and one.regions == ("mouth",)]
    speech = set()
    for first in range(len(alone) - _SPEECH_EVENTS + 1):
        group = alone[first : first + _SPEECH_EVENTS]
        if found[group[-1]].apex - found[group[0]].apex <= _SPEECH_S:
            speech.update(group)
    return [dataclasses.replace(one, kind="speech") if i in speech else one for i, one in enumerate(found)]


def by_region(size: np.ndarray) -> dict[str, float]:
    """Largest of the ``(n, curves)`` motion of each region."""
    most = size.max(axis=0)
    return {region: float(max(value for value, of in zip(most, CURVE_REGIONS) if of == region)) for region in REGIONS}
