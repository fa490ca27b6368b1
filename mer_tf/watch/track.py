"""One face through a recording: followed frame by frame, found again at ticks, judged second by second."""

from __future__ import annotations

import collections
import math
from typing import NamedTuple

import cv2
import numpy as np

from mer_tf.watch import spot
from mer_tf.watch.finding import Faces, Geometry, iou
from mer_tf.watch.motion import CURVES, LOWER_LIP, UPPER_LIP, Motion
from mer_tf.watch.quality import tier
from mer_tf.watch.settings import WatchConfig
from mer_tf.watch.types import CurveSecond, Event, Face, TrackSecond

TICK_S = 1 / 3  # a face is looked for again where it was followed to
_POINTS_S = 1 / 13  # and its 68 points are fitted, where there is a model for them: a blink takes 0.15 s
_FIRST_TICK_S = 0.1
_UNSEEN_S = 0.7  # without being found again, a face is lost
DEAD_S = 3.0  # and forgotten
_DRIFT = 0.12  # eye distances by which the eyes may be elsewhere than they were followed to
_SMALLEST = 15.0  # px of eye distance below which motion is not followed
_REFRESH_S = 3.0
_KEPT_S = 15.0  # of rows: the longest event, what is before it and what follows
_FAST = 0.02  # eye distances a frame; an exposure is at most as long as the time between frames
_LIGHT, _LIGHT_S = 0.10, 0.2
_CLIPPED = 0.20
_BLURRED = 0.5
_POSE_AGE_S = 0.7
_LISTED = 0.1  # share of a second's frames from which on a fault is told
_OPEN = 0.5  # of a threshold, beyond which a curve is on its way to an event
_LIMIT_A, _PRIOR = 0.06, 0.004  # "facial movement": full scale, and noise before it is known
_WINDOW_S, _FLOOR_S, _FLOOR_LEAST_S, _VISIBLE = 10, 120, 20, 0.6
_STRAIGHT_S = 60  # seconds from which a track's own straight-ahead is taken
_YAW_0, _PITCH_0 = 20.0, 15.0


class Row(NamedTuple):
    """One frame of a track, in which it was there."""

    time: float
    frame: int
    motion: np.ndarray
    nose: np.ndarray
    ok: bool
    eyes: float
    lids: float
    yaw: float
    pitch: float
    segment: int
    stretch: np.ndarray
    roll: float
    lips: float
    blur: float
    light: float
    eye_distance: float
    box: tuple[float, float, float, float]
    faults: tuple[str, ...]


_BLANK = np.full((len(CURVES), 2), np.nan, np.float32)
_NO_STRETCH = np.full(3, np.nan)


class Track:
    """One face.

    Args:
        name: ``"t0001"``.
        number: 1 for the first.
        geometry: As it was found.
        time_s: When.
        config: Constants.
    """

    def __init__(self, name: str, number: int, geometry: Geometry, time_s: float, config: WatchConfig):
        self.name, self.number, self.config = name, number, config
        self.confirmed, self.analysed, self.lost = False, True, False
        self.first_s = self.last_s = self.looked_for_s = time_s
        self.motion = Motion(geometry.points)
        self.segment = 0
        self.events = 0
        self.rows: collections.deque[Row] = collections.deque()
        self.noise = spot.Noise()
        self.level = np.full(len(CURVES), np.nan)
        self._geometry, self._geometry_s = geometry, time_s
        self._found_s, self._looked_s, self._fitted_s = time_s, time_s - TICK_S + _FIRST_TICK_S, time_s
        self._unstable_s: float | None = None
        self._nose: np.ndarray | None = None
        self._lights: collections.deque = collections.deque()
        self._blurs: collections.deque = collections.deque(maxlen=64)
        self._usual_blur = math.nan
        self._open = False
        self._faults: tuple[str, ...] = ()
        self._ok = False
        self._tier, self._reasons = "D", ("settling",)
        self._tiers: collections.deque = collections.deque(maxlen=16)  # (second, tier, fps)
        self._peaks_until = time_s
        self._told: collections.deque = collections.deque(maxlen=16)  # onset and offset of events that were told
        self.pending_s = math.inf  # onset of the earliest interval that is not judged yet
        self._squares: collections.deque = collections.deque(maxlen=_FLOOR_S)  # (mean square, share ok)
        self._facing: collections.deque = collections.deque(maxlen=_WINDOW_S)  # (facing, share seen)
        self._straight: list[tuple[float, float]] = []
        self._inner = self._inside(geometry)

    # ------------------------------------------------------------------------------------------- every frame

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, pixels: that of the detector, moved with the face."""
        corners = self.motion.place(self._inner)
        (left, top), (right, bottom) = corners.min(0), corners.max(0)
        return float(left), float(top), float(right), float(bottom)

    def _inside(self, geometry: Geometry) -> np.ndarray:
        left, top, right, bottom = geometry.box
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        inverse = cv2.invertAffineTransform(self.motion.pose)
        return corners @ inverse[:, :2].T + inverse[:, 2]

    def found(self, geometry: Geometry, time_s: float, *, anew: bool = False) -> None:
        """Takes note of the face found again; ``anew`` after it was lost."""
        self._found_s = time_s
        self._take(geometry, time_s)
        if anew or self.motion.learn(geometry.points) > _DRIFT:
            self.motion.anchor(geometry.points)
            self.segment += 1
            self._nose, self._unstable_s = None, None
        self.lost = False
        self._inner = self._inside(geometry)

    def _take(self, geometry: Geometry, time_s: float) -> None:
        self._geometry, self._geometry_s = geometry, time_s

    def step(self, gray: np.ndarray, time_s: float, frame: int, faces: Faces) -> None:
        """One frame: ``gray`` is ``(height, width)`` uint8."""
        if self.lost:
            return
        if time_s - self._looked_s >= TICK_S - 1e-6:
            self._looked_s = self._fitted_s = time_s
            self._look(gray, time_s, faces)
        elif faces.measures and time_s - self._fitted_s >= _POINTS_S - 1e-6:
            self._fitted_s = time_s
            fitted = faces.points(gray, self.box)
            if fitted is not None and abs(fitted.eye_distance / self.motion.eye_distance - 1) < 0.3:
                self._take(fitted, time_s)
        if self.lost:
            return
        self.last_s = time_s
        if not self.analysed or self.motion.eye_distance < _SMALLEST:
            if self._geometry_s == time_s and self._found_s == time_s:
                self.motion.anchor(self._geometry.points)
                self._inner = self._inside(self._geometry)
            faults = () if self.analysed else ("crowd",)
            self._keep(time_s, frame, _BLANK, math.nan, faults, math.nan, math.nan, _NO_STRETCH)
            return
        sample = self.motion.take(gray, time_s, not self._open and time_s - self.motion.begun_s >= _REFRESH_S)
        faults = self._judge(sample, gray.shape, time_s)
        if sample.stable:
            self._unstable_s = None
        else:
            self._unstable_s = time_s if self._unstable_s is None else self._unstable_s
            if time_s - self._unstable_s >= 0.2:
                self._look(gray, time_s, faces, anew=True)
        self._keep(time_s, frame, sample.motion, sample.eyes, faults, sample.blur, sample.light, sample.stretch)

    def _look(self, gray: np.ndarray, time_s: float, faces: Faces, anew: bool = False) -> None:
        geometry = faces.again(gray, self.box)
        if geometry is not None:
            self.confirmed = True
            self.found(geometry, time_s, anew=anew)
        elif anew or time_s - self._found_s > _UNSEEN_S or not self.confirmed:
            self.lose()

    def lose(self) -> None:
        """The face is not there any more."""
        self.lost = True
        self.segment += 1

    def _judge(self, sample, shape, time_s: float) -> tuple[str, ...]:
        config, faults = self.config, []
        if not sample.stable or np.isnan(sample.motion[:, 0]).sum() >= 3:
            faults.append("occluded")
        geometry = self._geometry if time_s - self._geometry_s <= _POSE_AGE_S else None
        turned = (
            geometry is not None
            and geometry.measured
            and (abs(geometry.yaw) > config.max_yaw or abs(geometry.pitch) > config.max_pitch)
        )
        if turned or abs(self._roll()) > config.max_roll:
            faults.append("pose")
        self._blurs.append(sample.blur)
        if sample.blur < _BLURRED * self._usual_blur:
            faults.append("blur")
        self._lights.append((time_s, sample.light))
        while self._lights[0][0] < time_s - 1.5 * _LIGHT_S:
            self._lights.popleft()
        before = self._lights[0][1]
        if abs(sample.light - before) > _LIGHT * max(before, 1.0):
            faults.append("light")
        if self._nose is not None and np.linalg.norm(sample.nose - self._nose) > _FAST * self.motion.eye_distance:
            faults.append("fast_head")
        self._nose = sample.nose
        if self.motion.clipped(*shape) > _CLIPPED:
            faults.append("edge")
        return tuple(faults)

    def _roll(self) -> float:
        return math.degrees(math.atan2(self.motion.pose[1, 0], self.motion.pose[0, 0]))

    def _keep(self, time_s, frame, motion, eyes, faults, blur, light, stretch) -> None:
        geometry, fresh = self._geometry, self._geometry_s == time_s
        measured = fresh and geometry.measured
        self._faults, self._ok = faults, not faults
        self.rows.append(
            Row(
                time_s,
                frame,
                motion,
                self.motion.place(self.motion.nose)[0],
                not faults and not np.isnan(motion[0, 0]),
                eyes,
                geometry.lids if measured else math.nan,
                geometry.yaw if measured else math.nan,
                geometry.pitch if measured else math.nan,
                self.segment,
                stretch,
                self._roll(),
                geometry.lips if measured else math.nan,
                blur,
                light,
                self.motion.eye_distance,
                self.box,
                faults,
            )
        )

    def face(self) -> Face:
        """The face as it is now, for pictures."""
        return Face(
            track=self.name,
            number=self.number,
            box=self.box,
            eye_distance=self.motion.eye_distance,
            tier=self._tier,
            reasons=self._faults or self._reasons,
            ok=self._ok,
            analysed=self.analysed,
            points=self.motion.followed(),
            open_event=self._open,
        )

    # ------------------------------------------------------------------------------------------- every second

    def judge(
        self,
        second: float,
        now: float,
        frames: int,
        rate: tuple[float | None, float, float],
        step: float | None,
        last: bool,
    ) -> tuple[TrackSecond | None, CurveSecond | None, list[Event]]:
        """What a second showed, and the events that ended in it.

        Args:
            second: Its end; the next one begins there.
            now: Second that was read up to.
            frames: Frames of that second, repeated ones left out.
            rate: Of ``Rate.recent``.
            step: Usual time between frames, repeated ones left out; None where it is not known.
            last: Whether the recording ends here.
        """
        start = math.ceil(second - 1e-9) - 1.0
        while self.rows and self.rows[0].time < second - _KEPT_S:
            self.rows.popleft()
        rows = [row for row in self.rows if start <= row.time < second]
        if self._blurs:
            self._usual_blur = float(np.median(self._blurs))
        buffer = self._buffer()
        parts = [] if step is None or buffer is None else spot.stretches(buffer, step, self.config)
        self._settle(parts, second, now)
        size, course = self._of_second(parts, start, second)
        row = self._track_second(rows, start, second, frames, rate)
        if row is not None:
            self._tiers.append((second, row.tier, row.fps))
            self._tier, self._reasons = row.tier, row.reasons
        curve = None if row is None else self._curve_second(rows, row, size, course)
        return row, curve, self._events(parts, buffer, second, last)

    def _buffer(self) -> spot.Buffer | None:
        if len(self.rows) < 4:
            return None
        columns = zip(*[row[: len(spot.COLUMNS)] for row in self.rows])
        fields = {name: np.array(column) for name, column in zip(spot.COLUMNS, columns)}
        fields["nose"] = fields["nose"] / np.median([row.eye_distance for row in self.rows])
        return spot.Buffer(**fields, lever=self.motion.lever)

    def _settle(self, parts: list[spot.Stretch], second: float, now: float) -> None:
        more = [np.empty((0, len(CURVES)))]
        for part in parts:
            ends, found = spot.peaks(part, self._peaks_until, now)
            for end, values in zip(ends, found):
                if end <= second:
                    self.noise.add(float(end), values)
                else:
                    more.append(values[None])
        self._peaks_until = max(self._peaks_until, second)
        self.level = self.noise.level(np.concatenate(more))

    def _of_second(self, parts, start: float, second: float):
        """Motion of the second's measured moments ``(n, curves)``, and the opening of the lips; None where none."""
        sizes, lips = [], []
        for part in parts:
            inside = (part.times >= start) & (part.times < second) & part.ok
            sizes.append(part.size[inside])
            lips.append((part.low[:, LOWER_LIP, 1] - part.low[:, UPPER_LIP, 1])[inside])
        size = np.concatenate(sizes) if sizes else np.empty((0, len(CURVES)))
        return (size, np.concatenate(lips)) if len(size) else (None, None)

    def _track_second(self, rows, start, second, frames, rate) -> TrackSecond | None:
        fps, repeated, jitter = rate
        if not rows:
            if not self.lost or second - self.last_s > DEAD_S or self.first_s >= second or not self.rows:
                return None
            turned = [abs(row.yaw) for row in list(self.rows)[-30:] if not math.isnan(row.yaw)]
            why = "pose" if turned and max(turned) > 0.6 * self.config.max_yaw else "occluded"
            before = self.rows[-1]
            return TrackSecond(
                self.name, second, before.frame, *before.box, before.eye_distance, None, None, before.roll, None, None,
                fps, 0.0, 0.0, "R", (why,), None, "none",
            )  # fmt: skip
        total = max(frames, len(rows), 1)
        seen, good = len(rows) / total, sum(row.ok for row in rows) / total
        counts = collections.Counter(fault for row in rows for fault in row.faults)
        faults = [fault for fault, count in counts.most_common() if count >= _LISTED * len(rows) and fault != "crowd"]
        eye_distance = float(np.median([row.eye_distance for row in rows]))
        known = bool(np.isfinite(self.level).all())
        sigma = float(np.median(self.level)) / spot.PEAK_OF_NOISE if known else None
        small = eye_distance < _SMALLEST
        grade, reasons = tier(
            self.config, fps=fps, repeated=repeated, jitter=jitter, eye_distance=eye_distance, sigma=sigma, seen=seen,
            ok=1.0 if small else good, faults=faults, analysed=self.analysed,
        )  # fmt: skip
        measured = [row for row in rows if not math.isnan(row.yaw)]
        least = spot.thresholds(self.level, self.config)[0]
        blur = [row.blur for row in rows if not math.isnan(row.blur)]

        def middle(values, digits):
            return round(float(np.median(values)), digits) if len(values) else None

        return TrackSecond(
            track=self.name,
            second=second,
            frame=rows[-1].frame,
            left=rows[-1].box[0],
            top=rows[-1].box[1],
            right=rows[-1].box[2],
            bottom=rows[-1].box[3],
            eye_distance=eye_distance,
            yaw=middle([row.yaw for row in measured], 1),
            pitch=middle([row.pitch for row in measured], 1),
            roll=middle([row.roll for row in rows], 1),
            blur=middle([value / self._usual_blur for value in blur], 3) if self._usual_blur > 0 else None,
            light=middle([row.light for row in rows if not math.isnan(row.light)], 1),
            fps=fps,
            seen=min(seen, 1.0),
            ok=min(good, 1.0),
            tier=grade,
            reasons=reasons,
            detectable=float(np.median(least)) if known else None,
            points="68" if measured else "eyes",
        )

    def _curve_second(self, rows, row: TrackSecond, size, course) -> CurveSecond:
        known = bool(np.isfinite(self.level).all())
        least, sigma = spot.thresholds(self.level, self.config)
        regions = {} if size is None else spot.by_region(size)
        if size is not None:
            self._squares.append((float(np.mean(size.max(axis=1) ** 2)), row.ok))
        else:
            self._squares.append((math.nan, row.ok))
        large = row.eye_distance >= self.config.tier_eyes[2]  # the points of a smaller face tell no pose
        turns = [(one.yaw, one.pitch) for one in rows if large and not math.isnan(one.yaw)]
        facing = turn = nod = None
        if turns:
            yaw, pitch = np.array(turns).T
            if len(self._straight) < _STRAIGHT_S:
                self._straight.append((float(np.median(yaw)), float(np.median(pitch))))
            yaw_0, pitch_0 = np.median(np.array(self._straight), axis=0)
            turn, nod = float(np.median(yaw) - yaw_0), float(np.median(pitch) - pitch_0)
            facing = float(np.mean(_straightness(yaw - yaw_0, _YAW_0) * _straightness(pitch - pitch_0, _PITCH_0)))
        self._facing.append((math.nan if facing is None else facing, row.seen))
        lids = [one.lids for one in rows if not math.isnan(one.lids)]
        return CurveSecond(
            track=self.name,
            second=row.second,
            seen=row.seen,
            noise=float(np.median(sigma)) if known else None,
            threshold=float(np.median(least)) if known else None,
            motion=self._movement(),
            facing=_windowed(list(self._facing), 100.0),
            facing_now=facing,
            turn=turn,
            nod=nod,
            mouth_sd=None if course is None or len(course) < 3 else float(np.std(course)),
            eye_open=float(np.median(lids)) if lids else None,
            **regions,
        )

    def _movement(self) -> float | None:
        """ "Facial movement" over the last seconds, 0 to 100."""
        recent = list(self._squares)[-_WINDOW_S:]
        mean = _windowed(recent, 1.0)
        if mean is None:
            return None
        every = [math.sqrt(value) for value, _ in self._squares if not math.isnan(value)]
        floor = float(np.quantile(every, 0.1)) if len(every) >= _FLOOR_LEAST_S else _PRIOR
        return 100 * min(max((math.sqrt(mean) - floor) / (_LIMIT_A - floor), 0.0), 1.0)

    def _events(self, parts, buffer, second: float, last: bool) -> list[Event]:
        self.pending_s, self._open = math.inf, False
        if buffer is None or not np.isfinite(self.level).all():
            return []
        told = []
        for part in parts:
            for one in spot.events(part, self.level, buffer, self.config, math.inf, last=last):
                if not last and one.offset >= second:
                    self.pending_s = min(self.pending_s, one.onset)
                elif one.offset >= second - 1.5 and not any(a - 0.05 <= one.apex <= b + 0.05 for a, b in self._told):
                    self._told.append((one.onset, one.offset))
                    event = self._event(one, buffer)
                    if event is not None:
                        told.append(event)
        if parts:
            least = spot.thresholds(self.level, self.config)[0]
            self._open = bool((parts[-1].size[-3:] > _OPEN * least).any())
        return told

    def _event(self, one: spot.Found, buffer: spot.Buffer) -> Event | None:
        """The event of an interval, with its frames and tier; None where the tier offers nothing of the kind."""
        at = [int(np.abs(buffer.times - moment).argmin()) for moment in (one.onset, one.apex, one.offset)]
        grade, fps = next(((grade, fps) for second, grade, fps in self._tiers if one.apex < second), ("D", None))
        kind = one.kind
        if grade not in "ABC" or (grade == "C" and one.offset - one.onset <= self.config.micro_s):
            return None
        length = one.offset - one.onset
        if kind == "micro" and grade == "B" and length < self.config.low_rate_micro_s:
            kind = "too_short"
        self.events += 1
        eye_distance = float(np.median([row.eye_distance for row in self.rows if one.onset <= row.time <= one.offset]))
        flags = []
        if fps is not None and fps < 0.98 * self.config.tier_fps[0]:
            flags.append("low_rate")
        if eye_distance < self.config.tier_eyes[0]:
            flags.append("small_face")
        if not self._geometry.measured:
            flags.append("eyes_only")
        onset, apex, offset = (round(float(buffer.times[i]), 4) for i in at)
        return Event(
            id=f"{self.name}-e{self.events:02d}",
            track=self.name,
            kind=kind,
            onset_s=onset,
            apex_s=apex,
            offset_s=offset,
            onset_frame=int(buffer.frames[at[0]]),
            apex_frame=int(buffer.frames[at[1]]),
            offset_frame=int(buffer.frames[at[2]]),
            regions=one.regions,
            strength=one.strength,
            noise=one.noise,
            confidence=one.confidence,
            tier=grade,
            flags=tuple(flags),
            fps=fps,
            eye_distance=eye_distance,
        )


def _straightness(angle: np.ndarray, free: float) -> np.ndarray:
    return np.clip(2 - np.abs(angle) / free, 0, 1)


def _windowed(values: list[tuple[float, float]], scale: float) -> float | None:
    """Mean of the seconds, weighed by how much of each was seen; None where less than 0.6 of the window was."""
    known = [(value, share) for value, share in values if not math.isnan(value)]
    shares = sum(share for _, share in known)
    if not known or shares < _VISIBLE * max(len(values), 1) or shares <= 0:
        return None
    return scale * sum(value * share for value, share in known) / shares


def closest(track: Track, geometry: Geometry) -> float:
    """How well a face that was found is where a track was: intersection over union, 0 where the sizes differ much."""
    ratio = geometry.eye_distance / max(track.motion.eye_distance, 1e-6)
    return iou(track.box, geometry.box) if 0.6 < ratio < 1.6 else 0.0
