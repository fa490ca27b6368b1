"""Annotation sheets cost what they hold, and every file that is none is named with the way out."""

from __future__ import annotations

import os
import tracemalloc
import zipfile

import openpyxl
import pytest

from mer_tf.datasets import read_casme2, sheets
from mer_tf.datasets.sheets import frame_number, read_sheet
from mer_tf.errors import BadInputError

HEADER = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion")
NEEDED = ("subject", "clip", "onset", "apex", "offset", "emotion")


def book(path, rows=(("01", "EP01", 1, 5, 9, "4", "disgust"),), change=None):
    made = openpyxl.Workbook()
    for row in (HEADER, *rows):
        made.active.append(row)
    if change:
        change(made.active)
    made.save(path)
    return path


def with_member(path, name, text):
    """The workbook with one member in place of its own."""
    with zipfile.ZipFile(path) as archive:
        members = {entry: archive.read(entry) for entry in archive.namelist()}
    members[name] = text
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in members.items():
            archive.writestr(entry, data)
    return path


def sheet_xml(data, after=""):
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return (
        f'<worksheet xmlns="{space}"><dimension ref="A1:XFD1048576"/><sheetData>{data}</sheetData>{after}</worksheet>'
    )


def test_a_far_blank_costs_nothing(tmp_path):
    def far(sheet):
        sheet.cell(1048576, 9).value = " "
        sheet.cell(3, 16384).value = " "
        sheet.cell(5000, 1).value, sheet.cell(5000, 2).value = "02", "EP09"

    path = book(tmp_path / "far.xlsx", change=far)
    read_sheet(book(tmp_path / "small.xlsx"), NEEDED)  # what openpyxl takes for itself
    tracemalloc.start()
    try:
        rows = read_sheet(path, NEEDED).rows
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()
    assert [(row.number, row.cells["clip"]) for row in rows] == [(2, "EP01"), (5000, "EP09")]


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_CELLS", 20, "more than 20 cells; delete the columns"),
        ("MAX_UNPACKED_BYTES", 3000, r"unpacks to \d+ bytes, more than the limit of 3000"),
        ("MAX_STYLES_BYTES", 99, r"its styles unpack to \d+ bytes, more than the limit of 99"),
        ("MAX_SHEET_BYTES", 100, "more than the limit of 100"),
    ],
)
def test_larger_sheets_are_refused_with_the_number(tmp_path, monkeypatch, limit, value, message):
    path = book(tmp_path / "x.xlsx", [("01", f"EP{k}", 1, 5, 9, "4", "disgust") for k in range(4)])
    monkeypatch.setattr(sheets, limit, value)
    with pytest.raises(BadInputError, match=message):
        read_sheet(path, NEEDED)


@pytest.mark.slow
def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    strings = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' + b"<si><t>a</t></si>" * 2_500_000
    )
    bomb = with_member(book(tmp_path / "strings.xlsx"), "xl/sharedStrings.xml", strings)
    wide = with_member(
        book(tmp_path / "wide.xlsx"), "xl/worksheets/sheet1.xml", sheet_xml(f"<row>{'<c/>' * 600_000}</row>")
    )
    assert max(map(os.path.getsize, (bomb, wide))) < 300_000
    for path, message in ((bomb, "unpacks to"), (wide, "more than 500000 cells")):
        tracemalloc.start()
        try:
            with pytest.raises(BadInputError, match=message):
                read_sheet(path, NEEDED)
            assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
        finally:
            tracemalloc.stop()


def test_long_texts_are_cut_once(tmp_path):
    rows = [(" " + "x" * 30_000, f"EP{k}", 1, 5, 9, "4", "y" * 30_000) for k in range(50)]
    found = read_sheet(book(tmp_path / "long.xlsx", rows), NEEDED)
    assert {len(row.cells["subject"]) for row in found.rows} == {sheets.MAX_TEXT + 3}
    book(
        tmp_path / "headers.xlsx",
        change=lambda sheet: [sheet.cell(1, k, f"column {k} " + "z" * 30_000) for k in range(1, 200)],
    )
    with pytest.raises(BadInputError, match="and 169 more") as told:
        read_sheet(tmp_path / "headers.xlsx", NEEDED)
    assert len(str(told.value)) < 3000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504, "is encrypted or an old .xls; save it as .xlsx"),
        (b"\xef\xbb\xbf<html><body>sign in</body></html>", "is an HTML page"),
        (b"Subject,Filename\r\n01,EP01\r\n", "no xlsx, whatever its name says"),
        (b"PK\x03\x04" + b"\0" * 100, "cut short or damaged"),
        (b"PK\x05\x06" + b"\0" * 18, "cannot be read as xlsx"),
    ],
)
def test_what_is_no_workbook(tmp_path, content, message):
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        read_sheet(path, NEEDED)


def test_pipes_devices_and_folders_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.xlsx")
    for path in (tmp_path / "pipe.xlsx", tmp_path, "/dev/zero"):
        with pytest.raises(BadInputError, match=r"is a (pipe|folder|device)"):
            read_sheet(path, NEEDED)


def test_a_formula_without_stored_value_is_no_blank(tmp_path):
    def formulas(sheet):
        sheet["D2"] = "=C2+4"

    (row,) = read_sheet(book(tmp_path / "x.xlsx", change=formulas), NEEDED).rows
    with pytest.raises(ValueError, match="formula without stored value: open the sheet in a spreadsheet program"):
        frame_number(row.cells["apex"])
    cells = '<c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c><c r="B{0}" t="inlineStr"><is><t>{2}</t></is></c>'
    stored = cells.format(2, "01", "EP01") + '<c r="C2"><f>1+6</f><v>7</v></c><c r="D2" t="str"><f>""</f><v></v></c>'
    head = cells.format(1, "Subject", "Filename") + "".join(
        f'<c r="{column}1" t="inlineStr"><is><t>{name}</t></is></c>' for column, name in zip("CD", ("Onset", "Apex"))
    )
    path = with_member(
        book(tmp_path / "y.xlsx"), "xl/worksheets/sheet1.xml", sheet_xml(f"<row>{head}</row><row>{stored}</row>")
    )
    (row,) = read_sheet(path, ("subject", "clip")).rows
    assert (row.cells["onset"], row.cells["apex"]) == ("7", "")  # a stored value counts, also an empty one


def test_two_columns_for_one_thing_are_named(casme2):
    whole = read_casme2(casme2.write())
    assert not whole.partial and not any("which differ" in problem.message for problem in whole.problems)
    sheet = casme2.root / casme2.sheet

    def with_column(header, values):
        made = openpyxl.load_workbook(sheet)
        for row, value in enumerate((header, *values), start=1):
            made.active.cell(row, 10).value = value
        made.save(sheet)
        return [problem.message for problem in read_casme2(casme2.root).problems if "which differ" in problem.message]

    same = [row[4] for row in casme2.rows]
    assert not with_column("OffsetFrame", same)  # which of the two is read makes no difference
    (twice,) = with_column("OffsetFrame ", [same[0] + 1, *same[1:]])
    assert twice == "the sheet has two columns 'OffsetFrame', which differ in 1 rows; the first of them is read"
    (alias,) = with_column("Offset", [0] * len(same))
    assert alias.endswith(
        f"columns 'OffsetFrame' and 'Offset', which differ in {len(same)} rows; 'OffsetFrame' is read"
    )
    assert read_casme2(casme2.root).clips == whole.clips


def test_merged_subject_cells_are_one_warning(casme2):
    root = casme2.write()
    sheet = root / casme2.sheet
    made = openpyxl.load_workbook(sheet)
    rows = range(2, made.active.max_row + 1)
    whole = read_casme2(root)
    subjects = [made.active.cell(row, 1).value for row in rows]
    first = [row for row, subject in zip(rows, subjects) if subject == subjects[0]]
    assert len(first) > 1
    made.active.merge_cells(start_row=first[0], end_row=first[-1], start_column=1, end_column=1)
    made.save(sheet)
    table = read_casme2(root)
    assert [clip.key for clip in table.clips] == [clip.key for clip in whole.clips]
    new = {p.message for p in table.problems} - {p.message for p in whole.problems}
    assert [text for text in new if "merged" in text] == list(new) and len(new) == 1


def test_links_in_a_circle_stop_nothing(casme2):
    root = casme2.write()
    whole = read_casme2(root)
    (root / "circle").symlink_to("circle")
    (root / "CASME2-coding-0.xlsx").symlink_to("CASME2-coding-0.xlsx")
    assert read_casme2(root).clips == whole.clips
