from __future__ import annotations

import dataclasses
import gzip

import numpy as np
import pytest
import tensorflow as tf

from mer_tf import features
from mer_tf.errors import ConfigError, EmptySplitError, MissingFileError
from mer_tf.recipes import get_recipe
from mer_tf.records import to_example, write_motion_records
from mer_tf.training import TrainConfig, read_motion_records, read_training_records
from mer_tf.types import Clip

RECIPE = get_recipe("onset_apex_28_hars")


def clip(subject="sub01", name="EP02_01f", label=1, apex=46):
    return Clip("casme2", subject, name, 30, apex, 60, 200.0, "disgust", "4", label, "megc2019", (), ())


def tensors(seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype("float32") for name, shape in RECIPE.inputs.items()}


def write(path, count=3):
    clips = [clip(name=f"EP{k}", label=k % 3) for k in range(count)]
    write_motion_records(path, [to_example(c, tensors(k), RECIPE) for k, c in enumerate(clips)])
    return path


def test_round_trip(tmp_path):
    data = read_motion_records(write(tmp_path / "a.gz"), RECIPE)
    assert data.keys == ("casme2/sub01/EP0", "casme2/sub01/EP1", "casme2/sub01/EP2")
    assert data.labels.tolist() == [0, 1, 2] and data.mapping == "megc2019" and not data.network
    for row in range(3):
        for name, array in tensors(row).items():
            np.testing.assert_array_equal(data.tensors[name][row], array)


def test_facts_of_a_record():
    example = to_example(clip(apex=None), tensors(), RECIPE, {"apex_rule": "middle"})
    feature = example.features.feature
    assert feature[features.APEX].int64_list.value[0] == -1
    assert feature[features.RECIPE_HASH].bytes_list.value[0].decode() == RECIPE.hash
    assert feature[features.PROVENANCE].bytes_list.value[0] == b'{"apex_rule": "middle"}'
    assert set(feature) == {*features.FACTS, features.RECIPE, features.RECIPE_HASH, features.PROVENANCE, *RECIPE.inputs}


def test_same_clip_same_bytes(tmp_path):
    one, two = write(tmp_path / "a.gz"), write(tmp_path / "b.gz")
    assert gzip.decompress(one.read_bytes()) == gzip.decompress(two.read_bytes())


def test_order_of_files_and_records_does_not_matter(tmp_path):
    examples = [to_example(clip(name=f"EP{k}", label=0), tensors(k), RECIPE) for k in range(4)]
    write_motion_records(tmp_path / "x" / "1.gz", examples[::-1])
    write_motion_records(tmp_path / "y" / "1.gz", examples[2:])
    write_motion_records(tmp_path / "y" / "2.gz", examples[:2])
    one = read_motion_records(tmp_path / "x", RECIPE)
    two = read_motion_records([tmp_path / "y" / "2.gz", tmp_path / "y" / "1.gz"], RECIPE)
    assert one.keys == two.keys and one.fingerprint == two.fingerprint
    np.testing.assert_array_equal(one.tensors["face"], two.tensors["face"])


def test_fingerprint_sees_every_change(make_data):
    data = make_data()
    seen = {data.fingerprint, data.take(range(11)).fingerprint}
    changed = data.labels.copy()
    changed[0] += 1
    seen.add(dataclasses.replace(data, labels=changed).fingerprint)
    pixels = {name: array.copy() for name, array in data.tensors.items()}
    pixels["puzzle"][3, 0, 0, 0] += 1e-3
    seen.add(dataclasses.replace(data, tensors=pixels).fingerprint)
    seen.add(dataclasses.replace(data, recipe=dataclasses.replace(RECIPE, colour=True)).fingerprint)
    assert len(seen) == 5
    assert data.take(list(range(len(data)))[::-1]).fingerprint == data.fingerprint


def test_another_recipe_is_refused_and_both_hashes_shown(tmp_path):
    other = dataclasses.replace(RECIPE, crop_size=128)
    with pytest.raises(ConfigError, match=f"{RECIPE.hash}.*{other.hash}"):
        read_motion_records(write(tmp_path / "a.gz"), other)


def test_absent_empty_and_broken_files(tmp_path):
    with pytest.raises(MissingFileError, match="nowhere"):
        read_motion_records(tmp_path / "nowhere.gz", RECIPE)
    (tmp_path / "folder").mkdir()
    with pytest.raises(MissingFileError, match="no record file"):
        read_motion_records(tmp_path / "folder", RECIPE)
    write_motion_records(tmp_path / "empty.gz", [])
    with pytest.raises(EmptySplitError, match="no records"):
        read_motion_records(tmp_path / "empty.gz", RECIPE)
    with pytest.raises(EmptySplitError):
        read_motion_records([], RECIPE)
    whole = write(tmp_path / "whole.gz").read_bytes()
    for name, content in {
        "cut.gz": whole[: len(whole) // 2],
        "plain.gz": b"not gzip at all, but long enough to be looked at",
        "garbage.gz": gzip.compress(b"\x00" * 100),
        "image.gz": b"\xff\xd8\xff\xe0" + bytes(100),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=rf"{name}: not a gzip-compressed TFRecord"):
            read_motion_records(tmp_path / name, RECIPE)


def test_records_of_another_kind(tmp_path):
    write_motion_records(tmp_path / "a.gz", [b"not an example \xff\xff"])
    with pytest.raises(ConfigError, match=r"a\.gz: a record does not hold"):
        read_motion_records(tmp_path / "a.gz", RECIPE)
    example = to_example(clip(), tensors(), RECIPE)
    del example.features.feature["puzzle"]
    write_motion_records(tmp_path / "b.gz", [example])
    with pytest.raises(ConfigError, match=r"b\.gz: a record does not hold.*puzzle"):
        read_motion_records(tmp_path / "b.gz", RECIPE)


def test_a_clip_that_stands_twice(tmp_path):
    write_motion_records(tmp_path / "a.gz", [to_example(clip(), tensors(), RECIPE)] * 2)
    with pytest.raises(ConfigError, match="casme2/sub01/EP02_01f stands twice"):
        read_motion_records(tmp_path / "a.gz", RECIPE)


def test_a_failed_write_leaves_nothing(tmp_path):
    def records():
        yield to_example(clip(), tensors(), RECIPE)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_motion_records(tmp_path / "a.gz", records())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("puzzle"), "needs tensor 'puzzle'"),
        (lambda t: t.update(face=t["face"][:5]), r"shape \(112, 112, 3\)"),
        (lambda t: t.update(face=t["face"] * np.nan), "not finite"),
    ],
)
def test_bad_tensors_are_not_recorded(change, message):
    broken = tensors()
    change(broken)
    with pytest.raises(ConfigError, match=message):
        to_example(clip(), broken, RECIPE)


def test_a_clip_without_label_is_not_recorded():
    with pytest.raises(ConfigError, match="no label"):
        to_example(clip(label=None), tensors(), RECIPE)


def test_network_inputs_follow_the_recipe(make_data):
    from mer_tf.preprocessing import network_input

    data = make_data(network=False)
    inputs = data.network_inputs()
    assert {name: array.shape[1:] for name, array in inputs.items()} == RECIPE.network_inputs
    expected = network_input({name: tf.constant(a[:2]) for name, a in data.tensors.items()}, RECIPE)
    np.testing.assert_allclose(inputs["face"][:2], expected["face"], atol=1e-6)
    assert data.as_network() is data.as_network()


def test_network_records(tmp_path, make_data):
    data = make_data(subjects=2)
    examples = []
    for row in range(len(data)):
        feature = {
            name: tf.train.Feature(float_list=tf.train.FloatList(value=array[row].ravel()))
            for name, array in data.tensors.items()
        }
        facts = {"dataset": data.datasets[row], "subject": data.subjects[row], "clip": data.clips[row]}
        for name, value in facts.items():
            feature[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        feature["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[data.labels[row]]))
        examples.append(tf.train.Example(features=tf.train.Features(feature=feature)))
    write_motion_records(tmp_path / "a.gz", examples)
    read = read_training_records([tmp_path / "a.gz"], RECIPE, TrainConfig("dual_atme"))
    assert read.network and read.keys == data.keys
    np.testing.assert_array_equal(read.network_inputs()["puzzle"], data.tensors["puzzle"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(3)}, "labels must be integers"),
        ({"subjects": ["a"]}, "one entry per clip"),
        ({"clips": [""] * 12}, "has no clip"),
        ({"network": False}, "shape"),
        ({"tensors": {}}, "gives the tensors face, puzzle"),
    ],
)
def test_data_that_does_not_fit(make_data, change, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(make_data(), **change)


def test_a_value_that_is_not_finite_names_the_clip(make_data):
    data = make_data()
    broken = {name: array.copy() for name, array in data.tensors.items()}
    broken["puzzle"][4, 1, 1, 1] = np.inf
    with pytest.raises(ConfigError, match="casme2/sub01/EP01: tensor 'puzzle' is not finite"):
        dataclasses.replace(data, tensors=broken)


def test_no_clips(make_data):
    with pytest.raises(EmptySplitError):
        make_data().take([])
