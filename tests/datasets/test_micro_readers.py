"""What only CASME, SAMM or SMIC do."""

from __future__ import annotations

import dataclasses
import shutil

import openpyxl
import pytest
from layout_case import messages, plan

from mer_tf.datasets import read_casme, read_casme2, read_samm, read_smic_e, read_smic_hs, summary
from mer_tf.datasets.corrections import Correction, RowCorrection, correct_row
from mer_tf.datasets.folders import find_folders, padded_id
from mer_tf.datasets.readers.casme import CORRECTIONS as CASME
from mer_tf.datasets.readers.samm import CORRECTIONS as SAMM
from mer_tf.datasets.readers.smic import clip_name
from mer_tf.errors import ClipError, DatasetNotFoundError, FrameOrderError, ImageError
from mer_tf.frames import scan_frames
from mer_tf.synthetic.damage import damage_layout
from mer_tf.synthetic.layouts import LayoutClip, SheetQuirks, write_layout


def edit(sheet, change):
    """Applies ``change(worksheet)`` to the first worksheet."""
    book = openpyxl.load_workbook(sheet)
    change(book.worksheets[0])
    book.save(sheet)


# --- CASME


def test_casme_takes_the_first_of_two_apex_columns(tmp_path):
    written = write_layout(tmp_path, "casme", plan(clips=1))
    sheet = openpyxl.load_workbook(written.sheet).active
    assert [cell.value for cell in sheet[1]][4:6] == ["ApexF1", "ApexF2"]
    assert sheet["F2"].value == sheet["E2"].value + 1
    table = read_casme(tmp_path)
    assert [clip.apex for clip in table.clips] == [100, 100, 100]
    assert table.clips[0].frames[0].endswith("-94.jpg")


def test_casme_says_which_split_was_found(tmp_path):
    write_layout(tmp_path, "casme", plan())
    (message,) = [text for text in messages(read_casme(tmp_path)) if "rows (" in text]
    assert any("class of mapping 'megc2019' is assumed" in text for text in messages(read_casme(tmp_path)))
    assert not any("assumed" in text for text in messages(read_casme(tmp_path, mapping="native")))
    assert "has 9 rows (happiness 3, disgust 3, surprise 3): neither the release" in message
    counts = {"tense": 69, "disgust": 44, "repression": 38}
    emotions = [emotion for emotion, count in counts.items() for _ in range(count)]
    clips = [LayoutClip(1, index, emotion, onset=1, apex=2, offset=3, frames=[1, 2, 3], name=f"EP{index}")
             for index, emotion in enumerate(emotions)]  # fmt: skip
    write_layout(tmp_path / "b", "casme", clips)
    assert any("the release of 189 rows" in text for text in messages(read_casme(tmp_path / "b")))


def test_casme_sheet_is_not_that_of_casme2(tmp_path):
    written = write_layout(tmp_path, "casme", plan())
    written.sheet.rename(tmp_path / "annotation.xlsx")  # the only sheet there is
    assert len(read_casme(tmp_path).clips) == 9
    (tmp_path / "annotation.xlsx").rename(tmp_path / "CASME2-coding-20140508.xlsx")
    (tmp_path / "other.xlsx").write_bytes(b"")
    with pytest.raises(DatasetNotFoundError, match="casme: no annotation sheet"):
        read_casme(tmp_path)


def test_casme_rows_corrected_by_place(tmp_path):
    item = CASME[0]
    assert (item.row, item.rows, dict(item.new)) == (40, 189, {"onset": 100, "apex": 120, "offset": 149})
    there = tuple(range(90, 160))

    def run(values, rows=189, row=40, numbers=there):
        return correct_row(values, CASME, "casme", "casme/sub01/a", row, rows, numbers)

    wrong = {"onset": 10, "apex": 20, "offset": 49}  # no such files
    values, (problem,) = run(wrong)
    assert values == {"onset": 100, "apex": 120, "offset": 149}
    assert problem.kind == "correction"
    assert "onset 10 to 100, apex 20 to 120, offset 49 to 149 corrected" in problem.message
    assert run(wrong, rows=195) == (wrong, [])
    assert run(wrong, row=41) == (wrong, [])
    right = {"onset": 95, "apex": 110, "offset": 140}
    values, (problem,) = run(right)
    assert values == right
    assert "its printed frames are there and in order; not applied" in problem.message
    values, (problem,) = run(wrong, numbers=(1, 2))
    assert values == wrong
    assert "its folder lacks the new frames" in problem.message
    assert run(wrong, numbers=None)[0] == wrong
    mended = {"onset": 100, "apex": 120, "offset": 149}
    assert run(mended) == (mended, [])
    with pytest.raises(ValueError, match="label"):
        RowCorrection("casme", 1, 2, (("label", 3),), "a test")


# --- CASME II beyond its own test file


def test_casme2_objective_classes_from_their_own_file_column_or_rule(tmp_path):
    clips = [dataclasses.replace(clip, objective=5) for clip in plan()]
    write_layout(tmp_path / "2014", "casme2", clips)
    table = read_casme2(tmp_path / "2014", mapping="objective")
    assert {table.classes[clip.label] for clip in table.clips} == {"V"}
    assert any("CASME2-ObjectiveClasses.xlsx" in text for text in messages(table))
    write_layout(tmp_path / "2019", "casme2_2019", clips)
    table = read_casme2(tmp_path / "2019", mapping="objective")
    assert {table.classes[clip.label] for clip in table.clips} == {"V"}
    (tmp_path / "2014" / "CASME2-ObjectiveClasses.xlsx").unlink()
    table = read_casme2(tmp_path / "2014", mapping="objective")  # 6+12, 4, 1+2
    assert [table.classes[clip.label] for clip in table.clips] == ["I", "III", "II"] * 3
    (message,) = messages(table, severity="warning")
    assert "9 rows have no published objective class; the rule on their action units is used" in message


def test_casme2_without_any_way_to_an_objective_class(tmp_path):
    clips = [dataclasses.replace(clip, aus="brow?!") if index == 0 else clip for index, clip in enumerate(plan())]
    write_layout(tmp_path, "casme2", clips)
    (tmp_path / "CASME2-ObjectiveClasses.xlsx").unlink()
    table = read_casme2(tmp_path, mapping="objective")
    (message,) = messages(table, dropped=True)
    assert "no objective class and none follows from its action units 'brow?!'" in message
    assert any("action units outside the grammar, kept as text: 'brow?!'" in text for text in messages(table))
    assert len(table.clips) == 8


def test_casme2_unreadable_objective_class_falls_back(tmp_path):
    written = write_layout(tmp_path, "casme2_2019", plan())
    edit(written.sheet, lambda sheet: sheet.__setitem__("J2", "eight"))
    table = read_casme2(tmp_path, mapping="objective")
    assert any("objective class 'eight' is unknown" in text for text in messages(table, severity="warning"))
    assert table.classes[table.clips[0].label] == "I"


# --- SAMM


def test_samm_header_below_thirteen_rows_or_none(tmp_path):
    written = write_layout(tmp_path / "a", "samm", plan())
    sheet = openpyxl.load_workbook(written.sheet).active
    assert sheet.title == "MICRO_ONLY"
    assert [sheet.cell(14, column).value for column in (1, 2)] == ["Subject", "Filename"]
    write_layout(tmp_path / "b", "samm", plan(), quirks=SheetQuirks(preamble=False))
    first, second = read_samm(tmp_path / "a"), read_samm(tmp_path / "b")
    assert [clip.key for clip in first.clips] == [clip.key for clip in second.clips]
    assert first.clips[0].key == "samm/001/001_1_1"
    assert first.clips[0].frames[0].endswith("001_0094.jpg")  # not padded like the others
    assert first.clips[1].frames[0].endswith("001_00094.jpg")


def test_samm_numbers_after_the_last_underscore(tmp_path):
    written = write_layout(tmp_path, "samm", plan(clips=1))
    for file in written.folders[0].iterdir():
        file.rename(file.with_name(f"001_1_1_{file.stem.split('_')[1].lstrip('0')}.jpg"))
    assert read_samm(tmp_path).clips[0].frame_numbers == tuple(range(94, 106))


def test_samm_corrections(tmp_path):
    clips = [
        LayoutClip(28, 0, "anger", "4", onset=1071, apex=1143, offset=1134, name="028_4_1", frames=range(1071, 1135)),
        LayoutClip(32, 0, "anger", "4", onset=4896, apex=1930, offset=4970, name="032_3_1", frames=range(4896, 4971)),
        LayoutClip(32, 1, "anger", "4", onset=5126, apex=5127, offset=5207, name="032_3_2", frames=range(5126, 5208)),
    ]
    write_layout(tmp_path, "samm", clips)
    table = read_samm(tmp_path)
    assert [clip.apex for clip in table.clips] == [1102, 4930, 5127]
    assert len(summary(table)["corrections"]) == 2
    plain = read_samm(tmp_path, corrections=())
    assert [clip.apex for clip in plain.clips] == [5127]
    assert sum("does not hold" in text for text in messages(plain)) == 2
    other = (Correction("samm", "028", "028_4_1", "apex", 1140, 1100, "a test"), *SAMM[1:])
    (message,) = [text for text in messages(read_samm(tmp_path, corrections=other)) if "not applied" in text]
    assert "expects apex 1140 and the sheet has 1143" in message


def test_a_correction_says_which_revision_of_the_sheet_it_is_for(tmp_path):
    clip = LayoutClip(28, 0, "anger", "4", onset=1071, apex=1113, offset=1134, name="028_4_1", frames=range(1071, 1135))
    write_layout(tmp_path, "samm", [clip])
    table = read_samm(tmp_path)
    assert table.clips[0].apex == 1113
    (message,) = [text for text in messages(table) if "not applied" in text]
    assert "apex 1143 and the sheet has 1113; not applied (it is for the copy of SAMM_Micro_FACS_Codes_v2" in message


def test_samm_duration_is_a_check(tmp_path):
    written = write_layout(tmp_path, "samm", plan(clips=1))
    edit(written.sheet, lambda sheet: sheet.__setitem__("G15", 99))
    (message,) = messages(read_samm(tmp_path), severity="warning")
    assert message == "samm/001/001_1_1: Duration 99 in row 15 of the sheet, and onset 95 to offset 104 are 10 frames"


@pytest.mark.parametrize(("offset", "said"), [(5739, "the known revision"), (5700, "another revision (expected 5739)")])
def test_samm_revision(tmp_path, offset, said):
    clip = LayoutClip(13, 8, "anger", "4", onset=5660, apex=5680, offset=offset, name="013_1_9",
                      frames=range(5660, 5740))  # fmt: skip
    write_layout(tmp_path, "samm", [clip])
    assert any(said in text for text in messages(read_samm(tmp_path)))


def test_samm_cropped_and_later_sheet_name(tmp_path):
    written = write_layout(tmp_path, "samm", plan())
    (tmp_path / "SAMM").rename(tmp_path / "SAMM_CROP")
    written.sheet.rename(tmp_path / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx")
    table = read_samm(tmp_path)
    assert len(table.clips) == 9 - len(messages(table, severity="warning"))
    assert any(text.startswith("cropped frames") for text in messages(table))
    assert read_samm(tmp_path, layout="cropped").clips == table.clips
    with pytest.raises(DatasetNotFoundError, match="SAMM"):
        read_samm(tmp_path, layout="raw")


def test_samm_trailing_blank_in_an_action_unit_cell(tmp_path):
    write_layout(tmp_path, "samm", plan(clips=5))
    table = read_samm(tmp_path, mapping="native")
    assert {clip.aus for clip in table.clips} == {"6+12", "4", "1+2", "15", "1+2+4"}


# --- SMIC


@pytest.mark.parametrize("layout", ["smic_hs", "smic_hs_cropped"])
def test_smic_pads_names_and_runs_from_first_to_last(tmp_path, layout):
    written = write_layout(tmp_path, layout, plan())
    assert written.folders[0].parts[-4:] == ("s1", "micro", "positive", "s1_po_01")
    table = read_smic_hs(tmp_path)
    clip = table.clips[2]
    assert clip.key == "smic_hs/s01/s01_sur_03"
    assert (clip.onset, clip.apex, clip.offset) == (91094, None, 91105)
    assert clip.frames[0].endswith("image091094.bmp")
    assert table.clips[3].onset == 17_502_094
    assert any("the middle frame stands in" in text for text in messages(table, severity="info"))


def test_smic_without_the_micro_folder_and_beside_others(tmp_path):
    written = write_layout(tmp_path, "smic_hs", plan(subjects=(1,)))
    folder = written.folders[0].parents[2]
    (folder / "non_micro" / "positive" / "s1_po_09").mkdir(parents=True)
    assert len(read_smic_hs(tmp_path, strict=True).clips) == 3
    for emotion in (folder / "micro").iterdir():
        emotion.rename(folder / emotion.name)
    (folder / "micro").rmdir()
    assert len(read_smic_hs(tmp_path, strict=True).clips) == 3


def test_smic_plain_folder(tmp_path):
    write_layout(tmp_path, "smic_hs", plan())
    (tmp_path / "SMIC_all_raw" / "HS").rename(tmp_path / "HS")
    table = read_smic_hs(tmp_path)
    assert len(table.clips) == 9
    assert any(text.startswith("plain frames") for text in messages(table))


def test_smic_path_decides_over_the_name(tmp_path):
    written = write_layout(tmp_path, "smic_hs", plan(subjects=(1,)))
    written.folders[0].rename(written.folders[0].with_name("s2_ne_01"))
    (written.folders[1].parent / "s1_ne_2b").mkdir()
    table = read_smic_hs(tmp_path)
    assert "smic_hs/s01/s02_ne_01" in [clip.key for clip in table.clips]
    extra, warning = messages(table, severity="warning")
    assert "its name says s02, negative; the folders s01, positive are taken" in warning
    assert "s1_ne_2b' is not read: expected a clip name such as s1_ne_01" in extra
    assert table.partial


def test_smic_same_clip_padded_and_not(tmp_path):
    written = write_layout(tmp_path, "smic_hs", plan(subjects=(1,)))
    folder = written.folders[0]
    shutil.copytree(folder, folder.with_name("s01_po_01"))
    table = read_smic_hs(tmp_path)
    (message,) = messages(table, dropped=True)
    assert message.startswith("smic_hs/s01/s01_po_01: ")
    assert "repeats a clip" in message


@pytest.mark.parametrize(
    ("text", "name"),
    [("s1_ne_01", "s01_ne_01"), ("S20_sur_3", "s20_sur_03"), (" s01_po_11 ", "s01_po_11"), ("s1_xx_01", "s1_xx_01")],
)
def test_smic_clip_name(text, name):
    assert clip_name(text) == name


def test_smic_e_events(tmp_path):
    write_layout(tmp_path, "smic_e", plan(subjects=(1, 2), clips=3))
    table = read_smic_e(tmp_path, strict=True)
    clip = table.clips[3]
    assert clip.key == "smic_e/s02/s02_ne_02"
    before = [text for text in messages(table) if "event 2" in text]
    outside = [text for text in messages(table) if "event 3" in text]
    assert before == [
        "smic_e/s02/s02_po_01: event 2 at 17502094 to 17502094, before the first one is not a clip of its own"
    ]
    assert len(outside) == 1
    assert outside[0].startswith("smic_e/s02/s02_ne_02: event 3 at 17503105 to 17503145 lies outside the clip")
    assert clip.apex is None
    assert clip.onset == clip.frame_numbers[1]


def test_smic_e_other_spellings(tmp_path):
    written = write_layout(tmp_path, "smic_e", plan())
    (tmp_path / "HS_long" / "SMIC_HS_E").rename(tmp_path / "SMIC-HS-E")
    written.sheet.rename(tmp_path / "SMIC-HS-E_annotation_2019.xlsx")

    def older(sheet):  # without the third pair, with an apex of someone else
        sheet["H1"], sheet["I1"] = "ApexF", None

    edit(tmp_path / "SMIC-HS-E_annotation_2019.xlsx", older)
    table = read_smic_e(tmp_path)
    assert len(table.clips) == 9
    assert {clip.apex for clip in table.clips} == {None}
    assert any("Its apex column is not the distributor's" in text for text in messages(table))


def test_smic_e_event_outside_its_clip(tmp_path):
    written = write_layout(tmp_path, "smic_e", plan(clips=1))
    edit(written.sheet, lambda sheet: sheet.__setitem__("E2", 99_999))
    table = read_smic_e(tmp_path)
    (message,) = messages(table, dropped=True)
    assert "onset 91095 to offset 99999 lie outside FirstF 91094 to LastF 91105" in message
    with pytest.raises(FrameOrderError):
        read_smic_e(tmp_path, strict=True)


def test_smic_e_prefers_the_worksheet_hs(tmp_path):
    written = write_layout(tmp_path, "smic_e", plan())
    book = openpyxl.load_workbook(written.sheet)
    for row in book["HS"].iter_rows(values_only=True, max_row=2):
        book["VIS"].append(row)
    book.move_sheet("VIS", -1)
    book.save(written.sheet)
    assert len(read_smic_e(tmp_path).clips) == 9


# --- shared


def test_unlistable_folder_is_the_clips_fault(tmp_path):
    with pytest.raises(ImageError, match="a/b/c: folder .* cannot be listed"):
        scan_frames(str(tmp_path / "gone"), key="a/b/c")
    written = write_layout(tmp_path, "casme2", plan(clips=1))
    damage_layout(written, "missing_clip")
    written.folders[0].symlink_to(tmp_path / "nowhere")
    table = read_casme2(tmp_path)
    assert len(messages(table, dropped=True)) == 1
    with pytest.raises(ClipError):
        read_casme2(tmp_path, strict=True)


@pytest.mark.parametrize(
    ("prefix", "digits", "text", "expected"),
    [
        ("sub", 2, "1", "sub01"), ("sub", 2, "Sub1", "sub01"), ("sub", 2, "26.0", "sub26"), ("sub", 2, "s1", None),
        ("", 3, "6", "006"), ("", 3, "006", "006"), ("", 3, "037 ", "037"), ("", 3, "sub6", None),
        ("s", 2, "1", "s01"), ("s", 2, "s1", "s01"), ("s", 2, "S01", "s01"), ("s", 2, "", None), ("s", 2, "s", None),
        ("S", 3, "s5", "S005"), ("P", 3, "P080", "P080"), ("P", 3, "P8010", None),
    ],
)  # fmt: skip
def test_subject_spellings(prefix, digits, text, expected):
    assert padded_id(prefix, digits)(text) == expected


def test_find_folders_goes_into_what_is_meant(tmp_path):
    deep = tmp_path / "x" / "SMIC-all raw" / "hs"
    deep.mkdir(parents=True)
    for root in (tmp_path, tmp_path / "x", deep.parent, deep):
        assert str(deep) in list(find_folders(str(root), ("SMIC_all_raw/HS",)))
    assert not list(find_folders(str(tmp_path), ("SMIC_all_raw/NIR",)))
