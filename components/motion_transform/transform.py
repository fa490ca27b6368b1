"""Clip records to motion records as a Beam transform; knows nothing of TFX.

OpenCV and dlib objects cannot be pickled and are costly to make, so they are opened in ``setup`` on the worker
and closed in ``teardown``.
"""

from __future__ import annotations

import collections
import concurrent.futures
import time

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.transforms.window import GlobalWindows

from components import reports
from components.clip_example_gen.records import decode_clip
from components.motion_transform import worker
from mer_tf.checks import config_errors, whole
from mer_tf.console import announce
from mer_tf.errors import ClipError, ProcessEndedError
from mer_tf.processes import Processes
from mer_tf.recipes import Recipe
from mer_tf.types import Clip


class MotionRecords(beam.PTransform):
    """Serialized clip records in, serialized motion records out.

    Args:
        recipe: What turns a clip into a model's input.
        report_folder: Folder for the outcome of every clip (``components.reports``).
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
    """Preprocesses clips, in this process or spread over a few of its own.

    dlib holds Python's lock while it scans, so threads would wait for one another; and worker processes of Beam's
    own local runner would each import TensorFlow. The processes here import OpenCV and dlib alone. For each there is
    one clip under way and one waiting, no more: neither does a process stand idle nor does memory grow with the
    dataset. A clip whose process is killed is tried once more with no other beside it, and if that is killed too, the
    clip is left out like any other that cannot be read.

    Args:
        recipe: What turns a clip into a model's input.
        strict: Whether a fault of one clip is raised instead of reported.
        workers: Number of processes; 1 works in this one.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
    """

    def __init__(self, recipe: Recipe, *, strict: bool, workers: int, landmark_model: str | None):
        with config_errors():
            whole("workers", workers)
        self._recipe = recipe
        self._strict = strict
        self._workers = workers
        self._landmark_model = landmark_model
        self._preprocessor = None
        self._pool = None
        self._under_way: collections.deque[tuple[Clip, concurrent.futures.Future]] = collections.deque()

    def setup(self):
        """Opens the detector, here or in each process."""
        if self._workers > 1:
            self._pool = Processes(self._workers, worker.warm_up, self._recipe, self._landmark_model)
        else:
            self._preprocessor = worker.open_preprocessor(self._recipe, self._landmark_model, threads=None)

    def start_bundle(self):
        """Forgets what a bundle that failed had left."""
        self._under_way.clear()

    def teardown(self):
        """Closes what ``setup`` opened."""
        self._under_way.clear()
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        if self._preprocessor is not None:
            self._preprocessor.close()
            self._preprocessor = None

    def process(self, record: bytes):
        """Yields serialized motion records and, tagged, the outcomes of clips; with processes, of earlier ones."""
        clip, frames = decode_clip(record)
        if self._pool is None:
            start = time.perf_counter()
            result, error = worker.attempt(self._preprocessor, clip, frames)
            yield from self._outputs(clip, result, error, time.perf_counter() - start)
            return
        future = self._pool.submit(worker.work, self._recipe, self._landmark_model, clip, frames)
        self._under_way.append((clip, future))
        while len(self._under_way) > 2 * self._workers:
            yield from self._next()

    def finish_bundle(self):
        """Yields what is still under way."""
        while self._under_way:
            for output in self._next():
                if isinstance(output, beam.pvalue.TaggedOutput):
                    yield beam.pvalue.TaggedOutput(
                        output.tag, GlobalWindows.windowed_value_at_end_of_window(output.value)
                    )
                else:
                    yield GlobalWindows.windowed_value_at_end_of_window(output)

    def _next(self):
        clip, future = self._under_way.popleft()
        try:
            outcome = future.result()
        except ProcessEndedError as error:
            outcome = None, ClipError(f"{error}, twice; the clip may be too large for the memory", clip.key), 0.0
        yield from self._outputs(clip, *outcome)

    def _outputs(self, clip: Clip, result, error, seconds: float):
        from mer_tf.records import encode_motion

        announce(reports.CLIPS)
        if error is None:
            yield encode_motion(clip, result, self._recipe)
            yield reports.outcome(clip.key, seconds=seconds, note=result.provenance.get("assumed", ""))
        elif self._strict:
            raise error
        else:
            yield reports.outcome(clip.key, error, seconds=seconds)
