"""Work of MotionTransform: reads and writes artifacts around ``MotionRecords``."""

from __future__ import annotations

import json
import os
from typing import Any

import apache_beam as beam
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils

from mer_tf.components import reports
from mer_tf.components.motion_transform.schema import motion_schema
from mer_tf.components.motion_transform.transform import MotionRecords
from mer_tf.preparation.report import FAULTS, check_report
from mer_tf.recipes import Recipe

SCHEMA_FILE = "schema.pbtxt"


class Executor(BaseBeamExecutor):
    """Thin shell: splits in, splits out, schema and report beside them."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Runs the transform on every split.

        Raises:
            EmptySplitError: Where no clip came through.
            ClipError: Under ``strict``, the first fault.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        motion = artifact_utils.get_single_instance(output_dict["motion"])
        schema = artifact_utils.get_single_instance(output_dict["schema"])
        recipe = Recipe.from_json(json.loads(exec_properties["recipe"]))
        motion.splits = examples.splits
        examples_utils.set_payload_format(motion, example_gen_pb2.FORMAT_TF_EXAMPLE)
        for split in examples.splits:
            source = artifact_utils.get_split_uri([examples], split)
            target = artifact_utils.get_split_uri([motion], split)
            report_folder = os.path.join(motion.uri, "report", split)
            with reports.named_errors(), self._make_beam_pipeline() as pipeline:
                _ = (
                    pipeline
                    | "Read" >> beam.io.ReadFromTFRecord(io_utils.all_files_pattern(source))
                    | "Motion"
                    >> MotionRecords(
                        recipe,
                        report_folder,
                        strict=bool(exec_properties.get("strict")),
                        workers=int(exec_properties.get("workers") or 1),
                        landmark_model=exec_properties.get("landmark_model") or None,
                    )
                    | "Write" >> beam.io.WriteToTFRecord(os.path.join(target, "data_tfrecord"), file_name_suffix=".gz")
                )
            report = reports.read_report(report_folder)
            check_report(report, "MotionTransform")
            motion.set_int_custom_property("clips", motion.get_int_custom_property("clips") + report.done)
            motion.set_int_custom_property(FAULTS, motion.get_int_custom_property(FAULTS) + len(report.faults))
        motion.set_string_custom_property("recipe_hash", recipe.hash)
        io_utils.write_pbtxt_file(os.path.join(schema.uri, SCHEMA_FILE), motion_schema(recipe))
