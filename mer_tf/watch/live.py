"""The live page: what a camera or a replayed file shows while it is watched, in a browser on the same machine.

The observer is told in the thread that watches and only takes notes; a server on the loopback address hands them out.
The newest picture wins, nothing queues, and what is kept has fixed sizes. Another page in the same browser must not
read along: requests are answered only under the server's own name (a foreign name that resolves to this machine is
refused), and pictures cannot be embedded elsewhere.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import errno
import http.server
import json
import secrets
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mer_tf.errors import PortInUseError
from mer_tf.watch import live_page, marks, together, words
from mer_tf.watch.settings import WatchConfig
from mer_tf.watch.types import (
    MACRO,
    MICRO,
    TIER_NAMES,
    Behind,
    CurveSecond,
    Event,
    Face,
    Quiet,
    Result,
    Source,
    TrackSecond,
)
from mer_tf.watch.words import View

ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8765
KEPT_S = 900  # seconds of curves that the page can show
KEPT_EVENTS = 200
KEPT_FACES = 64
MAX_CLIENTS = 12  # connections at a time; a page uses two
_TIMEOUT_S = 10.0
_PICTURES_S = 0.08  # between two pictures
_WATCHED_S = 3.0  # without a request for so long nobody looks, and few pictures are made
_UNWATCHED_S = 2.0
_WIDTH = 960
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 80]
_LATENCIES = 300
_RECENT_EVENTS_S = 10.0
_BLIND_S = 5.0  # without a face good enough for micro-expressions before the page says so
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Live(Quiet):
    """Observer that serves the page; a context manager.

    Args:
        view: What is shown.
        port: Of the loopback address; 0 picks a free one.
        config: Settings of the watching, for what a source must have.
        clock: Seconds that pass; for tests.

    Raises:
        PortInUseError: Another program has the port.
    """

    def __init__(
        self,
        view: View | None = None,
        port: int = DEFAULT_PORT,
        *,
        config: WatchConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.view, self._config, self._clock = view or View(), config or WatchConfig(), clock
        self._fresh_s = self._config.look_ahead_s + 2  # seconds are told that much later, and each stands for one
        self._lock = threading.Lock()
        self._run = secrets.token_hex(8)  # a page that was open before knows that this is another one
        self._source: Source | None = None
        self._behind: Behind | None = None
        self._gathering = together.Gathering(self.view.emotion)
        self._sequence = 0
        self._ticks: collections.deque[tuple[int, dict]] = collections.deque(maxlen=KEPT_S)
        self._events: collections.deque[tuple[int, dict]] = collections.deque(maxlen=KEPT_EVENTS)
        self._recent: collections.deque[Event] = collections.deque(maxlen=32)
        self._counts: collections.OrderedDict[str, dict[str, int]] = collections.OrderedDict()
        self._faces: list[dict] = []
        self._values: tuple[float, dict[str, float | None]] = (-1e9, {})
        self._quality: list[TrackSecond] = []
        self._good: float | None = None  # last second with a face good enough for micro-expressions
        self._first: float | None = None
        self._now = 0.0
        self._frames = 0
        self._latencies: collections.deque[float] = collections.deque(maxlen=_LATENCIES)
        self._picture: tuple[bytes, float, float] | None = None  # JPEG, clock when due, second
        self._made = self._asked = -1e9
        self._ended = ""
        try:
            self._server = _Server((ADDRESS, port), self)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise PortInUseError(f"port {port} of {ADDRESS} cannot be had; --port 0 picks a free one") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{ADDRESS}:{self._server.server_address[1]}/"

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server; pages that are open say that no data comes."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def follow(self, behind: Behind) -> None:
        """Names the source that is read, for latency and dropped frames."""
        self._behind = behind

    def linger(self, unwatched_s: float = 10.0) -> None:
        """Keeps the page up after the end, for as long as somebody looks at it, or until Ctrl-C."""
        with contextlib.suppress(KeyboardInterrupt):
            while self._clock() - self._asked < unwatched_s:
                time.sleep(0.2)

    # ------------------------------------------------------------------------------------------------- observer

    def started(self, source: Source) -> None:
        with self._lock:
            self._source = source

    def frame(self, number: int, time_s: float, picture: np.ndarray, faces: Sequence[Face]) -> None:
        now = self._clock()
        zero = None if self._behind is None else self._behind.zero
        due = now if zero is None else zero + time_s
        wanted = now - self._made >= (_PICTURES_S if now - self._asked < _WATCHED_S else _UNWATCHED_S)
        jpeg = self._draw(time_s, picture, faces) if wanted or self._picture is None else None
        with self._lock:
            self._first = time_s if self._first is None else self._first
            self._now, self._frames = time_s, self._frames + 1
            if zero is not None:
                self._latencies.append(max(now - due, 0.0))
            self._faces = [_face(face) for face in faces[:KEPT_FACES]]
            if jpeg is not None:
                self._picture, self._made = (jpeg, due, time_s), now

    def second(self, time_s: float, tracks: Sequence[TrackSecond], curves: Sequence[CurveSecond]) -> None:
        found = self._gathering.second(time_s, tracks, curves)
        with self._lock:
            self._quality = list(tracks)
            self._values = (time_s, {curve.track: getattr(curve, self.view.number) for curve in curves})
            if any(second.tier in "AB" for second in tracks):
                self._good = time_s
            self._sequence += 1
            self._ticks.append((self._sequence, self._tick(found, curves)))

    def event(self, event: Event) -> None:
        self._gathering.event(event)
        with self._lock:
            counts = self._counts.setdefault(event.track, {MICRO: 0, MACRO: 0})
            self._counts.move_to_end(event.track)
            while len(self._counts) > KEPT_FACES:
                self._counts.popitem(last=False)
            if event.kind in counts:
                counts[event.kind] += 1
            self._recent.append(event)
            self._sequence += 1
            self._events.append((self._sequence, self._event(event)))

    def finished(self, result: Result) -> None:
        told = "The recording has ended." if result.complete else f"Ended: {result.stopped}"
        answers = [
            {
                "number": track.number,
                MICRO: words.answer(track, MICRO),
                MACRO: words.answer(track, MACRO),
            }
            for track in result.tracks[:KEPT_FACES]
        ]
        with self._lock:
            self._source, self._ended, self._answers = result.source, told, answers

    # ----------------------------------------------------------------------------------------------- for the page

    _answers: Sequence[dict] = ()

    def state(self, since: int = 0) -> dict:
        """What a page asks for: everything that changes, and the seconds and events after ``since``."""
        with self._lock:
            source = self._source
            late = sorted(self._latencies)
            dropped = 0 if self._behind is None else self._behind.dropped
            rates = [second.fps for second in self._quality if second.fps is not None]
            return {
                "run": self._run,
                "sequence": self._sequence,
                "source": source.name if source else "",
                "time": self._now,
                "ended": self._ended,
                "answers": list(self._answers),
                "banner": self._banner(rates),
                "faces": [
                    {**face, **self._counts.get(face["track"], {MICRO: 0, MACRO: 0}), "value": self._value(face)}
                    for face in self._faces
                ],
                "fps": rates[0] if rates else None,
                "frames": self._frames,
                "dropped": dropped,
                "dropped_share": dropped / max(dropped + self._frames, 1),
                "latency": late[len(late) // 2] if late else None,
                "latency_95": late[int(0.95 * (len(late) - 1))] if late else None,
                "ticks": [tick for number, tick in self._ticks if number > since],
                "events": [event for number, event in self._events if number > since],
            }

    def picture(self) -> tuple[bytes, float] | None:
        """The newest picture as JPEG, and how old it is in seconds; None where there is none yet."""
        with self._lock:
            self._asked = self._clock()
            if self._picture is None:
                return None
            jpeg, due, _ = self._picture
            return jpeg, max(self._clock() - due, 0.0)

    def facts(self) -> dict:
        """What a page needs once."""
        return {
            "title": "Classroom" if self.view.classroom else "Live",
            "notice": list(self.view.notice),
            "classroom": self.view.classroom,
            "emotion": self.view.emotion,
            "blur": self.view.blur,
            "number": words.NUMBERS[self.view.number],
            "least": together.LEAST,
            "kept": KEPT_S,
            "behaviours": together.WORDS,
            "worth": together.VALUES,
            "tiers": TIER_NAMES,
            "limits": list(words.LIMITS),
        }

    def _draw(self, time_s: float, picture: np.ndarray, faces: Sequence[Face]) -> bytes:
        scale = min(1.0, _WIDTH / picture.shape[1])
        if scale < 1:
            size = (_WIDTH, max(2, round(picture.shape[0] * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        else:
            picture = picture.copy()
        faces = [
            dataclasses.replace(
                face, box=tuple(edge * scale for edge in face.box), eye_distance=face.eye_distance * scale, points=None
            )
            for face in faces
        ]
        if self.view.blur:
            early = self._first is None or time_s - self._first < 1
            if early:  # faces are found within the first second: until then everything is hidden
                height, width = picture.shape[:2]
                marks.blur_faces(picture, [(-width, -height, 2 * width, 2 * height)])
            marks.blur_faces(picture, [face.box for face in faces])
        with self._lock:
            at, values = self._values
            events = [event for event in self._recent if event.offset_s > time_s - _RECENT_EVENTS_S]
            rates = [second.fps for second in self._quality if second.fps is not None]
        wall = time.strftime("%Y-%m-%d %H:%M:%S") if self._source and self._source.kind == "camera" else ""
        moment = marks.Moment(time_s, wall, rates[0] if rates else None)
        # Events are told after their end, so that a live picture marks them late: with their time, as over.
        late = [dataclasses.replace(event, offset_s=max(event.offset_s, time_s - 0.01)) for event in events[-3:]]
        late = [event for event, told in zip(late, events[-3:]) if time_s - told.offset_s < _RECENT_EVENTS_S]
        marks.draw(picture, faces, values if time_s - at < self._fresh_s else {}, late, moment, self.view)
        return cv2.imencode(".jpg", picture, _JPEG)[1].tobytes()

    def _value(self, face: dict) -> float | None:
        at, values = self._values
        return values.get(face["track"]) if self._now - at < self._fresh_s else None

    def _banner(self, rates: Sequence[float]) -> str:
        """Why this source cannot show micro-expressions, once that is clear; ``""`` while it can, or is new."""
        start = self._first
        seen = self._good if self._good is not None else start
        if seen is None or self._now - seen < _BLIND_S or not self._quality:
            return ""
        reasons = collections.Counter(reason for second in self._quality for reason in second.reasons)
        eyes = max(second.eye_distance for second in self._quality)
        rate = f"{max(rates):.1f} frames a second" if rates else "too few frames to measure a rate"
        said = (
            f"No face shows micro-expressions now: {rate}, at most {eyes:.0f} px between the eyes; it takes "
            f"{self._config.tier_fps[1]:.0f} and {self._config.tier_eyes[1]:.0f}"
        )
        told = words.reasons_in_words([reason for reason, _ in reasons.most_common(3)])
        return f"{said}. Reasons: {told}." if told else f"{said}."

    def _tick(self, found: together.Together, curves: Sequence[CurveSecond]) -> dict:
        spreads = ("facing", "motion", "micro_rate", "macro_rate", "balance")
        shares = found.shares if found.share_faces >= (together.LEAST if self.view.classroom else 1) else None
        return {
            "t": found.second,
            "faces": {
                curve.track: [
                    _rounded(curve.motion),
                    _rounded(curve.facing),
                    _strongest(curve),
                    _rounded(curve.threshold, 4),
                ]
                for curve in curves[:KEPT_FACES]
            },
            **{
                name: [spread.n, _rounded(spread.value), _rounded(spread.low), _rounded(spread.high)]
                for name, spread in ((name, getattr(found, name)) for name in spreads)
            },
            "shares": None if shares is None else {name: round(share, 4) for name, share in shares.items()},
            "share_faces": found.share_faces,
            "value": _rounded(found.value),
        }

    def _event(self, event: Event) -> dict:
        return {
            "id": event.id,
            "track": event.track,
            "kind": event.kind.replace("_", " "),
            "counts": event.counts,
            "onset": event.onset_s,
            "apex": event.apex_s,
            "offset": event.offset_s,
            "regions": [region.replace("_", " ") for region in event.regions],
            "confidence": round(event.confidence, 2),
            "class": words.class_of(event, self.view),
        }


def _face(face: Face) -> dict:
    return {
        "track": face.track,
        "number": face.number,
        "tier": face.tier,
        "reasons": words.reasons_in_words(face.reasons),
        "eyes": round(face.eye_distance),
        "analysed": face.analysed,
    }


def _strongest(curve: CurveSecond) -> float | None:
    known = [value for value in (curve.brow_left, curve.brow_right, curve.mouth, curve.nose) if value is not None]
    return _rounded(max(known), 4) if known else None


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


# ------------------------------------------------------------------------------------------------------- server


class _Server(http.server.ThreadingHTTPServer):
    """Answers at most ``MAX_CLIENTS`` connections at a time; further ones are told to come back."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], live: Live):
        self.live = live
        self._room = threading.BoundedSemaphore(MAX_CLIENTS)
        super().__init__(address, _Handler)
        port = self.server_address[1]
        self.names = {f"{name}:{port}" for name in (ADDRESS, "localhost")}

    def process_request(self, request, client_address) -> None:
        if not self._room.acquire(blocking=False):
            request.settimeout(1.0)
            with contextlib.suppress(OSError):
                request.sendall(b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request, client_address) -> None:
        """A page that was closed is no error."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S
    server_version, sys_version = "mer", ""

    def do_GET(self) -> None:
        if not self._own():
            self._answer(403, "text/plain", b"this page is served to its own address only\n")
            return
        address = urllib.parse.urlsplit(self.path)
        live = self.server.live
        if address.path == "/":
            self._answer(200, "text/html; charset=utf-8", live_page.html(live.facts()).encode())
        elif address.path == "/live.css":
            self._answer(200, "text/css; charset=utf-8", live_page.CSS.encode())
        elif address.path == "/live.js":
            self._answer(200, "text/javascript; charset=utf-8", live_page.SCRIPT.encode())
        elif address.path == "/state":
            since = urllib.parse.parse_qs(address.query).get("since", ["0"])[0]
            number = int(since) if since.isascii() and since.isdigit() and len(since) < 12 else 0
            self._answer(200, "application/json", json.dumps(live.state(number), allow_nan=False).encode())
        elif address.path == "/picture":
            found = live.picture()
            if found is None:
                self._answer(204, "image/jpeg", b"")
            else:
                self._answer(200, "image/jpeg", found[0], {"X-Age": f"{found[1]:.3f}"})
        else:
            self._answer(404, "text/plain", b"there is no such page\n")

    def _own(self) -> bool:
        """Whether the browser asked under this server's name, and for a page of this server."""
        host = (self.headers.get("Host") or "").lower()
        origin = self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "none")
        names = self.server.names
        return (
            host in names
            and (origin is None or origin in {f"http://{name}" for name in names})
            and site in ("none", "same-origin")
        )

    def _answer(self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **(more or {}), "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        """Requests are not noted."""
