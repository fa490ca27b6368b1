from __future__ import annotations

import csv
import dataclasses
import json
import os
import pathlib

import pytest

from mer_tf.datasets import content_hash, data_fingerprint, read_casme2, read_manifest, write_manifest
from mer_tf.errors import AnnotationError, MissingFileError


@pytest.fixture
def table(casme2):
    return read_casme2(casme2.write())


def test_round_trip(table, tmp_path):
    path = tmp_path / "new folder" / "manifest.csv"
    hashes = write_manifest(table, path)
    again, hashes_read = read_manifest(path)
    assert again.clips == table.clips
    assert (again.dataset, again.mapping, again.classes) == (table.dataset, table.mapping, table.classes)
    assert hashes_read == hashes == {clip.key: content_hash(clip) for clip in table.clips}
    assert os.listdir(path.parent) == ["manifest.csv"]


def test_missing_apex_and_label_survive(table, tmp_path):
    clip = dataclasses.replace(table.clips[0], apex=None, label=None, emotion='odd, "quoted"', fps=199.9)
    write_manifest(dataclasses.replace(table, clips=(clip,)), tmp_path / "m.csv")
    assert read_manifest(tmp_path / "m.csv")[0].clips == (clip,)


def test_layout_of_the_file(table, casme2, tmp_path):
    write_manifest(table, tmp_path / "m.csv", root=casme2.root)
    with open(tmp_path / "m.csv", encoding="utf-8") as file:
        head = json.loads(file.readline()[1:])
        rows = list(csv.DictReader(file))
    assert head["root"] == str(casme2.root)
    assert head["classes"] == ["negative", "positive", "surprise"]
    assert json.loads(rows[0]["frames"])[0] == "CASME2_RAW_selected/sub01/EP02_01f/img43.jpg"
    assert json.loads(rows[0]["frame_numbers"])[:2] == [43, 44]


def test_same_data_same_bytes(table, tmp_path):
    write_manifest(table, tmp_path / "a.csv")
    write_manifest(table, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_changed_frame_changes_the_manifest(table, tmp_path):
    clip = table.clips[0]
    before = {mode: content_hash(clip, recipe_frames=mode) for mode in ("all", "needed")}
    fingerprint = data_fingerprint(table)
    write_manifest(table, tmp_path / "a.csv")
    with open(clip.frame_path(50), "ab") as file:  # neither onset nor apex
        file.write(b"!")
    assert content_hash(clip) != before["all"]
    assert content_hash(clip, recipe_frames="needed") == before["needed"]
    assert data_fingerprint(table) != fingerprint
    write_manifest(table, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() != (tmp_path / "b.csv").read_bytes()
    with open(clip.frame_path(clip.apex), "ab") as file:
        file.write(b"!")
    assert content_hash(clip, recipe_frames="needed") != before["needed"]


def test_bytes_moved_between_frames_change_the_hash(table):
    clip = table.clips[0]
    before = content_hash(clip)
    first, second = clip.frames[0], clip.frames[1]
    both = [pathlib.Path(path).read_bytes() for path in (first, second)]
    for path, data in ((first, both[0] + both[1][:1]), (second, both[1][1:])):
        pathlib.Path(path).write_bytes(data)
    assert content_hash(clip) != before


def test_data_moved_elsewhere(table, casme2, tmp_path):
    hashes = write_manifest(table, tmp_path / "m.csv", root=casme2.root)
    moved = tmp_path / "moved data"
    casme2.root.rename(moved)
    again, _ = read_manifest(tmp_path / "m.csv", root=moved)
    assert {clip.key: content_hash(clip) for clip in again.clips} == hashes


def test_fingerprint_ignores_order(table):
    hashes = {clip.key: content_hash(clip) for clip in table.clips}
    shuffled = dataclasses.replace(table, clips=table.clips[::-1])
    expected = data_fingerprint(hashes)
    assert len(expected) == 64
    assert data_fingerprint(table) == data_fingerprint(shuffled) == expected
    assert data_fingerprint(dict(reversed(hashes.items()))) == expected
    assert data_fingerprint({**hashes, table.clips[0].key: "0"}) != expected
    assert data_fingerprint({}) != expected


@pytest.mark.parametrize("kind", ["gone", "a link to nothing", "a pipe", "an endless device", "a folder"])
def test_a_frame_that_cannot_be_read_stops_nothing(table, tmp_path, kind):
    """The step that needs the frame leaves the clip out; the hash changes when the frame is there again."""
    clip = table.clips[0]
    path = pathlib.Path(clip.frame_path(50))
    data, before = path.read_bytes(), write_manifest(table, tmp_path / "m.csv")
    path.unlink()
    {
        "gone": lambda: None,
        "a link to nothing": lambda: path.symlink_to("/nonexistent/object"),
        "a pipe": lambda: os.mkfifo(path),
        "an endless device": lambda: path.symlink_to("/dev/zero"),
        "a folder": path.mkdir,
    }[kind]()
    hashes = write_manifest(table, tmp_path / "m.csv")
    assert [key for key in hashes if hashes[key] != before[key]] == [clip.key]
    assert read_manifest(tmp_path / "m.csv")[1] == hashes
    path.rmdir() if kind == "a folder" else path.unlink(missing_ok=True)
    path.write_bytes(data)
    assert content_hash(clip) == before[clip.key]


def test_long_clips_pass_the_csv_limit(table, tmp_path):
    numbers = tuple(range(1, 20001))
    clip = dataclasses.replace(
        table.clips[0], frames=tuple(table.clips[0].frames[0] for _ in numbers), frame_numbers=numbers
    )
    limit = csv.field_size_limit()
    write_manifest(dataclasses.replace(table, clips=(clip,)), tmp_path / "m.csv", recipe_frames="needed", root="/")
    assert read_manifest(tmp_path / "m.csv")[0].clips[0].frame_numbers == numbers
    assert csv.field_size_limit() == limit


def test_empty_table(table, tmp_path):
    write_manifest(dataclasses.replace(table, clips=()), tmp_path / "m.csv")
    again, hashes = read_manifest(tmp_path / "m.csv")
    assert again.clips == ()
    assert hashes == {}


def test_bad_manifests(table, tmp_path):
    with pytest.raises(MissingFileError, match=r"absent\.csv"):
        read_manifest(tmp_path / "absent.csv")
    path = tmp_path / "m.csv"
    write_manifest(table, path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for content, said in (
        ("", "is not a manifest"),
        ("dataset,subject\n", "is not a manifest"),
        ("# [1]\n", "is not a manifest"),
        (lines[0].replace('"format": 1', '"format": 2') + "".join(lines[1:]), "is not a manifest of format 1"),
        (lines[0] + "a,b\n", "must have the columns"),
        ("".join(lines) + "casme2,sub01\n", "row 7 cannot be used"),
        ("".join(lines).replace(",1,megc2019", ",x,megc2019", 1), "row 3 cannot be used"),
        ("".join(lines).replace(",1,megc2019", ",3,megc2019", 1), "row 3: label 3 of 3 classes"),
        ("".join(lines) + lines[2], "row 7 repeats clip casme2/sub01/EP02_01f"),
        ("".join(lines).replace("[43,44,", "[44,", 1), "46 frame numbers and 47 files"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(AnnotationError) as caught:
            read_manifest(path)
        assert said in str(caught.value)
    with pytest.raises(ValueError, match="recipe_frames"):
        content_hash(table.clips[0], recipe_frames="some")
