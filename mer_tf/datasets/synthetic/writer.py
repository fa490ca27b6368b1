"""Writes synthetic clips in the layout of a public set.

Layout ``casme2`` (frame folders, coding sheet) follows the distributor's:

    <out>/CASME2_RAW_selected/sub01/EP02_01f/img46.jpg
    <out>/CASME2-coding-20140508.xlsx
    <out>/truth/sub01_EP02_01f.npz
    <out>/synthetic.json

``synthetic.json`` holds the settings; ``"complete"`` in it turns true after the sheet, which is written last.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime
import io
import json
import logging
import multiprocessing
import os
import pathlib
import re
import shutil
import zipfile
from collections.abc import Callable

import cv2
import numpy as np

from mer_tf.datasets.synthetic.motion import CLASS_OF, EMOTIONS, ClipPlan, Difficulty
from mer_tf.datasets.synthetic.render import SyntheticSubject
from mer_tf.errors import ConfigError, MissingFileError, UnknownNameError

logger = logging.getLogger(__name__)

LAYOUTS = ("casme2",)
FRAMES_FOLDER = "CASME2_RAW_selected"
SHEET = "CASME2-coding-20140508.xlsx"
TRUTH_FOLDER = "truth"
SETTINGS = "synthetic.json"
FPS = 200.0
HEADER = (
    "Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units", "Estimated Emotion",
)  # fmt: skip
JPEG_QUALITY = 93
# Raise when the same settings would give other bytes, so that old folders are not taken for current ones.
GENERATOR = 1


@dataclasses.dataclass(frozen=True)
class SynthSummary:
    """What was written.

    Attributes:
        out: The root folder.
        subjects: Number of subjects.
        clips: Number of clips, of all emotions.
        frames: Number of frame files.
        emotions: Clips per emotion as the sheet says.
        classes: Clips per class (negative, positive, surprise) under the three-class mapping.
        skipped: Whether the folder already held this set, so that nothing was written.
    """

    out: str
    subjects: int
    clips: int
    frames: int
    emotions: dict[str, int]
    classes: dict[str, int]
    skipped: bool = False


@dataclasses.dataclass(frozen=True)
class ClipTruth:
    """Ground truth of one clip, as read from its file.

    Attributes:
        seed: Seed of the set.
        subject: Subject number.
        clip: Clip number.
        frames: The ``frames_per_clip`` setting.
        difficulty: Amplitudes.
        numbers: Absolute frame numbers, int64 (n,).
        onset: Onset frame number.
        apex: Apex frame number.
        offset: Offset frame number.
        points: True 68 points per frame, float32 (n, 68, 2), frame pixels.
        closure: Eye closure per frame, 0 to 1, float32 (n,).
        apex_px: Displacement of the expression at the apex, px.
        emotion: Emotion shown.
        aus: Action units shown.
    """

    seed: int
    subject: int
    clip: int
    frames: int | tuple[int, int]
    difficulty: Difficulty
    numbers: np.ndarray
    onset: int
    apex: int
    offset: int
    points: np.ndarray
    closure: np.ndarray
    apex_px: float
    emotion: str
    aus: tuple[int, ...]

    def flow(self) -> np.ndarray:
        """True flow onset to apex, rebuilt exactly; float32 (480, 640, 2), (u, v) px."""
        subject = SyntheticSubject(self.seed, self.subject, self.difficulty)
        return subject.true_flow(subject.plan(self.clip, frames=self.frames))


def clip_name(clip: int) -> str:
    """Folder name of a clip: irregular as the public set's, and the same for every subject."""
    episode, take = clip + 1, (clip * 5) % 3 + 1
    pattern = ("EP{0:02d}_{1:02d}f", "EP{0:02d}_{1}", "EP{0:02d}_{1:02d}", "EP{0:02d}_{1:02d}_{2:02d}")[clip % 4]
    return pattern.format(episode, take, (take + 1) % 3 + 1)


def read_truth(path: str | os.PathLike) -> ClipTruth:
    """Reads a file of the ``truth`` folder.

    Args:
        path: The ``.npz`` file.

    Returns:
        The truth.

    Raises:
        MissingFileError: Where there is no such file.
    """
    if not pathlib.Path(path).is_file():
        raise MissingFileError(f"no ground truth at {path}; only sets written by 'mer data synth' have it")
    with np.load(path, allow_pickle=False) as data:
        facts = json.loads(str(data["facts"]))
        frames = facts["frames"]
        return ClipTruth(
            seed=facts["seed"],
            subject=facts["subject"],
            clip=facts["clip"],
            frames=tuple(frames) if isinstance(frames, list) else frames,
            difficulty=Difficulty.from_json(facts["difficulty"]),
            numbers=data["numbers"],
            onset=facts["onset"],
            apex=facts["apex"],
            offset=facts["offset"],
            points=data["points"],
            closure=data["closure"],
            apex_px=facts["apex_px"],
            emotion=facts["emotion"],
            aus=tuple(facts["aus"]),
        )


def write_synthetic_dataset(
    out: str | os.PathLike,
    *,
    layout: str = "casme2",
    subjects: int = 12,
    clips_per_subject: int = 8,
    seed: int = 0,
    first_subject: int = 1,
    frames_per_clip: int | tuple[int, int] = (20, 30),
    difficulty: Difficulty | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SynthSummary:
    """Writes a set of synthetic clips that the ordinary reader of the layout reads.

    The same arguments give the same bytes, however many workers write them. A folder that holds the same complete set
    is left as it is; one that an interrupted run left behind is written anew.

    Args:
        out: Root folder; absent, empty, or an earlier synthetic set of the same settings.
        layout: ``"casme2"``.
        subjects: Number of subjects.
        clips_per_subject: Clips of each subject.
        seed: Seed of the set, not negative.
        first_subject: Number of the first subject; a set with ``first_subject=13`` holds people that are not in a set
            of twelve of the same seed.
        frames_per_clip: Number of frames, or smallest and largest number.
        difficulty: Amplitudes; the defaults when None.
        workers: Processes; None takes the processors at hand, 1 stays in this process.
        progress: Called with (clips done, clips in all) after every clip or group of clips.

    Returns:
        Counts.

    Raises:
        UnknownNameError: Unknown layout.
        ConfigError: A number out of range, or a folder that holds something else.
    """
    if layout not in LAYOUTS:
        raise UnknownNameError("layout", layout, LAYOUTS)
    limits = {"subjects": (subjects, 1), "clips_per_subject": (clips_per_subject, 1), "seed": (seed, 0)}
    limits |= {"first_subject": (first_subject, 1), "workers": (1 if workers is None else workers, 1)}
    for name, (value, least) in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigError(f"{name} must be an integer of at least {least}. Received: {value!r}")
    low, high = (frames_per_clip, frames_per_clip) if isinstance(frames_per_clip, int) else frames_per_clip
    if not 8 <= low <= high <= 1000:
        raise ConfigError(f"frames_per_clip must lie in 8..1000, low before high. Received: {frames_per_clip!r}")
    difficulty = difficulty or Difficulty()
    frames = int(low) if low == high else (int(low), int(high))
    settings = {
        "generator": GENERATOR,
        "layout": layout,
        "subjects": int(subjects),
        "clips_per_subject": int(clips_per_subject),
        "seed": int(seed),
        "first_subject": int(first_subject),
        "frames_per_clip": list(frames) if isinstance(frames, tuple) else frames,
        "difficulty": json.loads(difficulty.to_json()),
    }
    root = pathlib.Path(out)
    earlier = _earlier(root, settings)
    if earlier is not None:
        logger.info("synthetic set already complete: %s", root)
        return dataclasses.replace(earlier, out=str(root), skipped=True)
    for name in (FRAMES_FOLDER, TRUTH_FOLDER):
        shutil.rmtree(root / name, ignore_errors=True)
    (root / SHEET).unlink(missing_ok=True)
    (root / TRUTH_FOLDER).mkdir(parents=True)
    _write_settings(root, settings, None)

    jobs = [
        (str(root), int(seed), number, int(clips_per_subject), frames, difficulty)
        for number in range(first_subject, first_subject + subjects)
    ]
    total = subjects * clips_per_subject
    rows: dict[int, list[dict]] = {}
    workers = min(workers or len(os.sched_getaffinity(0)), subjects)
    if workers == 1:
        done = 0
        for job in jobs:
            rows[job[2]] = []
            for row in _clips_of(job):
                rows[job[2]].append(row)
                done += 1
                if progress:
                    progress(done, total)
    else:
        done = 0
        # Spawned, because the caller may hold TensorFlow threads that do not survive a fork.
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
            for number, part in pool.map(_worker, jobs):
                rows[number] = part
                done += len(part)
                if progress:
                    progress(done, total)
    ordered = [row for number in sorted(rows) for row in rows[number]]
    emotions = {name: sum(row["emotion"] == name for row in ordered) for name in EMOTIONS}
    classes = dict.fromkeys(("negative", "positive", "surprise"), 0)
    for name, count in emotions.items():
        if name in CLASS_OF:
            classes[CLASS_OF[name]] += count
    summary = SynthSummary(
        out=str(root), subjects=int(subjects), clips=len(ordered), frames=sum(row["frames"] for row in ordered),
        emotions=emotions, classes=classes,
    )  # fmt: skip
    _write_sheet(root / SHEET, ordered)
    _write_settings(root, settings, summary)
    return summary


def _earlier(root: pathlib.Path, settings: dict) -> SynthSummary | None:
    """Counts of a complete earlier set of these settings, or None where the folder may be written."""
    if root.exists() and not root.is_dir():
        raise ConfigError(f"{root} is a file; give a folder for the synthetic set")
    if not root.is_dir() or not any(root.iterdir()):
        return None
    path = root / SETTINGS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        summary = found.pop("summary")
        complete = found.pop("complete")
    except (OSError, ValueError, KeyError):
        raise ConfigError(
            f"{root} is not empty and holds no synthetic set of this program; give another folder or empty this one"
        ) from None
    if found != settings:
        changed = sorted(k for k in set(found) | set(settings) if found.get(k) != settings.get(k))
        raise ConfigError(
            f"{root} holds a synthetic set of other settings ({', '.join(changed)} differ); "
            "give another folder or delete this one"
        )
    # A set from which frames or the sheet were removed is not complete any more.
    if not complete or not (root / SHEET).is_file():
        return None
    if sum(1 for _ in (root / FRAMES_FOLDER).glob("*/*/*.jpg")) != summary["frames"]:
        return None
    return SynthSummary(out=str(root), **summary)


def _write_settings(root: pathlib.Path, settings: dict, summary: SynthSummary | None) -> None:
    counts = dataclasses.asdict(summary) if summary else None
    if counts:
        del counts["out"], counts["skipped"]
    text = json.dumps({**settings, "complete": summary is not None, "summary": counts}, indent=2, sort_keys=True)
    part = root / (SETTINGS + ".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(root / SETTINGS)


def _worker(job) -> tuple[int, list[dict]]:
    cv2.setNumThreads(1)
    return job[2], list(_clips_of(job))


def _clips_of(job):
    """Writes the clips of one subject; yields the facts of each for the sheet."""
    root, seed, number, clips, frames, difficulty = job
    subject = SyntheticSubject(seed, number, difficulty)
    name = f"sub{number:02d}"
    for clip in range(clips):
        plan = subject.plan(clip, frames=frames)
        folder = pathlib.Path(root) / FRAMES_FOLDER / name / clip_name(clip)
        folder.mkdir(parents=True)
        for frame, image in zip(plan.numbers, subject.render(plan)):
            code, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
            if not code:
                raise OSError(f"OpenCV could not encode frame {frame} of {folder}")
            (folder / f"img{frame}.jpg").write_bytes(data.tobytes())
        truth = pathlib.Path(root) / TRUTH_FOLDER / f"{name}_{clip_name(clip)}.npz"
        _write_truth(truth, subject, plan, frames)
        yield {
            "subject": f"{number:02d}", "clip": clip_name(clip), "onset": plan.onset, "apex": plan.apex,
            "offset": plan.offset, "aus": plan.aus, "emotion": plan.emotion, "frames": plan.frames,
        }  # fmt: skip


def _write_truth(path: pathlib.Path, subject: SyntheticSubject, plan: ClipPlan, frames) -> None:
    facts = {
        "seed": subject.seed, "subject": plan.subject, "clip": plan.clip, "frames": frames,
        "difficulty": subject.difficulty.to_json(), "onset": plan.onset, "apex": plan.apex, "offset": plan.offset,
        "apex_px": plan.apex_px, "emotion": plan.emotion, "aus": plan.aus,
    }  # fmt: skip
    points = np.stack([subject.points(plan, k) for k in range(plan.frames)]).astype(np.float32)
    np.savez_compressed(
        path, facts=np.array(json.dumps(facts, sort_keys=True)), numbers=np.array(plan.numbers), points=points,
        closure=plan.closure, amplitudes=plan.amplitudes, pose=plan.pose,
    )  # fmt: skip


def _write_sheet(path: pathlib.Path, rows: list[dict]) -> None:
    """The coding sheet, with fixed dates so that the same rows give the same bytes."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(HEADER)
    for row in rows:
        units = row["aus"][0] if len(row["aus"]) == 1 else "+".join(str(au) for au in row["aus"])
        sheet.append(
            (row["subject"], row["clip"], None, row["onset"], row["apex"], row["offset"], None, units, row["emotion"])
        )
    book.create_sheet("Sheet2")
    book.create_sheet("Sheet3")
    then = datetime.datetime(2014, 5, 8)
    book.properties.created = then
    raw = io.BytesIO()
    book.save(raw)
    stamp = f"{then.isoformat()}Z"
    part = path.with_suffix(".part")
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename == "docProps/core.xml":
                # openpyxl stamps the time of saving.
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp.encode(), data)
            target.writestr(zipfile.ZipInfo(item.filename, then.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    part.replace(path)
