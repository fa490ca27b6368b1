from __future__ import annotations

import pytest

from mer_tf.errors import ConfigError, EmptySplitError, MissingFileError
from mer_tf.metrics.predictions import read_megc_log, read_predictions, write_megc_log, write_predictions
from mer_tf.types import Prediction

ROWS = [
    Prediction("casme2", "sub01", "EP02_01f", "casme2/sub01", 0, 1, (0.1, 0.7, 0.2)),
    Prediction("casme2", "sub02", 'a, "b" é', "casme2/sub02", 2, 2, (1 / 3, 1 / 3, 1 / 3)),
]
HEADER = "dataset,subject,clip,fold,label,prediction,p_0,p_1,p_2"


def test_round_trip_is_exact(tmp_path):
    path = tmp_path / "new folder" / "predictions.csv"
    write_predictions(path, ROWS)
    assert read_predictions(path) == ROWS
    assert path.read_text(encoding="utf-8").splitlines()[0] == HEADER
    assert [p.name for p in path.parent.iterdir()] == ["predictions.csv"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("d,s,c,f,x,0,1,0,0", "line 3: label must be a class index. Received: 'x'"),
        ("d,s,c,f,0,3,1,0,0", r"line 3: prediction must lie in 0\.\.2"),
        ("d,s,c,f,-1,0,1,0,0", r"line 3: label must lie in 0\.\.2"),
        ("d,s,c,f,0,0,1,0", "line 3: expected 9 values. Received: 8"),
        ("d,s,c,f,0,0,nan,0,0", "line 3: p_0 must lie"),
        ("d,s,c,f,0,0,a,0,0", "line 3: p_0 must be a number"),
        ("d,s,c,f,0,0,0.5,0,0", "line 3: the probabilities sum to 0.5"),
        ("d,s,,f,0,0,1,0,0", "line 3: clip is empty"),
        ("d,s0,c0,f,0,0,1,0,0", "line 3: clip d/s0/c0 is already on line 2"),
        ('d,s,"c,f,0,0,1,0,0', "not a CSV file"),
    ],
)
def test_faults_name_the_line(tmp_path, line, message):
    path = tmp_path / "p.csv"
    path.write_text(f"{HEADER}\nd,s0,c0,f,0,0,1,0,0\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_predictions(path)


@pytest.mark.parametrize("header", ["", "a,b", HEADER.replace("p_1", "p_3"), "dataset,subject,clip,fold,label"])
def test_wrong_header(tmp_path, header):
    path = tmp_path / "p.csv"
    path.write_text(f"{header}\nd,s,c,f,0,0,1,0,0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1: expected the columns"):
        read_predictions(path)


def test_probabilities_may_be_absent(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("dataset,subject,clip,fold,label,prediction\r\nd,s,c,f,4,0\r\n\r\n", encoding="utf-8-sig")
    assert read_predictions(path) == [Prediction("d", "s", "c", "f", 4, 0, ())]


@pytest.mark.parametrize("read", [read_predictions, read_megc_log])
def test_absent_empty_and_binary_files(tmp_path, read):
    with pytest.raises(MissingFileError, match=r"nowhere\.csv"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(MissingFileError):
        read(tmp_path)
    binary = tmp_path / "image.csv"
    binary.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ConfigError, match="not a text file"):
        read(binary)
    empty = tmp_path / "empty.csv"
    empty.write_text(HEADER + "\n" if read is read_predictions else "\n")
    with pytest.raises(EmptySplitError, match="holds no predictions"):
        read(empty)


def test_writing_nothing_or_uneven_rows(tmp_path):
    with pytest.raises(EmptySplitError):
        write_predictions(tmp_path / "p.csv", [])
    with pytest.raises(ConfigError, match="3 probabilities where others have 0"):
        write_predictions(tmp_path / "p.csv", [Prediction("d", "s", "c", "f", 0, 0, ()), ROWS[0]])
    assert list(tmp_path.iterdir()) == []


def test_megc_log_round_trip(tmp_path):
    path = tmp_path / "log.txt"
    rows = [
        Prediction("smic", "s01", "c1", "smic/s01", 0, 1, ()),
        Prediction("smic", "s01", "c2", "smic/s01", 2, 2, ()),
        Prediction("smic", "s02", "c1", "smic/s02", 1, 1, ()),
    ]
    write_megc_log(path, rows[::-1])
    assert path.read_text() == "smic s01\nc1 0 1\nc2 2 2\nsmic s02\nc1 1 1\n"
    assert read_megc_log(path) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c1 0 1\n", "line 1: expected 'dataset subject'"),
        ("smic s01\nc1 0 x\n", "line 2: prediction"),
        ("smic s01\nc1 0 1\nc1 0 1\n", "line 3: clip smic/s01/c1 is already on line 2"),
        ("smic s01\nc1 0 1 2\n", "line 2: expected"),
    ],
)
def test_megc_log_faults(tmp_path, text, message):
    path = tmp_path / "log.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_megc_log(path)


def test_megc_log_cannot_hold_blanks(tmp_path):
    with pytest.raises(ConfigError, match="blanks"):
        write_megc_log(tmp_path / "log.txt", ROWS)
