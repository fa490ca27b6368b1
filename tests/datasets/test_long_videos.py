"""Sets of long videos: sheets and folders as public code reads them, and the file of intervals that comes out."""

from __future__ import annotations

import json

import openpyxl
import pytest

from mer_tf import cli
from mer_tf.datasets.long_videos import LONG_SETS, get_long_set, read_long_videos
from mer_tf.errors import AnnotationError, DatasetNotFoundError, UnknownNameError
from mer_tf.metrics.spot_files import pair_files, read_intervals
from mer_tf.metrics.spotting import spotting_scores


def book(path, **worksheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in worksheets.items():
        sheet = made.create_sheet(title.replace("_", " "))
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path)


def frames(folder, name, first, last):
    folder.mkdir(parents=True)
    for number in range(first, last + 1):
        (folder / name.format(number)).touch()


def casme_sq(root):
    book(
        root / "CAS(ME)^2code_final.xlsx",
        CASFEcode_final=[
            (1, "disgust1_1", 5, 8, 14, "4", "negative", "micro-expression", "disgust"),
            (1, "disgust1_2", 20, 30, 0, "4+7", "negative", "macro-expression", "disgust"),
            (2, "happy2_1", 3, 0, 9, "12", "positive", "macro-expression", "happiness"),
            (2, "happy2_2", 0, 0, 9, "12", "positive", "macro-expression", "happiness"),
            (9, "happy2_3", 1, 2, 9, "12", "positive", "macro-expression", "happiness"),
        ],
        naming_rule1=[(15, "s15", 1), (16, "s16", 2)],
        naming_rule2=[("0101", "disgust1"), ("0502", "happy2")],
    )
    for subject, video in ((15, "0101disgustingteeth"), (15, "0502funnyerrors"), (16, "0502funnyerrors")):
        frames(root / "rawpic" / f"s{subject}" / f"{subject}_{video}", "img{:03d}.jpg", 1, 40)
    return root


def samm_long(root):
    book(
        root / "SAMM_LongVideos_V2_Release.xlsx",
        Release=[
            *((f"explanation {k}",) for k in range(9)),
            ("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type", "Action Units"),
            (6, "006_1_1", 1, 10, 20, 30, 21, "Micro - 1/2", "4"),
            (6, "006_1_2", 1, 0, 20, 30, 21, "Macro", "4"),
            (7, "007_3_1", 1, 11, 40, 90, 80, "Macro", "12"),
        ],
    )
    for video in ("006_1", "006_2", "007_3"):
        frames(root / "SAMM_longvideos" / video, video + "_{:04d}.jpg", 1, 100)
    return root


def casme3_long(root):
    book(
        root / "annotation" / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx",
        label=[
            ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"),
            ("spNO.1", "a", "15", "18", "22", "4", "I", "Disgust"),
            ("spNO.216", "e", "0", "0", "9", "4", "I", "happy"),
        ],
    )
    book(
        root / "annotation" / "cas(me)3_part_A_MaE_label_JpgIndex_v2_emotion.xlsx",
        Sheet1=[("sub", "seq", "onset", "apex", "offset", "emotion"), ("spNO.1", "A", 30, 45, 70, "others")],
    )
    for subject, video in (("spNO.1", "a"), ("spNO.1", "b"), ("spNO.216", "e")):
        frames(root / "part_A" / subject / video / "color", "{}.jpg", 1, 80)
        frames(root / "part_A" / subject / video / "depth", "{}.png", 1, 2)
    return root


TREES = {"casme_sq": casme_sq, "samm_long": samm_long, "casme3_long": casme3_long}


def events(table):
    return [(e.subject, e.video, e.kind, e.onset, e.apex, e.offset, e.emotion) for e in table.events]


def test_every_set_has_a_tree():
    assert set(TREES) == set(LONG_SETS)


def test_cas_me_squared(tmp_path):
    table = read_long_videos("CAS(ME)^2", casme_sq(tmp_path))
    assert events(table) == [
        ("s15", "15_0101disgustingteeth", "micro", 5, 8, 14, "negative"),
        ("s15", "15_0101disgustingteeth", "macro", 20, 30, 30, "negative"),
        ("s16", "16_0502funnyerrors", "macro", 3, None, 9, "positive"),
    ]
    assert [(v.subject, v.video, v.first, v.frames) for v in table.videos] == [
        ("s15", "15_0101disgustingteeth", 1, 40),
        ("s15", "15_0502funnyerrors", 1, 40),
        ("s16", "16_0502funnyerrors", 1, 40),
    ]
    told = "\n".join(table.remarks)
    assert "row 4 is left out: macro-expression of s16 in 0502 has no onset" in told
    assert "row 5 is left out: participant '9'" in told
    assert "1 intervals have no offset" in told and "and 57 are published" in told


def test_samm_long_videos(tmp_path):
    table = read_long_videos("SAMM Long Videos", samm_long(tmp_path))
    assert events(table) == [
        ("006", "006_1", "micro", 10, 20, 30, ""),
        ("007", "007_3", "macro", 11, 40, 90, ""),
    ]
    assert [video.video for video in table.videos] == ["006_1", "006_2", "007_3"]
    assert "row 12 is left out: macro-expression of 006 in 006_1 has no onset" in table.remarks


def test_cas_me_cubed(tmp_path):
    table = read_long_videos("casme3_long", casme3_long(tmp_path))
    assert events(table) == [
        ("spNO.1", "a", "micro", 15, 18, 22, "disgust"),
        ("spNO.216", "e", "micro", 1, 1, 9, "happiness"),
        ("spNO.1", "a", "macro", 30, 45, 70, "others"),
    ]
    assert [(video.video, video.frames) for video in table.videos] == [("a", 80), ("b", 80), ("e", 80)]
    assert sum("corrected to 1" in remark for remark in table.remarks) == 2


@pytest.mark.parametrize("name", TREES)
def test_the_sheet_alone_gives_the_videos_that_it_names(tmp_path, name):
    whole = TREES[name](tmp_path / "whole")
    bare = tmp_path / "bare"
    TREES[name](bare)
    for folder in ("rawpic", "SAMM_longvideos", "part_A"):
        if (bare / folder).exists():
            (bare / folder).rename(tmp_path / f"{folder}.away")
    full, alone = read_long_videos(name, whole), read_long_videos(name, bare)
    assert len(alone.events) == len(full.events)
    assert len(alone.videos) == len({(e.subject, e.video) for e in full.events}) < len(full.videos)
    assert any("no frames were found" in remark for remark in alone.remarks)


@pytest.mark.parametrize("name", TREES)
def test_the_truth_scores_itself_without_a_fault(tmp_path, name):
    root, out = TREES[name](tmp_path / "set"), tmp_path / "truth.csv"
    assert cli.main(["data", "truth", str(root), "--dataset", name, "--out", str(out)]) == 0
    table = read_long_videos(name, root)
    pair = pair_files(read_intervals(out), read_intervals(out))
    result = spotting_scores(pair.found, pair.truth, videos=pair.videos, minutes=pair.minutes)
    assert result["all"]["f1"] == 1.0
    assert (result["all"]["hits"], result["videos"]) == (len(table.events), len(table.videos))
    assert result["videos_without_events"] == 1
    assert pair.minutes == pytest.approx(sum(video.frames for video in table.videos) / table.card.fps / 60)


def test_frames_from_nought_and_classes_of_a_mapping(tmp_path, capsys):
    root, out = casme3_long(tmp_path / "set"), tmp_path / "truth.csv"
    command = ["data", "truth", str(root), "--dataset", "CAS(ME)3 long", "--out", str(out), "--json"]
    assert cli.main([*command, "--zero-based", "--mapping", "megc2019"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["micro"], facts["macro"], facts["videos"], facts["videos_without_events"]) == (2, 1, 3, 1)
    rows = read_intervals(out).rows
    assert rows[0].frames == (14, 17, 21) and rows[0].label == "negative"
    assert rows[0].seconds == pytest.approx((14 / 30, 17 / 30, 22 / 30), abs=1e-6)
    assert [row.label for row in rows] == ["negative", "", "", "positive"]
    assert cli.main([*command[:4], "samm_long", *command[5:], "--mapping", "megc2019"]) == 2


def test_faults(tmp_path):
    with pytest.raises(UnknownNameError, match="casme_sq"):
        get_long_set("casme2")
    with pytest.raises(DatasetNotFoundError, match="no folder"):
        read_long_videos("casme_sq", tmp_path / "none")
    with pytest.raises(DatasetNotFoundError, match="no annotation sheet"):
        read_long_videos("casme_sq", tmp_path)
    with pytest.raises(AnnotationError, match="row 4"):
        read_long_videos("casme_sq", casme_sq(tmp_path / "a"), strict=True)
    book(tmp_path / "b" / "CAS(ME)^2code_final.xlsx", CASFEcode_final=[(1, "a_1", 1, 2, 3)])
    with pytest.raises(AnnotationError, match="naming rule1"):
        read_long_videos("casme_sq", tmp_path / "b")
