"""Clip records to motion records as a Beam transform; knows nothing of TFX.

OpenCV and dlib objects cannot be pickled and are costly to make, so they are opened in ``setup`` on the worker
and closed in ``teardown``.
"""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing

import apache_beam as beam

from components import reports
from components.clip_example_gen.records import decode_clip
from components.motion_transform import worker
from mer_tf.errors import MerError
from mer_tf.recipes import Recipe

_BATCH = 16


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
        outputs = (
            records
            | "Spread" >> beam.Reshuffle()
            | "Batch" >> beam.BatchElements(min_batch_size=_BATCH, max_batch_size=_BATCH)
            | "Preprocess" >> beam.ParDo(self._work).with_outputs(reports.OUTCOME_TAG, main="motion")
        )
        reports.write_outcomes(outputs[reports.OUTCOME_TAG], self._report_folder)
        return outputs["motion"]


@beam.typehints.with_input_types(list[bytes])
@beam.typehints.with_output_types(bytes)
class PreprocessClips(beam.DoFn):
    """Preprocesses a batch of clips, in this process or spread over a few of its own.

    dlib holds Python's lock while it scans, so threads would wait for one another; and worker processes of Beam's
    own local runner would each import TensorFlow. The processes here import OpenCV and dlib alone.

    Args:
        recipe: What turns a clip into a model's input.
        strict: Whether a fault of one clip is raised instead of reported.
        workers: Number of processes; 1 works in this one.
        landmark_model: Path of dlib's 68-point model, or None to look in the usual places.
    """

    def __init__(self, recipe: Recipe, *, strict: bool, workers: int, landmark_model: str | None):
        self._recipe = recipe
        self._strict = strict
        self._workers = workers
        self._landmark_model = landmark_model
        self._preprocessor = None
        self._pool = None

    def setup(self):
        """Opens the detector, here or in each process."""
        if self._workers > 1:
            # Spawned, because a forked child of a process with TensorFlow's threads may hang.
            self._pool = concurrent.futures.ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
            )
        else:
            self._preprocessor = worker.open_preprocessor(self._recipe, self._landmark_model, threads=None)

    def teardown(self):
        """Closes what ``setup`` opened."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        if self._preprocessor is not None:
            self._preprocessor.close()
            self._preprocessor = None

    def process(self, batch: list[bytes]):
        """Yields serialized motion records and, tagged, the outcome of every clip."""
        from mer_tf.records import encode_motion

        clips = [decode_clip(record) for record in batch]
        for (clip, _), (result, error) in zip(clips, self._results(clips)):
            if error is None:
                yield encode_motion(clip, result, self._recipe)
                yield reports.outcome(clip.key)
            elif self._strict:
                raise error
            else:
                yield reports.outcome(clip.key, error)

    def _results(self, clips):
        if self._pool is None:
            return (worker.attempt(self._preprocessor, clip, frames) for clip, frames in clips)
        try:
            return list(self._pool.map(functools.partial(worker.work, self._recipe, self._landmark_model), clips))
        except concurrent.futures.process.BrokenProcessPool as error:
            raise MerError(
                "a preprocessing process ended early (often out of memory); run again with fewer workers"
            ) from error
