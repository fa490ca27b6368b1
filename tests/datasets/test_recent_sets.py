"""What only CAS(ME)^3, MMEW, 4DME or DFME do."""

from __future__ import annotations

import dataclasses

import openpyxl
import pytest
from layout_case import messages, plan

from mer_tf.datasets import (
    CARDS,
    get_mapping,
    read_4dme,
    read_casme3,
    read_dfme,
    read_mmew,
    summary,
)
from mer_tf.datasets.readers import casme3, dfme, fourdme, mmew
from mer_tf.errors import AnnotationError, ConfigError, DatasetNotFoundError
from mer_tf.synthetic.layouts import LayoutClip, write_layout


def edit(sheet, change):
    """Applies ``change(worksheet)`` to the first worksheet."""
    book = openpyxl.load_workbook(sheet)
    change(book.worksheets[0])
    book.save(sheet)


@pytest.mark.parametrize("name", ["casme3", "mmew", "4dme", "dfme"])
def test_what_the_layout_is_known_from_is_said(tmp_path, name):
    write_layout(tmp_path, name, plan())
    reader = {"casme3": read_casme3, "mmew": read_mmew, "4dme": read_4dme, "dfme": read_dfme}[name]
    notes = summary(reader(tmp_path))["notes"]
    assert f"folders and columns of this set are known from {CARDS[name].known_from}" in notes
    assert any("is assumed" in note and "megc2019" in note for note in notes)
    assert "public" in CARDS[name].known_from


@pytest.mark.parametrize("name", ["casme3", "mmew", "dfme"])
def test_published_counts_add_up(name):
    (native,), (three,) = CARDS[name].expected(f"native_{name}"), CARDS[name].expected("megc2019")
    assert native.clips == {"casme3": 860, "mmew": 300, "dfme": 7526}[name]
    rule = get_mapping("megc2019")
    counts = dict.fromkeys(rule.classes, 0)
    for emotion, count in native.classes.items():
        label = rule.label(name, emotion)
        if label is not None:
            counts[rule.classes[label]] += count
    assert counts == three.classes


# --- CAS(ME)^3


@pytest.mark.parametrize(
    ("text", "subject"),
    [("spNO.1", "spNO.1"), ("spNo.017", "spNO.17"), (" SPNO 5", "spNO.5"), ("spno_5", "spNO.5"), ("7", "spNO.7"),
     ("spNO.1_a_355", None), ("depth", None)],
)  # fmt: skip
def test_casme3_subjects(text, subject):
    assert casme3.subject_id(text) == subject


def test_casme3_clips_and_videos_are_the_same_clips(tmp_path):
    clips = plan()
    tables = []
    for layout in ("casme3", "casme3_videos"):
        write_layout(tmp_path / layout, layout, clips)
        tables.append(read_casme3(tmp_path / layout, mapping="native", strict=True))
    first, second = ([dataclasses.replace(clip, frames=()) for clip in table.clips] for table in tables)
    assert first == second
    assert first[0].key == "casme3/spNO.1/a_1095"
    # Two clips of one video, each with its own frames.
    assert [clip.frame_numbers[0] for clip in tables[1].clips[:2]] == [1094, 94]
    assert tables[1].clips[0].frames[0].endswith("part_A/spNO.1/a/color/1094.jpg")


def test_casme3_depth_is_not_read(tmp_path):
    written = write_layout(tmp_path / "clips", "casme3", plan(subjects=(1,)))
    depth = tmp_path / "clips" / "Part_A_ME_clip" / "depth" / written.folders[0].name
    depth.mkdir(parents=True)
    (depth / "94.png").touch()
    assert not messages(read_casme3(tmp_path / "clips", strict=True), severity="warning")
    written = write_layout(tmp_path / "videos", "casme3_videos", plan(subjects=(1,)))
    (written.folders[0].with_name("depth")).mkdir()
    (written.folders[0].with_name("depth") / "94.png").touch()
    table = read_casme3(tmp_path / "videos", strict=True)
    assert all("/color/" in path for clip in table.clips for path in clip.frames)


def test_casme3_the_sheet_may_lie_in_a_folder_of_its_own(tmp_path):
    written = write_layout(tmp_path, "casme3", plan())
    place = tmp_path / "annotation" / "partA"
    place.mkdir(parents=True)
    written.sheet.rename(place / "cas(me)3_part_A_ME_label_JpgIndex_v3.xlsx")
    assert len(read_casme3(tmp_path, mapping="native", strict=True).clips) == 9
    assert len(read_casme3(tmp_path / "Part_A_ME_clip", mapping="native").clips) == 9


def test_casme3_missing_frames_of_a_video(tmp_path):
    written = write_layout(tmp_path, "casme3_videos", plan(subjects=(1,), clips=2))
    for number in (97, 98):
        (written.folders[0] / f"{number}.jpg").unlink()
    for number in range(1094, 1106):
        (written.folders[1] / f"{number}.jpg").unlink()
    table = read_casme3(tmp_path, mapping="native")
    assert [clip.key for clip in table.clips] == ["casme3/spNO.1/a_95"]
    (gone,) = messages(table, dropped=True)
    assert "has no frame from onset 1095 to offset 1104 (files run from 94 to 105)" in gone
    assert "2 frames between onset and offset have no file" in str(messages(table, kind="missing"))
    assert table.partial


def test_casme3_known_wrong_cells(tmp_path):
    written = write_layout(
        tmp_path, "casme3", [LayoutClip(149, 6, "fear", "14", onset=112, apex=83, offset=190, frames=range(112, 191))]
    )
    assert written.keys == ("casme3/spNO.149/d_112",)
    table = read_casme3(tmp_path, mapping="native")
    assert [clip.apex for clip in table.clips] == [167]
    (told,) = summary(table)["corrections"]
    assert "apex 83 corrected to 167 (the distributor's list of wrong rows of v1)" in told
    plain = read_casme3(write_and_fill(tmp_path, written), mapping="native", corrections=())
    assert [clip.key for clip in plain.clips] == ["casme3/spNO.1/a_95"]


def write_and_fill(tmp_path, written):
    """The wrong row beside one that is right."""
    other = write_layout(tmp_path / "other", "casme3", plan(subjects=(1,), clips=1))
    book = openpyxl.load_workbook(written.sheet)
    row = [cell.value for cell in book.active[2]]
    edit(other.sheet, lambda sheet: sheet.append(row))
    written.folders[0].rename(other.folders[0].parent / written.folders[0].name)
    return tmp_path / "other"


def test_casme3_mappings(tmp_path):
    emotions = ("happiness", "disgust", "others", "surprise", "sadness")
    write_layout(tmp_path, "casme3", plan(clips=5, emotions=emotions))
    three, four = read_casme3(tmp_path), read_casme3(tmp_path, mapping="casme3_four")
    assert summary(three)["classes"] == {"negative": 6, "positive": 3, "surprise": 3}
    assert summary(four)["classes"] == {"negative": 6, "positive": 3, "surprise": 3, "others": 3}
    objective = read_casme3(tmp_path, mapping="objective")
    assert sum(summary(objective)["classes"].values()) == 12  # 1+2+4 is class VI


# --- MMEW


def test_mmew_folders_per_subject_as_on_the_distributors_page(tmp_path):
    written = write_layout(tmp_path / "a", "mmew", plan())
    before = read_mmew(tmp_path / "a", mapping="native", strict=True)
    for folder in written.folders:
        subject, emotion = folder.name[:3].lower(), folder.parent.name
        place = tmp_path / "b" / subject / ("repression" if emotion == "others" else emotion)
        place.mkdir(parents=True, exist_ok=True)
        folder.rename(place / folder.name.lower())
    (tmp_path / "b" / "Macro_Expression").mkdir()
    written.sheet.rename(tmp_path / "b" / "MMEW_Micro_Exp (20).xlsx")
    after = read_mmew(tmp_path / "b", mapping="native")
    assert [clip.key for clip in after.clips] == [clip.key for clip in before.clips]
    (extra,) = messages(after, severity="warning")
    assert "Macro_Expression' is not read" in extra


def test_mmew_the_sheet_decides_over_names_and_folders(tmp_path):
    written = write_layout(tmp_path, "mmew", plan(subjects=(1,)))
    edit(written.sheet, lambda sheet: (sheet.__setitem__("A2", "S02"), sheet.__setitem__("G3", "anger")))
    table = read_mmew(tmp_path, mapping="native")
    assert {clip.key: clip.emotion for clip in table.clips}["mmew/S02/S01-01-001"] == "happiness"
    name, folder = messages(table, severity="warning")
    assert "its name says subject S01; the sheet's S02 is taken" in name
    assert "it lies in the folder of disgust; the sheet's anger is taken" in folder


def test_mmew_frames_counted_from_the_onset(tmp_path):
    clips = [dataclasses.replace(clip, frames=range(clip.onset, clip.offset + 1)) for clip in plan(subjects=(1,))]
    written = write_layout(tmp_path, "mmew", clips)
    for folder in written.folders[:2]:
        for number, file in enumerate(sorted(folder.iterdir(), key=lambda path: int(path.stem)), start=1):
            file.rename(file.with_name(f"{number}.jpg"))
    table = read_mmew(tmp_path, mapping="native")
    assert [(clip.onset, clip.apex, clip.offset) for clip in table.clips] == [(1, 6, 10), (95, 100, 104), (1, 6, 10)]
    assert any(text.startswith("2 clips have frame files numbered from another start") for text in messages(table))
    assert not messages(table, severity="warning")


def test_mmew_wrong_rows_are_mended_in_a_sheet_of_300_rows_alone():
    row = mmew.CORRECTIONS[0]
    assert len(mmew.CORRECTIONS) == 16 and (row.row, row.rows, row.new) == (33, 300, (("apex", 40), ("offset", 75)))


# --- 4DME


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("S13", "S13"),
        ("s3", "S03"),
        ("13", "S13"),
        ("S13_1st", "S13"),
        ("S49_2", "S49"),
        ("sub13", None),
        ("4_2", None),
    ],
)
def test_4dme_subjects(text, subject):
    assert fourdme.subject_id(text) == subject


def test_4dme_sessions_are_one_person(tmp_path):
    written = write_layout(tmp_path, "4dme", plan(subjects=(13,)))
    assert {folder.parent.name for folder in written.folders} == {"S13_1st", "S13_2nd"}
    table = read_4dme(tmp_path, mapping="native", strict=True)
    assert table.subjects == ("4dme/S13",)
    assert [clip.clip for clip in table.clips] == ["1st_001_02_1", "2nd_001_01_1", "2nd_001_03_1"]
    written.folders[1].rename(tmp_path / "elsewhere")
    (missing,) = messages(read_4dme(tmp_path, mapping="native"), dropped=True)
    assert "gray_micro/S13_1st/001_02_1" in missing


def test_4dme_two_emotions_are_of_no_class(tmp_path):
    written = write_layout(tmp_path, "4dme", plan(subjects=(1,), clips=3))
    edit(written.sheet, lambda sheet: (sheet.__setitem__("H2", "Surprise+Positive"), sheet.__setitem__("H3", "Other")))
    table = read_4dme(tmp_path, mapping="native")
    assert [clip.emotion for clip in table.clips] == ["others", "surprise"]
    assert "mapping 'native_4dme' drops 1 clips of emotion 'positive+surprise'" in messages(table)
    assert not messages(table, dropped=True)
    edit(written.sheet, lambda sheet: sheet.__setitem__("H4", "Repression"))
    assert summary(read_4dme(tmp_path))["classes"] == {"negative": 1, "positive": 0, "surprise": 0}


# --- DFME


def parts(tmp_path):
    """The three parts, each with other people; returns the sheets."""
    sheets = {}
    for name, subjects in zip(dfme.PARTS, ((1, 2), (13,), (14,))):
        frames, sheet, _ = dfme.PARTS[name]
        written = write_layout(tmp_path / name, "dfme", plan(subjects=subjects, clips=2))
        (tmp_path / name / "train_data").rename(tmp_path / frames)
        (tmp_path / "full_release_annotation").mkdir(exist_ok=True)
        sheets[name] = written.sheet.rename(tmp_path / "full_release_annotation" / sheet)
        (tmp_path / name).rmdir()
    return sheets


def test_dfme_parts(tmp_path):
    sheets = parts(tmp_path)
    table = read_dfme(tmp_path, mapping="native", strict=True)
    assert [clip.clip for clip in table.clips] == [f"sub{n:04d}_{k:02d}" for n in (1, 2, 13, 14) for k in (1, 2)]
    assert len(messages(table)) == len(set(messages(table)))
    assert read_dfme(tmp_path, mapping="native", part="test_b").subjects == ("dfme/sub0014",)
    assert len(read_dfme(tmp_path / "train_data", mapping="native", sheet=sheets["train"], part="train").clips) == 4
    with pytest.raises(ConfigError, match="part must be 'all' or one of train, test_a, test_b"):
        read_dfme(tmp_path, part="dev")
    with pytest.raises(ConfigError, match="that of one part"):
        read_dfme(tmp_path, sheet=sheets["train"])


def test_dfme_a_part_that_cannot_be_read_is_named(tmp_path):
    sheets = parts(tmp_path)
    edit(sheets["test_a"], lambda sheet: sheet.__setitem__("F1", "hidden"))  # as before the end of a challenge
    table = read_dfme(tmp_path, mapping="native")
    assert table.partial and len(table.clips) == 6
    (told,) = messages(table, severity="warning")
    assert told.startswith("part test_a is not read: sheet ") and "lacks the column of emotion" in told
    with pytest.raises(AnnotationError):
        read_dfme(tmp_path, strict=True)
    sheets["test_a"].unlink()
    with pytest.raises(DatasetNotFoundError, match="testA_full_with_AU.xlsx"):
        read_dfme(tmp_path, part="test_a")


def test_dfme_frame_rates(tmp_path):
    written = write_layout(tmp_path, "dfme", plan(subjects=(1,), clips=3))

    def rates(sheet):
        for row, value in enumerate(("FPS", 500, 300, "fast"), start=1):
            sheet.cell(row, 8).value = value

    table = read_dfme(tmp_path, mapping="native")
    assert {clip.fps for clip in table.clips} == {200.0}
    assert any(text.startswith("3 rows name no frame rate") for text in messages(table))
    edit(written.sheet, rates)
    table = read_dfme(tmp_path, mapping="native")
    assert [clip.fps for clip in table.clips] == [500.0, 300.0, 200.0]
    assert any(text.startswith("1 rows name no frame rate") for text in messages(table))


def test_dfme_clips_in_two_parts_count_once(tmp_path):
    sheets = parts(tmp_path)
    (tmp_path / "test_data_B" / "sub0001_01").mkdir()
    (tmp_path / "test_data_B" / "sub0001_01" / "00095.png").touch()
    edit(sheets["test_b"], lambda sheet: sheet.append(["sub0001", "sub0001_01", 95, 95, 95, "Fear", 4]))
    table = read_dfme(tmp_path, mapping="native")
    assert {clip.key: clip.emotion for clip in table.clips}["dfme/sub0001/sub0001_01"] == "happiness"
    assert any("1 clips stand in two parts; the first counts" in text for text in messages(table, severity="warning"))
