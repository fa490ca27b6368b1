"""``overlay.webm``: the recording with its boxes, numbers, times and marks, as a video that browsers play.

It is written while the recording is watched. Events are known seconds after their frames: frames wait as JPEG until
then, so that memory does not grow with the length of the recording. One second of the video is one second of the
recording, whatever the times between its frames.

The file appears whole or not at all. Where it cannot be written to its end the watching goes on without it, what was
written of it is removed, which frees the disk for the tables, and ``check`` raises the reason in the end.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import errno
import logging
import math
import os
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mer_tf import atomic
from mer_tf.errors import OutputError
from mer_tf.watch import marks
from mer_tf.watch.types import CurveSecond, Event, Face, Quiet, Result, Source, TrackSecond
from mer_tf.watch.words import View

_log = logging.getLogger(__name__)

NAME = "overlay.webm"
# What browsers play first; the last one every OpenCV writes by itself, and no browser plays it.
_FORMATS = (("VP80", ".webm"), ("VP90", ".webm"), ("MJPG", ".avi"))
MAX_FPS = 30.0  # of the video; more is not seen and four times as slow
MAX_WIDTH = 1280
WAIT_S = 8.5  # the longest macro-expression and the time until it is told
MAX_GAP_S = 10.0  # a longer gap of the recording is shown for a second
NOTICE_S = 5.0  # the notice stands over the first seconds
_BEFORE_AFTER_S = 1.5  # a face is blurred that long before it is found and after it is lost
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92]
_ROOM = 8 << 20  # bytes that must be free
_OLDEST_VALUE_S = 2.0


class _Held(NamedTuple):
    slot: int
    time_s: float
    jpeg: np.ndarray
    faces: tuple[Face, ...]


class Overlay(Quiet):
    """Observer that writes the video; a context manager, which removes what was not finished.

    Args:
        folder: Where ``overlay.webm`` goes; ``path`` says where it went.
        view: What is drawn.
        start_s: Second at which the recording is to begin. One that begins later goes on with a stopped run, and gets
            a file of its own: the part before it stands in the file of that run.

    Raises:
        OutputError: This OpenCV writes no video at all.
    """

    def __init__(self, folder: str | os.PathLike, view: View | None = None, *, start_s: float = 0.0):
        self.view, self._start_s = view or View(), start_s
        self.remarks: list[str] = []
        code, ending = writable()
        self._code = cv2.VideoWriter_fourcc(*code)
        self.path = os.path.join(os.fspath(folder), os.path.splitext(NAME)[0] + ending)
        if ending != ".webm":
            self.remarks.append(
                f"this OpenCV writes no WebM: the overlay is {os.path.basename(self.path)} (Motion JPEG), which "
                "players show and browsers do not"
            )
        self._open = contextlib.ExitStack()
        self._writer: cv2.VideoWriter | None = None
        self._temporary = self._whole = ""
        self._lost: dict[str, tuple[float, tuple[float, float, float, float]]] = {}
        self._error: Exception | None = None
        self._held: collections.deque[_Held] = collections.deque()
        self._values: collections.deque[tuple[float, dict[str, float | None]]] = collections.deque()
        self._events: list[Event] = []
        self._fps: float | None = None
        self._wall: float | None = None
        self._rate, self._scale = MAX_FPS, 1.0
        self._zero: float | None = None
        self._shift = 0.0  # seconds of gaps that were cut
        self._done = False
        self.frames = 0
        self.written = False

    def __enter__(self) -> Overlay:
        return self

    def __exit__(self, *exception) -> None:
        self._drop()

    def check(self) -> None:
        """Raises why there is no overlay, where there is none."""
        if self._error is not None:
            raise self._error

    # ------------------------------------------------------------------------------------------------- observer

    def started(self, source: Source) -> None:
        said = source.fps or source.fps_said
        self._rate = min(MAX_FPS, said) if said and math.isfinite(said) and said >= 1 else MAX_FPS
        self._wall = time.time() if source.kind == "camera" else None
        self._fps = source.fps
        if source.start_s > self._start_s:
            stem, ending = os.path.splitext(self.path)
            self.path = f"{stem}_from_{source.start_s:g}s{ending}"
            self.remarks.append(
                f"{os.path.basename(self.path)} begins at {source.start_s:g} s, since the watching went on from a "
                "stopped run; what was before is in the overlay that it left, if it made one"
            )

    def frame(self, number: int, time_s: float, picture: np.ndarray, faces: Sequence[Face]) -> None:
        if self._error is not None or self._done:
            return
        slot = self._slot(time_s)
        if self._held and slot <= self._held[-1].slot:
            return
        self._scale = min(1.0, MAX_WIDTH / picture.shape[1])
        if self._scale < 1:
            size = (MAX_WIDTH, max(2, round(picture.shape[0] * self._scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", picture, _JPEG)
        self._held.append(_Held(slot, time_s, jpeg, tuple(_scaled(face, self._scale) for face in faces)))
        while len(self._held) > 1 and self._held[0].time_s < time_s - WAIT_S:
            self._write_next()

    def second(self, time_s: float, tracks: Sequence[TrackSecond], curves: Sequence[CurveSecond]) -> None:
        self._values.append((time_s, {curve.track: getattr(curve, self.view.number) for curve in curves}))
        known = [second.fps for second in tracks if second.fps is not None]
        self._fps = known[0] if known else self._fps

    def event(self, event: Event) -> None:
        self._events.append(event)

    def finished(self, result: Result) -> None:
        if self._error is not None or self._done:
            return
        while self._held and self._error is None:
            self._write_next()
        self._finish()

    # -------------------------------------------------------------------------------------------------- writing

    def _slot(self, time_s: float) -> int:
        """Number of the video's frame that shows a moment."""
        if self._zero is None:
            self._zero = time_s
        if self._held and time_s - self._held[-1].time_s > MAX_GAP_S:
            self._shift += time_s - self._held[-1].time_s - 1
        return round((time_s - self._zero - self._shift) * self._rate)

    def _write_next(self) -> None:
        held = self._held.popleft()
        following = self._held[0].slot if self._held else held.slot + 1
        try:
            picture = cv2.imdecode(held.jpeg, cv2.IMREAD_COLOR)
            self._draw(picture, held)
            for _ in range(following - held.slot):
                self._put(picture)
        except (OSError, OutputError, cv2.error) as error:
            self._fail(error)

    def _draw(self, picture: np.ndarray, held: _Held) -> None:
        while len(self._values) > 1 and self._values[1][0] <= held.time_s:
            self._values.popleft()
        known = self._values[0] if self._values else None
        fresh = known is not None and -_OLDEST_VALUE_S < known[0] - held.time_s <= 0
        self._events = [event for event in self._events if event.offset_s + marks.MARK_S >= held.time_s]
        if self.view.blur:
            marks.blur_faces(picture, self._blurred(held))
        wall = (
            "" if self._wall is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self._wall + held.time_s))
        )
        notice = self.view.classroom and self.frames < NOTICE_S * self._rate
        moment = marks.Moment(held.time_s, wall, self._fps, notice)
        marks.draw(picture, held.faces, known[1] if known and fresh else {}, self._events, moment, self.view)

    def _blurred(self, held: _Held) -> list[tuple[float, float, float, float]]:
        """Boxes of the faces in a frame, and of those that were there shortly before or will be shortly after."""
        there = {face.track: face.box for face in held.faces}
        near = dict(there)
        for track, (seen, box) in list(self._lost.items()):
            if held.time_s - seen > _BEFORE_AFTER_S:
                del self._lost[track]
            else:
                near.setdefault(track, box)
        for later in self._held:
            if later.time_s - held.time_s > _BEFORE_AFTER_S:
                break
            for face in later.faces:
                near.setdefault(face.track, face.box)
        self._lost |= {track: (held.time_s, box) for track, box in there.items()}
        return list(near.values())

    def _put(self, picture: np.ndarray) -> None:
        if self._writer is None:
            # A folder beside it, because OpenCV chooses the format by the ending of a name.
            self._whole = self._open.enter_context(atomic.whole(self.path))
            beside = tempfile.TemporaryDirectory(dir=os.path.dirname(self._whole), prefix=atomic.PREFIX)
            self._temporary = os.path.join(self._open.enter_context(beside), os.path.basename(self.path))
            size = (picture.shape[1], picture.shape[0])
            self._writer = cv2.VideoWriter(self._temporary, self._code, self._rate, size)
            if not self._writer.isOpened():
                raise OutputError(f"{self.path}: OpenCV cannot open it for writing frames of {size[0]}x{size[1]}")
        if self.frames % 32 == 0:
            room = os.statvfs(os.path.dirname(self._temporary))
            if room.f_bavail * room.f_frsize < _ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        self._writer.write(picture)
        self.frames += 1

    def _finish(self) -> None:
        self._done = True
        if self._writer is None:
            self._error = self._error or OutputError(f"{self.path}: there was no frame to write")
            return
        self._writer.release()
        self._writer = None
        try:
            if not _complete(self._temporary):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
            os.replace(self._temporary, self._whole)
            self._open.close()
            self.written = True
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._held.clear()
        self._drop()
        _log.warning("the overlay is given up: %s", error)

    def _drop(self) -> None:
        """Removes what is not finished."""
        self._done = True
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        with contextlib.suppress(_Dropped):
            self._open.__exit__(_Dropped, _Dropped(), None)


class _Dropped(Exception):
    """Tells ``atomic.whole`` that the file is not to appear."""


def writable() -> tuple[str, str]:
    """The first format that this OpenCV writes: its four letters and the ending of its files.

    Raises:
        OutputError: There is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        for code, ending in _FORMATS:
            path = os.path.join(folder, code + ending)
            writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*code), 25.0, (64, 64))
            opened = writer.isOpened()
            for _ in range(3 * opened):
                writer.write(np.zeros((64, 64, 3), np.uint8))
            writer.release()
            if opened and os.path.getsize(path) and _complete(path):
                return code, ending
    raise OutputError(
        "--overlay: this OpenCV writes no video; install opencv-contrib-python-headless as it is distributed"
    )


def _complete(path: str) -> bool:
    """Whether a container is as long as it says: on a full disk its end is missing, and OpenCV tells nothing."""
    size = os.path.getsize(path)
    if not path.endswith(".webm"):
        return size > 0
    with open(path, "rb") as file:
        head = file.read(4096)
    place = head.find(b"\x18\x53\x80\x67")  # the segment, after the EBML header
    if place < 0 or place + 12 > len(head):
        return False
    length = head[place + 4]
    width = 9 - length.bit_length()  # bytes of the number that follows: its first bit set tells
    if not length or place + 4 + width > len(head):
        return False
    value = int.from_bytes(head[place + 4 : place + 4 + width], "big") & ((1 << 7 * width) - 1)
    unknown = value == (1 << 7 * width) - 1  # the end of the file was never written
    return not unknown and place + 4 + width + value <= size


def _scaled(face: Face, scale: float) -> Face:
    if scale == 1:
        return face if face.points is None else dataclasses.replace(face, points=None)
    box = tuple(edge * scale for edge in face.box)
    return dataclasses.replace(face, box=box, eye_distance=face.eye_distance * scale, points=None)
