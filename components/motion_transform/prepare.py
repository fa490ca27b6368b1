"""A clip table to motion records in one Beam pipeline; the same steps as the TFX components, without TFX."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components import reports
from components.clip_example_gen.records import encode_clip, read_frames
from components.motion_transform.transform import MotionRecords
from mer_tf.console import announce
from mer_tf.datasets.origin import is_synthetic_table
from mer_tf.errors import ClipError
from mer_tf.recipes import FramesConfig, Recipe
from mer_tf.types import Clip, ClipTable

RECORDS = "motion"


def prepare(
    table: ClipTable,
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    strict: bool = False,
    workers: int = 1,
    landmark_model: str | None = None,
    beam_pipeline_args: Sequence[str] = (),
) -> reports.Report:
    """Writes ``out/motion-*.gz`` (motion records) and ``out/clips.json`` (what happened to each clip,
    whether they are synthetic, whether the set is partial).

    Args:
        table: The clips.
        recipe: What turns a clip into a model's input.
        out: Folder; records of an earlier call are replaced when this one has succeeded.
        strict: Whether a fault of one clip is raised.
        workers: Processes that preprocessing is spread over.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
        beam_pipeline_args: Arguments of the Beam runner.

    Returns:
        The report.

    Raises:
        EmptySplitError: No clip came through.
        ClipError: Under ``strict``, the first fault.
    """
    out = os.path.abspath(out)
    part = os.path.join(out, "unfinished")
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
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
    for name in os.listdir(out):
        if name.startswith(RECORDS) and name.endswith(".gz"):
            os.unlink(os.path.join(out, name))
    for name in os.listdir(part):
        if name.endswith(".gz"):
            os.replace(os.path.join(part, name), os.path.join(out, name))
    reports.write_report(report, out, data_flags(table, bool(report.faults)))
    shutil.rmtree(part)
    return report


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
