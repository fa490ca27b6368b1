"""Reading a recording frame by frame: a video file, a folder of frames, or a camera.

Times are those of the container for files, of the clock for cameras, and never a frame's number over the header's rate
unless the container tells none; ``Source.time_source`` says which. Only a few frames are held at a time.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import math
import os
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from mer_tf.errors import BadInputError, ClipError, ConfigError, MissingFileError
from mer_tf.files import check_regular
from mer_tf.frames import frames_of_folder
from mer_tf.preprocessing.images import MAX_PIXELS, decode_image, read_picture, significant_bits
from mer_tf.watch.types import Source

_HELD = 4  # frames decoded ahead of the analysis
_DIGESTED = 2**16  # bytes of a file that its digest is made of
_ASSUMED_FPS = 30.0  # where neither the container nor its header tell a rate
_LATE_S, _LATE_SHARE = 0.5, 0.05  # a file that ends that much before its header says so is damaged
_SEEK_BACK_S = 2.0


class Frame(NamedTuple):
    """One frame: its number (of the file, from 0; in a folder that of its name), second, and BGR picture."""

    number: int
    time_s: float
    picture: np.ndarray


class Recording:
    """A source that is read; a context manager. ``open_source`` makes one.

    Args:
        facts: What is known before the first frame.
        newest: Whether the newest frame wins: frames that nobody took in time are dropped and counted.
        pace: Whether a file is replayed at its own speed.
    """

    def __init__(self, facts: Source, *, newest: bool = False, pace: bool = False):
        self.facts = facts
        self.dropped = 0
        self.zero: float | None = None  # second 0 by ``time.monotonic``; None where a file is read as fast as it goes
        self.faults: list[str] = []  # the first few, full phrases
        self._damage = ""
        self._newest, self._pace = newest, pace
        self._queue: collections.deque = collections.deque()
        self._turn = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def read(self) -> Iterator[Frame]:
        """The frames one after another, in the thread that calls; subclasses say how."""
        raise NotImplementedError

    def release(self) -> None:
        """Lets go of the file or device."""

    @property
    def damage(self) -> str:
        """Why reading ended early; ``""`` where it did not, or while it goes on."""
        return self._damage

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Ends the thread that reads ahead and lets go of the source."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        if self._thread is not None:
            self._thread.join()
        self.release()

    def __iter__(self) -> Iterator[Frame]:
        """The frames, read ahead by a thread; what it raises is raised here."""
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                item = self._queue.popleft()
                self._turn.notify_all()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _fill(self) -> None:
        try:
            for frame in self.read():
                if self._pace:
                    if self.zero is None:
                        self.zero = time.monotonic() - frame.time_s
                    time.sleep(max(0.0, self.zero + frame.time_s - time.monotonic()))
                if not self._put(frame):
                    return
            self._put(None, wait=False)
        except BaseException as error:
            self._put(error, wait=False)

    def _put(self, item, wait: bool = True) -> bool:
        with self._turn:
            if wait and self._newest:
                while len(self._queue) >= 2:
                    self._queue.popleft()
                    self.dropped += 1
            elif wait:
                self._turn.wait_for(lambda: len(self._queue) < _HELD or self._closed)
            if self._closed:
                return False
            self._queue.append(item)
            self._turn.notify_all()
            return True


def open_source(
    source: str | os.PathLike,
    *,
    fps: float | None = None,
    start_s: float = 0.0,
    stop_s: float | None = None,
    live: bool = False,
) -> Recording:
    """Opens what a user names.

    Args:
        source: Path of a video file or of a folder of frames, or the number of a camera.
        fps: Frames per second of a folder; belongs to it alone.
        start_s: Second to begin at; files and folders only.
        stop_s: Second to end at; None for the end.
        live: Replays a file at its own speed, and drops what comes too fast, as a camera does.

    Raises:
        MissingFileError: There is no such file, folder or camera.
        BadInputError: It holds no video, or no frames that can be read.
        ConfigError: An option does not fit the kind of source.
    """
    name = os.fspath(source)
    if fps is not None and not 0 < fps <= 10_000:
        raise ConfigError(f"--fps must be a positive number. Received: {fps!r}")
    if not 0 <= start_s < math.inf or (stop_s is not None and not stop_s > start_s):
        raise ConfigError(f"--from must not be negative and --to must be later. Received: {start_s!r}, {stop_s!r}")
    camera = name.isascii() and name.isdigit() and not os.path.exists(name)
    folder = os.path.isdir(name)
    if fps is not None and not folder:
        raise ConfigError("--fps goes with a folder of frames; a video file and a camera are measured")
    if camera:
        if start_s:
            raise ConfigError("--from goes with a file or a folder; a camera begins now")
        return _Camera(int(name), stop_s)
    if folder:
        if fps is None:
            raise ConfigError(f"{name} is a folder of frames; give its frames per second with --fps")
        return _Folder(name, fps, start_s, stop_s, live)
    check_regular(name, "recording", "give a video file, a folder of frames with --fps, or the number of a camera")
    return _Video(name, start_s, stop_s, live)


class _Video(Recording):
    """A video file, read by OpenCV's FFmpeg."""

    def __init__(self, path: str, start_s: float, stop_s: float | None, live: bool):
        self._capture = _opened(path)
        if not self._capture.isOpened():
            self._capture.release()
            raise BadInputError(_not_a_video(path))
        get = self._capture.get
        width, height = round(get(cv2.CAP_PROP_FRAME_WIDTH)), round(get(cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            self._capture.release()
            raise BadInputError(f"{path}: frames of {width}x{height} are too large; at most {MAX_PIXELS:,} pixels")
        rate, count = get(cv2.CAP_PROP_FPS), get(cv2.CAP_PROP_FRAME_COUNT)
        rate = rate if math.isfinite(rate) and 0 < rate <= 1000 else None
        code = int(get(cv2.CAP_PROP_FOURCC))
        letters = "".join(chr(code >> shift & 255) for shift in (0, 8, 16, 24))
        super().__init__(
            Source(
                name=os.path.basename(path),
                kind="video",
                width=width,
                height=height,
                fps_said=rate,
                rotation=round(get(cv2.CAP_PROP_ORIENTATION_META)) % 360,
                codec=letters.strip() if letters.isprintable() else "",
                said_frames=round(count) if math.isfinite(count) and count > 0 else None,
                start_s=start_s,
                stop_s=stop_s,
                digest=_digest(path),
            ),
            newest=live,
            pace=live,
        )
        self.path = path

    def release(self) -> None:
        self._capture.release()

    def read(self) -> Iterator[Frame]:
        facts, last, zero, assumed = self.facts, -math.inf, None, False
        step = 1 / (facts.fps_said or _ASSUMED_FPS)
        number = self._seek(facts.start_s)
        size, given = None, False
        while True:
            there, picture = self._capture.read()
            if not there:
                break
            told = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            zero = told if zero is None and number == 0 else zero
            second = told - (zero or 0.0)
            if not second > last:  # also where it is not a number
                second, assumed = (last + step if math.isfinite(last) else number * step), True
                self.facts = dataclasses.replace(self.facts, time_source="assumed")
            if facts.stop_s is not None and second >= facts.stop_s:
                break
            last = second
            picture = _colour(picture)
            size = size or picture.shape
            if picture.shape != size:
                self._damage = (
                    f"from {second:.1f} s on the frames have another size ({picture.shape[1]}x{picture.shape[0]} "
                    f"instead of {size[1]}x{size[0]}); cut the file there and watch the parts apart"
                )
                return
            if second >= facts.start_s:
                yield Frame(number, second, picture)
                given = True
            number += 1
        if not given:
            if facts.start_s:
                raise ConfigError(f"--from {facts.start_s:g}: {facts.name} has no frame there")
            raise BadInputError(f"{self.path}: no frame can be read; {_REMEDY}")
        if there:
            return  # --to
        said = None if not (facts.said_frames and facts.fps_said) else facts.said_frames / facts.fps_said
        if said is not None and not assumed and last + step < said - max(_LATE_S, _LATE_SHARE * said):
            self._damage = (
                f"the header promises {said:.1f} s and {max(last + step, 0):.1f} s could be read: the file is "
                "truncated or damaged; copy or export it again"
            )

    def _seek(self, start_s: float) -> int:
        """Goes to a little before a second; returns the number of the frame that comes next."""
        if start_s <= _SEEK_BACK_S:
            return 0
        self._capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * (start_s - _SEEK_BACK_S))
        number = round(self._capture.get(cv2.CAP_PROP_POS_FRAMES))
        if number > 0 and self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 <= start_s:
            return number
        self._capture.release()  # this container cannot be sought in: its frames are read and passed over
        self._capture = _opened(self.path)
        return 0


class _Folder(Recording):
    """A folder of numbered pictures at a given rate; steps of the numbers that are twice the usual one are gaps."""

    def __init__(self, path: str, fps: float, start_s: float, stop_s: float | None, live: bool):
        self._frames = frames_of_folder(path)
        numbers = np.array(self._frames.numbers, np.float64)
        step = float(np.median(np.diff(numbers))) if len(numbers) > 1 else 1.0
        self._times = (numbers - numbers[0]) / (step * fps)
        first = None
        for index, file in enumerate(self._frames.paths[:3]):
            try:
                first = decode_image(read_picture(file), frame=self._frames.numbers[index])
                break
            except ClipError as error:
                fault = error
        if first is None:
            raise BadInputError(f"{path}: none of the first frames can be read ({fault})")
        self._bits, told = significant_bits(map(read_picture, self._frames.paths[:1]))
        super().__init__(
            Source(
                name=os.path.basename(os.path.abspath(path)),
                kind="folder",
                width=first.shape[1],
                height=first.shape[0],
                fps_said=fps,
                time_source="assumed",
                said_frames=len(numbers),
                start_s=start_s,
                stop_s=stop_s,
                digest=_digest(self._frames.paths[0], len(numbers)),
            ),
            newest=live,
            pace=live,
        )
        self.faults += [text for text in (self._frames.remark, told) if text]
        self.unread = 0

    @property
    def damage(self) -> str:
        return f"{self.unread} frames could not be read and count as missing" if self.unread else ""

    def read(self) -> Iterator[Frame]:
        facts, any_read = self.facts, False
        for number, second, path in zip(self._frames.numbers, self._times, self._frames.paths):
            if second < facts.start_s:
                continue
            if facts.stop_s is not None and second >= facts.stop_s:
                return
            try:
                picture = decode_image(read_picture(path), bits=self._bits, frame=number)
                if picture.shape[:2] != (facts.height, facts.width):
                    raise BadInputError(f"frame {number} has another size than the first")
            except (ClipError, BadInputError) as error:
                self.unread += 1
                if len(self.faults) < 5:
                    self.faults.append(str(error))
                continue
            any_read = True
            yield Frame(number, float(second), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        if not any_read:
            raise ConfigError(f"--from {facts.start_s:g}: {facts.name} has no frame there")


class _Camera(Recording):
    """A camera; times are those of the clock, and the newest frame wins."""

    def __init__(self, number: int, stop_s: float | None):
        self._capture = cv2.VideoCapture(number)
        there, picture = self._capture.read() if self._capture.isOpened() else (False, None)
        if not there:
            self._capture.release()
            raise MissingFileError(
                f"camera {number} is not there, is in use by another program, or gives no picture; its numbers are "
                "those of /dev/video*, and your user must be allowed to read them (group 'video')"
            )
        picture = _colour(picture)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        super().__init__(
            Source(
                name=f"camera {number}",
                kind="camera",
                width=picture.shape[1],
                height=picture.shape[0],
                fps_said=rate if math.isfinite(rate) and 0 < rate <= 1000 else None,
                time_source="clock",
                stop_s=stop_s,
            ),
            newest=True,
        )

    def release(self) -> None:
        self._capture.release()

    def read(self) -> Iterator[Frame]:
        start = self.zero = time.monotonic()
        number = 0
        while self._capture.grab():
            second = time.monotonic() - start
            if self.facts.stop_s is not None and second >= self.facts.stop_s:
                return
            there, picture = self._capture.retrieve()
            if not there:
                break
            yield Frame(number, second, _colour(picture))
            number += 1
        self._damage = f"the camera gave no more pictures after {time.monotonic() - start:.1f} s"


_REMEDY = (
    "it holds no video stream that OpenCV's FFmpeg reads, or is cut off before its index; export it again, for example "
    "with: ffmpeg -i IN -c:v libvpx-vp9 OUT.webm"
)


def _opened(path: str) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # some builds turn pictures unasked, others do not
    return capture


def _not_a_video(path: str) -> str:
    if not os.path.getsize(path):
        return f"{path} is empty; copy it again"
    return f"{path} cannot be read as a video: {_REMEDY}"


def _digest(path: str, count: int = 0) -> str:
    with open(path, "rb") as file:
        head = file.read(_DIGESTED)
    return hashlib.sha256(f"{os.path.getsize(path)} {count} ".encode() + head).hexdigest()[:16]


def _colour(picture: np.ndarray) -> np.ndarray:
    """``(height, width, 3)`` uint8 BGR of what a decoder gave."""
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    return picture if picture.shape[2] == 3 else cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR)
