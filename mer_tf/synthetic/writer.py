"""Writes sets of synthetic clips in the layout of a published set, for example:

    <out>/CASME2_RAW_selected/sub01/EP02_01f/img46.jpg
    <out>/CASME2-coding-20140508.xlsx
    <out>/CASME2-ObjectiveClasses.xlsx
    <out>/truth/sub01_EP02_01f.npz
    <out>/synthetic.json

The ground truth is written for micro-expressions. ``synthetic.json`` holds the settings; ``"complete"`` in it turns
true at the very end, after the sheets.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from mer_tf import atomic, output
from mer_tf.datasets.mappings import get_mapping
from mer_tf.errors import ConfigError, MissingFileError
from mer_tf.files import is_left_over
from mer_tf.processes import Processes
from mer_tf.synthetic.damage import check_damage, damage_layout
from mer_tf.synthetic.layouts import Layout, LayoutClip, LayoutWriter, WrittenClip, get_layout
from mer_tf.synthetic.layouts.show import SyntheticSet
from mer_tf.synthetic.motion import ClipPlan, Difficulty
from mer_tf.synthetic.render import SyntheticSubject

logger = logging.getLogger(__name__)

TRUTH_FOLDER = "truth"
SETTINGS = "synthetic.json"
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tiff")
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
        emotions: Clips per emotion as the set spells it.
        classes: Clips per class under the mapping that the set's reader uses by default.
        damage: Kinds of damage done to the set.
        skipped: Whether the folder already held this set, so that nothing was written.
    """

    out: str
    subjects: int
    clips: int
    frames: int
    emotions: dict[str, int]
    classes: dict[str, int]
    damage: tuple[str, ...] = ()
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
        layout: Layout of the set, which says who the people are and where the camera stands.
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
    layout: str = "casme2"

    def flow(self) -> np.ndarray:
        """True flow onset to apex, rebuilt exactly; float32 (height, width, 2) of a frame, (u, v) px."""
        subject = _subject(self.layout, self.seed, self.subject, self.difficulty)
        return subject.true_flow(subject.plan(self.clip, frames=self.frames))


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
        facts |= {"aus": tuple(facts["aus"]), "difficulty": Difficulty.from_json(facts["difficulty"])}
        if isinstance(facts["frames"], list):
            facts["frames"] = tuple(facts["frames"])
        return ClipTruth(**facts, **{name: data[name] for name in ("numbers", "points", "closure")})


def write_synthetic_dataset(
    out: str | os.PathLike,
    *,
    layout: str = "casme2",
    subjects: int = 12,
    clips_per_subject: int = 8,
    seed: int = 0,
    first_subject: int = 1,
    frames_per_clip: int | tuple[int, int] | None = None,
    difficulty: Difficulty | None = None,
    damage: Sequence[str] = (),
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SynthSummary:
    """Writes a set of synthetic clips that the ordinary reader of the layout reads.

    The same arguments give the same bytes, however many workers write them. A folder that holds the same complete set
    is left as it is; one that an interrupted run left behind is written anew.

    Args:
        out: Root folder; absent, empty, or an earlier synthetic set of the same settings.
        layout: A key of ``LAYOUTS``.
        subjects: Number of subjects.
        clips_per_subject: Clips of each subject.
        seed: Seed of the set, not negative.
        first_subject: Number of the first subject; a set with ``first_subject=13`` holds people that are not in a set
            of twelve of the same seed.
        frames_per_clip: Number of frames, or smallest and largest number; the layout's own when None.
        difficulty: Amplitudes; the defaults when None.
        damage: Kinds of damage (``DAMAGE``) to do to the finished set: the first to its first clip, and so on.
        workers: Processes; None takes the processors at hand, 1 stays in this process.
        progress: Called with (clips done, clips in all) after every clip or group of clips.

    Returns:
        Counts.

    Raises:
        UnknownNameError: Unknown layout or damage.
        ConfigError: A number out of range, damage that the layout cannot have, or a folder that holds something else.
    """
    facts = get_layout(layout)
    show = facts.show
    limits = {"subjects": (subjects, 1), "clips_per_subject": (clips_per_subject, 1), "seed": (seed, 0)}
    limits |= {"first_subject": (first_subject, 1), "workers": (1 if workers is None else workers, 1)}
    for name, (value, least) in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigError(f"{name} must be an integer of at least {least}. Received: {value!r}")
    if first_subject + subjects - 1 > show.last_subject or clips_per_subject > show.last_clip:
        raise ConfigError(
            f"layout {layout!r} has room for subjects up to {show.last_subject} and {show.last_clip} clips of each. "
            f"Received: subjects up to {first_subject + subjects - 1}, {clips_per_subject} clips"
        )
    if frames_per_clip is None:
        frames_per_clip = show.frames
    low, high = (frames_per_clip, frames_per_clip) if isinstance(frames_per_clip, int) else frames_per_clip
    least = show.repertoire.least_frames
    if not least <= low <= high <= 1000:
        raise ConfigError(f"frames_per_clip must lie in {least}..1000, low before high. Received: {frames_per_clip!r}")
    damage = tuple(damage)
    check_damage(layout, damage, subjects * clips_per_subject)
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
        **({"damage": list(damage)} if damage else {}),
    }
    root = pathlib.Path(out)
    jobs = [
        _Job(
            str(root), layout, int(seed), int(first_subject) + index, index, int(clips_per_subject), frames, difficulty
        )
        for index in range(subjects)
    ]
    _earlier(root, settings, facts)  # nothing is made in what is no folder, or not ours
    with output.locked(root):
        earlier = _earlier(root, settings, facts)
        if earlier is None:
            return _write_set(root, settings, facts, jobs, damage, workers, progress)
    logger.info("synthetic set already complete: %s", root)
    return dataclasses.replace(earlier, out=str(root), skipped=True)


def _write_set(
    root: pathlib.Path, settings: dict, facts: Layout, jobs: Sequence[_Job], damage: Sequence[str], workers, progress
) -> SynthSummary:
    """Writes the set anew; its settings say that it is complete when it is."""
    _write_settings(root, settings, None)
    for name in (*facts.folders, TRUTH_FOLDER):
        shutil.rmtree(root / name, ignore_errors=True)
    for name in facts.sheets:
        (root / name).unlink(missing_ok=True)
    if facts.truth:
        (root / TRUTH_FOLDER).mkdir(parents=True)

    total = sum(job.clips for job in jobs)
    written: list[WrittenClip] = []
    workers = min(workers or len(os.sched_getaffinity(0)), len(jobs))
    if workers == 1:
        for job in jobs:
            for clip in _clips_of(job):
                written.append(clip)
                if progress:
                    progress(len(written), total)
    else:
        with Processes(workers) as processes:
            for part in [processes.submit(_worker, job) for job in jobs]:
                written += part.result()
                if progress:
                    progress(len(written), total)
    places = LayoutWriter(root, facts).finish(written)
    for index, kind in sorted(enumerate(damage), key=lambda item: item[1].endswith("sheet")):
        damage_layout(places, kind, index)
    summary = SynthSummary(
        out=str(root), subjects=len(jobs), clips=len(written), frames=_count_frames(root, facts), damage=tuple(damage),
        **_counts(facts, written),
    )  # fmt: skip
    _write_settings(root, settings, summary)
    return summary


@dataclasses.dataclass(frozen=True)
class _Job:
    """The clips of one subject."""

    root: str
    layout: str
    seed: int
    subject: int
    index: int
    clips: int
    frames: int | tuple[int, int]
    difficulty: Difficulty


def _counts(facts: Layout, written: Sequence[WrittenClip]) -> dict:
    names = [clip.emotion.casefold() for clip in written]
    emotions = {name: names.count(name) for name in facts.show.repertoire.emotions}
    rule = get_mapping(facts.card.mapping)
    classes = dict.fromkeys(rule.classes, 0)
    for name, count in emotions.items():
        label = rule.label(facts.dataset, name)
        if label is not None:
            classes[rule.classes[label]] += count
    return {"emotions": emotions, "classes": classes}


def _count_frames(root: pathlib.Path, facts: Layout) -> int:
    files = (name for top in facts.folders for _, _, names in os.walk(root / top) for name in names)
    return sum(name.endswith(PICTURES) for name in files) - facts.strays


def _earlier(root: pathlib.Path, settings: dict, facts: Layout) -> SynthSummary | None:
    """Counts of a complete earlier set of these settings, or None where the folder may be written."""
    if root.exists() and not root.is_dir():
        raise ConfigError(f"{root} is a file; give a folder for the synthetic set")
    if not root.is_dir() or all(is_left_over(path.name) for path in root.iterdir()):
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
    if not complete or _count_frames(root, facts) != summary["frames"]:
        return None
    if facts.sheets and not (root / facts.sheets[0]).is_file() and "no_sheet" not in settings.get("damage", ()):
        return None
    return SynthSummary(out=str(root), **{**summary, "damage": tuple(settings.get("damage", ()))})


def _write_settings(root: pathlib.Path, settings: dict, summary: SynthSummary | None) -> None:
    counts = dataclasses.asdict(summary) if summary else None
    if counts:
        del counts["out"], counts["skipped"], counts["damage"]
    text = json.dumps({**settings, "complete": summary is not None, "summary": counts}, indent=2, sort_keys=True)
    atomic.write_text(root / SETTINGS, text + "\n")


def _subject(layout: str, seed: int, number: int, difficulty: Difficulty) -> SyntheticSubject:
    show = get_layout(layout).show
    return SyntheticSubject(seed, number, difficulty, repertoire=show.repertoire, view=show.view(number))


def _worker(job: _Job) -> list[WrittenClip]:
    cv2.setNumThreads(1)
    return list(_clips_of(job))


def _clips_of(job: _Job) -> Iterator[WrittenClip]:
    """Writes the clips of one subject one after another."""
    facts, root = get_layout(job.layout), pathlib.Path(job.root)
    writer, show = LayoutWriter(root, facts), facts.show
    subject = _subject(job.layout, job.seed, job.subject, job.difficulty)
    for number in range(job.clips):
        plan = subject.plan(number, frames=job.frames)
        own = 0 if show.first is None else show.first - plan.first
        clip = LayoutClip(
            subject=job.subject,
            clip=number,
            emotion=plan.emotion,
            aus=show.units(plan),
            onset=plan.onset + own,
            apex=plan.apex + own,
            offset=plan.offset + own,
            frames=_Frames(subject, plan, own, show),
        )
        written = writer.write(clip, job.index * job.clips + number)
        if facts.truth:
            _write_truth(root / TRUTH_FOLDER, subject, plan, job, written)
        yield written


@dataclasses.dataclass(frozen=True)
class _Frames:
    """Draws the frames of a clip when the layout asks for them."""

    subject: SyntheticSubject
    plan: ClipPlan
    shift: int
    show: SyntheticSet

    def __call__(self) -> Iterator[tuple[int, np.ndarray]]:
        subject, plan = self.show.seen(self.subject, self.plan)
        wanted = range(plan.frames)[-(self.show.last_frames or plan.frames) :]
        for frame, picture in zip(wanted, subject.render(plan, frames=wanted)):
            number = plan.first + frame + self.shift
            yield number, picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _write_truth(
    folder: pathlib.Path, subject: SyntheticSubject, plan: ClipPlan, job: _Job, written: WrittenClip
) -> None:
    numbers = {name: getattr(written.clip, name) + written.shift for name in ("onset", "apex", "offset")}
    facts = {
        "seed": subject.seed, "subject": plan.subject, "clip": plan.clip, "frames": job.frames,
        "difficulty": subject.difficulty.to_json(), **numbers,
        "apex_px": plan.apex_px, "emotion": plan.emotion, "aus": plan.aus,
        **({} if job.layout == "casme2" else {"layout": job.layout}),
    }  # fmt: skip
    points = np.stack([subject.points(plan, k) for k in range(plan.frames)]).astype(np.float32)
    _, name, clip = written.key.split("/")
    np.savez_compressed(
        folder / f"{name}_{clip}.npz", facts=np.array(json.dumps(facts, sort_keys=True)),
        numbers=np.array(written.numbers), points=points, closure=plan.closure, amplitudes=plan.amplitudes,
        pose=plan.pose,
    )  # fmt: skip
