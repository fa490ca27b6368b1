"""Only regular files are opened."""

from __future__ import annotations

import json
import os

import pytest

from mer_tf.errors import BadInputError, MissingFileError
from mer_tf.files import check_regular, oddity, parse_json, read_rows, read_text


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1" * 10_000, "a whole number of 10000 digits"),
        ("18446744073709551616", "beyond 64 bits"),
        ("-Infinity", "-Infinity is no number"),
        ("1e400", "1e400 is too large"),
        ('{"a": {"b": 1, "b": 2}}', "'b' stands twice"),
        ("[" * 100_000, "more than 64 deep"),
        ("[" * 66 + "]" * 66, "more than 64 deep"),
        ("{", "not JSON"),
    ],
    ids=range(8),
)
def test_json_that_others_wrote(text, message):
    with pytest.raises(BadInputError, match=message) as error:
        parse_json(text, "settings")
    assert str(error.value).startswith("settings: ") and len(str(error.value)) < 200


def test_json_within_the_bounds_is_what_it_is():
    text = "[" * 64 + "]" * 64
    assert parse_json(text, "settings") == json.loads(text)
    assert parse_json('{"a": [1, -2.5e3, 18446744073709551615, null]}', "it") == {"a": [1, -2500.0, 2**64 - 1, None]}


def test_text_and_size(tmp_path):
    path = tmp_path / "a.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes("größer".encode(encoding))
        assert read_text(path) == "größer"
    path.write_bytes(b"x" * 16)
    with pytest.raises(BadInputError, match="label file .* is too large: 16 bytes, the limit is 15; cut it"):
        read_text(path, "label file", "cut it", limit=15)
    path.write_bytes(b"caf\xe9")
    with pytest.raises(BadInputError, match="not a text file in UTF-8 .byte 3"):
        read_text(path)


def test_an_open_quote_swallows_no_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a;b\n\n1;"2\n3;4\n')
    rows = read_rows(path)
    assert next(rows) == (1, ["a", "b"])
    with pytest.raises(BadInputError, match="is not a CSV file"):
        list(rows)
