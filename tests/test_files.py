"""Only regular files are opened."""

from __future__ import annotations

import os

import pytest

from mer_tf.errors import BadInputError, MissingFileError
from mer_tf.files import check_regular, oddity


def test_regular_files_and_links_to_them_pass(tmp_path):
    file = tmp_path / "sheet.csv"
    file.write_text("a")
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    assert oddity(file) == oddity(link) == ""
    check_regular(link)


def test_everything_else_is_named_without_being_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "zero").symlink_to("/dev/zero")
    found = {name: oddity(tmp_path / name) for name in ("pipe", "folder", "circle", "gone", "zero", "absent")}
    assert found == {
        "pipe": "a pipe",
        "folder": "a folder",
        "circle": "a link that leads in a circle",
        "gone": "a link to nothing",
        "zero": "a device",
        "absent": "missing",
    }
    with pytest.raises(BadInputError, match="label file .*pipe' is a pipe; give a CSV file"):
        check_regular(tmp_path / "pipe", "label file", "give a CSV file")
    with pytest.raises(MissingFileError, match="is a link to nothing"):
        check_regular(tmp_path / "gone")
