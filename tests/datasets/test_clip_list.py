"""A CSV file of one's own clips: columns, spellings, classes, faults; sets that installed packages bring."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import types

import pytest

from mer_tf import plugins
from mer_tf.cli import main
from mer_tf.datasets import get_mapping, get_reader, read_manifest, write_manifest
from mer_tf.datasets.card import DatasetCard
from mer_tf.datasets.table import Row, TableBuilder
from mer_tf.errors import AnnotationError, ConfigError, FrameOrderError, MissingFileError, UnknownNameError
from mer_tf.frames import scan_frames

read = get_reader("csv")
CLIPS = (("1", "a", "happiness"), ("1", "b", "disgust"), ("P2", "a", "surprise"))


@pytest.fixture
def folder(tmp_path):
    for subject, clip, _ in CLIPS:
        place = tmp_path / "frames" / subject / clip
        place.mkdir(parents=True)
        for number in range(1, 6):
            (place / f"img{number}.png").write_bytes(b"x")
    return tmp_path


def write(folder, header="subject,clip,path,emotion", rows=None, encoding="utf-8", end="\n", sign=","):
    rows = [f"{s},{c},frames/{s}/{c},{e}" for s, c, e in CLIPS] if rows is None else rows
    path = folder / "clips.csv"
    path.write_bytes("".join(line.replace(",", sign) + end for line in (header, *rows)).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "end", "sign"), [("utf-8", "\n", ","), ("utf-8-sig", "\r\n", ";"), ("utf-16", "\n", "\t")]
)
def test_paths_are_relative_to_the_file_and_classes_its_emotions(folder, encoding, end, sign, monkeypatch):
    monkeypatch.chdir("/")
    table = read(write(folder, header="Subject,CLIP,path,emotion", encoding=encoding, end=end, sign=sign))
    assert [clip.key for clip in table.clips] == ["csv/1/a", "csv/1/b", "csv/P2/a"]
    assert table.classes == ("disgust", "happiness", "surprise") and [clip.label for clip in table.clips] == [1, 0, 2]
    clip = table.clips[0]
    assert (clip.onset, clip.apex, clip.offset, clip.fps) == (1, None, 5, 0.0)
    assert clip.frames[0] == str(folder / "frames/1/a/img1.png") and not table.partial


def test_every_column(folder):
    header = "dataset,subject,path,onset,apex,offset,fps,aus,label,weather"
    rows = ["CASME II,1,frames/1/a,1,3,4,200,4+7,10,dry", "my set,x,frames/P2/a,2,3,5,30,,9,wet"]
    table = read(write(folder, header, rows))
    first, second = table.clips
    assert (first.dataset, first.subject, first.clip, first.apex, first.fps) == ("casme2", "sub01", "a", 3, 200.0)
    assert (second.dataset, second.clip, second.onset, second.offset, second.aus) == ("my_set", "a", 2, 5, "")
    assert table.classes == ("9", "10") and [first.label, second.label] == [1, 0]  # numbers in their order
    assert "columns that are not read: weather" in [problem.message for problem in table.problems]


def test_emotions_go_through_a_mapping_and_what_it_drops_is_a_warning(folder):
    rows = ["1,a,frames/1/a,Happiness", "1,b,frames/1/b,disgust", "P2,a,frames/P2/a,happy"]
    table = read(write(folder, rows=rows), mapping="megc2019")
    assert {clip.clip: table.classes[clip.label] for clip in table.clips} == {"a": "positive", "b": "negative"}
    assert "warning drops 1 clips of emotion 'happy'" in [
        f"{problem.severity} {problem.message.partition('megc2019')[2][2:]}" for problem in table.problems
    ]


def test_labels_are_classes_of_the_mapping_where_there_is_no_emotion(folder):
    rows = ["1,a,frames/1/a,Positive", "1,b,frames/1/b,0", "P2,a,frames/P2/a,7"]
    table = read(write(folder, "subject,clip,path,label", rows), mapping="megc2019")
    assert [table.classes[clip.label] for clip in table.clips] == ["positive", "negative"] and table.partial
    assert any("label '7' in row 4 of the list is no class" in problem.message for problem in table.problems)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,c,nowhere,,,,disgust", "no folder"),
        ("1,c,frames/1/a/img1.png,,,,disgust", "is a file; give a folder of numbered frames"),
        ("1,c,film.mp4,,,,disgust", "ffmpeg"),
        ("1,c,frames/1/a,3,2,5,disgust", "onset 3 <= apex 2 <= offset 5 does not hold; correct row 5"),
        ("1,c,frames/1/a,x,,,disgust", "'x' is not a frame number (column onset, row 5 of the list)"),
        (",c,frames/1/a,,,,disgust", "each is needed"),
        ("1,a,frames/1/a,,,,disgust", "repeats a clip"),
        ("1,c,frames/1/a,,,,", "has no emotion"),
    ],
)
def test_a_row_at_fault_is_named_and_changes_no_other(folder, row, said):
    (folder / "film.mp4").write_bytes(b"x")
    rows = [f"{s},{c},frames/{s}/{c},,3,,{e}" for s, c, e in CLIPS]
    table = read(write(folder, "subject,clip,path,onset,apex,offset,emotion", [*rows, row]))
    assert len(table.clips) == 3 and table.partial
    assert any(said in problem.message for problem in table.problems if problem.dropped)


def test_strict_ends_at_the_first_fault(folder):
    rows = ["1,a,frames/1/a,4,2,disgust"]
    with pytest.raises(FrameOrderError):
        read(write(folder, "subject,clip,path,onset,apex,emotion", [*rows, "1,b,frames/1/b,1,2,happy"]), strict=True)


def test_what_is_no_list_is_refused(folder):
    with pytest.raises(AnnotationError, match="lacks the column path, emotion or label. Columns found: 'subject'"):
        read(write(folder, "subject,clip", ["1,a"]))
    with pytest.raises(AnnotationError, match="has the column path twice"):
        read(write(folder, "subject,path,path,emotion", ["1,a,a,x"]))
    with pytest.raises(MissingFileError):
        read(folder / "absent.csv")
    with pytest.raises(ConfigError, match="at least two different classes"):
        read(write(folder, rows=["1,a,frames/1/a,disgust"]))


def test_the_classes_travel_in_the_name_of_the_mapping(folder):
    table = read(write(folder))
    write_manifest(table, folder / "manifest.csv")
    again, _ = read_manifest(folder / "manifest.csv")
    assert again.mapping == table.mapping and get_mapping(again.mapping).classes == table.classes
    assert [clip.label for clip in again.clips] == [clip.label for clip in table.clips]


def test_a_file_that_ends_in_csv_needs_no_flag(folder, capsys):
    assert main(["data", "check", str(write(folder)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == {"disgust": 1, "happiness": 1, "surprise": 1}


# ---- sets of installed packages ---------------------------------------------------------------------------------

CARD = DatasetCard(
    name="mine",
    title="Mine",
    kind="micro",
    classes=("happiness", "disgust"),
    fps=100.0,
    subject_id=lambda text: text or None,
    peak="none",
    counts=None,
    hint="",
)


def read_mine(root, *, mapping="native", strict=False):
    build = TableBuilder(CARD, mapping, strict=strict)
    for subject, clip, emotion in CLIPS[:2]:
        row = Row(subject, clip, emotion)
        place = f"{root}/frames/{subject}/{clip}"
        build.add(row, build.label(row), scan_frames(place), place)
    return build.table(context="")


@pytest.fixture
def package(monkeypatch):
    module = types.ModuleType("mer_test_package")
    module.CARD, module.read = CARD, read_mine
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entries = {
        name: importlib.metadata.EntryPoint(name, value, "mer_tf.datasets")
        for name, value in (("mine", module.__name__), ("broken", "mer_no_such_module"), ("other", module.__name__))
    }
    from mer_tf.datasets import registry

    monkeypatch.setattr(registry, "installed", lambda group: entries)
    monkeypatch.setattr(plugins, "installed", lambda group: entries)


def test_a_set_of_a_package_is_read_by_its_name(package, folder):
    table = get_reader("mine")(folder)
    assert table.classes == CARD.classes and [clip.fps for clip in table.clips] == [100.0, 100.0]
    assert get_mapping(table.mapping).classes == CARD.classes
    assert [clip.label for clip in get_reader("mine")(folder, mapping="megc2019").clips] == [1, 0]


def test_one_that_cannot_be_used_is_named(package):
    with pytest.raises(ConfigError, match="cannot be loaded: ModuleNotFoundError"):
        get_reader("broken")
    with pytest.raises(ConfigError, match="a DatasetCard of that name"):
        get_reader("other")
    with pytest.raises(UnknownNameError, match="mine"):
        get_reader("none_of_these")
