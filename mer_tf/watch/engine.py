"""Watching a recording: frames in, tracks, seconds and events out, in one pass and in bounded memory."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import math
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from mer_tf import output
from mer_tf.errors import ConfigError
from mer_tf.watch import store
from mer_tf.watch.clips import MOST_BYTES, Recogniser, Ring
from mer_tf.watch.finding import Faces, Geometry, iou
from mer_tf.watch.rate import Rate
from mer_tf.watch.settings import WatchConfig
from mer_tf.watch.source import Frame, Recording, open_source
from mer_tf.watch.track import DEAD_S, Track, closest
from mer_tf.watch.types import CurveSecond, Event, Follower, Observer, Result, Source, TrackSecond

_SCAN_S, _WIDE_SCAN_S = 1.0, 5.0  # the whole picture is searched for new faces; enlarged, for small ones
_ONE_FACE = 0.3  # intersection over union
_RING_S = 1.0  # that frames are kept beyond the look-ahead
_CHECKPOINT_S = 20.0  # of work, between two summaries
_WARM_UP_S = 12.0  # of the recording that a resumed run reads again before it goes on
_SMALLEST_CLIP = 20.0  # px of eye distance from which frames are kept for a class
_LEAST_PART_S = 0.2  # of a last second, to be told


def watch(
    source: str | os.PathLike,
    out: str | os.PathLike | None = None,
    *,
    config: WatchConfig | None = None,
    fps: float | None = None,
    start_s: float = 0.0,
    stop_s: float | None = None,
    landmark_model: str | os.PathLike | None = None,
    recogniser: Recogniser | None = None,
    observers: Sequence[Observer] = (),
    progress: Callable[[float, int], None] | None = None,
    live: bool = False,
    force: bool = False,
) -> Result:
    """Watches a recording.

    Args:
        source: Video file, folder of frames, or number of a camera.
        out: Folder for the tables and the summary; None writes nothing. A run that was stopped there is gone on with.
        config: Constants.
        fps: Frames per second of a folder.
        start_s: Second to begin at.
        stop_s: Second to end at; None for the end.
        landmark_model: Path of dlib's 68-point model; looked for by default.
        recogniser: Names the class of accepted events; None leaves them without.
        observers: Are told what happens, in this thread.
        progress: Called with seconds done and in all, where the length is known.
        live: Replays a file at its own speed; frames that come too fast are dropped, as with a camera.
        force: Whether to replace what another run left in ``out``.

    Returns:
        The result; ``complete`` is False where the source is damaged.

    Raises:
        BadInputError: The source cannot be read, or the settings do not fit it; nothing was written.
        KeyboardInterrupt: Passed on, after what was found up to there is written.
        OSError: The disk is full; what was written stands.
    """
    config = config or WatchConfig()
    recording = open_source(source, fps=fps, start_s=start_s, stop_s=stop_s, live=live)
    with contextlib.ExitStack() as stack:
        stack.callback(recording.close)
        faces = Faces(config.detector, landmark_model)
        settings = _settings(recording.facts, config, faces, recogniser, live)
        state, writer = None, None
        if out is not None:
            stack.enter_context(output.locked(out))
            state = _state_of(out, settings, force=force)
            if state is not None and state.get("done") is True:
                return store.read(out)
        if state is not None:
            again = max(start_s, state["second"] - _WARM_UP_S)
            recording.close()
            recording = open_source(source, fps=fps, start_s=again, stop_s=stop_s, live=live)
            stack.callback(recording.close)
        if out is not None:
            output.write_settings(out, settings)
            writer = stack.enter_context(store.Writer(out, None if state is None else state["lengths"]))
        watcher = _Watcher(recording, faces, config, settings, writer, recogniser, observers, progress)
        if state is not None:
            watcher.resume(out, state, start_s)
        return watcher.run()


def _settings(facts: Source, config: WatchConfig, faces: Faces, recogniser: Recogniser | None, live: bool) -> dict:
    return {
        "source": {
            "name": facts.name,
            "digest": facts.digest,
            "fps": facts.fps_said,
            "from": facts.start_s,
            "to": facts.stop_s,
        },
        "watch": {**dataclasses.asdict(config), "detector": faces.detector},
        "model": {} if recogniser is None else {k: recogniser.facts.get(k) for k in ("name", "version", "recipe_hash")},
        "live": live,
    }  # fmt: skip


def _state_of(out: str | os.PathLike, settings: Mapping, *, force: bool) -> dict | None:
    """What a stopped run of these settings left to go on from; None where there is nothing of the kind."""
    if not os.path.exists(os.path.join(out, store.SUMMARY)) and not os.path.exists(os.path.join(out, store.TRACKS)):
        return None
    if output.check_settings(out, output.read_settings(out), settings, force=force):
        return None
    try:
        facts = store.read_summary(out)
    except Exception:
        return None  # stopped before its first summary
    if facts["complete"]:
        return {"done": True}
    state = facts.get("state")
    if not isinstance(state, dict) or facts["source"]["kind"] == "camera":
        return None
    lengths = state.get("lengths", {})
    there = {name: os.path.getsize(os.path.join(out, name)) for name in store.TABLES}
    if any(lengths.get(name, math.inf) > size for name, size in there.items()):
        return None
    return state


@dataclasses.dataclass
class _Told:
    """What a stopped run told of one second."""

    rows: list[TrackSecond] = dataclasses.field(default_factory=list)
    curves: list[CurveSecond] = dataclasses.field(default_factory=list)
    events: list[Event] = dataclasses.field(default_factory=list)


class _Watcher:
    def __init__(
        self,
        recording: Recording,
        faces: Faces,
        config: WatchConfig,
        settings: Mapping,
        writer: store.Writer | None,
        recogniser: Recogniser | None,
        observers: Sequence[Observer],
        progress: Callable[[float, int], None] | None,
    ):
        self.recording, self.faces, self.config, self.settings = recording, faces, config, settings
        self.writer, self.recogniser, self.observers, self.progress = writer, recogniser, observers, progress
        self.rate = Rate()
        self.tracks: list[Track] = []
        self.rings: dict[str, Ring] = {}
        self.answers = store.Answers()
        self.events: list[Event] = []
        self.count = 0  # tracks that were named
        self.told_s = -math.inf  # seconds up to there are written
        self.judged_s = math.nan
        self._start_s = recording.facts.start_s
        self._scanned_s = self._wide_s = -math.inf
        self._frames: collections.Counter = collections.Counter()  # frames of each second that is not judged yet
        self._now = self._before = math.nan
        self._began = self._checked = time.monotonic()
        self._cpu = time.process_time()
        self._before_s, self._first_s = 0.0, math.nan
        self._most_faces = 0
        self._lost_wide = False
        # Of a run that is gone on with: where each track was in the seconds that are read again, and its events.
        self._places: dict[float, dict[str, tuple[float, ...]]] = {}
        self._told_events: collections.Counter = collections.Counter()
        self._again: dict[int, _Told] = collections.defaultdict(_Told)  # what they were told, for new observers

    # --------------------------------------------------------------------------------------------- the pass

    def run(self) -> Result:
        for observer in self.observers:
            if isinstance(observer, Follower):
                observer.follow(self.recording)
            observer.started(self.recording.facts)
        try:
            try:
                for frame in self.recording:
                    self._take(frame)
            except KeyboardInterrupt:
                if self.recording.facts.kind != "camera":
                    raise  # a camera's recording ends in this way
            if math.isnan(self._now):
                raise ConfigError(f"{self.recording.facts.name}: there is no frame between --from and --to")
            return self._end(self.recording.damage, whole=True)
        except KeyboardInterrupt:
            stopped = f"interrupted at {self._at()}; the same command goes on from there"
            self._end(stopped, whole=False)
            raise
        except OSError as error:
            self._end(f"stopped at {self._at()}: {error.strerror or error}", whole=False)
            raise

    def _at(self) -> str:
        return "the beginning" if math.isnan(self._now) else f"{self._now:.1f} s"

    def _take(self, frame: Frame) -> None:
        gray = cv2.cvtColor(frame.picture, cv2.COLOR_BGR2GRAY)
        if math.isnan(self._now):
            self.judged_s = float(math.floor(frame.time_s + 1e-6))
            self._first_s = frame.time_s
        repeated = self.rate.take(frame.time_s, gray)
        while frame.time_s >= self.judged_s + 1 + self.config.look_ahead_s:
            self._judge(self.judged_s + 1, last=False)
        self._now = frame.time_s
        if not repeated:
            self._frames[math.floor(frame.time_s)] += 1
            self._search(gray, frame.time_s)
            self._crowd()
            for track in self.tracks:
                track.step(gray, frame.time_s, frame.number, self.faces)
            self._forget(frame.time_s)
            if self.recogniser is not None:
                self._keep(frame)
        shown = [track.face() for track in self.tracks if track.confirmed and not track.lost]
        self._most_faces = max(self._most_faces, len(shown))
        for observer in self.observers:
            observer.frame(frame.number, frame.time_s, frame.picture, shown)

    def _search(self, gray: np.ndarray, time_s: float) -> None:
        """Looks for faces that are not followed yet, or were lost."""
        if time_s - self._scanned_s < _SCAN_S - 1e-6:
            return
        wide = time_s - self._wide_s >= _WIDE_SCAN_S - 1e-6 or self._lost_wide or not self.tracks
        self._scanned_s = time_s
        if wide:
            self._wide_s, self._lost_wide = time_s, False
        free = [track for track in self.tracks if not track.lost or time_s - track.last_s <= DEAD_S]
        for geometry in self.faces.scan(gray, 1 if wide else 0):
            best = max(free, key=lambda track: closest(track, geometry), default=None)
            if best is not None and closest(best, geometry) > _ONE_FACE:
                free.remove(best)
                if best.lost:
                    best.found(geometry, time_s, anew=True)
                continue
            if any(not track.lost and closest(track, geometry) > _ONE_FACE for track in self.tracks):
                continue
            self.tracks.append(self._new(geometry, time_s))

    def _new(self, geometry: Geometry, time_s: float) -> Track:
        taken = {track.name for track in self.tracks}
        for second in (math.floor(time_s) + 1, math.floor(time_s) + 2):
            for name, box in self._places.get(second, {}).items():
                if name not in taken and iou(box, geometry.box) > _ONE_FACE:
                    return Track(name, int(name.lstrip("t")), geometry, time_s, self.config)
        self.count += 1
        return Track(f"t{self.count:04d}", self.count, geometry, time_s, self.config)

    def _crowd(self) -> None:
        """The largest faces are analysed; who is stays so while there is room."""
        there = [track for track in self.tracks if not track.lost]
        if len(there) <= self.config.max_faces:
            for track in there:
                track.analysed = True
            return
        there.sort(key=lambda track: (-(track.motion.eye_distance * (1.2 if track.analysed else 1.0)), track.number))
        for place, track in enumerate(there):
            track.analysed = place < self.config.max_faces

    def _forget(self, time_s: float) -> None:
        """Tracks that were never confirmed, that lie on another one, or that were lost too long ago."""
        kept: list[Track] = []
        for track in self.tracks:
            double = not track.lost and any(not other.lost and iou(other.box, track.box) > 0.5 for other in kept)
            if track.lost and not track.confirmed:
                if track.number == self.count:
                    self.count -= 1  # nobody was told of it
                continue
            if double:
                track.lose()
                if not track.confirmed:
                    continue
            if track.lost and track.looked_for_s != track.last_s:
                self._lost_wide, track.looked_for_s = True, track.last_s
            # Its seconds are still to be judged when it is dead.
            if track.lost and time_s - track.last_s > DEAD_S + self.config.look_ahead_s + 2:
                self.rings.pop(track.name, None)
                continue
            kept.append(track)
        self.tracks = kept

    def _keep(self, frame: Frame) -> None:
        for track in self.tracks:
            if track.lost or not track.analysed or track.motion.eye_distance < _SMALLEST_CLIP:
                continue
            ring = self.rings.setdefault(track.name, Ring())
            ring.add(frame.number, frame.time_s, frame.picture, track.motion.pose, track.motion.eye_distance)
        most = MOST_BYTES // max(len(self.rings), 1)
        for track in self.tracks:
            if track.name in self.rings:
                before = min(frame.time_s - self.config.look_ahead_s - 1 - _RING_S, track.pending_s - 0.2)
                self.rings[track.name].forget(before, most)

    # -------------------------------------------------------------------------------------------- the second

    def _judge(self, second: float, *, last: bool) -> None:
        whole = math.ceil(second - 1e-9)
        frames = self._frames.pop(whole - 1, 0)
        rate = self.rate.recent()
        step = self.rate.step()
        if step is not None and rate[1] >= 0.2:
            step = 1 / max(rate[0] or 1.0, 1e-6)
        told = []
        for track in list(self.tracks):
            if track.confirmed:
                told.append(track.judge(second, self._now, frames, rate, step, last))
        self.judged_s = second
        if second <= self.told_s + 1e-9:  # read again after a stop: was told before
            for track in self.tracks:
                track.events = self._told_events[track.name]
            before = self._again.pop(whole, _Told())
            for observer in self.observers:
                observer.second(second, before.rows, before.curves)
                for event in before.events:
                    observer.event(event)
            return
        rows = [row for row, _, _ in told if row is not None]
        curves = [curve for _, curve, _ in told if curve is not None]
        for row in rows:
            self.answers.second(row)
        for observer in self.observers:
            observer.second(second, rows, curves)
        if self.writer is not None:
            for one in (*rows, *curves):
                self.writer.row(one)
        for event in sorted((event for _, _, events in told for event in events), key=lambda event: event.onset_s):
            self._tell(event)
        self.told_s = second
        if self.progress is not None:
            self._show(second)
        if self.writer is not None:
            self.writer.flush()
            if time.monotonic() - self._checked > _CHECKPOINT_S:
                self._checked = time.monotonic()
                self.writer.summary(self._result("still going on", complete=False), self._state())

    def _tell(self, event: Event) -> None:
        if event.counts and self.recogniser is not None:
            ring = self.rings.get(event.track)
            answer = self.recogniser.classify(event, None if ring is None else ring.clip(event))
            event = dataclasses.replace(event, **{f.name: getattr(answer, f.name) for f in dataclasses.fields(answer)})
        self.events.append(event)
        self.answers.event(event)
        if self.writer is not None:
            self.writer.row(event)
        for observer in self.observers:
            observer.event(event)

    def _show(self, second: float) -> None:
        facts = self.recording.facts
        length = None
        if facts.said_frames and facts.fps_said:
            length = facts.said_frames / facts.fps_said
        if facts.stop_s is not None:
            length = facts.stop_s if length is None else min(length, facts.stop_s)
        if length is not None and length > self._start_s:
            total = math.ceil(length - self._start_s)
            assert self.progress is not None
            self.progress(min(second - self._start_s, total - 0.01), total)

    # ----------------------------------------------------------------------------------------------- the end

    def _end(self, stopped: str, *, whole: bool) -> Result:
        """Judges what is left, writes the last summary, and tells."""
        if whole and not math.isnan(self._now):
            end = self._now + (self.rate.step() or 0.0)
            ends = list(np.arange(self.judged_s + 1, end + 1e-6))
            if not ends or end - ends[-1] >= _LEAST_PART_S:
                ends.append(round(end, 4))
            for second in ends:
                self._judge(float(second), last=second is ends[-1])
        result = self._result(stopped, complete=whole and not stopped)
        if self.writer is not None:
            with contextlib.suppress(OSError) if not whole else contextlib.nullcontext():
                self.writer.summary(result, None if whole else self._state())
        for observer in self.observers:
            observer.finished(result)
        return result

    def _state(self) -> dict[str, object]:
        return {
            "second": self.told_s if math.isfinite(self.told_s) else self._start_s,
            "tracks": self.count,
            "wall_s": self._before_s + time.monotonic() - self._began,
        }

    def resume(self, out: str | os.PathLike, state: Mapping, start_s: float) -> None:
        """Takes up what a stopped run left: rows, events, names of the tracks that were there."""
        start = self.recording.facts.start_s
        for row in store.rows(out, store.TRACKS):
            self.answers.second(row)
            if row.second > start:
                self._again[math.ceil(row.second - 1e-9)].rows.append(row)
            if row.seen and row.second >= self.recording.facts.start_s:
                self._places.setdefault(row.second, {})[row.track] = (row.left, row.top, row.right, row.bottom)
        for event in store.rows(out, store.EVENTS):
            self.events.append(event)
            self.answers.event(event)
            self._told_events[event.track] += 1
            if event.offset_s > start:
                last = math.ceil(state["second"] - 1e-9)
                self._again[min(math.ceil(event.offset_s - 1e-9), last)].events.append(event)
        for curve in store.rows(out, store.CURVES):
            if curve.second > start:
                self._again[math.ceil(curve.second - 1e-9)].curves.append(curve)
        self.told_s, self.count = state["second"], state["tracks"]
        self._start_s, self._before_s = start_s, state["wall_s"]

    def _result(self, stopped: str, *, complete: bool) -> Result:
        facts = self.rate.facts(self.recording.facts, self.recording.dropped, self.recording.damage)
        facts = dataclasses.replace(facts, start_s=self._start_s)
        wall = self._before_s + time.monotonic() - self._began
        remarks = [text for text in (self.faces.remark, *self.recording.faults) if text]
        if facts.variable_rate:
            remarks.append("the time between frames varies; seconds are those of the recording's time stamps")
        if facts.time_source == "assumed" and facts.kind == "video":
            remarks.append("the container tells no usable times: a constant rate is assumed")
        if facts.duplicates >= 0.02:
            remarks.append(
                f"{facts.duplicates:.0%} of the frames repeat the one before; "
                f"{facts.effective_fps or 0:.1f} a second are real"
            )
        if not self._most_faces:
            remarks.append("no face was found")
        if facts.dropped:
            remarks.append(f"{facts.dropped} frames came faster than they could be analysed and were dropped")
        return Result(
            source=facts,
            tracks=tuple(self.answers),
            events=tuple(sorted(self.events, key=lambda event: event.onset_s)),
            complete=complete,
            stopped=stopped,
            remarks=tuple(remarks),
            settings=self.settings,
            model={} if self.recogniser is None else self.recogniser.facts,
            cost={
                "wall_s": round(wall, 2),
                "cpu_s": round(time.process_time() - self._cpu, 2),
                "ratio": round((facts.seconds or 0.0) / max(wall, 1e-6), 3),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            },
        )
