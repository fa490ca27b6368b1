"""ClipExampleGen on real files: what it writes, what it counts, what it refuses."""

from __future__ import annotations

import dataclasses
import glob
import json
import os

import pytest
import tensorflow as tf
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from mer_tf.components.clip_example_gen import executor
from mer_tf.components.clip_example_gen.component import ClipExampleGen
from mer_tf.components.clip_example_gen.records import decode_clip, encode_clip
from mer_tf.datasets.manifest import read_manifest, write_manifest
from mer_tf.errors import AnnotationError, EmptySplitError, ImageError, MissingFileError
from mer_tf.recipes import FramesConfig
from mer_tf.tfx_pipeline.local_runner import ProgressRunner

pytestmark = pytest.mark.tfx


def generate(tmp_path, *, strict=False, data_root=None):
    """Runs the executor with the properties the component gives it; returns artifact and serialized records."""
    component = ClipExampleGen(str(tmp_path / "manifest"), strict=strict, data_root=data_root)
    properties = {k: v for k, v in component.spec.exec_properties.items() if v is not None}
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    executor.Executor().Do({}, {"examples": [examples]}, properties)
    files = sorted(glob.glob(str(tmp_path / "examples" / "Split-all" / "data_tfrecord-*.gz")))
    return examples, [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]


def test_every_clip_becomes_one_record_with_onset_and_apex(tmp_path, clip_table):
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv")
    examples, records = generate(tmp_path)
    decoded = {clip.key: (clip, frames) for clip, frames in map(decode_clip, records)}
    assert sorted(decoded) == [clip.key for clip in clip_table.clips]
    for clip in clip_table.clips:
        found, frames = decoded[clip.key]
        assert dataclasses.replace(found, frames=(), frame_numbers=()) == dataclasses.replace(
            clip, frames=(), frame_numbers=()
        )
        assert list(frames) == ([1, 2] if clip.apex is None else [1, 3])  # middle of 1..4 where not annotated
        with open(clip.frame_path(1), "rb") as file:
            assert frames[1] == file.read()
    assert examples.splits == ["all"]
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_SEQUENCE_EXAMPLE"
    assert examples.get_int_custom_property("clips") == 6
    assert examples.get_int_custom_property("faults") == 0


def test_a_changed_frame_is_noticed_although_the_manifest_did_not_change(tmp_path, clip_table):
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv")
    with open(clip_table.clips[2].frame_path(4), "ab") as file:
        file.write(b"\0")
    with pytest.raises(AnnotationError, match=r"casme2/sub02/EP01_01: frames differ .* write the manifest again"):
        generate(tmp_path)


def test_flags_of_the_manifest_are_properties(tmp_path, clip_table):
    (tmp_path / "data" / "synthetic.json").write_text("{}")
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv")
    examples, _ = generate(tmp_path)
    assert examples.get_int_custom_property("synthetic") == 1
    assert examples.get_int_custom_property("partial") == 0


def test_hashes_of_needed_frames_leave_the_others_free(tmp_path, clip_table):
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv", recipe_frames="needed")
    with open(clip_table.clips[2].frame_path(4), "ab") as file:
        file.write(b"\0")
    _, records = generate(tmp_path)
    assert len(records) == 6


def test_a_clip_without_its_frame_is_counted_and_left_out(tmp_path, clip_table):
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv")
    os.remove(clip_table.clips[0].frame_path(3))
    examples, records = generate(tmp_path)
    assert len(records) == 5
    assert examples.get_int_custom_property("faults") == 1
    assert examples.get_int_custom_property("partial") == 1
    assert examples.get_int_custom_property("synthetic") == 0
    with open(os.path.join(examples.uri, "clips.json"), encoding="utf-8") as file:
        report = json.load(file)
    assert report["clips"] == 6 and report["done"] == 5
    assert report["faults"][0]["clip"] == "casme2/sub01/EP01_01"
    assert report["faults"][0]["error"] == "ImageError"


def test_strict_stops_at_a_faulty_clip_with_its_own_error(tmp_path, clip_table):
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv")
    os.remove(clip_table.clips[0].frame_path(3))
    with pytest.raises(ImageError, match="casme2/sub01/EP01_01 frame 3"):
        generate(tmp_path, strict=True)


def test_an_empty_frame_is_a_fault_of_its_clip(tmp_path, clip_table):
    open(clip_table.clips[1].frame_path(1), "wb").close()
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv")
    examples, records = generate(tmp_path)
    assert len(records) == 5 and examples.get_int_custom_property("faults") == 1


@pytest.mark.parametrize("frames", [FramesConfig(), FramesConfig("onset_to_apex", 3, "linear")])
def test_a_link_to_nothing_and_a_clip_of_too_many_frames_stop_nothing(tmp_path, clip_table, frames):
    """The manifest is written over both; the link matters only where a recipe needs that frame."""
    gone, apart, long = clip_table.clips[:3]
    for clip, number in ((gone, 3), (apart, 4)):
        os.unlink(clip.frame_path(number))
        os.symlink("/nonexistent/object", clip.frame_path(number))
    numbers = tuple(range(1, 4202))
    many = dataclasses.replace(long, apex=4200, offset=4201, frames=long.frames[:1] * 4201, frame_numbers=numbers)
    table = dataclasses.replace(clip_table, clips=(gone, apart, many, *clip_table.clips[3:]))
    write_manifest(table, tmp_path / "manifest" / "manifest.csv", recipe_frames="all")
    read = executor.ReadFrames(False, "all", frames)
    hashes = read_manifest(tmp_path / "manifest" / "manifest.csv")[1]
    told = [
        json.loads(outcome.value) for clip in table.clips for outcome in [*read.process((clip, hashes[clip.key]))][-1:]
    ]
    faults = {row["clip"]: row["fault"]["message"] for row in told if row["fault"]}
    assert "is a link to nothing" in faults.pop(gone.key)
    if frames.is_sequence:
        assert "4200 frames are needed, from 1 to 4200, more than the limit of 4096" in faults.pop(many.key)
    assert not faults


def test_no_clip_left_is_an_error_that_names_the_first_fault(tmp_path, clip_table):
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv")
    for clip in clip_table.clips:
        os.remove(clip.frame_path(1))
    with pytest.raises(EmptySplitError, match="all 6 clips were left out; the first: casme2/sub01/EP01_01"):
        generate(tmp_path)


def test_a_manifest_without_clips(tmp_path, clip_table):
    write_manifest(dataclasses.replace(clip_table, clips=()), tmp_path / "manifest" / "manifest.csv")
    with pytest.raises(EmptySplitError, match="no clip came in"):
        generate(tmp_path)


def test_no_manifest(tmp_path):
    os.makedirs(tmp_path / "manifest")
    with pytest.raises(MissingFileError, match=r"manifest\.csv"):
        generate(tmp_path)


def test_moved_data_is_found_under_another_root(tmp_path, clip_table):
    write_manifest(clip_table, tmp_path / "manifest" / "manifest.csv", root=tmp_path / "data")
    os.rename(tmp_path / "data", tmp_path / "elsewhere")
    _, records = generate(tmp_path, data_root=str(tmp_path / "elsewhere"))
    assert len(records) == 6


@pytest.mark.parametrize("record", [b"", b"\xff\xff\xff", tf.train.SequenceExample().SerializeToString()])
def test_other_bytes_are_no_clip_record(record):
    with pytest.raises(AnnotationError, match="not a clip record"):
        decode_clip(record)


def test_frames_keep_their_order(clip_table):
    clip = clip_table.clips[0]
    _, frames = decode_clip(encode_clip(clip, {3: b"apex", 1: b"onset"}).SerializeToString())
    assert list(frames.items()) == [(3, b"apex"), (1, b"onset")]


def test_the_cache_follows_the_content_of_the_manifest(tmp_path, clip_table):
    def run():
        component = ClipExampleGen(str(tmp_path / "manifest"))
        connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))
        runner = ProgressRunner()
        runner.run(Pipeline("p", str(tmp_path / "root"), connection, [component], enable_cache=True))
        return [run.state for run in runner.runs]

    path = tmp_path / "manifest" / "manifest.csv"
    write_manifest(clip_table, path)
    assert run() == ["executed"]
    write_manifest(clip_table, path)
    os.utime(path, (1, 1))
    assert run() == ["cached"]
    with open(clip_table.clips[3].frame_path(2), "ab") as file:
        file.write(b"\0")
    write_manifest(clip_table, path)
    os.utime(path, (1, 1))
    assert run() == ["executed"]
