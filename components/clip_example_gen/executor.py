"""Work of ClipExampleGen: manifest rows to SequenceExamples, in Beam."""

from __future__ import annotations

import json
import os
from typing import Any

import apache_beam as beam
from google.protobuf import struct_pb2
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from mer_tf.components import reports
from mer_tf.components.clip_example_gen.records import encode_clip
from mer_tf.console import announce
from mer_tf.errors import AnnotationError, ClipError
from mer_tf.preparation.report import CLIPS, FAULTS, check_report, row
from mer_tf.preprocessing.clip_files import read_frames
from mer_tf.recipes import FramesConfig
from mer_tf.types import Clip, ClipTable

STRICT = "strict"
DATA_ROOT = "data_root"
FRAMES = "frames"
# Custom properties of the artifact, carried on into the passport.
FINGERPRINT = "data_fingerprint"
SYNTHETIC = "synthetic"
PARTIAL = "partial"


class Executor(BaseExampleGenExecutor):
    """Thin shell around ``clip_records``."""

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        """The transform that the base class applies to the (only) split."""
        return clip_records

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Writes the records, then their report; see the base class for the arguments."""
        from mer_tf.datasets.manifest import data_fingerprint

        examples = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        properties = {**exec_properties, "_report_folder": examples.uri}
        with reports.named_errors():
            super().Do(input_dict, output_dict, properties)
        report = reports.read_report(examples.uri)
        table, hashes = _manifest(exec_properties)
        examples.set_string_custom_property(FINGERPRINT, data_fingerprint(hashes))
        examples.set_int_custom_property(SYNTHETIC, int(table.synthetic))
        examples.set_int_custom_property(PARTIAL, int(table.partial or bool(report.faults)))
        examples.set_int_custom_property("clips", report.done)
        examples.set_int_custom_property(FAULTS, len(report.faults))
        check_report(report, "ClipExampleGen")


@beam.ptransform_fn
def clip_records(pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str) -> beam.PCollection:
    """SequenceExamples of the clips of a manifest.

    Args:
        pipeline: The pipeline, or its beginning.
        exec_properties: ``input_base``, ``custom_config`` and the folder the report goes to.
        split_pattern: Name of the manifest file within ``input_base``.

    Raises:
        AnnotationError: Where the manifest is not there or lists no usable hash.
    """
    from mer_tf.datasets.manifest import read_manifest

    path = os.path.join(exec_properties[standard_component_specs.INPUT_BASE_KEY], split_pattern)
    settings = _settings(exec_properties)
    table, hashes = read_manifest(path, root=settings.get(DATA_ROOT) or None)
    frames = FramesConfig(**json.loads(settings.get(FRAMES) or "{}"))
    work = ReadFrames(bool(settings.get(STRICT)), hashed_frames(path), frames)
    outputs = (
        pipeline
        | "Clips" >> beam.Create([(clip, hashes[clip.key]) for clip in table.clips])
        | "Spread" >> beam.Reshuffle()
        | "ReadFrames" >> beam.ParDo(work).with_outputs(reports.OUTCOME_TAG, main="records")
    )
    reports.write_outcomes(outputs[reports.OUTCOME_TAG], exec_properties["_report_folder"])
    return outputs["records"]


@beam.typehints.with_input_types(tuple[Clip, str])
@beam.typehints.with_output_types(bytes)
class ReadFrames(beam.DoFn):
    """Checks a clip against its hash and reads the frames the recipes need.

    Args:
        strict: Whether a fault of one clip is raised instead of reported.
        hashed: Which frames the hash covers, ``"all"`` or ``"needed"``.
        frames: Which frames are read.
    """

    def __init__(self, strict: bool, hashed: str, frames: FramesConfig):
        self._strict = strict
        self._hashed = hashed
        self._frames = frames

    def process(self, element: tuple[Clip, str]):
        """Yields the serialized record and, tagged, the clip's outcome."""
        from mer_tf.datasets.manifest import content_hash

        clip, expected = element
        announce(CLIPS)
        try:
            frames = read_frames(clip, self._frames)
            found = content_hash(clip, recipe_frames=self._hashed)
        except ClipError as error:
            error = error if error.clip else error.at(clip.key)
            if self._strict:
                raise error from None
            yield reports.outcome(row(clip.key, error))
            return
        if found != expected:
            raise AnnotationError(
                f"{clip.key}: frames differ from the manifest (hash {found[:12]}, expected {expected[:12]}); "
                "write the manifest again"
            )
        yield encode_clip(clip, frames).SerializeToString(deterministic=True)
        yield reports.outcome(row(clip.key))


def hashed_frames(manifest: str) -> str:
    """Which frames the hashes of a manifest cover, as its first line says."""
    with open(manifest, encoding="utf-8", errors="surrogateescape") as file:
        return json.loads(file.readline().removeprefix("#")).get("recipe_frames", "all")


def _manifest(exec_properties: dict[str, Any]) -> tuple[ClipTable, dict[str, str]]:
    from mer_tf.datasets.manifest import read_manifest

    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], config)
    folder = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    return read_manifest(os.path.join(folder, config.splits[0].pattern))


def _settings(exec_properties: dict[str, Any]) -> dict:
    config = example_gen_pb2.CustomConfig()
    settings = struct_pb2.Struct()
    text = exec_properties.get(standard_component_specs.CUSTOM_CONFIG_KEY)
    if text:
        proto_utils.json_to_proto(text, config)
        config.custom_config.Unpack(settings)
    return dict(settings)
