"""Work of LoadAndQuery: a SavedModel, a few records, and what must hold of the answers."""

from __future__ import annotations

import json
import logging
import os
import time
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from mer_tf import features, served
from mer_tf.recipes import same_recipe

_LOG = logging.getLogger(__name__)
TOLERANCE = 1e-5


class Executor(BaseExecutor):
    """Thin shell around ``check_model``."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Writes the blessing; a model that fails is not blessed, which is a result and no error."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(input_dict["model"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        records = read_some(examples, int(exec_properties["max_queries"]))
        report = check_model(path_utils.serving_model_path(model.uri), records)
        blessed = not report["faults"]
        # File names and property as TFX's InfraValidator leaves them.
        io_utils.write_string_file(os.path.join(blessing.uri, "INFRA_BLESSED" if blessed else "INFRA_NOT_BLESSED"), "")
        io_utils.write_string_file(os.path.join(blessing.uri, "report.json"), json.dumps(report, indent=1))
        blessing.set_int_custom_property("blessed", int(blessed))
        for fault in report["faults"]:
            _LOG.error("exported model: %s", fault)


def read_some(examples, count: int) -> list[bytes]:
    """Up to ``count`` serialized records, the first of each split in turn."""
    records = []
    for split in examples.splits:
        uri = artifact_utils.get_split_uri([examples], split)
        files = sorted(fileio.glob(os.path.join(uri, "*")))
        dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").take(count - len(records))
        records += [record.numpy() for record in dataset]
    return records


def check_model(path: str, records: list[bytes]) -> dict:
    """Asks a SavedModel about motion records through both signatures.

    Args:
        path: Folder of the SavedModel.
        records: Serialized motion records, at least one.

    Returns:
        ``faults`` (list of messages, empty when all is well), ``queries``, ``classes``, and the milliseconds that
        loading and the answers took.
    """
    report = {"faults": [], "queries": len(records), "classes": [], "milliseconds": {}}
    faults = report["faults"]
    if not records:
        faults.append("no motion record to ask about")
        return report
    try:
        with _timed(report, "load"):
            model = tf.saved_model.load(path)
        missing = set(served.SIGNATURES) - set(model.signatures)
        if missing:
            faults.append(f"signatures missing: {', '.join(sorted(missing))}")
            return report
        told = model.signatures[served.DESCRIBE](**{served.DESCRIBE_INPUT: tf.zeros((1,), tf.int32)})
        description = json.loads(told[served.DESCRIPTION].numpy()[0])
        report["classes"] = description[served.CLASSES]
        _check_recipe(records, description, faults)
        with _timed(report, served.BY_EXAMPLES):
            by_examples = model.signatures[served.BY_EXAMPLES](**{served.EXAMPLES_INPUT: tf.constant(records)})
        with _timed(report, served.BY_TENSORS):
            by_tensors = model.signatures[served.BY_TENSORS](**_tensors(records, description[served.INPUTS]))
    except Exception as error:  # whatever a server would meet as well
        faults.append(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return report
    for name, answer in ((served.BY_EXAMPLES, by_examples), (served.BY_TENSORS, by_tensors)):
        _check_answer(name, answer, len(records), description, faults)
    if not faults:
        gap = float(np.abs(by_examples[served.PROBABILITIES] - by_tensors[served.PROBABILITIES]).max())
        if gap > TOLERANCE:
            faults.append(f"the two signatures differ by {gap:.2g} (at most {TOLERANCE:g} expected)")
    return report


def _check_recipe(records: list[bytes], description: dict, faults: list[str]) -> None:
    hashes = {
        tf.train.Example.FromString(record).features.feature[features.RECIPE_HASH].bytes_list.value[0].decode()
        for record in records
    }
    wanted = description[served.RECIPE_HASH]
    if not all(same_recipe(found, wanted) for found in hashes):
        faults.append(f"model of recipe {wanted}, records of {', '.join(sorted(hashes))}")


def _tensors(records: list[bytes], inputs: dict[str, list[int]]) -> dict[str, tf.Tensor]:
    spec = {name: tf.io.FixedLenFeature(shape, tf.float32) for name, shape in inputs.items()}
    return tf.io.parse_example(tf.constant(records), spec)


def _check_answer(name: str, answer: dict, count: int, description: dict, faults: list[str]) -> None:
    classes = description[served.CLASSES]
    probabilities = answer[served.PROBABILITIES].numpy()
    if probabilities.shape != (count, len(classes)):
        faults.append(f"{name}: probabilities have shape {probabilities.shape}, expected {(count, len(classes))}")
        return
    if not np.isfinite(probabilities).all():
        faults.append(f"{name}: probabilities are not finite")
        return
    if probabilities.min() < -TOLERANCE or np.abs(probabilities.sum(axis=1) - 1).max() > 1e-4:
        faults.append(f"{name}: probabilities do not sum to 1")
        return
    expected = [classes[i] for i in probabilities.argmax(axis=1)]
    floor = (description.get(served.GATE) or {}).get("floor")
    if floor is not None:
        if not {served.MOTION, served.NO_MOTION} <= set(answer):
            faults.append(f"{name}: the model tells a floor of motion, but not the motion of a clip")
            return
        still = answer[served.NO_MOTION].numpy()
        if (still != (answer[served.MOTION].numpy() < np.float32(floor))).any():
            faults.append(f"{name}: {served.NO_MOTION} does not follow the motion")
        expected = [served.NO_MOTION if hidden else label for hidden, label in zip(still, expected)]
    if expected != [c.decode() for c in answer[served.CLASS].numpy()]:
        faults.append(f"{name}: class names do not follow the probabilities")


class _timed:
    def __init__(self, report: dict, name: str):
        self._times, self._name = report["milliseconds"], name

    def __enter__(self):
        self._start = time.perf_counter()

    def __exit__(self, *exception):
        self._times[self._name] = round(1000 * (time.perf_counter() - self._start), 2)
