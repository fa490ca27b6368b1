from __future__ import annotations

import json

import pytest

from mer_tf.datasets import READERS, get_reader, read_casme2, summary
from mer_tf.datasets.corrections import Correction
from mer_tf.datasets.readers.casme2 import CASME2
from mer_tf.errors import (
    AnnotationError,
    BadInputError,
    DatasetNotFoundError,
    EmptySplitError,
    FrameOrderError,
    ImageError,
    UnknownNameError,
)

FIRST = "casme2/sub01/EP02_01f"


def messages(table, **wanted):
    return [
        problem.message
        for problem in table.problems
        if all(getattr(problem, name) == value for name, value in wanted.items())
    ]


def test_reads_the_distributors_layout(casme2):
    table = read_casme2(casme2.write())
    assert (table.dataset, table.mapping) == ("casme2", "megc2019")
    assert table.classes == ("negative", "positive", "surprise")
    assert [(clip.subject, clip.clip, clip.label) for clip in table.clips] == [
        ("sub01", "EP02_01f", 1),
        ("sub02", "EP06_02_01", 2),
        ("sub02", "EP09f", 0),
        ("sub17", "EP01_2", 0),
    ]
    clip = table.clips[0]
    assert clip.key == FIRST
    assert (clip.onset, clip.apex, clip.offset, clip.fps) == (46, 59, 86, 200.0)
    assert (clip.emotion, clip.aus) == ("happiness", "4+L5")
    assert table.clips[1].aus == "1"  # a number cell
    assert clip.frame_numbers == tuple(range(43, 90))
    assert clip.frame_path(46) == str(casme2.clip_folder("01", "EP02_01f") / "img46.jpg")
    assert table.subjects == ("casme2/sub01", "casme2/sub02", "casme2/sub17")
    assert not messages(table, severity="warning")


def test_frames_are_sorted_as_numbers_and_strays_ignored(casme2):
    casme2.rows = [["01", "EP02_01f", 95, 99, 120, "4", "happiness"]]
    root = casme2.write()
    folder = casme2.clip_folder("01", "EP02_01f")
    for stray in ("Thumbs.db", ".DS_Store", "._img96.jpg", "img.jpg", "img96.txt", "notes"):
        (folder / stray).write_bytes(b"")
    (clip,) = read_casme2(root).clips
    assert clip.frame_numbers == tuple(range(92, 124))
    assert [path.rsplit("img")[-1] for path in clip.frames[7:9]] == ["99.jpg", "100.jpg"]


def test_clip_names_are_unique_only_within_a_subject(casme2):
    casme2.rows[5][-1] = "disgust"
    table = read_casme2(casme2.write())
    clips = {clip.key: clip for clip in table.clips}
    assert clips["casme2/sub17/EP02_01f"].onset == 8
    assert clips[FIRST].onset == 46
    assert clips["casme2/sub17/EP02_01f"].label != clips[FIRST].label


@pytest.mark.parametrize("folder", ["CASME2_RAW_selected", "CASME2-RAW", "CASME2_RAW", "casme2_raw"])
def test_folder_names_seen(casme2, folder):
    casme2.folder = folder
    assert len(read_casme2(casme2.write()).clips) == 4


def test_cropped_layout_and_choice(casme2):
    casme2.folder, casme2.frame = "Cropped", "reg_img{}.jpg"
    root = casme2.write()
    table = read_casme2(root)
    assert table.clips[0].frames[0].endswith("reg_img43.jpg")
    assert any("cropped frames" in message for message in messages(table))
    with pytest.raises(DatasetNotFoundError, match="CASME2_RAW_selected"):
        read_casme2(root, layout="raw")
    casme2.folder, casme2.frame = "CASME2-RAW", "img{}.jpg"
    casme2.write()
    assert "CASME2-RAW" in read_casme2(root).clips[0].frames[0]
    assert "Cropped" in read_casme2(root, layout="cropped").clips[0].frames[0]
    with pytest.raises(ValueError, match="sideways"):
        read_casme2(root, layout="sideways")


def test_frames_folder_as_root_and_nested_archive(casme2):
    root = casme2.write()
    assert len(read_casme2(root / casme2.folder).clips) == 4
    frames = root / casme2.folder
    moved = root / "moved"
    frames.rename(moved)
    frames.mkdir()
    moved.rename(frames / casme2.folder)
    assert len(read_casme2(root).clips) == 4


def test_sheet_of_2019_and_precedence(casme2):
    casme2.sheet = "CASME2-coding-20190701.xlsx"
    casme2.header.append("Objective Classes")
    root = casme2.write()
    table = read_casme2(root)
    assert any("labels of 2019" in message for message in messages(table, kind="source"))
    casme2.sheet, casme2.header = "CASME2-coding-20140508.xlsx", casme2.header[:-1]
    casme2.write()
    assert any("labels of 2014" in message for message in messages(read_casme2(root), kind="source"))
    chosen = read_casme2(root, sheet=root / "CASME2-coding-20190701.xlsx")
    assert any("labels of 2019" in message for message in messages(chosen, kind="source"))


def test_revision_by_content(casme2):
    row = casme2.rows[0]
    casme2.rows = [[*row[:1], f"S{i}", *row[2:-1], "surprise"] for i in range(28)]
    casme2.rows += [[*row[:1], f"D{i}", *row[2:-1], "sadness"] for i in range(4)]
    casme2.left_out = {(row[0], row[1]) for row in casme2.rows[1:]}
    table = read_casme2(casme2.write())
    assert any("labels of 2019 (its rows have 28 surprise and 4 sadness)" in text for text in messages(table))


@pytest.mark.parametrize("subject", [1, "1", "01", "sub1", "sub01", " Sub01 ", 1.0])
def test_subject_cells(casme2, subject):
    casme2.rows = [[subject, *casme2.rows[0][1:]]]
    casme2.subject_folder = "sub01"
    assert read_casme2(casme2.write()).clips[0].subject == "sub01"


@pytest.mark.parametrize(
    ("text", "subject"), [("26", "sub26"), ("sub26", "sub26"), ("s1", None), ("", None), ("x", None)]
)
def test_subject_id(text, subject):
    assert CASME2.subject_id(text) == subject


def test_subject_folders_without_padding(casme2):
    casme2.subject_folder = "{}"
    casme2.rows = [[int(row[0]), *row[1:]] for row in casme2.rows]
    assert len(read_casme2(casme2.write()).clips) == 4


def test_header_aliases_blanks_and_preamble(casme2):
    casme2.header = [" subject", "FILENAME", None, "Onset  Frame", "ApexF", "offset", None, "AUs", "Emotion"]
    casme2.preamble = [["Symbols"], [], ["/", "means or"]]
    assert len(read_casme2(casme2.write()).clips) == 4


def test_numbers_as_text(casme2):
    casme2.rows[0][2:5] = ["46", " 59 ", "86.0"]
    casme2.rows = casme2.rows[:1]
    casme2.root.mkdir(parents=True)
    casme2.write_sheet()
    folder = casme2.clip_folder("01", "EP02_01f")
    folder.mkdir(parents=True)
    for number in range(46, 87):
        (folder / f"img{number:04d}.jpg").touch()  # padded, as some copies are
    (clip,) = read_casme2(casme2.root).clips
    assert (clip.onset, clip.apex, clip.offset) == (46, 59, 86)


@pytest.mark.parametrize("cell", ["/", None, "-", "nan", " / "])
def test_missing_apex_is_the_middle_frame(casme2, cell):
    casme2.rows[0][3] = cell
    table = read_casme2(casme2.write())
    assert table.clips[0].apex is None
    (message,) = messages(table, kind="missing")
    assert message == f"{FIRST}: the apex is not annotated; frame 66 is used (middle frame)"
    assert not summary(table)["partial"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((90, 59, 86), "onset 90 <= apex 59 <= offset 86 does not hold"),
        ((46, None, 40), "onset 46 <= apex None <= offset 40 does not hold"),
        ((46, "early", 86), "'early' is not a frame number (column apex, row 2 of the sheet)"),
        ((46.5, 59, 86), "'46.5' is not a frame number (column onset"),
        ((46, 59, "/"), "offset is not annotated"),
        ((None, 59, 86), "onset is not annotated"),
    ],
)
def test_faults_of_a_row(casme2, cells, said):
    casme2.write()
    casme2.rows[0][2:5] = cells
    casme2.write_sheet()
    table = read_casme2(casme2.root)
    assert FIRST not in [clip.key for clip in table.clips]
    (message,) = messages(table, dropped=True)
    assert message.startswith(f"{FIRST}: ")
    assert said in message
    assert "\n" not in message
    assert summary(table)["partial"]
    with pytest.raises(FrameOrderError) as caught:
        read_casme2(casme2.root, strict=True)
    assert said in str(caught.value)


@pytest.mark.parametrize("cells", [(60, 59, 86), (46, 87, 86)])
def test_apex_out_of_order_leaves_the_clip_out(casme2, cells):
    casme2.write()
    whole = read_casme2(casme2.root)
    casme2.rows[0][2:5] = cells
    casme2.write_sheet()
    table = read_casme2(casme2.root)
    assert [clip.key for clip in table.clips] == [clip.key for clip in whole.clips if clip.key != FIRST]
    (said,) = messages(table, severity="warning")
    assert said == (
        f"{FIRST}: onset {cells[0]} <= apex {cells[1]} <= offset 86 does not hold; correct row 2 of the sheet"
    )
    assert table.partial
    with pytest.raises(FrameOrderError, match="correct row 2"):
        read_casme2(casme2.root, strict=True)


def test_apex_equal_to_the_onset_is_kept_and_said(casme2):
    casme2.rows[0][3] = 46
    table = read_casme2(casme2.write(), strict=True)
    assert table.clips[0].apex == 46
    (message,) = messages(table, severity="warning")
    assert "the apex equals the onset (frame 46); a recipe from onset to apex cannot use this clip" in message


def test_unknown_emotion_and_bad_names(casme2):
    casme2.write()
    casme2.rows[0][-1] = "happynes"
    casme2.rows[2][0] = "control"
    casme2.rows[3][1] = "../../etc"
    casme2.rows.append(list(casme2.rows[4]))
    casme2.write_sheet()
    table = read_casme2(casme2.root)
    dropped = messages(table, dropped=True)
    assert len(dropped) == 4
    assert "emotion 'happynes' in row 2 of the sheet is unknown" in dropped[0]
    assert "names subject 'control'" in dropped[1]
    assert "'../../etc'" in dropped[2]
    assert "row 8 of the sheet repeats a clip" in dropped[3]
    assert [clip.key for clip in table.clips] == ["casme2/sub17/EP01_2"]


def test_row_without_folder(casme2):
    casme2.left_out = {("01", "EP02_01f"), ("17", "EP01_2"), ("01", "EP03_02")}
    table = read_casme2(casme2.write())
    first, second = messages(table, kind="missing")
    tried = casme2.clip_folder("01", "EP02_01f")
    assert first == f"{FIRST}: no folder {str(tried)!r} for a clip of the sheet (2 of 4 clip folders are missing)"
    assert second.startswith("casme2/sub17/EP01_2")
    assert len(table.clips) == 2
    with pytest.raises(ImageError, match="EP02_01f"):
        read_casme2(casme2.root, strict=True)


def test_folder_without_row(casme2):
    root = casme2.write()
    casme2.clip_folder("24", "EP02_07").mkdir(parents=True)
    casme2.clip_folder("17", "EP77").mkdir(parents=True)
    table = read_casme2(root, strict=True)
    unknown, known = messages(table, kind="extra")
    assert unknown.startswith("casme2/sub17/EP77: folder")
    assert "known" in known
    assert "known" not in unknown
    assert len(table.clips) == 4


def test_nearest_frame_within_two(casme2):
    casme2.without = {("01", "EP02_01f"): {59, 58, 60}}
    table = read_casme2(casme2.write())
    assert table.clips[0].apex == 57
    found = messages(table, kind="missing")
    assert f"{FIRST}: apex frame 59 has no file; frame 57 is used (files run from 43 to 89)" in found
    assert f"{FIRST}: 3 frames between onset and offset have no file" in found


def test_frame_too_far(casme2):
    casme2.without = {("01", "EP02_01f"): {57, 58, 59, 60, 61}}
    table = read_casme2(casme2.write())
    (message,) = messages(table, dropped=True)
    assert "apex frame 59 has no file, nor has one within 2 of it (files run from 43 to 89)" in message
    with pytest.raises(ImageError, match="apex frame 59"):
        read_casme2(casme2.root, strict=True)


def test_empty_clip_folder(casme2):
    casme2.without = {("01", "EP02_01f"): range(1000)}
    (message,) = messages(read_casme2(casme2.write()), dropped=True)
    assert "holds no frame file" in message


def test_two_files_of_one_number(casme2):
    root = casme2.write()
    (casme2.clip_folder("01", "EP02_01f") / "img046.jpg").write_bytes(b"other")
    table = read_casme2(root)
    (message,) = messages(table, dropped=True)
    assert "'img046.jpg' and 'img46.jpg' are both frame 46; keep one of them" in message
    assert "casme2/sub01/EP02_01f" not in [clip.key for clip in table.clips]


def test_no_root(tmp_path):
    with pytest.raises(DatasetNotFoundError) as caught:
        read_casme2(tmp_path / "nowhere")
    message = str(caught.value)
    for part in ("casme2", "nowhere", "CASME2_RAW_selected", "Cropped", "20140508.xlsx", "Institute of Psychology"):
        assert part in message
    assert "signed licence agreement" in message
    assert "\n" not in message


def test_root_without_frames_folder(casme2):
    casme2.folder = "pictures"
    with pytest.raises(DatasetNotFoundError, match="has no frames folder.*Found: pictures"):
        read_casme2(casme2.write())


def test_no_sheet(casme2):
    (casme2.write() / casme2.sheet).unlink()
    with pytest.raises(DatasetNotFoundError) as caught:
        read_casme2(casme2.root)
    assert "CASME2-coding-20140508.xlsx or CASME2-coding-20190701.xlsx" in str(caught.value)
    assert repr(str(casme2.root)) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"<html>"])
def test_unreadable_sheet(casme2, content):
    (casme2.write() / casme2.sheet).write_bytes(content)
    with pytest.raises(DatasetNotFoundError, match=r"20140508\.xlsx' cannot be read as xlsx") as caught:
        read_casme2(casme2.root)
    assert "\n" not in str(caught.value)


def test_missing_column(casme2):
    casme2.header[4] = "Peak "
    with pytest.raises(AnnotationError) as caught:
        read_casme2(casme2.write())
    message = str(caught.value)
    assert "apex ('ApexFrame' | 'ApexF' | 'ApexF1' | 'Apex Frame' | 'Apex')" in message
    assert "Headers found: 'Subject', 'Filename', 'OnsetFrame', 'Peak', 'OffsetFrame'" in message


def test_no_header_at_all(casme2):
    casme2.header = ["a", "b"]
    with pytest.raises(AnnotationError, match="Headers found: 'a', 'b'"):
        read_casme2(casme2.write())


@pytest.mark.parametrize("rows", [[], [["01", "EP03_02", 131, 161, 181, 12, "others"]]])
def test_nothing_usable(casme2, rows):
    casme2.write()
    casme2.rows = rows
    casme2.write_sheet()
    with pytest.raises(EmptySplitError, match="no usable clip") as caught:
        read_casme2(casme2.root)
    assert isinstance(caught.value, BadInputError)


def test_all_clips_faulty_says_the_first(casme2):
    casme2.left_out = {(row[0], row[1]) for row in casme2.rows[1:]}
    casme2.without = {("01", "EP02_01f"): range(1000)}
    with pytest.raises(EmptySplitError, match=r"4 clips left out; the first: casme2/sub01/EP02_01f: folder"):
        read_casme2(casme2.write())


def test_organisers_exclusions(casme2):
    casme2.rows += [
        ["04", "EP12_01f", 261, "/", 321, "4", "disgust"],
        ["05", "EP09_05f", 20, 20, 40, "4", "disgust"],
    ]
    table = read_casme2(casme2.write(), strict=True)
    assert len(table.clips) == 4
    first, second = messages(table, dropped=True)
    assert first.startswith("casme2/sub04/EP12_01f: left out of mapping 'megc2019' because its apex is not annotated")
    assert "its apex equals its onset" in second
    assert not summary(table)["partial"]


def test_exclusions_spare_other_sets_of_the_same_names(casme2):
    casme2.rows += [
        ["04", "EP12_01f", 10, 15, 20, "4", "disgust"],
        ["05", "EP09_05f", 20, 30, 40, "4", "disgust"],
    ]
    table = read_casme2(casme2.write())
    assert len(table.clips) == 6
    assert not messages(table, severity="warning")


def test_corrections(casme2):
    def correction(field, old, new):
        return Correction("casme2", "sub01", "EP02_01f", field, old, new, "a test")

    root = casme2.write()
    table = read_casme2(root, corrections=(correction("apex", 59, 61),))
    assert table.clips[0].apex == 61
    assert summary(table)["corrections"] == [f"{FIRST}: apex 59 corrected to 61 (a test)"]
    table = read_casme2(root, corrections=(correction("apex", 58, 61),))
    assert table.clips[0].apex == 59
    (message,) = messages(table, severity="warning")
    assert "expects apex 58 and the sheet has 59; not applied" in message
    table = read_casme2(root, corrections=(correction("apex", 58, 59),))  # a sheet already mended
    assert not messages(table, severity="warning")
    with pytest.raises(ValueError, match="label"):
        correction("label", 0, 1)


def test_summary_is_json(casme2):
    casme2.left_out = {("02", "EP09f")}
    report = summary(read_casme2(casme2.write()))
    assert json.loads(json.dumps(report)) == report
    assert report["classes"] == {"negative": 1, "positive": 1, "surprise": 1}
    assert (report["dataset"], report["clips"], report["subjects"]) == ("casme2", 3, 3)
    assert len(report["missing"]) == len(report["skipped"]) == 1
    assert report["partial"]
    assert report["corrections"] == []


def test_unknown_mapping_and_reader(casme2):
    with pytest.raises(UnknownNameError, match="Did you mean 'megc2019'"):
        read_casme2(casme2.write(), mapping="megc2018")
    assert get_reader("casme2") is READERS["casme2"]
    with pytest.raises(UnknownNameError, match="unknown dataset 'casme5'"):
        get_reader("casme5")
