"""A clip table to a folder of motion records: the records that the pipeline's components make, without TFX or Beam."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator

import numpy as np

from mer_tf import atomic, output
from mer_tf.console import announce
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.errors import ClipError, MerError
from mer_tf.preparation.report import CLIPS, Report, check_report, summary, to_text
from mer_tf.preparation.work import ClipWork, Outcome, record_and_row
from mer_tf.preprocessing import find_landmark_model
from mer_tf.preprocessing.clip_files import read_frames
from mer_tf.preprocessing.versions import file_digest
from mer_tf.recipes import Recipe
from mer_tf.records import RECIPE, RECORDS, finish_swap, set_file, swap_set, write_motion_records
from mer_tf.run_files import CLIPS_FILE
from mer_tf.types import Clip, ClipTable

UNFINISHED = "unfinished"
SETTINGS = "settings"  # key of clips.json


def prepare(
    table: ClipTable,
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    strict: bool = False,
    workers: int = 1,
    landmark_model: str | None = None,
    force: bool = False,
) -> Report:
    """Writes ``out/motion-*.gz`` (motion records) and ``out/clips.json`` (what happened to each clip,
    whether they are synthetic, whether the set is partial).

    Args:
        table: The clips.
        recipe: What turns a clip into a model's input.
        out: Folder; records of an earlier call are replaced when this one has succeeded, all at once.
        strict: Whether a fault of one clip is raised.
        workers: Processes that preprocessing is spread over; 1 works in this one. The records are the same.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
        force: Replace a set that was made with other settings.

    Returns:
        The report.

    Raises:
        ConfigError: The folder holds a set of other settings and ``force`` is not given, or another run writes to it.
        EmptySplitError: No clip came through.
        ClipError: Under ``strict``, the first fault.
    """
    out = os.path.abspath(out)
    finish_swap(out)
    settings = set_settings(table, recipe, landmark_model)
    output.check_settings(out, _earlier_settings(out, settings), settings, force=force)
    with output.locked(out), _work_folder(out) as part:
        report = _make(table, recipe, part, strict, workers, landmark_model)
        facts = {**data_flags(table, bool(report.faults)), SETTINGS: settings, RECIPE: recipe.to_json()}
        atomic.write_text(os.path.join(part, CLIPS_FILE), to_text(report, facts))
        swap_set(out, os.path.join(out, UNFINISHED))
    return report


def _make(table: ClipTable, recipe: Recipe, part: str, strict: bool, workers: int, landmark_model) -> Report:
    """Writes the record file into ``part``."""
    rows = []

    def records(work: ClipWork) -> Iterator[bytes]:
        for found in _outcomes(work, table, recipe):
            if found.error is not None and strict:
                raise found.error
            record, told = record_and_row(found, recipe)
            rows.append(told)
            if record is not None:
                yield record

    with ClipWork(recipe, workers=workers, landmark_model=landmark_model) as work:
        # The name that a set has had from the start, when the number of files was for others to choose.
        write_motion_records(os.path.join(part, f"{RECORDS}-00000-of-00001.gz"), records(work))
    report = summary(rows)
    check_report(report, "prepare")
    return report


def _outcomes(work: ClipWork, table: ClipTable, recipe: Recipe) -> Iterator[Outcome]:
    """What became of every clip of the table."""
    for clip in table.clips:
        try:
            frames = read_frames(clip, recipe.frames)
        except ClipError as error:
            announce(CLIPS)
            yield Outcome(clip, None, error if error.clip else error.at(clip.key), 0.0)
            continue
        yield from work.put(_as_recorded(clip, frames), frames)
    yield from work.rest()


def _as_recorded(clip: Clip, frames: dict[int, bytes]) -> Clip:
    """The clip as a clip record hands it on in the pipeline: no paths, frames per second as float32."""
    return dataclasses.replace(
        clip, frames=("",) * len(frames), frame_numbers=tuple(frames), fps=float(np.float32(clip.fps))
    )


def set_settings(table: ClipTable, recipe: Recipe, landmark_model: str | os.PathLike | None = None) -> dict:
    """What makes a set of records another one, as JSON types.

    Of the clips the places count, not the content: a set that was completed or repaired is prepared again.
    """
    places: dict[str, set[str]] = {}
    for clip in table.clips:
        places.setdefault(clip.dataset, set()).update(map(os.path.dirname, clip.frames[:1]))
    return {
        "dataset": table.dataset,
        "mapping": table.mapping,
        "recipe": f"{recipe.name} ({recipe.hash})",
        "data": {name: os.path.realpath(os.path.commonpath(sorted(found))) for name, found in places.items() if found},
        "landmark_model": _model_digest(landmark_model),
    }


def _model_digest(landmark_model) -> str:
    try:
        return file_digest(find_landmark_model(landmark_model))
    except (OSError, MerError):
        return ""  # not needed by every recipe; where it is, it is missed by name


def _earlier_settings(out: str, settings: dict) -> dict | None:
    """Settings of the set in the folder; those of this one where it holds none, None where they are not recorded."""
    try:
        with open(set_file(out, CLIPS_FILE), encoding="utf-8") as file:
            return json.load(file).get(SETTINGS)
    except FileNotFoundError:
        there = os.path.isdir(out) and any(n.startswith(RECORDS) and n.endswith(".gz") for n in os.listdir(out))
        return None if there else settings
    except (OSError, ValueError, AttributeError):
        return None


@contextlib.contextmanager
def _work_folder(out: str) -> Iterator[str]:
    """A new folder in ``out`` for what is not whole yet; it goes when the block ends."""
    part = os.path.join(out, UNFINISHED)
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    os.makedirs(part)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def data_flags(table: ClipTable, faults: bool) -> dict[str, bool]:
    """What must go with every figure: ``synthetic`` (drawn clips), ``partial`` (clips are absent or were left out)."""
    return {"synthetic": is_synthetic_table(table), "partial": table.partial or faults}
