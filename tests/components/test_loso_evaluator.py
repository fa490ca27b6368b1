"""The blessing rests on the same figures as ``mer_tf.metrics``."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx.components.evaluator.executor import Executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils, proto_utils

from mer_tf import metrics
from mer_tf.components.loso_evaluator.config import eval_config
from mer_tf.errors import ConfigError

pytestmark = pytest.mark.tfx


def _records(count=60, subjects=5, seed=0):
    rng = np.random.default_rng(seed)
    for index in range(count):
        label = int(rng.choice(3, p=[0.6, 0.3, 0.1]))
        # Below 0.5 everywhere for many rows: a 0.5 threshold would give other figures than the argmax.
        probabilities = rng.dirichlet(np.ones(3) * 4 + 3 * (np.arange(3) == label))
        yield f"s{index % subjects}", label, probabilities.astype(np.float32)


def _write(folder, records):
    split = os.path.join(folder, "Split-all")
    os.makedirs(split)
    with tf.io.TFRecordWriter(os.path.join(split, "data_tfrecord-00000-of-00001.gz"), "GZIP") as writer:
        for subject, label, probabilities in records:
            feature = {
                "dataset": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"toy"])),
                "subject": tf.train.Feature(bytes_list=tf.train.BytesList(value=[subject.encode()])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                "probabilities": tf.train.Feature(float_list=tf.train.FloatList(value=probabilities)),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def _evaluate(tmp_path, records, min_uf1):
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    examples.splits = ["all"]
    _write(examples.uri, records)
    model, evaluation, blessing = (
        standard_artifacts.Model(),
        standard_artifacts.ModelEvaluation(),
        standard_artifacts.ModelBlessing(),
    )
    model.uri = str(tmp_path / "model")  # never read
    evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
    Executor().Do(
        {"examples": [examples], "model": [model]},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "eval_config": proto_utils.proto_to_json(eval_config(num_classes=3, min_uf1=min_uf1)),
            "example_splits": json_utils.dumps(["all"]),
            "module_path": "mer_tf.components.loso_evaluator.hook",
        },
    )
    result = tfma.load_eval_result(evaluation.uri)
    slices = {key: values[""][""] for key, values in result.slicing_metrics}
    return slices, blessing.get_int_custom_property("blessed")


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    records = list(_records())
    return records, *_evaluate(tmp_path_factory.mktemp("eval"), records, 0.3)


def _confusion(records):
    return metrics.confusion_matrix([r[1] for r in records], [int(np.argmax(r[2])) for r in records], 3)


def test_overall_figures_equal_the_librarys(evaluated):
    records, slices, _ = evaluated
    confusion, overall = _confusion(records), slices[()]
    assert overall["uf1"]["doubleValue"] == pytest.approx(metrics.uf1(confusion), abs=1e-12)
    assert overall["uar"]["doubleValue"] == pytest.approx(metrics.uar(confusion), abs=1e-12)
    assert overall["accuracy"]["doubleValue"] == pytest.approx(metrics.accuracy(confusion), abs=1e-12)
    assert overall["uf1"]["doubleValue"] < 1


def test_every_subject_is_a_slice_with_its_own_figures(evaluated):
    records, slices, _ = evaluated
    for subject in {r[0] for r in records}:
        mine = [r for r in records if r[0] == subject]
        found = slices[(("dataset", "toy"), ("subject", subject))]
        assert found["uf1"]["doubleValue"] == pytest.approx(metrics.uf1(_confusion(mine)), abs=1e-12)
    assert slices[(("dataset", "toy"),)]["uar"] == slices[()]["uar"]


def test_blessed_although_single_subjects_fall_below_the_threshold(evaluated):
    _, slices, blessed = evaluated
    assert blessed == 1
    lowest = min(values["uf1"]["doubleValue"] for values in slices.values())
    assert lowest < slices[()]["uf1"]["doubleValue"]


def test_figures_of_a_subject_without_some_class_are_undefined(tmp_path):
    records = [*_records(), ("lone", 0, np.float32([0.8, 0.1, 0.1])), ("lone", 0, np.float32([0.2, 0.7, 0.1]))]
    slices, blessed = _evaluate(tmp_path, records, 0.3)
    lone = slices[(("dataset", "toy"), ("subject", "lone"))]
    assert math.isnan(float(lone["uf1"]["doubleValue"])) and math.isnan(float(lone["uar"]["doubleValue"]))
    assert lone["accuracy"]["doubleValue"] == 0.5
    assert blessed == 1


def test_a_class_nobody_shows_is_not_blessed_even_at_threshold_zero(tmp_path):
    records = [(subject, label % 2, probabilities) for subject, label, probabilities in _records()]
    slices, blessed = _evaluate(tmp_path, records, 0.0)
    assert math.isnan(float(slices[()]["uf1"]["doubleValue"]))
    assert blessed == 0


def test_not_blessed_below_the_threshold(tmp_path):
    slices, blessed = _evaluate(tmp_path, list(_records()), 0.99)
    assert slices[()]["uf1"]["doubleValue"] < 0.99
    assert blessed == 0


@pytest.mark.parametrize("settings", [{"num_classes": 1, "min_uf1": 0.5}, {"num_classes": 3, "min_uf1": 1.5}])
def test_settings_out_of_range(settings):
    with pytest.raises(ConfigError, match="Received"):
        eval_config(**settings)
