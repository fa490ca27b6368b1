"""Clip records to motion records as a Beam transform; knows nothing of TFX.

OpenCV and dlib objects cannot be pickled and are costly to make, so they are opened in ``setup`` on the worker
and closed in ``teardown``.
"""

from __future__ import annotations

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.transforms.window import GlobalWindows

from mer_tf.components import reports
from mer_tf.components.clip_example_gen.records import decode_clip
from mer_tf.preparation.work import ClipWork, Outcome, record_and_row
from mer_tf.recipes import Recipe


class MotionRecords(beam.PTransform):
    """Serialized clip records in, serialized motion records out.

    Args:
        recipe: What turns a clip into a model's input.
        report_folder: Folder for the outcome of every clip (``mer_tf.components.reports``).
        strict: Whether a fault of one clip is raised instead of reported.
        workers: Processes each Beam worker spreads its clips over.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
    """

    def __init__(
        self,
        recipe: Recipe,
        report_folder: str,
        *,
        strict: bool = False,
        workers: int = 1,
        landmark_model: str | None = None,
    ):
        super().__init__()
        self._report_folder = report_folder
        self._work = PreprocessClips(recipe, strict=strict, workers=workers, landmark_model=landmark_model)

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Adds the steps; the report is complete when the pipeline has run."""
        if not _in_one_process(records.pipeline):
            # Beam's local runner has one worker to spread to, and would hold every frame of the dataset for it.
            records = records | "Spread" >> beam.Reshuffle()
        outputs = records | "Preprocess" >> beam.ParDo(self._work).with_outputs(reports.OUTCOME_TAG, main="motion")
        reports.write_outcomes(outputs[reports.OUTCOME_TAG], self._report_folder)
        return outputs["motion"]


def _in_one_process(pipeline: beam.Pipeline) -> bool:
    """Whether the pipeline runs in this process alone, as Beam's local runner does unless told otherwise."""
    from apache_beam.runners.direct import direct_runner
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    local = (direct_runner.DirectRunner, direct_runner.BundleBasedDirectRunner, FnApiRunner)
    return isinstance(pipeline.runner, local) and pipeline.options.view_as(DirectOptions).direct_num_workers == 1


@beam.typehints.with_input_types(bytes)
@beam.typehints.with_output_types(bytes)
class PreprocessClips(beam.DoFn):
    """Preprocesses clips by ``mer_tf.preparation.work``, which is opened in ``setup`` on the worker.

    Args:
        recipe: What turns a clip into a model's input.
        strict: Whether a fault of one clip is raised instead of reported.
        workers: Number of processes; 1 works in this one.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
    """

    def __init__(self, recipe: Recipe, *, strict: bool, workers: int, landmark_model: str | None):
        self._recipe = recipe
        self._strict = strict
        self._work = ClipWork(recipe, workers=workers, landmark_model=landmark_model)

    def setup(self):
        """Opens the detector, here or in each process."""
        self._work.open()

    def start_bundle(self):
        """Forgets what a bundle that failed had left."""
        self._work.forget()

    def teardown(self):
        """Closes what ``setup`` opened."""
        self._work.close()

    def process(self, record: bytes):
        """Yields serialized motion records and, tagged, the outcomes of clips; with processes, of earlier ones."""
        for found in self._work.put(*decode_clip(record)):
            yield from self._outputs(found)

    def finish_bundle(self):
        """Yields what is still under way."""
        for found in self._work.rest():
            for output in self._outputs(found):
                if isinstance(output, beam.pvalue.TaggedOutput):
                    yield beam.pvalue.TaggedOutput(
                        output.tag, GlobalWindows.windowed_value_at_end_of_window(output.value)
                    )
                else:
                    yield GlobalWindows.windowed_value_at_end_of_window(output)

    def _outputs(self, found: Outcome):
        if found.error is not None and self._strict:
            raise found.error
        record, row = record_and_row(found, self._recipe)
        if record is not None:
            yield record
        yield reports.outcome(row)
