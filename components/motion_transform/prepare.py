"""A clip table to motion records in one Beam pipeline; the same steps as the TFX components, without TFX."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components import reports
from components.clip_example_gen.records import encode_clip, read_frames
from components.motion_transform.transform import MotionRecords
from mer_tf import output
from mer_tf.console import announce
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.errors import ClipError, MerError, OutputError
from mer_tf.preprocessing import find_landmark_model
from mer_tf.preprocessing.versions import file_digest
from mer_tf.recipes import FramesConfig, Recipe
from mer_tf.records import RECIPE, RECORDS, finish_swap, set_file, swap_set
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
    beam_pipeline_args: Sequence[str] = (),
    force: bool = False,
) -> reports.Report:
    """Writes ``out/motion-*.gz`` (motion records) and ``out/clips.json`` (what happened to each clip,
    whether they are synthetic, whether the set is partial).

    Args:
        table: The clips.
        recipe: What turns a clip into a model's input.
        out: Folder; records of an earlier call are replaced when this one has succeeded, all at once.
        strict: Whether a fault of one clip is raised.
        workers: Processes that preprocessing is spread over.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
        beam_pipeline_args: Arguments of the Beam runner.
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
        report = _make(table, recipe, part, strict, workers, landmark_model, beam_pipeline_args)
        facts = {**data_flags(table, bool(report.faults)), SETTINGS: settings, RECIPE: recipe.to_json()}
        reports.write_report(report, part, facts)
        swap_set(out, os.path.join(out, UNFINISHED))
    return report


def _make(
    table: ClipTable, recipe: Recipe, part: str, strict: bool, workers: int, landmark_model, beam_pipeline_args
) -> reports.Report:
    """Writes the record files into ``part``."""
    with reports.named_errors(), beam.Pipeline(options=PipelineOptions(list(beam_pipeline_args))) as pipeline:
        read = (
            pipeline
            # Not shuffled here, which would hold a second copy of the table; MotionRecords spreads where it helps.
            | "Clips" >> beam.Create(list(table.clips), reshuffle=False)
            | "ReadFrames"
            >> beam.ParDo(ReadClip(strict, recipe.frames)).with_outputs(reports.OUTCOME_TAG, main="records")
        )
        reports.write_outcomes(read[reports.OUTCOME_TAG], os.path.join(part, "read"))
        _ = (
            read["records"]
            | "Motion" >> MotionRecords(
                recipe, os.path.join(part, "report"), strict=strict, workers=workers, landmark_model=landmark_model
            )
            # A number of shards would be reached by collecting all records in memory first.
            | "Write" >> beam.io.WriteToTFRecord(os.path.join(part, RECORDS), file_name_suffix=".gz")
        )  # fmt: skip
    read_report = reports.read_report(os.path.join(part, "read"))
    motion_report = reports.read_report(os.path.join(part, "report"))
    report = dataclasses.replace(motion_report, faults=read_report.faults + motion_report.faults)
    reports.check_report(report, "prepare")
    for name in ("read", "report"):
        shutil.rmtree(os.path.join(part, name))
    return report


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
    """A new folder in ``out`` for what is not whole yet, under a path that Beam takes; it goes when the block ends."""
    part = os.path.join(out, UNFINISHED)
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    os.makedirs(part)
    try:
        with _plain_path(part) as path:
            yield path
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _plain_path(folder: str) -> Iterator[str]:
    """The folder by a path without brackets and odd bytes: Beam takes every path for a pattern and cannot quote one."""
    try:
        output.check_plain_name(folder, "Beam")
    except OutputError:
        with tempfile.TemporaryDirectory(prefix="mer-") as alias:
            output.check_plain_name(alias, "Beam", "the folder for temporary files,")
            os.symlink(folder, os.path.join(alias, UNFINISHED))
            yield os.path.join(alias, UNFINISHED)
    else:
        yield folder


def data_flags(table: ClipTable, faults: bool) -> dict[str, bool]:
    """What must go with every figure: ``synthetic`` (drawn clips), ``partial`` (clips are absent or were left out)."""
    return {"synthetic": is_synthetic_table(table), "partial": table.partial or faults}


@beam.typehints.with_input_types(Clip)
@beam.typehints.with_output_types(bytes)
class ReadClip(beam.DoFn):
    """The needed frames of a clip as a clip record; a fault is tagged, or raised under ``strict``."""

    def __init__(self, strict: bool, frames: FramesConfig):
        self._strict = strict
        self._frames = frames

    def process(self, clip: Clip):
        """Yields the serialized record."""
        try:
            yield encode_clip(clip, read_frames(clip, self._frames)).SerializeToString(deterministic=True)
        except ClipError as error:
            error = error if error.clip else error.at(clip.key)
            if self._strict:
                raise error from None
            announce(reports.CLIPS)  # the next step, which announces the others, does not see it
            yield reports.outcome(clip.key, error)
