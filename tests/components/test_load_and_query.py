"""LoadAndQuery blesses a sound export and says what is wrong with an unsound one."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from mer_tf.components.load_and_query.executor import Executor, check_model, read_some
from mer_tf.export import export_saved_model
from mer_tf.recipes import get_recipe
from mer_tf.records import to_example
from mer_tf.systems.registry import build_model
from mer_tf.types import Clip

pytestmark = pytest.mark.tfx

RECIPE = get_recipe("onset_apex_28_hars")
CLASSES = ("negative", "positive", "surprise")


def records(count=3, recipe=RECIPE):
    rng = np.random.default_rng(0)
    result = []
    for index in range(count):
        clip = Clip("casme2", "sub01", f"EP{index}", 1, 3, 5, 200.0, "happiness", "", 1, "megc2019", (), ())
        tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in recipe.inputs.items()}
        result.append(to_example(clip, tensors, recipe).SerializeToString())
    return result


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "Format-Serving"
    export_saved_model(build_model("dual_atme"), RECIPE, CLASSES, path, model_name="dual_atme")
    return str(path)


def test_a_sound_model_has_no_fault(exported):
    report = check_model(exported, records())
    assert report["faults"] == []
    assert report["queries"] == 3
    assert tuple(report["classes"]) == CLASSES
    assert set(report["milliseconds"]) == {"load", "examples", "serving_default"}


def test_no_records_is_a_fault(exported):
    assert check_model(exported, [])["faults"] == ["no motion record to ask about"]


def test_records_of_another_recipe(exported):
    other = get_recipe("onset_apex_128_streams")
    (fault, *_) = check_model(exported, records(1, other))["faults"]
    assert RECIPE.hash in fault and other.hash in fault


def test_no_model_there(tmp_path):
    (fault,) = check_model(str(tmp_path), records(1))["faults"]
    assert str(tmp_path) in fault


def test_a_model_without_our_signatures(tmp_path):
    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec((), tf.float32)])
    tf.saved_model.save(module, str(tmp_path), signatures=module.f)
    assert check_model(str(tmp_path), records(1))["faults"] == ["signatures missing: describe, examples"]


class _Answers(tf.Module):
    """A model whose two signatures answer what they are told to."""

    def __init__(self, by_examples, by_tensors):
        super().__init__()
        description = json.dumps(
            {
                "classes": CLASSES,
                "recipe_hash": RECIPE.hash,
                "inputs": {name: list(shape) for name, shape in RECIPE.inputs.items()},
            }
        )

        def answer(row, size):
            probabilities = tf.tile(tf.constant([row], tf.float32), (size, 1))
            return {
                "probabilities": probabilities,
                "class": tf.gather(tf.constant(CLASSES), tf.argmax(probabilities, axis=-1)),
            }

        specs = {name: tf.TensorSpec((None, *shape), tf.float32, name=name) for name, shape in RECIPE.inputs.items()}
        self.answers = {
            "serving_default": tf.function(
                lambda tensors: answer(by_tensors, tf.shape(tensors["face"])[0]), input_signature=[specs]
            ),
            "examples": tf.function(
                lambda examples: answer(by_examples, tf.shape(examples)[0]),
                input_signature=[tf.TensorSpec((None,), tf.string, name="examples")],
            ),
            "describe": tf.function(
                lambda unused: {"description": tf.fill(tf.shape(unused), description)},
                input_signature=[tf.TensorSpec((None,), tf.int32, name="unused")],
            ),
        }


@pytest.mark.parametrize(
    ("by_examples", "by_tensors", "fault"),
    [
        ([0.2, 0.3, 0.5], [0.2, 0.5, 0.3], "the two signatures differ by 0.2"),
        ([0.2, 0.3, float("nan")], [0.2, 0.3, 0.5], "examples: probabilities are not finite"),
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.7], "serving_default: probabilities do not sum to 1"),
        ([0.5, 0.5], [0.5, 0.5], r"examples: probabilities have shape \(2, 2\), expected \(2, 3\)"),
    ],
)
def test_senseless_answers(tmp_path, by_examples, by_tensors, fault):
    module = _Answers(by_examples, by_tensors)
    tf.saved_model.save(module, str(tmp_path), signatures=module.answers)
    faults = check_model(str(tmp_path), records(2))["faults"]
    assert re.search(fault, faults[0])


@pytest.mark.parametrize("sound", [True, False])
def test_the_blessing_is_what_pusher_reads(tmp_path, exported, sound):
    from tfx.components.util import model_utils

    model, examples, blessing = (
        standard_artifacts.Model(),
        standard_artifacts.Examples(),
        standard_artifacts.InfraBlessing(),
    )
    model.uri = os.path.dirname(exported) if sound else str(tmp_path)
    examples.uri, examples.splits, blessing.uri = str(tmp_path / "motion"), ["all"], str(tmp_path / "blessing")
    os.makedirs(tmp_path / "motion" / "Split-all")
    with tf.io.TFRecordWriter(str(tmp_path / "motion" / "Split-all" / "data_tfrecord-0.gz"), "GZIP") as writer:
        for record in records(4):
            writer.write(record)
    assert len(read_some(examples, 3)) == 3
    Executor().Do({"model": [model], "examples": [examples]}, {"blessing": [blessing]}, {"max_queries": 3})
    assert model_utils.is_infra_validated(blessing) is sound
    assert os.path.exists(tmp_path / "blessing" / ("INFRA_BLESSED" if sound else "INFRA_NOT_BLESSED"))
    with open(tmp_path / "blessing" / "report.json", encoding="utf-8") as file:
        assert bool(json.load(file)["faults"]) is not sound
