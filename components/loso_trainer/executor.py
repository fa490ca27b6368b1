"""Work of LosoTrainer: folds through Beam, then the pooled results and their passport."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils

from mer_tf.components import reports
from mer_tf.components.clip_example_gen.executor import FINGERPRINT, PARTIAL, SYNTHETIC
from mer_tf.components.loso_trainer.records import decode_prediction, encode_prediction
from mer_tf.errors import ConfigError, MerError
from mer_tf.recipes import Recipe
from mer_tf.training import MotionData, TrainConfig, read_training_records, run_loso
from mer_tf.training.cross_validation import Run, plan_run
from mer_tf.training.initial import check_initial_weights
from mer_tf.training.run_logs import log_run
from mer_tf.types import Fold, Prediction

SPLIT = "all"
_FOLDS_PER_BATCH = 64


class Executor(BaseBeamExecutor):
    """Thin shell: reads the examples, trains through Beam, writes predictions, logs and passport."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Runs every fold.

        Raises:
            LeakageError, EmptySplitError, ConfigError, MissingFileError: Before anything is trained.
            MerError: A fold failed; finished folds are kept in ``resume_dir``.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        start = time.perf_counter()
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        clips = artifact_utils.get_single_instance(input_dict["clips"])
        predictions = artifact_utils.get_single_instance(output_dict["predictions"])
        run = artifact_utils.get_single_instance(output_dict["run"])
        recipe = Recipe.from_json(json.loads(exec_properties["recipe"]))
        config = TrainConfig.from_json(exec_properties["train_config"])

        check_initial_weights(config, exec_properties["initial_weights"])

        paths = [artifact_utils.get_split_uri([examples], split) for split in examples.splits]
        data = read_training_records(paths, recipe, config)
        data = dataclasses.replace(
            data,
            synthetic=bool(clips.get_int_custom_property(SYNTHETIC)),
            # Clips that came in may have been left out by a component in between.
            partial=bool(clips.get_int_custom_property(PARTIAL)) or len(data) < clips.get_int_custom_property("clips"),
        )
        plan = plan_run(data, config, exec_properties["protocol"])
        if len(plan.classes) != config.num_classes:
            raise ConfigError(
                f"the clips have {len(plan.classes)} classes ({data.mapping}), but the pipeline was made for "
                f"{config.num_classes}; make it with --set num_classes={len(plan.classes)}"
            )
        folds = plan.split.folds

        predictions.splits = [SPLIT]
        examples_utils.set_payload_format(predictions, example_gen_pb2.FORMAT_TF_EXAMPLE)
        target = artifact_utils.get_split_uri([predictions], SPLIT)
        with _work_folder(exec_properties.get("resume_dir"), plan) as folder:
            with reports.named_errors(), self._make_beam_pipeline() as pipeline:
                _ = (
                    pipeline
                    | "Folds" >> beam.Create(folds)
                    | "Spread" >> beam.Reshuffle()
                    # Folds that reach one worker together share one traced graph.
                    | "Batch" >> beam.BatchElements(_FOLDS_PER_BATCH, _FOLDS_PER_BATCH)
                    | "Train" >> beam.ParDo(TrainFolds(paths, recipe, config, folder, exec_properties["workers"]))
                    | "Encode" >> beam.Map(encode_prediction).with_output_types(bytes)
                    | "Write" >> beam.io.WriteToTFRecord(os.path.join(target, "data_tfrecord"), file_name_suffix=".gz")
                )
            pooled = _read_predictions(target)
            if sorted(f"{p.dataset}/{p.subject}/{p.clip}" for p in pooled) != sorted(data.keys):
                raise MerError(f"{len(pooled)} predictions came back for {len(data)} clips; run again")
            wall_seconds = time.perf_counter() - start
            log_run(folder, plan, pooled)
            plan.write(
                folder,
                pooled,
                wall_seconds=wall_seconds,
                data_fingerprint=clips.get_string_custom_property(FINGERPRINT),
            )
            io_utils.copy_dir(folder, run.uri)
        run.set_string_custom_property("model", config.model)
        run.set_string_custom_property("recipe_hash", recipe.hash)
        run.set_int_custom_property("folds", len(folds))


@beam.typehints.with_input_types(list[Fold])
@beam.typehints.with_output_types(Prediction)
class TrainFolds(beam.DoFn):
    """Trains the folds of a batch; a fold whose result lies in the folder is read instead.

    Args:
        paths: Folders of the transformed examples; each worker reads them once.
        recipe: Recipe of the examples.
        config: What to train.
        folder: Where finished folds and logs go.
        workers: Processes the batch is spread over; 1 trains in this one.
    """

    def __init__(self, paths: list[str], recipe: Recipe, config: TrainConfig, folder: str, workers: int):
        self._paths = paths
        self._recipe = recipe
        self._config = config
        self._folder = folder
        self._workers = workers
        self._data: MotionData | None = None

    def setup(self):
        """Reads the examples."""
        self._data = read_training_records(self._paths, self._recipe, self._config)

    def teardown(self):
        """Lets the examples go."""
        self._data = None

    def process(self, folds: list[Fold]):
        """Yields the predictions of the folds' held-out clips."""
        folds = sorted(folds, key=lambda fold: fold.name)
        yield from run_loso(self._data, self._config, self._folder, folds=folds, workers=self._workers)


@contextlib.contextmanager
def _work_folder(resume_dir: str | None, plan: Run) -> Iterator[str]:
    """Folder for finished folds: kept when the run fails, removed when it is complete."""
    if not resume_dir:
        with tempfile.TemporaryDirectory(prefix="loso-") as folder:
            yield folder
        return
    config = {**plan.config.to_json(), "initial_weights": (plan.initial_weights or {}).get("sha256", "")}
    text = json.dumps([plan.data.fingerprint, config, plan.split.protocol.name], sort_keys=True)
    folder = os.path.join(resume_dir, hashlib.sha256(text.encode()).hexdigest()[:16])
    os.makedirs(folder, exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def _read_predictions(folder: str) -> list[Prediction]:
    files = sorted(fileio.glob(os.path.join(folder, "data_tfrecord*.gz")))
    return [decode_prediction(record.numpy()) for record in tf.data.TFRecordDataset(files, "GZIP")]
