"""The manifest: a clip table as one CSV file that stands alone and changes when a frame changes.

The first line is a comment with a JSON object (format, dataset, mapping, classes, root, frames hashed); then one row
per clip with all its facts, its frame numbers and file paths (JSON lists, paths relative to ``root``), and
``sha256`` over the bytes of its frames.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import threading
from collections.abc import Mapping

from mer_tf import atomic
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.datasets.people import People, clip_key
from mer_tf.errors import AnnotationError, ConfigError, FrameOrderError, ImageError
from mer_tf.files import check_regular, csv_plain, csv_safe
from mer_tf.run_files import MANIFEST_FORMAT
from mer_tf.types import Clip, ClipTable

COLUMNS = (
    "dataset",
    "subject",
    "clip",
    "onset",
    "apex",
    "offset",
    "fps",
    "emotion",
    "aus",
    "label",
    "mapping",
    "frame_numbers",
    "frames",
    "sha256",
)
HASHED = ("all", "needed")

_FIELD_LIMIT = 2**27  # the CSV module's own limit is less than the file list of a long clip
_MAX_BYTES = 2**30
_TEXTS = ("dataset", "subject", "clip", "emotion", "aus", "mapping")
_limit_lock = threading.Lock()


def write_manifest(
    table: ClipTable, path: str | os.PathLike, *, recipe_frames: str = "all", root: str | os.PathLike | None = None
) -> dict[str, str]:
    """Writes the manifest of a table; the file appears whole or not at all.

    Args:
        table: The clips.
        path: CSV file to write; its folder is made.
        recipe_frames: Which frames ``sha256`` covers: ``"all"`` listed ones, or ``"needed"``, the onset and apex that
            an onset-apex recipe reads (quicker).
        root: Folder that the frame paths are relative to; None for the deepest folder that holds them all.

    Returns:
        Content hash by clip key.
    """
    if root is None:
        folders = {os.path.dirname(frame) for clip in table.clips for frame in clip.frames}
        root = os.path.commonpath(sorted(folders)) if folders else os.getcwd()
    root = os.path.abspath(os.fspath(root))
    head = {
        "format": MANIFEST_FORMAT,
        "dataset": table.dataset,
        "mapping": table.mapping,
        "classes": list(table.classes),
        "root": root,
        "recipe_frames": recipe_frames,
        "partial": table.partial,
        "synthetic": is_synthetic_table(table),
    }
    text = io.StringIO()
    text.write("# " + json.dumps(head, ensure_ascii=False) + "\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    hashes = {}
    for clip in table.clips:
        hashes[clip.key] = content_hash(clip, recipe_frames=recipe_frames)
        files = [pathlib.PurePath(os.path.relpath(frame, root)).as_posix() for frame in clip.frames]
        row = dataclasses.asdict(clip)
        row.update(
            apex="" if clip.apex is None else clip.apex,
            label="" if clip.label is None else clip.label,
            fps=repr(float(clip.fps)),
            frame_numbers=json.dumps(clip.frame_numbers, separators=(",", ":")),
            frames=json.dumps(files, ensure_ascii=False, separators=(",", ":")),
            sha256=hashes[clip.key],
            **{name: csv_safe(row[name]) for name in _TEXTS},
        )
        writer.writerow([row[column] for column in COLUMNS])
    atomic.write_text(path, text.getvalue())
    return hashes


def read_manifest(
    path: str | os.PathLike, *, root: str | os.PathLike | None = None
) -> tuple[ClipTable, dict[str, str]]:
    """Reads a manifest.

    Args:
        path: CSV file.
        root: Folder to take in place of the recorded one, where the data was moved.

    Returns:
        The table (without the reader's problems), every person in one spelling, and the content hash by clip key.
        Whether the frame files are there is not looked at.

    Raises:
        MissingFileError: No such file.
        AnnotationError: Not a manifest, or a row that cannot be used.
    """
    path = os.fspath(path)
    check_regular(path, "manifest", "write one first", limit=_MAX_BYTES)
    with open(path, encoding="utf-8", newline="", errors="surrogateescape") as file:
        first, body = file.readline(), file.read()
    try:
        head = json.loads(first.removeprefix("#"))
        known = first.startswith("#") and head["format"] == MANIFEST_FORMAT
        classes, base = tuple(head["classes"]), os.fspath(root if root is not None else head["root"])
        dataset, mapping = head["dataset"], head["mapping"]
        partial, synthetic = bool(head.get("partial", False)), bool(head.get("synthetic", False))
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise AnnotationError(
            f"{path!r} is not a manifest of format {MANIFEST_FORMAT}: its first line is {first[:80]!r}"
        )
    with _limit_lock:
        limit = csv.field_size_limit(_FIELD_LIMIT)
        try:
            rows = list(csv.reader(io.StringIO(body, newline="")))
        finally:
            csv.field_size_limit(limit)
    if not rows or tuple(rows[0]) != COLUMNS:
        raise AnnotationError(f"manifest {path!r} must have the columns {', '.join(COLUMNS)}")
    clips, hashes, people, seen = [], {}, People(), set()
    for number, row in enumerate(rows[1:], start=3):
        try:
            clip, digest = _read_row(dict(zip(COLUMNS, row, strict=True)), base)
            dataset, subject = people.add(clip.dataset, clip.subject)
        except (ValueError, TypeError, RecursionError, OverflowError, ConfigError) as error:
            raise AnnotationError(f"manifest {path!r} row {number} cannot be used ({error})") from error
        if clip.label is not None and not 0 <= clip.label < len(classes):
            raise AnnotationError(f"manifest {path!r} row {number}: label {clip.label} of {len(classes)} classes")
        clip = dataclasses.replace(clip, dataset=dataset, subject=subject)
        if (key := clip_key(dataset, subject, clip.clip)) in seen:
            raise AnnotationError(f"manifest {path!r} row {number} repeats clip {clip.key}")
        seen.add(key)
        clips.append(clip)
        hashes[clip.key] = digest
    return ClipTable(dataset, mapping, classes, tuple(clips), partial=partial, synthetic=synthetic), hashes


def content_hash(clip: Clip, *, recipe_frames: str = "all") -> str:
    """SHA-256 over the numbers and bytes of a clip's frame files.

    A file that cannot be read counts as such and stops nothing here: the step that needs it leaves the clip out.

    Args:
        clip: The clip.
        recipe_frames: ``"all"`` listed frames, or ``"needed"`` (onset and apex as ``needed_frames`` gives them; all
            where it gives none).
    """
    if recipe_frames not in HASHED:
        raise ValueError(f"recipe_frames must be 'all' or 'needed'. Received: {recipe_frames!r}")
    from mer_tf.preprocessing.images import read_picture  # here, because it imports OpenCV

    frames = list(zip(clip.frame_numbers, clip.frames, strict=True))
    if recipe_frames == "needed":
        from mer_tf.preprocessing.select import needed_frames

        # Without an onset-apex pair the step that needs one reports the clip, and the hash covers every frame.
        with contextlib.suppress(FrameOrderError):
            frames = [(number, clip.frame_path(number)) for number in needed_frames(clip)[:2]]
    digest = hashlib.sha256()
    for number, path in frames:
        try:
            data = read_picture(path)
        except ImageError:
            digest.update(f"{number}:unreadable:".encode())
            continue
        digest.update(f"{number}:{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


def data_fingerprint(data: ClipTable | Mapping[str, str]) -> str:
    """One hash of a whole set, whatever the order of its clips.

    Args:
        data: A table (its frames are read), or content hashes by clip key.

    Returns:
        64 hexadecimal digits. It covers clip keys and content; labels are part of a run's configuration.
    """
    hashes = {clip.key: content_hash(clip) for clip in data.clips} if isinstance(data, ClipTable) else dict(data)
    text = json.dumps(sorted(hashes.items()), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _read_row(row: dict[str, str], root: str) -> tuple[Clip, str]:
    row |= {name: csv_plain(row[name]) for name in _TEXTS}
    numbers, files = json.loads(row["frame_numbers"]), json.loads(row["frames"])
    if len(numbers) != len(files):
        raise ValueError(f"{len(numbers)} frame numbers and {len(files)} files")
    clip = Clip(
        dataset=row["dataset"],
        subject=row["subject"],
        clip=row["clip"],
        onset=int(row["onset"]),
        apex=int(row["apex"]) if row["apex"] else None,
        offset=int(row["offset"]),
        fps=float(row["fps"]),
        emotion=row["emotion"],
        aus=row["aus"],
        label=int(row["label"]) if row["label"] else None,
        mapping=row["mapping"],
        frames=tuple(os.path.normpath(os.path.join(root, file)) for file in files),
        frame_numbers=tuple(int(number) for number in numbers),
    )
    return clip, row["sha256"]
