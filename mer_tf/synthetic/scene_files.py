"""A scene as files: the recording, and its truth beside it.

====================  ==================================================================================================
``scene.webm``        the recording; or ``scene.avi``, or the folder ``frames``
``events.csv``        one row per expression and blink, in the columns that ``mer watch`` writes and ``mer spot-score``
                      reads
``people.csv``        one row per person: where, what they do, and the answers that are due
``boxes.csv``         one row per person and second: box of the 68 true points, eye distance, turn of the head
``truth.json``        all of it but the boxes, with the settings
====================  ==================================================================================================
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import errno
import io
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from mer_tf import atomic, output
from mer_tf.checks import between, config_errors, one_of
from mer_tf.errors import ConfigError, OutputError
from mer_tf.preprocessing.decoder_log import heard
from mer_tf.synthetic.scene import MAPPING, ROLES, Scene, SceneConfig, SceneEvent, plan_scene
from mer_tf.synthetic.scene_frames import Artist, draw

_ROOM = 32 * 2**20  # bytes that must be free on the disk

# Name of a format to its file and the four letters of its codec.
FORMATS = {
    "vp8": ("scene.webm", "VP80"),
    "vp9": ("scene.webm", "VP90"),
    "mjpg": ("scene.avi", "MJPG"),
    "frames": ("frames", ""),
}
TRUTH, EVENTS, PEOPLE, BOXES = "truth.json", "events.csv", "people.csv", "boxes.csv"
_GENERATOR = "mer_tf.synthetic.scene 1"
_WRITER_OPTIONS = "OPENCV_FFMPEG_WRITER_OPTIONS"
_FAST = "deadline;realtime|cpu-used;8"  # libvpx takes four times as long otherwise

EVENT_COLUMNS = (
    "video", "subject", "track", "kind", "onset_s", "apex_s", "offset_s", "onset_frame", "apex_frame", "offset_frame",
    "label", "emotion", "units", "size", "seen_onset_frame", "seen_offset_frame", "expected",
    "fps", "video_seconds",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class SceneSummary:
    """What was written.

    Attributes:
        out: Folder.
        recording: File, or folder of frames, in it.
        frames: Number of frames.
        seconds: Length.
        people: Number of people.
        events: Events by kind.
        megabytes: Size of the recording.
    """

    out: str
    recording: str
    frames: int
    seconds: float
    people: int
    events: dict[str, int]
    megabytes: float


def write_scene(
    out: str | os.PathLike,
    config: SceneConfig | None = None,
    *,
    kind: str = "vp8",
    quality: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SceneSummary:
    """Draws a scene and writes it with its truth; what an earlier scene left in the folder is replaced.

    Args:
        out: Folder; absent, empty, or of an earlier scene.
        config: What is drawn; the defaults when None.
        kind: Of ``FORMATS``. ``"frames"`` (PNG) loses nothing; the others compress, as cameras and browsers do.
        quality: Of the pictures, 1 to 100, with ``"mjpg"`` alone; the codec's own when None.
        progress: Called with (frames done, frames in all).

    Returns:
        Counts.

    Raises:
        ConfigError: A setting out of range, or a folder that holds something else.
        OutputError: It cannot be written, or the codec is missing.
    """
    scene = plan_scene(config)
    with config_errors():
        one_of("kind", kind, FORMATS)
        if quality is not None:
            between("quality", quality, 1, 100)
    if quality is not None and kind != "mjpg":
        raise ConfigError(f"a quality goes with mjpg alone, not with {kind}")
    root = pathlib.Path(out)
    _check_folder(root)
    with output.locked(root):
        atomic.remove_left(root)
        for name in {TRUTH, EVENTS, PEOPLE, BOXES, *(name for name, _ in FORMATS.values())}:
            if (root / name).is_dir():
                shutil.rmtree(root / name)
            else:
                (root / name).unlink(missing_ok=True)
        target = root / FORMATS[kind][0]
        frames = _counted(draw(scene), scene.config.frames, progress)
        # OpenCV tells the kind of container by the ending of a name, so that the file is made in a folder of its own.
        temporary = tempfile.mkdtemp(dir=root, prefix=atomic.PREFIX)
        try:
            made = os.path.join(temporary, target.name)
            if kind == "frames":
                _write_frames(made, frames)
            else:
                _write_video(made, frames, scene.config, FORMATS[kind][1], quality)
            os.replace(made, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        atomic.write_text(root / EVENTS, events_csv(scene, target.stem))
        atomic.write_text(root / PEOPLE, people_csv(scene))
        atomic.write_text(root / BOXES, boxes_csv(scene))
        files = [target] if target.is_file() else list(target.iterdir())
        facts = {
            "generator": _GENERATOR,
            "recording": target.name,
            "format": kind,
            "quality": quality,
            "mapping": MAPPING,
            "settings": dataclasses.asdict(scene.config),
            "frames": scene.config.frames,
            "real_fps": scene.config.real_fps,
            "people": [{**dataclasses.asdict(person), "does": ROLES[person.role]} for person in scene.people],
        }
        # Last, so that a folder with a truth is whole.
        atomic.write_text(root / TRUTH, json.dumps(facts, indent=1) + "\n")
    kinds = [event.kind for event in scene.events]
    return SceneSummary(
        out=str(root), recording=target.name, frames=scene.config.frames,
        seconds=round(scene.config.frames / scene.config.fps, 3), people=len(scene.people),
        events={kind: kinds.count(kind) for kind in ("micro", "macro", "blink")},
        megabytes=round(sum(file.stat().st_size for file in files) / 1e6, 2),
    )  # fmt: skip


def _check_folder(root: pathlib.Path) -> None:
    known = {TRUTH, EVENTS, PEOPLE, BOXES, *(name for name, _ in FORMATS.values())}
    if root.exists() and not root.is_dir():
        raise OutputError(f"OUT is a file: {root}; give a folder")
    found = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    other = [name for name in found if name not in known and not name.startswith(atomic.PREFIX)]
    recorded = TRUTH in found or not set(found) & known
    if other or not recorded:
        named = other[0] if other else found[0]
        raise ConfigError(f"{root} holds {named!r}, which is of no drawn scene; choose an empty folder")


def _counted(frames: Iterator[np.ndarray], total: int, progress) -> Iterator[np.ndarray]:
    for number, picture in enumerate(frames, start=1):
        yield picture
        if progress:
            progress(number, total)


def _write_frames(folder: str, frames: Iterator[np.ndarray]) -> None:
    os.mkdir(folder)
    for number, picture in enumerate(frames):
        done, data = cv2.imencode(".png", picture, (cv2.IMWRITE_PNG_COMPRESSION, 1))
        if not done:
            raise OutputError(f"OpenCV could not encode frame {number}")
        pathlib.Path(folder, f"{number:06d}.png").write_bytes(data.tobytes())


def _write_video(path: str, frames, config: SceneConfig, letters: str, quality: int | None) -> None:
    code = cv2.VideoWriter_fourcc(*letters)
    backend = cv2.CAP_FFMPEG if quality is None else cv2.CAP_OPENCV_MJPEG
    with _fast_encoder(), heard():  # FFmpeg says of VP8 in WebM that it knows no tag for it, and writes it
        writer = cv2.VideoWriter(path, backend, code, float(config.fps), (config.width, config.height))
    if not writer.isOpened():
        raise OutputError(
            f"OpenCV {cv2.__version__} cannot write {os.path.basename(path)} with the codec {letters}; take another "
            "format, for example frames"
        )
    if quality is not None:
        writer.set(cv2.VIDEOWRITER_PROP_QUALITY, quality)
    for number, picture in enumerate(frames):
        if number % 32 == 0:  # a full disk is told to nobody by OpenCV's writer
            room = os.statvfs(os.path.dirname(path))
            if room.f_bavail * room.f_frsize < _ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        writer.write(picture)
    writer.release()
    reader = cv2.VideoCapture(path)
    readable = reader.isOpened() and reader.read()[0]
    reader.release()
    if not readable:
        raise OutputError(f"{os.path.basename(path)} was written, and OpenCV cannot read it again")


@contextlib.contextmanager
def _fast_encoder() -> Iterator[None]:
    before = os.environ.get(_WRITER_OPTIONS)
    os.environ.setdefault(_WRITER_OPTIONS, _FAST)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_WRITER_OPTIONS]


def events_csv(scene: Scene, video: str = "scene") -> str:
    """The text of ``events.csv``; ``video`` is the name under which the recording's rows stand."""
    rows = []
    config = scene.config
    due = {person.person: {"micro": person.micro, "macro": person.macro} for person in scene.people}
    common = {"video": video, "fps": f"{config.fps:g}", "video_seconds": round(config.frames / config.fps, 6)}
    # Who shows nothing has a row as well, so that what is found there counts.
    shown = {event.person for event in scene.events}
    every = [{"person": number, "kind": "none"} for number in due if number not in shown]
    for facts in [*every, *map(_event_facts, scene.events)]:
        name = f"p{facts['person']}"
        facts |= {**common, "subject": name, "track": name}
        facts["expected"] = due[facts["person"]].get(facts["kind"], "")
        rows.append([facts.get(column, "") for column in EVENT_COLUMNS])
    return _csv(EVENT_COLUMNS, rows)


def _event_facts(event: SceneEvent) -> dict:
    facts = dataclasses.asdict(event)
    facts["units"] = "+".join(map(str, event.units))
    return facts


def people_csv(scene: Scene) -> str:
    """The text of ``people.csv``."""
    header = ("person", "role", "does", "eyes_x", "eyes_y", "eye_distance", "micro", "micro_why", "macro", "macro_why",
              "micro_events", "macro_events", "blinks", "turned", "absent")  # fmt: skip
    rows = []
    for person in scene.people:
        spans = [" ".join(f"{start:g}-{stop:g}" for start, stop in part) for part in (person.turned, person.absent)]
        rows.append((f"p{person.person}", person.role, ROLES[person.role], *person.centre, person.eyes, person.micro,
                     person.micro_why, person.macro, person.macro_why,
                     *(person.count(kind) for kind in ("micro", "macro", "blink")), *spans))  # fmt: skip
    return _csv(header, rows)


def boxes_csv(scene: Scene) -> str:
    """The text of ``boxes.csv``: for the middle of every second, empty where somebody is out of the picture."""
    header = ("person", "second", "frame", "left", "top", "right", "bottom", "eye_distance", "yaw")
    config = scene.config
    middles = np.arange(0.5, max(config.frames / config.fps, 0.6), 1.0)
    numbers = np.minimum((middles * config.fps).astype(int), config.frames - 1)
    rows = []
    for person in scene.people:
        artist = Artist(scene, person)
        for part in np.array_split(np.arange(len(numbers)), -(-len(numbers) // 256)):
            states = artist.states(numbers[part])
            for index, second in enumerate(part):
                points = artist.points(states, index)
                (left, top), (right, bottom) = points.min(0), points.max(0)
                eyes = float(np.hypot(*(points[42:48].mean(0) - points[36:42].mean(0))))
                inside = right > 0 and left < config.width and bottom > 0 and top < config.height
                values = (left, top, right, bottom, eyes, float(states.yaw[index]))
                cells = [f"{value:.1f}" if inside else "" for value in values]
                rows.append((f"p{person.person}", int(second) + 1, int(numbers[second]), *cells))
    return _csv(header, rows)


def _csv(header, rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
