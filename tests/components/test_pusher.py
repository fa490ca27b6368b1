"""Pusher gives a version that servers take for the newest."""

from __future__ import annotations

import time

import pytest
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from mer_tf import export
from mer_tf.components.pusher import executor
from mer_tf.components.pusher.executor import Executor
from mer_tf.errors import ConfigError
from mer_tf.export import newest_version, next_version

pytestmark = pytest.mark.tfx


@pytest.fixture
def push(tmp_path):
    """A function: pushes a stand-in for a SavedModel to ``tmp_path/serving``, blessed or not -> the artifact."""
    files = tmp_path / "model" / "Format-Serving"
    (files / "variables").mkdir(parents=True)
    (files / "saved_model.pb").write_bytes(b"graph")
    (files / "variables" / "variables.index").write_bytes(b"index")

    def run(blessed: int = 1):
        model, blessing = standard_artifacts.Model(), standard_artifacts.ModelBlessing()
        model.uri = str(tmp_path / "model")
        blessing.uri = str(tmp_path)
        blessing.set_int_custom_property("blessed", blessed)
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(tmp_path / "pushed" / str(time.monotonic_ns()))
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(tmp_path / "serving"))
        )
        Executor().Do(
            {"model": [model], "model_blessing": [blessing]},
            {"pushed_model": [pushed]},
            {"push_destination": proto_utils.proto_to_json(destination)},
        )
        return pushed

    return run


def test_the_version_is_the_time(push, tmp_path):
    before = int(time.time())
    version = push().get_string_custom_property("pushed_version")
    assert before <= int(version) <= time.time()
    folder = tmp_path / "serving" / version
    assert (folder / "saved_model.pb").read_bytes() == b"graph"
    assert (folder / "variables" / "variables.index").read_bytes() == b"index"


def test_two_pushes_in_a_second_are_two_versions(push, monkeypatch):
    monkeypatch.setattr(export.time, "time", lambda: 1_700_000_000.9)
    assert [push().get_string_custom_property("pushed_version") for _ in range(2)] == ["1700000000", "1700000001"]


def test_the_version_is_above_one_from_a_clock_that_was_ahead(push, tmp_path):
    (tmp_path / "serving" / "20301231235959").mkdir(
        parents=True
    )  # nothing in it yet: a server waits for it all the same
    for name in ("99999999999999999999", "copy of 20401231235959", "-3", ".7"):  # no versions to a server
        (tmp_path / "serving" / name).mkdir()
    pushed = push()
    assert pushed.get_string_custom_property("pushed_version") == "20301231235960"
    assert pushed.get_string_custom_property("pushed_destination") == str(tmp_path / "serving" / "20301231235960")
    assert newest_version(str(tmp_path / "serving")) == 20301231235960


def test_above_the_highest_number_there_is_none(tmp_path):
    (tmp_path / str(2**63 - 1)).mkdir()
    with pytest.raises(ConfigError, match="rename or remove it"):
        next_version(str(tmp_path))


def test_what_is_not_blessed_is_not_pushed(push, tmp_path):
    pushed = push(blessed=0)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "serving").exists()


def test_the_file_that_makes_a_version_comes_last(push, tmp_path, monkeypatch):
    """Till then a server sees no version, and keeps the one it has."""
    seen = []
    copy = executor.io_utils.copy_file

    def watch(source, target, *options):
        seen.append(sorted(path.name for path in (tmp_path / "serving").rglob("*") if path.is_file()))
        copy(source, target, *options)

    monkeypatch.setattr(executor.io_utils, "copy_file", watch)
    push()
    assert seen[0] == ["variables.index"]
