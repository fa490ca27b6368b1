"""MotionTransform on synthetic faces and on faulty clips."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
import pathlib

import apache_beam as beam
import numpy as np
import processes_helper
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.util.tfxio_utils import get_tfxio_factory_from_artifact
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from mer_tf.components.clip_example_gen.records import encode_clip
from mer_tf.components.motion_transform.component import MotionTransform
from mer_tf.components.motion_transform.executor import Executor
from mer_tf.components.motion_transform.schema import motion_schema
from mer_tf.components.motion_transform.transform import PreprocessClips
from mer_tf.datasets import read_casme2
from mer_tf.errors import ClipError, ConfigError, EmptySplitError, FaceNotFoundError, MissingFileError
from mer_tf.frames import frames_of_folder
from mer_tf.preparation import worker
from mer_tf.preparation.prepare import prepare
from mer_tf.preprocessing import ClipPreprocessor, find_landmark_model, needed_frames, select_frames
from mer_tf.preprocessing.clip_files import read_frames
from mer_tf.preprocessing.flow import DISConfig
from mer_tf.preprocessing.magnify import EulerianConfig
from mer_tf.recipes import RECIPES, FaceConfig, FramesConfig, Recipe, View, get_recipe
from mer_tf.records import encode_motion
from mer_tf.synthetic import write_synthetic_dataset
from mer_tf.training import read_motion_records
from mer_tf.types import ClipTable

pytestmark = [pytest.mark.tfx, pytest.mark.dlib]

RECIPE = get_recipe("onset_apex_28_hars")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two synthetic clips with their frames."""
    needs_faces()
    root = tmp_path_factory.mktemp("clips")
    write_synthetic_dataset(root, subjects=2, clips_per_subject=1, seed=0, frames_per_clip=(8, 8), workers=1)
    return [(clip, read_frames(clip)) for clip in read_casme2(root).clips]


@pytest.fixture(scope="module")
def faceless(clips):
    """A clip whose frames are black."""
    import cv2

    clip, frames = clips[0]
    black = cv2.imencode(".png", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    return dataclasses.replace(clip, clip="black"), dict.fromkeys(frames, black)


def transform(tmp_path, clips, recipe=RECIPE, **settings):
    """Runs the executor as the component configures it."""
    examples, motion, schema = standard_artifacts.Examples(), standard_artifacts.Examples(), standard_artifacts.Schema()
    for name, artifact in (("examples", examples), ("motion", motion), ("schema", schema)):
        artifact.uri = str(tmp_path / name)
    examples.splits = ["all"]
    os.makedirs(tmp_path / "examples" / "Split-all")
    with tf.io.TFRecordWriter(str(tmp_path / "examples" / "Split-all" / "data_tfrecord-0.gz"), "GZIP") as writer:
        for clip, frames in clips:
            writer.write(encode_clip(clip, frames).SerializeToString())
    channel = standard_artifacts.Examples
    component = MotionTransform(examples=_channel(channel), recipe=recipe, **settings)
    properties = {k: v for k, v in component.spec.exec_properties.items() if v is not None}
    Executor().Do({"examples": [examples]}, {"motion": [motion], "schema": [schema]}, properties)
    return motion, schema


def needs_faces():
    """Skips where dlib or the landmark model is not installed."""
    pytest.importorskip("dlib")
    try:
        find_landmark_model()
    except MissingFileError as error:
        pytest.skip(str(error))


def _channel(kind):
    from tfx.types import Channel

    return Channel(type=kind)


@pytest.mark.slow
def test_records_equal_the_librarys_own_result_bit_for_bit(tmp_path, clips):
    motion, schema = transform(tmp_path, clips)
    data = read_motion_records(tmp_path / "motion" / "Split-all", RECIPE, flags={})
    assert data.keys == tuple(clip.key for clip, _ in clips)
    with ClipPreprocessor(RECIPE) as preprocessor:
        for row, (clip, frames) in enumerate(clips):
            onset, apex, _ = needed_frames(clip)
            expected = preprocessor.process(frames[onset], frames[apex])
            for name in RECIPE.inputs:
                np.testing.assert_array_equal(data.tensors[name][row], expected.tensors[name])
    assert motion.get_int_custom_property("clips") == 2
    assert motion.get_string_custom_property("recipe_hash") == RECIPE.hash
    # The schema must describe the records, or Transform could not read them.
    found = io_utils.parse_pbtxt_file(os.path.join(schema.uri, "schema.pbtxt"), schema_pb2.Schema())
    tfxio = get_tfxio_factory_from_artifact([motion], telemetry_descriptors=["test"], schema=found)
    assert set(tfxio(str(tmp_path / "motion" / "Split-all" / "*")).TensorRepresentations()) == {
        feature.name for feature in found.feature
    }


_SEQUENCE = Recipe(
    name="small_sequence",
    source="for this test",
    frames=FramesConfig(span="onset_to_apex", count=4, interpolation="linear"),
    face=FaceConfig(align="none", crop="square"),
    magnify=EulerianConfig(factor=3.0),
    flow=DISConfig(),
    arrays=("flow", "frames"),
    crop_size=64,
    colour=True,
    views=(View("flow", "flow", "wheel"),),
)


@pytest.mark.parametrize("recipe", [RECIPE, _SEQUENCE], ids=["onset_apex", "sequence"])
def test_pipeline_prepare_and_client_give_the_same_bytes(tmp_path, clips, recipe):
    table = ClipTable("casme2", "megc2019", ("negative", "positive", "surprise"), tuple(clip for clip, _ in clips))
    transform(tmp_path, [(clip, read_frames(clip, recipe.frames)) for clip, _ in clips], recipe, workers=2)
    prepare(table, recipe, tmp_path / "prepared", workers=2)
    expected = []
    for clip, _ in clips:
        # As the client does: every file of the folder, known by its number alone.
        found = frames_of_folder(pathlib.Path(clip.frames[0]).parent)
        seen = dataclasses.replace(clip, frames=found.paths, frame_numbers=found.numbers)
        selection = select_frames(seen, recipe.frames)
        with ClipPreprocessor(recipe) as preprocessor:
            frames = {number: pathlib.Path(seen.frame_path(number)).read_bytes() for number in selection.numbers}
            expected.append(encode_motion(clip, preprocessor.process_clip(seen, frames), recipe))
    for folder in (tmp_path / "motion" / "Split-all", tmp_path / "prepared"):
        records = tf.data.TFRecordDataset(glob.glob(str(folder / "*.gz")), "GZIP")
        assert list(records.as_numpy_iterator()) == expected  # in the order of the clips


@pytest.mark.slow
def test_order_and_number_of_clips_hold_with_more_clips_than_can_be_under_way(tmp_path, clips, faceless):
    (clip, frames), (black, dark) = clips[0], faceless
    many = [(dataclasses.replace(clip, clip=f"EP{i:02d}"), frames) for i in range(9)]
    many.insert(4, (black, dark))
    motion, _ = transform(tmp_path, many, workers=2)
    assert (motion.get_int_custom_property("clips"), motion.get_int_custom_property("faults")) == (9, 1)
    data = read_motion_records(tmp_path / "motion" / "Split-all", RECIPE, flags={})
    assert sorted(data.keys) == sorted(clip.key for clip, _ in many if clip != black)
    for tensor in data.tensors.values():
        assert (tensor == tensor[:1]).all()


@pytest.mark.slow
def test_processes_give_the_same_records(tmp_path, clips):
    os.makedirs(tmp_path / "one")
    os.makedirs(tmp_path / "two")
    transform(tmp_path / "one", clips)
    transform(tmp_path / "two", clips, workers=2)
    one, two = (
        read_motion_records(tmp_path / name / "motion" / "Split-all", RECIPE, flags={}).fingerprint
        for name in ("one", "two")
    )
    assert one == two


def test_a_clip_without_face_is_counted_and_left_out(tmp_path, clips, faceless):
    motion, _ = transform(tmp_path, [clips[0], faceless])
    assert motion.get_int_custom_property("clips") == 1
    assert motion.get_int_custom_property("faults") == 1
    with open(tmp_path / "motion" / "report" / "all" / "clips.json", encoding="utf-8") as file:
        report = json.load(file)
    assert [(fault["clip"], fault["error"]) for fault in report["faults"]] == [(faceless[0].key, "FaceNotFoundError")]


def test_strict_stops_with_the_fault_itself(tmp_path, clips, faceless):
    with pytest.raises(FaceNotFoundError, match=faceless[0].key):
        transform(tmp_path, [clips[0], faceless], strict=True)


def test_no_clip_left(tmp_path, faceless):
    with pytest.raises(EmptySplitError, match="all 1 clips were left out"):
        transform(tmp_path, [faceless])


@pytest.mark.parametrize("workers", [0, -2, 1.5, True])
def test_a_number_of_workers_that_is_none(tmp_path, workers):
    with pytest.raises(ConfigError, match="workers must be a whole number of at least 1"):
        prepare(ClipTable("casme2", "megc2019", ("a", "b"), ()), get_recipe("onset_apex_28"), tmp_path, workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_landmark_model(tmp_path, clips, workers):
    with pytest.raises(MissingFileError, match=r"nowhere\.dat"):
        transform(tmp_path, clips[:1], landmark_model=str(tmp_path / "nowhere.dat"), workers=workers)
    assert not glob.glob(str(tmp_path / "motion" / "Split-all" / "data_tfrecord*"))


@pytest.mark.parametrize("strict", [False, True])
def test_a_clip_whose_process_is_killed_is_left_out_and_named(monkeypatch, clip_table, strict):
    # Frames of a megabyte are on their way to one process or another while it dies.
    frames = dict.fromkeys((1, 3), bytes(1 << 20))
    names = ["a", "b", "black", "c", "d", "e", "f", "g"]
    clips = [dataclasses.replace(clip_table.clips[0], clip=name) for name in names]
    monkeypatch.setattr(worker, "warm_up", processes_helper.no_preprocessor)
    monkeypatch.setattr(worker, "work", processes_helper.work)
    monkeypatch.setattr("mer_tf.preparation.work.encode_motion", lambda clip, result, recipe: result)
    step = PreprocessClips(RECIPE, strict=strict, workers=2, landmark_model=None)

    def outputs():
        for clip in clips:
            yield from step.process(encode_clip(clip, frames).SerializeToString())
        yield from (output for output in step.finish_bundle())

    step.setup()
    try:
        step.start_bundle()
        if strict:
            with pytest.raises(ClipError, match="sub01/black: the process at work was killed by SIGKILL"):
                list(outputs())
            return
        found = list(outputs())
    finally:
        step.teardown()
    tagged = [output.value for output in found if isinstance(output, beam.pvalue.TaggedOutput)]
    rows = [json.loads(getattr(value, "value", value)) for value in tagged]
    plain = [output for output in found if not isinstance(output, beam.pvalue.TaggedOutput)]
    made = [getattr(output, "value", output) for output in plain]
    assert made == [f"made of {name}" for name in names if name != "black"]  # in the order of the clips
    assert [row["clip"] for row in rows] == [clip.key for clip in clips]
    assert [row["fault"]["error"] for row in rows if row["fault"]] == ["ClipError"]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_schema_names_every_feature_with_its_shape(recipe):
    schema = {feature.name: feature for feature in motion_schema(recipe).feature}
    for name, shape in recipe.inputs.items():
        assert tuple(dim.size for dim in schema[name].shape.dim) == shape
        assert schema[name].type == schema_pb2.FLOAT
    assert {"label", "subject", "dataset", "clip", "recipe_hash", "mapping"} <= set(schema)
    assert all(feature.HasField("shape") for feature in schema.values())
