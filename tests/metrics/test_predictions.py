from __future__ import annotations

import csv

import pytest

from mer_tf import metrics
from mer_tf.errors import BadInputError, ConfigError, EmptySplitError, MissingFileError
from mer_tf.metrics.predictions import (
    is_csv,
    read_any,
    read_epoch_predictions,
    read_megc_log,
    read_predictions,
    write_epoch_predictions,
    write_megc_log,
    write_predictions,
)
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
        (f"d,s,c,f,{'1' * 10_000},0,1,0,0", "line 3: label must be a class index"),
        (f"d,s,c,f,0,0,{'1' * 10_000},0,0", "line 3: p_0 must lie"),
        ("d,s,c,f,0,0,1e400,0,0", "line 3: p_0 must lie"),
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
    with pytest.raises(ConfigError, match="line [12]: expected the columns"):
        read_predictions(path)


def test_probabilities_may_be_absent(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("dataset,subject,clip,fold,label,prediction\r\nd,s,c,f,4,0\r\n\r\n", encoding="utf-8-sig")
    assert read_predictions(path) == [Prediction("d", "s", "c", "f", 4, 0, ())]


@pytest.mark.parametrize("read", [read_predictions, read_megc_log])
def test_absent_empty_and_binary_files(tmp_path, read):
    with pytest.raises(MissingFileError, match=r"nowhere\.csv"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(BadInputError, match="is a folder; give a CSV"):
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
        Prediction("smic_hs", "s01", "c1", "smic_hs/s01", 0, 1, ()),
        Prediction("smic_hs", "s01", "c2", "smic_hs/s01", 2, 2, ()),
        Prediction("smic_hs", "s02", "c1", "smic_hs/s02", 1, 1, ()),
    ]
    write_megc_log(path, rows[::-1])
    assert path.read_text() == "smic s01\nc1 0 1\nc2 2 2\nsmic s02\nc1 1 1\n"
    assert read_megc_log(path) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c1 0 1\n", "line 1: expected 'dataset subject'"),
        ("smic_hs s01\nc1 0 x\n", "line 2: prediction"),
        ("smic_hs s01\nc1 0 1\nc1 0 1\n", "line 3: clip smic_hs/s01/c1 is already on line 2"),
        ("smic_hs s01\nc1 0 1 2\n", "line 2: expected"),
        ("smic_hs s01\nc1 0 1\nsmic_hs s02\n", "line 3: no 'clip truth prediction' line follows 'smic_hs s02'"),
        ("smic_hs s01\nsmic_hs s02\nc1 0 1\n", "line 1: no 'clip"),
        ("smic_hs s01\nc1 0 1\nsmic_hs s01\nc2 0 1\n", "line 3: subject smic_hs/s01 is already on line 1"),
        ("smic_hs s01\nc1 0 -1\n", "line 2: prediction must lie"),
        ("smic_hs s01\nc1 0 1\nc2 0 3\n", r"line 3: prediction must lie in 0\.\.2. Received: 3"),
    ],
)
def test_megc_log_faults(tmp_path, text, message):
    path = tmp_path / "log.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_megc_log(path, 3)


def test_megc_log_reproduces_the_metrics(tmp_path):
    cm = [[219, 22, 9], [40, 62, 7], [21, 3, 59]]
    cells = [(i, j) for i in range(3) for j in range(3) for _ in range(cm[i][j])]
    rows = [
        Prediction("samm", f"{k % 28:03}", f"{k % 28:03}_{k}", f"samm/{k % 28:03}", i, j, ())
        for k, (i, j) in enumerate(cells)
    ]
    path = tmp_path / "log.txt"
    write_megc_log(path, rows)
    again = read_any(path, 3)
    classes = ("negative", "positive", "surprise")
    assert metrics.scores(again, classes) == metrics.scores(rows, classes)
    assert sorted(again, key=str) == sorted(rows, key=str)
    copy = tmp_path / "copy.txt"
    write_megc_log(copy, again)
    assert copy.read_bytes() == path.read_bytes()


def test_the_format_is_recognised(tmp_path):
    log, table = tmp_path / "log.csv", tmp_path / "table.txt"
    log.write_text("\r\nsmic\ts01\r\nc1  0 1\r\n")
    write_predictions(table, ROWS)
    assert not is_csv(log) and is_csv(table)
    assert read_any(log) == [Prediction("smic_hs", "s01", "c1", "smic_hs/s01", 0, 1, ())]
    assert read_any(table) == ROWS


def test_predictions_of_every_epoch(tmp_path):
    path = tmp_path / "epochs.csv"
    other = [Prediction(*r[:5], 0, (1.0, 0.0, 0.0)) for r in (tuple(vars(row).values()) for row in ROWS)]
    write_epoch_predictions(path, {1: other, 2: ROWS})
    assert path.read_text(encoding="utf-8").startswith("dataset,subject,clip,fold,epoch,label,prediction,p_0")
    assert read_epoch_predictions(path) == {1: other, 2: ROWS}
    assert read_predictions(path) == ROWS  # the last epoch
    write_predictions(path, ROWS)
    assert read_epoch_predictions(path) == {}
    with pytest.raises(ConfigError, match="counted from 1"):
        write_epoch_predictions(path, {0: ROWS})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("d,s,c,f,0,0,0,1,0,0", "line 3: epoch is counted from 1"),
        ("d,s,c,f,x,0,0,1,0,0", "line 3: epoch must be"),
        ("d,s0,c0,f,1,0,0,1,0,0", "line 3: clip d/s0/c0 is already on line 2"),
    ],
)
def test_epoch_faults_name_the_line(tmp_path, line, message):
    path = tmp_path / "p.csv"
    path.write_text(f"{HEADER.replace('fold,', 'fold,epoch,')}\nd,s0,c0,f,1,0,0,1,0,0\n{line}\n")
    with pytest.raises(ConfigError, match=message):
        read_predictions(path)


def test_expected_number_of_classes(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(path, ROWS)
    with pytest.raises(ConfigError, match="3 probability columns, but 5 classes"):
        read_predictions(path, 5)
    path.write_text("dataset,subject,clip,fold,label,prediction\nd,s,c,f,4,0\n")
    with pytest.raises(ConfigError, match=r"line 2: label must lie in 0\.\.2"):
        read_predictions(path, 3)


def test_megc_log_cannot_hold_blanks(tmp_path):
    with pytest.raises(ConfigError, match="blanks"):
        write_megc_log(tmp_path / "log.txt", ROWS)


def test_one_dataset_under_two_spellings_is_one(tmp_path):
    log, table = tmp_path / "log.txt", tmp_path / "table.csv"
    log.write_text("SMIC s01\nc1 0 1\nCASME-II sub01\nc1 0 0\nmine 1\nc1 0 0\n")
    table.write_text(
        "dataset,subject,clip,fold,label,prediction\nsmic_hs,s01,c1,a,0,1\nCASME II,sub01,c1,a,0,0\nmine,1,c1,a,0,0\n"
    )
    assert [p.dataset for p in read_any(log)] == [p.dataset for p in read_any(table)] == ["smic_hs", "casme2", "mine"]
    log.write_text("smic s01\nc1 0 1\nsmic_hs s01\nc1 0 1\n")
    with pytest.raises(ConfigError, match="already on line 1"):
        read_any(log)
    log.write_text("CK s01\nc1 0 1\n")
    with pytest.raises(ConfigError, match="may be ckplus or ck48; the known ones are casme, "):
        read_any(log)


PLAIN = "dataset,subject,clip,fold,label,prediction\n"


def test_a_person_in_two_spellings_is_one_in_a_csv_and_in_a_log(tmp_path):
    csv, log = tmp_path / "p.csv", tmp_path / "log.txt"
    csv.write_text(PLAIN + "SMEM,S1,a,f,0,0\nsmem,subject 01,b,f,1,0\nSMEM,2,c,f,0,0\n")
    assert [(p.dataset, p.subject) for p in read_predictions(csv, 2)] == [("SMEM", "S1")] * 2 + [("SMEM", "2")]
    log.write_text("smic s1\ns1_ne_01 0 0\nsmic_hs s01\ns01_ne_02 0 0\n")
    with pytest.raises(ConfigError, match="line 3: subject smic_hs/s1 is already on line 1"):
        read_megc_log(log)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("d,1,a,f,0,0\nd,S01,A,f,0,0\n", "line 3: clip d/1/A is already on line 2"),
        ("d,1,a,f,0,0\nd,P1,b,f,0,0\n", "line 3: subjects '1' and 'P1' of d may be one person"),
    ],
)
def test_what_is_one_or_may_be_is_refused(tmp_path, rows, message):
    path = tmp_path / "p.csv"
    path.write_text(PLAIN + rows)
    with pytest.raises(ConfigError, match=message):
        read_predictions(path, 2)


@pytest.mark.parametrize(
    ("encoding", "sign", "end", "decimal"),
    [
        ("utf-8-sig", ",", "\r\n", "."),
        ("utf-8", ";", "\n", ","),
        ("utf-16", "\t", "\r", "."),
        ("utf-16", ";", "\n", "."),
    ],
)
def test_dialects_of_spreadsheet_programs(tmp_path, encoding, sign, end, decimal):
    path = tmp_path / "p.csv"
    lines = [HEADER.split(","), ["d", "sü", "c", "f", "1", "0", f"0{decimal}6", f"0{decimal}4", "0"]]
    path.write_bytes(end.join(sign.join(line) for line in lines).encode(encoding))
    assert read_any(path) == [Prediction("d", "sü", "c", "f", 1, 0, (0.6, 0.4, 0.0))]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+SUM(1)", "'+SUM(1)"),
        ("-x", "'-x"),
        ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("'=quoted", "''=quoted"),
        ("-1", "-1"),
        ("+1.5", "+1.5"),
        ("'plain", "'plain"),
    ],
)
def test_no_cell_is_a_formula_and_every_name_reads_back(tmp_path, name, written):
    path = tmp_path / "p.csv"
    rows = [Prediction(name.strip(), name, name, name, 0, 0, (1.0, 0.0))]
    write_predictions(path, rows)
    with open(path, encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1][1:4] == [written] * 3
    assert read_predictions(path) == rows


def test_larger_files_are_refused_by_their_size(tmp_path):
    for name, read in (("p.csv", read_any), ("log.txt", read_megc_log)):
        with open(tmp_path / name, "wb") as file:
            file.truncate(10 * 2**30)
        with pytest.raises(BadInputError, match="is too large: 10,737,418,240 bytes, the limit is"):
            read(tmp_path / name)
