"""The exit status of ``mer pipeline run``, and what it says of a folder that was moved."""

from __future__ import annotations

import dataclasses

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from mer_tf.cli import main
from mer_tf.datasets import read_casme2
from mer_tf.synthetic import write_synthetic_dataset
from mer_tf.tfx_pipeline import cli, local_runner, status

pytestmark = pytest.mark.tfx

RESULT = local_runner.PipelineResult(
    components=(), metrics={}, blessed=True, servable=True, pushed_model="/serving/7", serving_dir="/serving",
    predictions="", passport="", log_dir="", evaluation="", metadata="", clips=0, faults=(),
)  # fmt: skip


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("verdict")
    write_synthetic_dataset(root, subjects=4, clips_per_subject=3, frames_per_clip=(8, 8), seed=0)
    assert read_casme2(root).clips
    return root


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"pushed_model": "", "blessed": False}, cli.NOT_PUSHED),
        ({"pushed_model": "", "servable": False}, cli.NOT_PUSHED),
    ],
)
def test_a_script_sees_whether_the_model_was_pushed(clips, tmp_path, monkeypatch, changes, code):
    result = dataclasses.replace(RESULT, **changes)
    monkeypatch.setattr(local_runner, "run_local", lambda *arguments, **options: result)
    arguments = ["--data", str(clips), "--model", "dual_atme_aars", "--out", str(tmp_path / "out"), "--json"]
    assert main(["pipeline", "run", *arguments]) == code
    assert cli.NOT_PUSHED not in (0, 1, 2, 130)


def test_a_folder_that_was_moved(tmp_path, capsys):
    (tmp_path / "new").mkdir()
    database = tmp_path / "new" / "metadata.sqlite"
    root = tmp_path / "new" / "artifacts"
    assert status.earlier_root(database, root) == ""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = metadata_store.MetadataStore(config)
    assert status.earlier_root(database, root) == ""
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Model"))
    for number, folder in enumerate(("old", "new"), 1):
        uri = str(tmp_path / folder / "artifacts" / "Trainer" / "model" / str(number))
        store.put_artifacts([metadata_store_pb2.Artifact(type_id=kind, uri=uri)])
        moved = status.earlier_root(database, root)
        assert moved == ("" if folder == "new" else str(tmp_path / "old" / "artifacts"))
        assert main(["pipeline", "status", "--out", str(tmp_path / "new")]) == 0
        said = capsys.readouterr().err
        assert ("moved or copied" in said and str(tmp_path / "old") in said) == (folder == "old")
