"""What is not the set and what is not read: copies, other spellings, left-overs of systems."""

from __future__ import annotations

import argparse
import os
import shutil

import pytest
from layout_case import messages, plan

from mer_tf.cli import main
from mer_tf.commands.source import add_source, read_source
from mer_tf.console import Console
from mer_tf.datasets import READERS, get_card, read_casme2, read_oulu_casia, read_smic_hs
from mer_tf.datasets.summary import problem_lines
from mer_tf.errors import AnnotationError, ClipError, DatasetNotFoundError
from mer_tf.files import is_left_over
from mer_tf.synthetic.layouts import LAYOUTS, write_layout
from mer_tf.types import Problem

LEFT_OVERS = ("__MACOSX", "@eaDir", ".ipynb_checkpoints", "lost+found", "$RECYCLE.BIN", "System Volume Information")
LEFT_FILES = (".DS_Store", "Thumbs.db", "desktop.ini", "._img9.jpg", "~$sheet.xlsx", "Icon\r")


def read(written, **options):
    return READERS[written.dataset](written.root, mapping="native", **options)


def names_of(table):
    return [clip.key for clip in table.clips]


# --- left-overs


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_left_overs_of_systems_are_skipped_at_every_level(tmp_path, layout):
    written = write_layout(tmp_path, layout, plan())
    before = read(written)
    for base, folders, _ in list(os.walk(tmp_path)):
        for name in LEFT_OVERS:
            # What a zip of macOS holds: the same tree with files of resource forks.
            inside = folders[0] if folders else "s1"
            os.makedirs(os.path.join(base, name, inside, "EP01_01"))
        for name in LEFT_FILES:
            with open(os.path.join(base, name), "wb") as file:
                file.write(b"left")
    if written.sheet is not None:
        shutil.copy(written.sheet, written.sheet.with_name(f"~${written.sheet.name}"))
        shutil.copy(written.sheet, written.sheet.with_name(f"._{written.sheet.name}"))
    assert read(written, strict=True) == before


def test_a_resource_tree_beside_the_set_is_not_the_set(tmp_path):
    written = write_layout(tmp_path / "casme2", "casme2", plan())
    frames = written.folders[0].parents[1].name
    (tmp_path / "__MACOSX" / frames / "sub01" / "EP01_01f").mkdir(parents=True)
    assert len(read_casme2(tmp_path, mapping="native").clips) == 9


@pytest.mark.parametrize("name", ["sub01", "img9.jpg", "s1_ne_01", "@home", "006", "_x", "Thumbs", "lost"])
def test_what_is_no_left_over(name):
    assert not is_left_over(name)


# --- sheets


@pytest.mark.parametrize("copy", ["{} (1)", "{} - Copy", "{}-backup", "{}_old", "{}~1"])
@pytest.mark.parametrize("layout", ["casme2", "samm", "smic_e"])
def test_a_copy_beside_the_sheet_is_named_and_not_read(tmp_path, layout, copy):
    written = write_layout(tmp_path, layout, plan())
    stale = written.sheet.with_name(copy.format(written.sheet.stem) + ".xlsx")
    stale.write_bytes(b"not even a sheet")
    table = read(written)
    assert sorted(names_of(table)) == sorted(written.keys)
    (message,) = messages(table, severity="warning")
    assert message == f"sheet {str(stale)!r} is not read: {written.sheet.name!r} is"
    assert not table.partial


def test_a_copy_of_the_objective_classes_is_not_read(tmp_path):
    write_layout(tmp_path, "casme2", plan())
    (tmp_path / "CASME2-ObjectiveClasses (1).xlsx").write_bytes(b"not even a sheet")
    table = read_casme2(tmp_path, mapping="objective")
    (message,) = messages(table, severity="warning")
    assert "CASME2-ObjectiveClasses (1).xlsx' is not read" in message


@pytest.mark.parametrize("layout", ["casme", "casme2", "samm", "smic_e"])
def test_two_copies_without_the_sheet_are_an_error_that_lists_them(tmp_path, layout):
    written = write_layout(tmp_path, layout, plan())
    copies = [written.sheet.with_name(f"{written.sheet.stem}{end}.xlsx") for end in (" (1)", "-backup")]
    for path in copies:
        shutil.copy(written.sheet, path)
    written.sheet.unlink()
    with pytest.raises(AnnotationError, match="2 files may be the one that is meant") as caught:
        read(written)
    assert all(str(path) in str(caught.value) for path in copies)
    copies[0].unlink()
    table = read(written)  # the only one there is
    assert len(table.clips) == 9


def test_the_published_name_wins_in_any_folder_and_case(tmp_path):
    written = write_layout(tmp_path, "casme2", plan())
    inside = written.folders[0].parents[1]
    written.sheet.rename(inside / written.sheet.name.upper())
    (tmp_path / f"{written.sheet.stem} (1).xlsx").write_bytes(b"")
    assert len(read(written).clips) == 9


# --- folders


MISSPELT = {
    "casme": ("sub01", "subject01"),
    "casme2": ("sub01", "Sub-ject1"),
    "samm": ("001", "subject001"),
    "smic_hs": ("s1", "subject1"),
    "smic_vis": ("surprise", "suprise"),
    "smic_nir": ("micro", "Micro-expression"),
    "smic_e": ("s1", "subject1"),
    "ckplus": ("S001", "Subj001"),
    "ck48": ("surprise", "suprise"),
    "oulu_casia": ("Surprise", "Suprise"),
    "mug": ("surprise", "suprise"),
}


@pytest.mark.parametrize("layout", MISSPELT)
def test_a_folder_in_another_spelling_is_named_and_the_set_partial(tmp_path, layout):
    written = write_layout(tmp_path, layout, plan())
    old, new = MISSPELT[layout]
    folder = next(path for path in sorted(tmp_path.rglob(old)) if path.is_dir())
    target = folder.with_name(new)
    folder.rename(target)
    table = read(written)
    assert table.partial
    assert any(repr(str(target)) in text and "is not read: expected" in text for text in messages(table, kind="extra"))
    with pytest.raises((DatasetNotFoundError, ClipError)):
        read(written, strict=True)


@pytest.mark.parametrize("name", ["surprise ", "Surprise", "SURPRISE"])
def test_blanks_and_case_of_a_class_folder_do_not_matter(tmp_path, name):
    written = write_layout(tmp_path, "smic_hs", plan())
    folder = next(path for path in sorted(tmp_path.rglob("surprise")))
    folder.rename(folder.with_name(name))
    table = read(written, strict=True)
    assert len(table.clips) == 9
    assert not table.partial
    said = messages(table, kind="extra")
    assert len(said) == (1 if " " in name else 0)
    assert all(f"{name}' is read as 'surprise'" in text for text in said)


@pytest.mark.parametrize("layout", ["casme2", "samm", "smic_hs", "mug", "oulu_casia"])
def test_a_second_spelling_of_a_subject_is_named(tmp_path, layout):
    written = write_layout(tmp_path, layout, plan())
    subject_id = get_card(written.dataset).subject_id
    folder = next(path for path in written.folders[0].parents if subject_id(path.name))
    number = int("".join(filter(str.isdigit, folder.name)))
    second = folder.with_name(folder.name.replace(str(number), f"0{number}", 1) if layout != "samm" else str(number))
    shutil.copytree(folder, second)
    texts = messages(read(written), kind="extra")
    assert any(repr(str(second)) in text and repr(str(folder)) in text and "both mean" in text for text in texts)


def test_frames_and_archives_where_folders_belong(tmp_path):
    written = write_layout(tmp_path, "smic_hs", plan())
    subject = written.folders[0].parents[2]
    (subject / "image000001.bmp").write_bytes(b"")
    (subject.parent / "s9.zip").write_bytes(b"")
    (subject.parent / f"{subject.name}.zip").write_bytes(b"")  # what was unpacked
    (subject.parent / "README.txt").write_bytes(b"")
    table = read_smic_hs(tmp_path)
    extra = messages(table, kind="extra")
    assert len(extra) == 2
    assert table.partial
    assert any("image000001.bmp' is not read" in text for text in extra)
    assert any("s9.zip' is not read: expected a subject such as s1, unpacked" in text for text in extra)


def test_another_frames_folder_is_named(tmp_path):
    written = write_layout(tmp_path, "casme2", plan())
    frames = written.folders[0].parents[1]
    shutil.copytree(frames, frames.with_name("CASME2 RAW selected"))
    table = read(written)
    (message,) = messages(table, severity="warning")
    assert "is in the place of the frames too and is not read" in message


def test_a_missing_light_is_named(tmp_path):
    write_layout(tmp_path, "oulu_casia", plan())
    table = read_oulu_casia(tmp_path, mapping="native", lights=("Strong", "Weak"))
    assert table.partial
    assert any(os.path.join("VL", "Weak") in text for text in messages(table, kind="extra"))


# --- label files


def test_copies_of_a_label_file(tmp_path):
    written = write_layout(tmp_path, "ckplus", plan())
    file = sorted((tmp_path / "Emotion").rglob("*_emotion.txt"))[0]
    shutil.copy(file, file.with_name(f"{file.stem} (1).txt"))
    shutil.copy(file, file.with_name(f"Copy of {file.name}"))
    table = read(written)
    assert len(table.clips) == 9
    assert any("is not read" in text and "Copy of" in text for text in messages(table, severity="warning"))
    file.with_name(f"Copy of {file.name}").unlink()
    file.unlink()
    table = read(written)  # "... (1).txt" alone is no label, and not silently none
    assert (len(table.clips), table.partial) == (8, True)


def test_two_labels_of_a_sequence_are_refused(tmp_path):
    written = write_layout(tmp_path, "ckplus", plan())
    file = sorted((tmp_path / "Emotion").rglob("*_emotion.txt"))[0]
    file.with_name(file.name.replace("_emotion", "9_emotion")).write_text("1.0")
    (message,) = messages(read(written), dropped=True)
    assert "are both its label; keep one of them" in message


@pytest.mark.parametrize("layout", ["ck48", "jaffe"])
def test_two_files_of_one_still_are_refused_by_both_names(tmp_path, layout):
    written = write_layout(tmp_path, layout, plan())
    file = written.folders[0] if written.folders[0].is_file() else sorted(written.folders[0].rglob("*.png"))[0]
    shutil.copy(file, file.with_suffix(".TIF" if layout == "jaffe" else ".jpg"))
    table = read(written)
    (message,) = messages(table, dropped=True)
    assert "keep one of them" in message
    assert file.name in message
    assert len(table.clips) == 8


# --- in print


def test_many_problems_of_one_kind_are_told_once_by_subject():
    many = [
        Problem("warning", "missing", f"casme2/sub{s:02d}/EP{c}", f"casme2/sub{s:02d}/EP{c}: no folder '/x/{s}/{c}'")
        for s in range(12)
        for c in range(5)
    ]
    lines, more = problem_lines([*many, Problem("info", "note", "", "one of its kind")])
    assert lines == [
        "warning: casme2/sub00/EP0: no folder '/x/0/0'",
        "warning: 60 like this in all: " + ", ".join(f"casme2/sub{s:02d} 5" for s in range(8)) + ", 4 more subjects",
        "info: one of its kind",
    ]
    assert more == 59
    assert problem_lines(many[:3]) == ([f"warning: {problem.message}" for problem in many[:3]], 0)


def test_check_of_a_partial_set_is_short_and_strict_has_a_status(tmp_path, capsys):
    written = write_layout(tmp_path, "casme2", plan())
    check = ["data", "check", "--dataset", "casme2", str(tmp_path), "--mapping", "native"]
    assert main(check) == 0
    assert main([*check, "--strict"]) == 1  # whole, and not as published
    for folder in written.folders[1:8]:
        shutil.rmtree(folder)
    capsys.readouterr()
    assert main(check) == 0
    out = capsys.readouterr().out
    assert out.count("no folder") == 1
    assert "warning: 7 like this in all: casme2/sub01 2, casme2/sub02 3, casme2/sub13 2" in out
    assert max(map(len, out.splitlines())) < 400
    assert "more lines like these: --all prints them" in out
    assert main([*check, "--all"]) == 0
    assert capsys.readouterr().out.count("no folder") == 7
    assert main([*check, "--strict"]) != 0


def test_prepare_and_pipeline_say_which_sheet_and_frames_are_read(tmp_path, capsys):
    written = write_layout(tmp_path, "casme2", plan())
    shutil.copy(written.sheet, written.sheet.with_name(f"{written.sheet.stem} (1).xlsx"))
    parser = argparse.ArgumentParser()
    add_source(parser)
    read_source(parser.parse_args(["--data", str(tmp_path), "--mapping", "native"]), Console())
    said = capsys.readouterr().err
    assert f"{written.sheet.stem} (1).xlsx' is not read: {written.sheet.name!r} is" in said
    assert f"info: sheet {written.sheet.name!r} is read as the labels of" in said
    assert "info: raw frames under" in said
