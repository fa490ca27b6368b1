"""Every reader on files that look like its distributor's: round trip, quirks that all share, damage, messages."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
from layout_case import messages, plan

from mer_tf.datasets import READERS, summary
from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.verify import check_images
from mer_tf.errors import (
    AnnotationError,
    BadInputError,
    ClipError,
    ConfigError,
    DatasetNotFoundError,
    EmptySplitError,
    UnknownNameError,
)
from mer_tf.synthetic.damage import DAMAGE, damage_layout
from mer_tf.synthetic.layouts import LAYOUTS, LayoutClip, SheetQuirks, write_layout

SHEETS = ("casme", "casme2", "samm", "smic_e", "casme3", "mmew", "4dme", "dfme")
FOLDERS = ("smic_hs", "smic_vis", "smic_nir", "ckplus", "oulu_casia", "mug")
FPS = {
    "casme": 60, "casme2": 200, "samm": 200, "smic_hs": 100, "smic_vis": 25, "smic_nir": 25, "smic_e": 100,
    "ckplus": 30, "ck48": 30, "oulu_casia": 25, "mug": 19, "casme3": 30, "mmew": 90, "4dme": 60, "dfme": 200,
}  # fmt: skip


def read(written, **options):
    return READERS[written.dataset](written.root, mapping="native", **options)


def keys(table):
    return [clip.key for clip in table.clips]


def test_macro_expressions_have_no_class_of_the_challenge():
    with pytest.raises(UnknownNameError):
        get_mapping("megc2019").label("jaffe", "anger")


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_round_trip(tmp_path, layout):
    clips = plan()
    written = write_layout(tmp_path / "Sätze ü", layout, clips)
    table = read(written)
    assert sorted(keys(table)) == sorted(written.keys)
    assert not messages(table, severity="warning")
    assert not table.partial
    assert table.dataset == written.dataset
    assert table.subjects == tuple(sorted({clip.subject_key for clip in table.clips}))
    by_key = dict(zip(written.keys, clips))
    for clip in table.clips:
        source = by_key[clip.key]
        assert list(clip.frame_numbers) == sorted(clip.frame_numbers)
        assert table.classes[clip.label] == clip.emotion
        assert clip.mapping == f"native_{written.dataset}"
        assert clip.fps == FPS.get(written.dataset, 1)
        if written.dataset in ("casme", "casme2", "samm"):
            assert (clip.onset, clip.apex, clip.offset) == (source.onset, source.apex, source.offset)
            assert len(clip.frames) == 12
        elif written.dataset.startswith("smic"):
            assert clip.apex is None
            assert clip.offset - clip.onset == (11 if written.dataset != "smic_e" else 9)
    assert json.loads(json.dumps(summary(table)))["clips"] == len(clips)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_frames_folder_itself_and_one_clip(tmp_path, layout):
    written = write_layout(tmp_path / "around" / "set", layout, plan(subjects=(7,), clips=1))
    assert len(read(written, strict=True).clips) == 1
    folders = [path for path in written.root.iterdir() if path.is_dir() and path.name not in ("Emotion", "FACS")]
    assert len(READERS[written.dataset](folders[0], mapping="native").clips) == 1
    # an archive unpacked into a folder of its own; the sheet beside it
    if written.sheet is not None:
        shutil.copy(written.sheet, tmp_path / "around")
    assert len(READERS[written.dataset](tmp_path / "around", mapping="native").clips) == 1


@pytest.mark.parametrize("dataset", sorted(READERS))
def test_absent_and_empty_root(tmp_path, dataset):
    with pytest.raises(DatasetNotFoundError) as absent:
        READERS[dataset](tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetNotFoundError) as empty:
        READERS[dataset](tmp_path / "empty")
    for error in (absent, empty):
        assert isinstance(error.value, BadInputError)
        assert str(error.value).startswith(f"{dataset}: ")
        assert "\n" not in str(error.value)
        assert "agreement" in str(error.value) or "licence" in str(error.value)
    assert "nowhere" in str(absent.value)


@pytest.mark.parametrize("dataset", sorted(READERS))
def test_no_usable_clip_is_one_line(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan(subjects=(1,), clips=1))
    if written.folders[0].is_dir():
        damage_layout(written, "empty_clip")
    else:
        shutil.rmtree(written.folders[0].parent)
    with pytest.raises((EmptySplitError, DatasetNotFoundError)) as caught:
        read(written)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dataset", [*SHEETS, *FOLDERS])
def test_one_damaged_clip_is_named_and_left_out(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan())
    damage_layout(written, "empty_clip", clip=4)
    table = read(written)
    assert set(written.keys) - set(keys(table)) == {written.keys[4]}
    (message,) = messages(table, dropped=True)
    assert message.startswith(written.keys[4])
    assert "holds no frame file" in message
    assert table.partial
    assert summary(table)["partial"]
    with pytest.raises(ClipError, match="holds no frame file"):
        read(written, strict=True)


@pytest.mark.parametrize("dataset", [*SHEETS, "ckplus"])
def test_annotated_clip_without_folder(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan())
    damage_layout(written, "missing_clip", clip=0)
    damage_layout(written, "missing_clip", clip=8)
    table = read(written)
    first, second = messages(table, dropped=True)
    assert "(2 of 9 clip folders are missing)" in first
    assert first.startswith(written.keys[0])
    assert second.startswith(written.keys[8])
    with pytest.raises(ClipError, match="there is no folder"):
        read(written, strict=True)


@pytest.mark.parametrize("dataset", [*SHEETS, *FOLDERS])
def test_stray_files_are_ignored(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan())
    for clip in range(9):
        damage_layout(written, "stray_files", clip)
    (written.root / "readme.txt").write_text("hello")
    table = read(written, strict=True)
    assert sorted(keys(table)) == sorted(written.keys)
    assert not messages(table, severity="warning")


@pytest.mark.parametrize("dataset", [*SHEETS, *FOLDERS])
def test_gaps_are_counted(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan())
    damage_layout(written, "gap", 2)
    table = read(written)
    assert len(table.clips) == 9
    assert any("frames between onset and offset have no file" in text for text in messages(table, kind="missing"))


@pytest.mark.parametrize("dataset", SHEETS)
def test_folder_without_row(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan())
    extra = damage_layout(written, "extra_clip", 1)
    table = read(written, strict=True)
    (message,) = messages(table, kind="extra")
    assert str(extra) in message
    assert "has no row in the sheet" in message
    assert len(table.clips) == 9


@pytest.mark.parametrize("dataset", SHEETS)
def test_no_sheet_and_cut_sheet(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan())
    damage_layout(written, "cut_sheet")
    with pytest.raises(DatasetNotFoundError, match="cannot be read as xlsx"):
        read(written)
    damage_layout(written, "no_sheet")
    for other in written.root.glob("*.xlsx"):
        other.unlink()
    with pytest.raises(DatasetNotFoundError) as caught:
        read(written)
    assert repr(str(written.root)) in str(caught.value)
    assert ".xlsx" in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "column"),
    [
        ("casme", "OnsetF"),
        ("casme2", "ApexFrame"),
        ("samm", "Offset Frame"),
        ("smic_e", "Emotion"),
        ("casme3", "Onset"),
        ("mmew", "ApexFrame"),
        ("dfme", "Emotion"),
    ],
)
def test_missing_column_quotes_what_was_found(tmp_path, dataset, column):
    written = write_layout(tmp_path, dataset, plan(), quirks=SheetQuirks(drop_column=column))
    with pytest.raises(AnnotationError) as caught:
        read(written)
    assert repr(column) in str(caught.value)
    assert "Headers found: 'Subject', 'Filename'" in str(caught.value)


@pytest.mark.parametrize("dataset", SHEETS)
@pytest.mark.parametrize("number_ids", [False, True])
def test_text_and_number_subjects(tmp_path, dataset, number_ids):
    written = write_layout(tmp_path, dataset, plan(), quirks=SheetQuirks(number_ids=number_ids))
    assert sorted(keys(read(written, strict=True))) == sorted(written.keys)


@pytest.mark.parametrize("dataset", SHEETS)
def test_duplicate_rows(tmp_path, dataset):
    written = write_layout(tmp_path, dataset, plan(), quirks=SheetQuirks(duplicate_row=True))
    table = read(written)
    assert sorted(keys(table)) == sorted(written.keys)
    (message,) = messages(table, dropped=True)
    assert "repeats a clip; the first counts" in message


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_pictures_are_opened_on_request(tmp_path, layout):
    clips = plan(subjects=(1, 2), clips=2, pictures=True, frames=6)
    written = write_layout(tmp_path, layout, clips)
    table = read(written)
    assert check_images(table, all_frames=True) == table
    folder = written.folders[1]
    file = folder if folder.is_file() else sorted(folder.iterdir())[1]
    file.write_bytes(file.read_bytes()[:40])
    checked = check_images(table, all_frames=True)
    assert set(keys(table)) - set(keys(checked)) == {written.keys[1]}
    assert checked.partial
    (message,) = messages(checked, dropped=True)
    assert file.name in message
    with pytest.raises(ClipError, match="frame"):
        check_images(table, all_frames=True, strict=True)


def test_all_pictures_unreadable(tmp_path):
    table = read(write_layout(tmp_path, "casme2", plan()))  # empty files
    with pytest.raises(EmptySplitError, match="no clip has readable pictures"):
        check_images(table)


def test_same_clips_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_layout(tmp_path / name, "samm", plan(pictures=True, frames=4))
    files = [path for path in sorted((tmp_path / "a").rglob("*")) if path.is_file()]
    assert len(files) == 37
    for path in files:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_writer_refuses(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'casme2'"):
        write_layout(tmp_path, "casme22", plan())
    with pytest.raises(ConfigError, match="no clip"):
        write_layout(tmp_path, "casme2", [])
    with pytest.raises(ConfigError, match="has no place"):
        write_layout(tmp_path, "casme2", [dataclasses.replace(plan()[0], emotion="joy")])
    with pytest.raises(ConfigError, match="written twice"):
        write_layout(tmp_path / "x", "samm", [plan()[0], plan()[0]])
    with pytest.raises(ConfigError, match="no room"):
        write_layout(tmp_path / "y", "oulu_casia", [LayoutClip(1, n, "anger", frames=[1, 2]) for n in range(7)])
    written = write_layout(tmp_path / "z", "smic_hs", plan())
    with pytest.raises(ConfigError, match="no sheet"):
        damage_layout(written, "cut_sheet")
    with pytest.raises(UnknownNameError, match="damage"):
        damage_layout(written, "fire")
    assert len(set(DAMAGE)) == len(DAMAGE)
