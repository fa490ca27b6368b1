"""LosoTrainer on random motion: every clip predicted once, results kept, faults before work."""

from __future__ import annotations

import dataclasses
import glob
import json
import os

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import Channel, standard_artifacts

from mer_tf.components.artifacts import LosoRun
from mer_tf.components.loso_trainer.component import LosoTrainer
from mer_tf.components.loso_trainer.executor import Executor
from mer_tf.components.loso_trainer.records import decode_prediction, encode_prediction
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics.predictions import read_predictions
from mer_tf.recipes import get_recipe
from mer_tf.training import TrainConfig
from mer_tf.training.initial import weights_hash
from mer_tf.types import Prediction

pytestmark = pytest.mark.tfx

RECIPE = get_recipe("onset_apex_28_hars")
CONFIG = TrainConfig(model="dual_atme", epochs=1, batch_size=8)


def write_examples(folder, subjects=3, recipe_hash=RECIPE.hash, labels=(0, 1, 2)):
    """Records as Transform writes them: network inputs, label and facts."""
    rng = np.random.default_rng(0)
    os.makedirs(folder)
    with tf.io.TFRecordWriter(os.path.join(folder, "transformed_examples-00000-of-00001.gz"), "GZIP") as writer:
        for subject in range(subjects):
            for clip, label in enumerate(labels):
                text = {
                    "dataset": "casme2", "subject": f"sub{subject:02d}", "clip": f"EP{clip}", "mapping": "megc2019",
                    "recipe_hash": recipe_hash,
                }  # fmt: skip
                feature = {
                    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
                    for name, value in text.items()
                }
                feature["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
                for name, shape in RECIPE.network_inputs.items():
                    values = rng.uniform(-1, 1, shape).ravel()
                    feature[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def train(tmp_path, run_uri, *, resume_dir=None, config=CONFIG, flags=None, recipe=RECIPE, **settings):
    """Runs the executor as the component configures it; returns the two output artifacts."""
    examples, clips = standard_artifacts.Examples(), standard_artifacts.Examples()
    predictions, run = standard_artifacts.Examples(), LosoRun()
    examples.uri, examples.splits = str(tmp_path / "transformed"), ["all"]
    clips.set_string_custom_property("data_fingerprint", "f" * 64)
    for name, value in (flags or {}).items():
        clips.set_int_custom_property(name, value)
    predictions.uri, run.uri = str(tmp_path / "predictions" / os.path.basename(run_uri)), run_uri
    channel = Channel(type=standard_artifacts.Examples)
    component = LosoTrainer(channel, channel, recipe=recipe, train_config=config, resume_dir=resume_dir, **settings)
    properties = {k: v for k, v in component.spec.exec_properties.items() if v is not None}
    Executor().Do({"examples": [examples], "clips": [clips]}, {"predictions": [predictions], "run": [run]}, properties)
    return predictions, run


def write_clips(tmp_path, recipe, subjects=11):
    """The same random clips twice: records of 'mer prepare', and what Transform makes of them."""
    from mer_tf.records import to_example, write_motion_records
    from mer_tf.training import read_motion_records
    from mer_tf.types import Clip

    rng = np.random.default_rng(1)
    records = []
    for subject in range(subjects):
        for label in range(3):
            clip = Clip("casme2", f"sub{subject:02d}", f"EP{label}", 1, 5, 9, 200.0, "", "", label, "megc2019", (), ())
            tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in recipe.inputs.items()}
            records.append(to_example(clip, tensors, recipe))
    write_motion_records(tmp_path / "prepared" / "motion-0.gz", records)
    (tmp_path / "prepared" / "clips.json").write_text('{"synthetic": false, "partial": false}')
    data = read_motion_records(tmp_path / "prepared", recipe).as_network()
    folder = tmp_path / "transformed" / "Split-all"
    os.makedirs(folder)
    with tf.io.TFRecordWriter(str(folder / "transformed_examples-00000-of-00001.gz"), "GZIP") as writer:
        for row in range(len(data)):
            text = {
                "dataset": data.datasets[row], "subject": data.subjects[row], "clip": data.clips[row],
                "mapping": data.mapping, "recipe_hash": recipe.hash,
            }  # fmt: skip
            feature = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
                for name, value in text.items()
            }
            feature["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(data.labels[row])]))
            for name, array in data.tensors.items():
                feature[name] = tf.train.Feature(float_list=tf.train.FloatList(value=array[row].ravel()))
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def folds(folder):
    """Fold results by relative path."""
    paths = glob.glob(os.path.join(folder, "**", "folds", "**", "*.json"), recursive=True)
    result = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            result[path.split("folds" + os.sep)[-1]] = json.load(file)
    return result


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """A run that fails after training (its output place is a file), and the same run again."""
    tmp_path = tmp_path_factory.mktemp("loso")
    write_examples(tmp_path / "transformed" / "Split-all")
    (tmp_path / "blocked").write_text("in the way")
    resume = str(tmp_path / "resume")
    with pytest.raises(Exception, match="blocked"):
        train(tmp_path, str(tmp_path / "blocked" / "first"), resume_dir=resume)
    kept = folds(resume)
    # One clip more came in than reached training.
    flags = {"synthetic": 1, "partial": 0, "clips": 10}
    predictions, run = train(tmp_path, str(tmp_path / "run"), resume_dir=resume, flags=flags)
    return kept, predictions, run, resume


def test_finished_folds_of_a_failed_run_are_taken_over(resumed):
    kept, _, run, resume = resumed
    assert len(kept) == 3
    assert folds(run.uri) == kept  # down to the seconds that training took
    assert os.listdir(resume) == []


def test_every_clip_is_predicted_once_by_the_fold_that_held_it_out(resumed):
    _, predictions, run, _ = resumed
    rows = read_predictions(os.path.join(run.uri, "predictions.csv"))
    assert len(rows) == 9 == len({(p.subject, p.clip) for p in rows})
    assert all(p.fold == f"{p.dataset}/{p.subject}" for p in rows)
    files = glob.glob(os.path.join(predictions.uri, "Split-all", "data_tfrecord*.gz"))
    records = [decode_prediction(record.numpy()) for record in tf.data.TFRecordDataset(files, "GZIP")]
    assert sorted(records, key=lambda p: (p.subject, p.clip)) == rows
    assert predictions.splits == ["all"]
    assert predictions.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"


def test_passport_and_logs_lie_with_the_run(resumed):
    _, _, run, _ = resumed
    with open(os.path.join(run.uri, "passport.json"), encoding="utf-8") as file:
        passport = json.load(file)
    assert passport["protocol"] == "loso"
    assert passport["data_fingerprint"] == "f" * 64
    assert passport["recipe_hash"] == RECIPE.hash == run.get_string_custom_property("recipe_hash")
    assert passport["metrics"]["full"]["n"] == 9
    assert passport["synthetic"] and passport["partial"] and passport["metrics"]["partial"]
    assert passport["config"] == CONFIG.to_json()
    assert run.get_string_custom_property("model") == "dual_atme"
    assert run.get_int_custom_property("folds") == 3
    assert glob.glob(os.path.join(run.uri, "logs", "casme2", "sub00", "events*"))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"subjects": 1}, EmptySplitError, "at least two subjects"),
        ({"labels": (0, 1)}, EmptySplitError, "class 'surprise' has no training clip"),
        ({"recipe_hash": "0" * 16}, ConfigError, "made with recipe hash 0000"),
    ],
)
def test_faults_of_the_data_stop_before_training(tmp_path, settings, error, message):
    write_examples(tmp_path / "transformed" / "Split-all", **settings)
    with pytest.raises(error, match=message):
        train(tmp_path, str(tmp_path / "run"), resume_dir=str(tmp_path / "resume"))
    assert not os.path.exists(tmp_path / "resume")


def test_mer_loso_and_the_component_leave_the_same(tmp_path, capfd):
    from mer_tf.cli import main
    from mer_tf.systems.registry import build_model

    recipe = get_recipe("onset_apex_28_minmax")
    write_clips(tmp_path, recipe)
    build_model("ststnet", seed=7).save_weights(tmp_path / "start.weights.h5")
    config = TrainConfig.from_preset(
        "ststnet",
        epochs=1,
        batch_size=8,
        loss="focal",
        seed=5,
        model_options={"dropout": 0.25},
        initial_weights=str(tmp_path / "start.weights.h5"),
    )
    words = ["--protocol", "tenfold_subject", "--initial-weights", tmp_path / "start.weights.h5", "--seed", "5"]
    words += ["--epochs", "1", "--batch-size", "8", "--set", "loss=focal", "--option", "dropout=0.25"]
    out = tmp_path / "loso"
    command = ["loso", "--workers", 1, "--model", "ststnet", "--data", tmp_path / "prepared", "--out", out, *words]
    assert main(list(map(str, command))) == 0
    _, run = train(
        tmp_path,
        str(tmp_path / "run"),
        resume_dir=str(tmp_path / "resume"),
        config=config,
        recipe=recipe,
        protocol="tenfold_subject",
        initial_weights=weights_hash(tmp_path / "start.weights.h5"),
    )
    assert (out / "predictions.csv").read_bytes() == (tmp_path / "run" / "predictions.csv").read_bytes()
    one, two = (json.loads((folder / "passport.json").read_text()) for folder in (out, tmp_path / "run"))
    changing = {"wall_seconds", "data_fingerprint", "platform", "versions", "numerics", "commit"}
    assert {k: v for k, v in one.items() if k not in changing} == {k: v for k, v in two.items() if k not in changing}
    assert one.keys() == two.keys()
    assert one["folds"] == 10 == run.get_int_custom_property("folds")
    assert one["initial_weights"]["summary"] == "all weights taken"


def test_other_initial_weights_than_those_of_the_pipeline_are_refused(tmp_path):
    write_examples(tmp_path / "transformed" / "Split-all")
    (tmp_path / "start.npz").write_bytes(b"others")
    config = dataclasses.replace(CONFIG, initial_weights=str(tmp_path / "start.npz"))
    with pytest.raises(ConfigError, match="not those that the pipeline was made with"):
        train(tmp_path, str(tmp_path / "run"), config=config, initial_weights="0" * 64)


def test_a_protocol_of_other_datasets_is_refused(tmp_path):
    write_examples(tmp_path / "transformed" / "Split-all")
    with pytest.raises(ConfigError, match="takes the datasets"):
        train(tmp_path, str(tmp_path / "run"), protocol="megc2019")


def test_another_number_of_classes_than_that_of_the_pipeline_is_refused(tmp_path):
    write_examples(tmp_path / "transformed" / "Split-all")
    with pytest.raises(ConfigError, match="--set num_classes=3"):
        train(tmp_path, str(tmp_path / "run"), config=dataclasses.replace(CONFIG, num_classes=5))


def test_prediction_records_come_back():
    prediction = Prediction("d", "s", "é", "d/s", 2, 1, (0.25, 0.5, 0.25))
    assert decode_prediction(encode_prediction(prediction)) == prediction
