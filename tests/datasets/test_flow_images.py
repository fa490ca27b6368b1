from __future__ import annotations

import os
import pathlib
import re

import cv2
import numpy as np
import pytest

from mer_tf.datasets.flow_images import COLUMNS, read_flow_images
from mer_tf.errors import AnnotationError, DatasetNotFoundError, EmptySplitError, ImageError, MissingFileError

ROWS = (
    # dataset, sub, filename_o, label
    ("casme2", "sub01", "EP02_01f", 1),
    ("casme2", "sub02", "EP02_01f", 0),
    ("smic", "s01", "s01_ne_01", 0),
    ("samm", "006", "006_1_2", 2),
)


def picture(seed: int, size=(28, 28)) -> np.ndarray:
    """RGB noise in which strain, the third channel, is mostly low."""
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    image[..., 2] //= 8
    return image


class Flow:
    """Writes pictures and labels; every part can be changed before ``write``."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.folder = root / "flow ü"
        self.rows = [list(row) for row in ROWS]
        self.header = list(COLUMNS)
        self.images = {self.stem(row): picture(index) for index, row in enumerate(self.rows)}
        self.suffix = " .png"  # a blank stands before the extension

    @staticmethod
    def stem(row) -> str:
        return f"{row[1]}_{row[2]}"

    @property
    def csv(self) -> pathlib.Path:
        return self.root / "labels.csv"

    def save(self, path: pathlib.Path, image: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())

    def write(self, layout: str = "flat"):
        self.root.mkdir(parents=True, exist_ok=True)
        labels = {self.stem(row): row[3] for row in self.rows}
        for stem, image in self.images.items():
            if layout == "flat":
                self.save(self.folder / (stem + self.suffix), image)
                continue
            for subject in {row[1] for row in self.rows}:
                part = "u_test" if stem.startswith(subject + "_") else "u_train"
                self.save(self.folder / subject / part / str(labels[stem]) / (stem + self.suffix), image)
        self.write_csv()
        return self.folder, self.csv

    def write_csv(self) -> None:
        lines = [",".join(map(str, cells)) for cells in [self.header, *self.rows]]
        self.csv.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def flow(tmp_path):
    return Flow(tmp_path)


def texts(data, **wanted):
    return [p.message for p in data.problems if all(getattr(p, name) == value for name, value in wanted.items())]


@pytest.mark.parametrize("layout", ["flat", "subjects"])
@pytest.mark.parametrize("suffix", [" .png", ".png", ".PNG"])
def test_both_layouts_with_and_without_the_blank(flow, layout, suffix):
    flow.suffix = suffix
    data = read_flow_images(*flow.write(layout), strict=True)
    assert data.images.shape == (4, 28, 28, 3)
    assert data.images.dtype == np.uint8
    for index, row in enumerate(ROWS):  # RGB order, in order of the CSV file
        np.testing.assert_array_equal(data.images[index], picture(index))
        assert data.keys[index] == "/".join(row[:3]).replace("smic/", "smic_hs/")
    assert data.labels.tolist() == [1, 0, 0, 2]
    assert data.labels.dtype == np.int64
    assert data.datasets == ("casme2", "casme2", "smic_hs", "samm")
    assert data.subject_keys == ("casme2/sub01", "casme2/sub02", "smic_hs/s01", "samm/006")
    assert data.classes == ("negative", "positive", "surprise")
    assert len(data) == 4
    assert not data.problems
    assert not data.partial


def test_one_copy_of_each_clip_is_read(flow, monkeypatch):
    folder, csv = flow.write("subjects")
    assert len(list(folder.rglob("*.png"))) == 16
    opened = []
    import mer_tf.datasets.flow_images as module

    decode = module.decode_image
    monkeypatch.setattr(module, "decode_image", lambda data, **facts: opened.append(1) or decode(data, **facts))
    assert len(read_flow_images(folder, csv)) == 4
    assert len(opened) == 4


def test_other_columns_order_case_and_blank_rows(flow):
    flow.header = ["index", "Label", " SUB", "filename_o", "dataset"]
    flow.rows = [[9, row[3], row[1], row[2], row[0]] for row in flow.rows]
    flow.images = {f"{row[2]}_{row[3]}": picture(index) for index, row in enumerate(flow.rows)}
    flow.root.mkdir(exist_ok=True)
    for stem, image in flow.images.items():
        flow.save(flow.folder / f"{stem}.png", image)
    flow.write_csv()
    flow.csv.write_bytes(b"\xef\xbb\xbf" + flow.csv.read_bytes().replace(b"\n", b"\r\n") + b"\r\n,,,,\r\n")
    data = read_flow_images(flow.folder, flow.csv)
    assert data.labels.tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize(("label", "index"), [("negative", 0), ("Surprise", 2), ("1.0", 1)])
def test_label_spellings(flow, label, index):
    flow.rows[0][3] = label
    assert read_flow_images(*flow.write()).labels[0] == index


@pytest.mark.parametrize("label", ["3", "-1", "happy", "", "1.5"])
def test_unknown_label_stops(flow, label):
    folder, csv = flow.write()
    flow.rows[1][3] = label
    flow.write_csv()
    with pytest.raises(AnnotationError, match=r"row 3: label .* is unknown; expected 0 to 2 or negative"):
        read_flow_images(folder, csv)


def test_missing_picture(flow):
    folder, csv = flow.write()
    (folder / "sub02_EP02_01f .png").unlink()
    data = read_flow_images(folder, csv)
    assert data.keys == ("casme2/sub01/EP02_01f", "smic_hs/s01/s01_ne_01", "samm/006/006_1_2")
    (message,) = texts(data, kind="missing")
    assert message.startswith("casme2/sub02/EP02_01f: has no picture: 'sub02_EP02_01f.png'")
    assert data.partial
    with pytest.raises(ImageError, match="has no picture"):
        read_flow_images(folder, csv, strict=True)


def test_another_size_and_no_square(flow):
    flow.images["006_006_1_2"] = picture(3, (30, 30))
    data = read_flow_images(*flow.write())
    (message,) = texts(data, dropped=True)
    assert message.startswith("samm/006/006_1_2: its picture is 30x30, most are 28x28")
    assert len(data) == 3 and data.sizes == {28: 3}
    with pytest.raises(ImageError, match="most are"):
        read_flow_images(flow.folder, flow.csv, strict=True)
    flow.images["006_006_1_2"] = picture(3, (30, 28))
    (message,) = texts(read_flow_images(*flow.write()), dropped=True)
    assert "it is 28x30; the flow of a square face crop is expected" in message


def test_left_overs_of_systems_are_no_pictures(flow):
    folder, csv = flow.write()
    for name in ("._sub01_EP02_01f .png", "__MACOSX/sub01_EP02_01f .png", "@eaDir/sub09_EP01.png", "~$x.png"):
        flow.save(folder / name, picture(9))
    assert not read_flow_images(folder, csv, strict=True).problems


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", None])
def test_unreadable_picture(flow, content):
    folder, csv = flow.write()
    path = folder / "s01_s01_ne_01 .png"
    path.unlink()
    os.mkfifo(path) if content is None else path.write_bytes(content)
    (message,) = texts(read_flow_images(folder, csv), dropped=True)
    assert message.startswith("smic_hs/s01/s01_ne_01: file ") and "s01_s01_ne_01 .png'" in message


def test_picture_announced_too_large(flow):
    flow.images["s01_s01_ne_01"] = np.zeros((1100, 1100, 3), np.uint8)
    (message,) = texts(read_flow_images(*flow.write()), dropped=True)
    assert "more than the limit" in message


def test_duplicate_rows(flow):
    flow.rows.append(list(flow.rows[0]))
    data = read_flow_images(*flow.write())
    assert len(data) == 4
    assert "row 6 of the CSV file repeats it" in texts(data, severity="warning")[0]
    flow.rows[-1][3] = 2
    flow.write_csv()
    with pytest.raises(AnnotationError, match="row 6 gives casme2/sub01/EP02_01f the label 2, an earlier row 1"):
        read_flow_images(flow.folder, flow.csv)


def test_one_person_under_two_spellings_is_one_subject(flow):
    flow.rows.append(["samm", "6", "006_1_3", 0])
    flow.images["006_006_1_3"] = picture(9)
    folder, csv = flow.write()
    data = read_flow_images(folder, csv)
    assert data.subjects[-2:] == ("006", "006")
    assert "1 subject is spelled in several ways and read as one person: samm/006 (also samm/6)" in texts(data)[0]
    assert not data.partial


def test_numbers_without_padding_find_their_picture(flow):
    flow.rows[3][1] = "6.0"
    flow.rows[2][1:3] = ["s1", "s1_ne_01"]
    flow.images = {Flow.stem(row): picture(index) for index, row in enumerate(ROWS)}
    folder, csv = flow.write()
    data = read_flow_images(folder, csv, strict=True)
    np.testing.assert_array_equal(data.images[3], picture(3))
    assert data.subjects == ("sub01", "sub02", "s1", "6.0")


def test_a_picture_named_exactly_by_one_row_is_no_other_rows(flow):
    flow.rows.append(["casme2", "sub01", "EP2_1f", 0])  # another clip, whose picture is missing
    data = read_flow_images(*flow.write())
    assert len(data) == 4
    (message,) = texts(data, dropped=True)
    assert message.startswith("casme2/sub01/EP2_1f: has no picture")


def test_clip_column_with_the_whole_stem(flow):
    folder, csv = flow.write()
    flow.rows[0][2] = "sub01_EP02_01f"
    flow.write_csv()
    assert len(read_flow_images(folder, csv, strict=True)) == 4


def test_clip_names_alone_cannot_serve_two_subjects(flow):
    flow.rows = flow.rows[:2]
    flow.images = {"EP02_01f": picture(0)}
    with pytest.raises(AnnotationError, match="would both be the picture 'EP02_01f'"):
        read_flow_images(*flow.write())


def test_class_folder_that_disagrees_is_told(flow):
    folder, csv = flow.write("subjects")
    flow.rows[1][3] = 2
    flow.write_csv()
    data = read_flow_images(folder, csv)
    (message,) = texts(data, severity="warning")
    assert "casme2/sub02/EP02_01f: it lies in class folder 0 and the CSV file says 2" in message
    assert data.labels[1] == 2


def test_pictures_without_a_row_and_strays(flow):
    folder, csv = flow.write()
    flow.save(folder / "sub09_EP13_02.png", picture(9))
    for stray in (".DS_Store", "Thumbs.db", "notes.txt", "._sub01_EP02_01f .png"):
        (folder / stray).write_bytes(b"")
    data = read_flow_images(folder, csv)
    assert texts(data, kind="extra") == ["1 pictures have no row in the CSV file: sub09_EP13_02"]
    assert not data.partial


def test_same_picture_with_and_without_the_blank(flow):
    folder, csv = flow.write()
    flow.save(folder / "sub01_EP02_01f.png", picture(8))
    assert "1 pictures stand twice in a folder" in texts(read_flow_images(folder, csv), severity="warning")[0]


def test_reversed_channels_are_suspected(flow):
    flow.images = {stem: image[..., ::-1] for stem, image in flow.images.items()}
    assert "Were the pictures written as BGR?" in texts(read_flow_images(*flow.write()), severity="warning")[0]


@pytest.mark.parametrize("column", COLUMNS)
def test_missing_column(flow, column):
    flow.header[COLUMNS.index(column)] = "other"
    with pytest.raises(AnnotationError, match=f"lacks the column {column}; expected dataset, sub, filename_o, label"):
        read_flow_images(*flow.write())


def test_empty_cells_and_no_rows(flow):
    folder, csv = flow.write()
    flow.rows[0][1] = " "
    flow.write_csv()
    with pytest.raises(AnnotationError, match="row 2 lacks a dataset, sub or filename_o"):
        read_flow_images(folder, csv)
    flow.rows = []
    flow.write_csv()
    with pytest.raises(EmptySplitError, match="has no rows"):
        read_flow_images(folder, csv)
    csv.write_bytes(b"")
    with pytest.raises(AnnotationError, match="Headers found: none"):
        read_flow_images(folder, csv)


def test_absent_folder_and_file(flow):
    folder, csv = flow.write()
    with pytest.raises(DatasetNotFoundError, match="no folder"):
        read_flow_images(folder / "nowhere", csv)
    with pytest.raises(MissingFileError, match="is missing; give the CSV"):
        read_flow_images(folder, csv.with_name("nowhere.csv"))
    (folder.parent / "empty").mkdir()
    with pytest.raises(DatasetNotFoundError, match=r"holds no \.png picture"):
        read_flow_images(folder.parent / "empty", csv)


def test_no_picture_fits(flow):
    flow.images = {"someone_else": picture(0)}
    with pytest.raises(EmptySplitError, match="none of 4 clips"):
        read_flow_images(*flow.write())


def test_one_clip(flow):
    flow.rows = flow.rows[:1]
    flow.images = {"sub01_EP02_01f": picture(0)}
    assert read_flow_images(*flow.write()).images.shape == (1, 28, 28, 3)


# ---- whose picture it is ------------------------------------------------------------------------------------------


def shown(data) -> list[int]:
    """Which of the pictures of ``by_folder`` each clip got: 1 for the first."""
    return [int(image[0, 0, 0]) for image in data.images]


def by_folder(flow, paths, rows):
    """Pictures at paths below the folder, each all of its number, counted from 1."""
    flow.rows = rows
    for number, path in enumerate(paths, 1):
        flow.save(flow.folder / path, np.full((28, 28, 3), number, np.uint8))
    flow.write_csv()
    return flow.folder, flow.csv


TWO = [["casme2", "sub02", "EP01_01", 0], ["casme2", "sub01", "EP01_01", 1]]


@pytest.mark.parametrize(
    ("folders", "rows"),
    [
        (("sub01", "sub02"), TWO),
        (("sub01", "sub02"), TWO[:1]),  # of the other nothing is known
        (("1", "S 02"), TWO),
        (("casme2/sub01/0", "casme2/sub02/1"), TWO),
        (("sub01/u_test/1", "sub02/u_test/0"), TWO),
        (("anna", "Ben"), [["mine", "ben", "EP01_01", 0], ["mine", "anna", "EP01_01", 1]]),
        (("anna", "ben"), [["mine", "ben", "EP01_01", 0]]),
        (("1", "2"), [["mine", "2", "EP01_01", 0], ["mine", "1", "EP01_01", 1]]),  # folders of subjects, not of classes
        (("casme2/sub01", "mine/sub01"), [["mine", "sub01", "EP01_01", 0], ["casme2", "sub01", "EP01_01", 1]]),
    ],
)
def test_the_folder_says_whose_picture_it_is(flow, folders, rows):
    data = read_flow_images(*by_folder(flow, [f"{folder}/EP01_01.png" for folder in folders], rows), strict=True)
    assert shown(data) == [2, 1][: len(rows)]


@pytest.mark.parametrize(
    ("paths", "row", "why"),
    [
        (("sub01/EP01_01.png",), TWO[0], "'sub01/EP01_01' lies in a folder that does not name subject 'sub02'"),
        (("28/EP01_01.png",), ["mine", "2", "EP01_01", 0], "'28/EP01_01' lies in a folder that does not name"),
        (("anna/EP01_01.png", "ben/EP02.png"), ["mine", "ben", "EP01_01", 0], "does not name subject 'ben'"),
        (("x/EP01_01.png", "y/EP01_01.png"), TWO[0], "fits several pictures that differ ('x/EP01_01' and 'y/EP01_01')"),
        (("sub02/u_train/0/EP01_01.png",), TWO[0], "'sub02/u_train/0/EP01_01' lies in a folder"),
        (("sub01/u_train/0/EP01_01.png", "sub03/u_train/0/EP01_01.png"), TWO[0], "fits several pictures that differ"),
        (("samm/sub02/EP01_01.png",), TWO[0], "has no picture"),
        (("sub02/EP01_01.png", "sub02/a/EP01_01.png"), TWO[0], "fits several pictures that differ"),
    ],
)
def test_a_picture_that_may_be_another_subjects_is_not_taken(flow, paths, row, why):
    with pytest.raises(ImageError, match=re.escape(why)):
        read_flow_images(*by_folder(flow, paths, [row]), strict=True)


def test_names_with_a_subject_lie_in_any_folder(flow):
    paths = ["sub01/0/sub01_EP01_01.png", "sub01/0/s1_ne_01.png", "other/006_1_2.png"]
    rows = [["casme2", "sub01", "EP01_01", 0], ["smic", "s01", "s01_ne_01", 0], ["samm", "6", "006_1_2", 2]]
    assert shown(read_flow_images(*by_folder(flow, paths, rows), strict=True)) == [1, 2, 3]


def test_links_to_folders_are_followed_and_circles_are_not(flow):
    folder, csv = by_folder(flow, ["../store/a/EP01_01.png", "../store/b/EP01_01.png"], TWO)
    folder.mkdir(exist_ok=True)
    (folder / "sub01").symlink_to(flow.root / "store/a")
    (folder / "sub02").symlink_to(flow.root / "store/b")
    (flow.root / "store/a/up").symlink_to(folder)
    assert shown(read_flow_images(folder, csv, strict=True)) == [2, 1]


def test_another_subjects_picture_of_the_same_name_is_told_as_unused(flow):
    data = read_flow_images(*by_folder(flow, ["sub01/EP01_01.png", "sub02/EP01_01.png"], TWO[:1]))
    assert texts(data, kind="extra") == ["1 pictures have no row in the CSV file: sub01/EP01_01"]


# ---- one person, one set, one column ------------------------------------------------------------------------------


@pytest.mark.parametrize("second", ["1", "S1", "s01", "sub1", "subject1", "sub 1", "sub\u00a001", "\uff33\uff10\uff11"])
@pytest.mark.parametrize("dataset", ["casme2", "SMEM"])
def test_a_person_in_two_spellings_is_one_subject_and_it_is_said(flow, dataset, second):
    flow.rows = [[dataset, "sub01", "EP02_01f", 1], [dataset.lower(), second, "EP03", 0], [dataset, "sub02", "EP1", 0]]
    flow.images = {Flow.stem(row): picture(index) for index, row in enumerate(flow.rows)}
    data = read_flow_images(*flow.write(), strict=True)
    assert data.subject_keys == (f"{dataset}/sub01",) * 2 + (f"{dataset}/sub02",)
    assert "read as one person" in texts(data, severity="warning")[0]


@pytest.mark.parametrize(("first", "second"), [("1", "P1"), ("sub01", "x1"), ("P 01", "1")])
def test_two_ids_that_may_be_one_person_are_refused(flow, first, second):
    flow.rows = [["mine", first, "a", 1], ["mine", second, "b", 0]]
    flow.root.mkdir(exist_ok=True)
    flow.folder.mkdir()
    flow.images = {"a": picture(0), "b": picture(1)}
    with pytest.raises(AnnotationError, match=f"row 3: subjects '{first}' and '{second}' of mine may be one person"):
        read_flow_images(*flow.write())


def test_patients_and_controls_of_one_number_are_two_people(flow):
    flow.rows = [["mine", "P1", "a", 1], ["mine", "C1", "b", 0]]
    flow.images = {"a": picture(0), "b": picture(1)}
    assert read_flow_images(*flow.write(), strict=True).subjects == ("P1", "C1")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_stands_twice_is_refused(flow, column):
    flow.header.append(f" {column.upper()}")
    flow.rows = [[*row, 0] for row in flow.rows]
    with pytest.raises(AnnotationError, match=f"column {column} more than once \\(columns .* and 5\\)"):
        read_flow_images(*flow.write())
