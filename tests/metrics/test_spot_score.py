"""Intervals found in long videos beside the true ones: overlaps, pairs, counts, classes, and the public script."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mer_tf import cli
from mer_tf.errors import ConfigError
from mer_tf.metrics.spot_files import WRITTEN, pair_files, people_of_tracks, read_intervals, write_intervals
from mer_tf.metrics.spotting import PUBLIC_FAULTS, Interval, iou, match, public_scores, spotting_scores

# The example of the public script's page, which prints an STRS of 0.2 for it.
FOUND = [
    ("1", "EP02_01f", 10, 70, "happiness"),
    ("1", "EP03_02", 100, 170, "others"),
    ("1", "EP04_02", 0, 70, "others"),
    ("2", "EP01_11f", 20, 90, "happiness"),
    ("2", "EP02_04f", 70, 140, "happiness"),
]
TRUE = [
    ("1", "EP02_01f", 45, 85, "happiness"),
    ("1", "EP03_02", 130, 160, "others"),
    ("1", "EP04_02", 20, 75, "others"),
    ("2", "EP01_11f", 45, 95, "repression"),
    ("2", "EP02_04f", 30, 140, "repression"),
]


def micro(rows):
    return [Interval(subject, video, "micro", onset, offset, label) for subject, video, onset, offset, label in rows]


def at(onset, offset, label="", *, subject="s", video="v", kind="micro", apex=None):
    return Interval(subject, video, kind, onset, offset, label, apex)


# --------------------------------------------------------------------------------------------------------- overlaps


@pytest.mark.parametrize(
    ("a", "b", "frames", "seconds"),
    [
        ((10, 19), (10, 19), 1.0, 1.0),
        ((10, 19), (20, 29), 0.0, 0.0),
        ((10, 19), (19, 28), 1 / 19, 0.0),
        ((10, 19), (15, 24), 5 / 15, 4 / 14),
        ((10, 10), (10, 11), 0.5, 0.0),
        ((5, 5), (5, 5), 1.0, 1.0),
        ((0, 9), (0, 19), 0.5, 9 / 19),
    ],
)
def test_overlap_of_frames_and_of_seconds(a, b, frames, seconds):
    assert iou(at(*a), at(*b), "frames") == iou(at(*b), at(*a), "frames") == pytest.approx(frames)
    assert iou(at(*a), at(*b), "seconds") == pytest.approx(seconds)


def test_half_of_a_second_is_a_half():
    assert len(match([at(0.1, 0.2)], [at(0.1, 0.3)], unit="seconds")) == 1


# ------------------------------------------------------------------------------------------------------------ pairs

intervals = st.lists(
    st.builds(
        lambda onset, length, subject, kind: at(onset, onset + length, subject=subject, kind=kind),
        st.integers(0, 25), st.integers(0, 12), st.sampled_from("ab"), st.sampled_from(["micro", "macro"]),
    ),
    max_size=6,
)  # fmt: skip


def plain_overlap(a, b):
    one, other = set(range(a.onset, a.offset + 1)), set(range(b.onset, b.offset + 1))
    return len(one & other) / len(one | other)


def brute_force(found, truth, least):
    """The best pair that is left, again and again, by counting frames one by one."""
    left_found, left_truth, values = list(range(len(found))), list(range(len(truth))), []
    while True:
        best = None
        for j, k in itertools.product(left_truth, left_found):
            if (found[k].place, found[k].kind) == (truth[j].place, truth[j].kind):
                key = (plain_overlap(found[k], truth[j]), -truth[j].onset, -j, -found[k].onset, -k)
                best = max(best or (key, j, k), (key, j, k))
        if best is None or best[0][0] < least:
            return values
        values.append((best[1], best[2], best[0][0]))
        left_truth.remove(best[1])
        left_found.remove(best[2])


def most_pairs(found, truth, least):
    """The largest number of pairs there can be."""
    if not truth:
        return 0
    first, rest = truth[0], truth[1:]
    most = most_pairs(found, rest, least)
    for k, one in enumerate(found):
        if (one.place, one.kind) == (first.place, first.kind) and plain_overlap(one, first) >= least:
            most = max(most, 1 + most_pairs(found[:k] + found[k + 1 :], rest, least))
    return most


@settings(max_examples=150, deadline=None)
@given(found=intervals, truth=intervals, least=st.sampled_from([0.2, 0.5, 0.7]))
def test_pairs_are_those_of_a_plain_matcher(found, truth, least):
    hits = match(found, truth, threshold=least)
    expected = brute_force(found, truth, least)
    assert [hit.iou for hit in hits] == pytest.approx([value for _, _, value in expected])
    assert [(hit.truth, hit.found) for hit in hits] == [(truth[j], found[k]) for j, k, _ in expected]
    best = most_pairs(found, truth, least)
    assert best / 2 <= len(hits) <= best


@settings(max_examples=50, deadline=None)
@given(found=intervals, truth=intervals, shift=st.integers(-50, 50))
def test_counts_add_up_and_do_not_depend_on_when(found, truth, shift):
    result = spotting_scores(found, truth)
    for kind in ("micro", "macro", "all"):
        one = result[kind]
        assert one["hits"] + one["misses"] == one["truths"] and one["hits"] + one["false_alarms"] == one["found"]
    for name in ("truths", "found", "hits", "false_alarms", "misses"):
        assert result["all"][name] == result["micro"][name] + result["macro"][name]
    moved = [[at(i.onset + shift, i.offset + shift, subject=i.subject, kind=i.kind) for i in part]
             for part in (found, truth)]  # fmt: skip
    assert spotting_scores(*moved)["all"]["hits"] == result["all"]["hits"]


def test_one_interval_goes_to_one_truth_and_the_largest_overlap_first():
    truth = [at(0, 9), at(10, 19)]
    assert len(match([at(0, 19)], truth)) == 1
    (hit,) = match([at(0, 19), at(1, 9)], truth[:1])
    assert hit.found == at(1, 9)


# ----------------------------------------------------------------------------------------------------------- scores


def test_example_of_the_public_page():
    one = spotting_scores(micro(FOUND), micro(TRUE))["micro"]
    assert (one["hits"], one["false_alarms"], one["misses"], one["f1"]) == (3, 2, 2, 0.6)
    said = one["recognition"]
    assert (said["precision"], said["recall"], said["f1"]) == pytest.approx((1 / 3,) * 3)
    assert (said["hits"], said["right"]) == (3, 1)
    assert one["strs"] == pytest.approx(0.2)
    assert public_scores(micro(FOUND), micro(TRUE))["scores"]["STRS"] == pytest.approx(0.2)


def test_published_products_of_strs():
    """Of the table of the MEAN paper: F1 of spotting, of the classes, and the STRS printed."""
    for spot, classes, printed in ((0.1214, 0.6667, 0.0809), (0.0949, 0.5263, 0.0499), (0.6516, 0.5927, 0.3862)):
        assert spot * classes == pytest.approx(printed, abs=6e-5)


def test_videos_without_events_and_subjects_without_finds_count():
    truth = [at(0, 9, subject="a"), at(0, 9, subject="b")]
    found = [at(0, 9, subject="a"), at(50, 59, subject="a", video="quiet")]
    result = spotting_scores(found, truth, videos=[("a", "quiet"), ("c", "v")], minutes=2.0)
    assert (result["videos"], result["videos_without_events"], result["subjects"]) == (4, 2, 3)
    one = result["micro"]
    assert (one["hits"], one["false_alarms"], one["misses"]) == (1, 1, 1)
    assert one["f1"] == 0.5 and one["f1_event_videos"] == pytest.approx(2 / 3)
    assert one["false_alarms_per_minute"] == 0.5


def test_micro_and_macro_are_apart_and_summed():
    result = spotting_scores([at(0, 9, kind="macro"), at(20, 29)], [at(0, 9), at(20, 29)])
    assert [result[kind]["hits"] for kind in ("micro", "macro", "all")] == [1, 0, 1]
    assert [result[kind]["false_alarms"] for kind in ("micro", "macro", "all")] == [0, 1, 1]


def test_nothing_there_and_nothing_found_is_no_score():
    one = spotting_scores([], [], videos=[("s", "v")])["all"]
    assert (one["precision"], one["recall"], one["f1"], one["strs"]) == (None,) * 4


def test_a_class_that_is_never_right_counts_as_nought_and_no_answer_as_a_miss():
    truth = [at(0, 9, "a"), at(20, 29, "a"), at(40, 49, "b"), at(90, 99, "c")]
    found = [at(0, 9, "a"), at(20, 29, ""), at(40, 49, "a")]
    said = spotting_scores(found, truth)["micro"]["recognition"]
    assert said["classes"]["a"] == {"hits": 2, "precision": 0.5, "recall": 0.5}
    assert said["classes"]["b"] == said["classes"]["c"] | {"hits": 1}
    assert said["f1"] == pytest.approx(0.5 / 3)
    nothing = spotting_scores([at(0, 9)], truth)["micro"]
    assert nothing["recognition"]["f1"] is None and nothing["strs"] is None


def test_errors_of_the_hits():
    result = spotting_scores(
        [at(2, 12, apex=4), at(100, 110, apex=103)],
        [at(0, 9, apex=5), at(100, 109, apex=103)],
        fps=lambda one: 50.0,
    )["all"]["errors"]
    assert (result["onset"]["median"], result["onset"]["median_ms"], result["apex"]["p95"]) == (1, 20, 0.95)
    assert result["apex_inside"] == 1.0


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan")])
def test_thresholds_out_of_range(threshold):
    with pytest.raises(ConfigError, match="iou"):
        spotting_scores([], [], threshold=threshold)


# ------------------------------------------------------------------------------------------------- the public script


def faults(found, truth):
    return public_scores(found, truth)["faults"]


def test_public_script_and_ours_agree_where_nothing_is_odd():
    truth = [at(0, 9, "a"), at(0, 9, "b", video="w"), at(0, 9, "b", subject="t")]
    found = [at(1, 10, "a"), at(0, 9, "a", video="w"), at(30, 39, "b", subject="t")]
    public = public_scores(found, truth)
    one = spotting_scores(found, truth)["all"]
    assert public["scores"]["F1-score spotting"] == pytest.approx(one["f1"])
    assert public["scores"]["F1-score analysis"] == pytest.approx(one["recognition"]["f1"])
    assert public["scores"]["STRS"] == pytest.approx(one["strs"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=6))
def test_public_script_and_ours_agree_with_one_interval_in_each_video(videos):
    truth = [at(10, 19, true, video=str(k)) for k, (_, true, _) in enumerate(videos)]
    found = [at(10 + shift, 19 + shift, said, video=str(k)) for k, (shift, _, said) in enumerate(videos)]
    public, one = public_scores(found, truth)["scores"], spotting_scores(found, truth)["all"]
    assert public["F1-score spotting"] == pytest.approx(one["f1"])
    hit = {true for shift, true, _ in videos if shift <= 3}
    if len(hit) > 1 and public["STRS"] is not None:
        assert public["F1-score analysis"] == pytest.approx(one["recognition"]["f1"])
        assert public["STRS"] == pytest.approx(one["strs"])


@pytest.mark.parametrize(
    ("fault", "found", "truth", "public", "ours"),
    [
        ("row_order", [at(1, 11), at(5, 15)], [at(3, 14)], (1, 1, 0), (1, 1, 0)),
        ("one_for_several", [at(0, 19)], [at(0, 9), at(10, 19)], (2, 0, 0), (1, 0, 1)),
        ("subjects_without_predictions", [at(0, 9)], [at(0, 9), at(0, 9, subject="t")], (1, 0, 0), (1, 0, 1)),
        ("videos_without_truth", [at(0, 9), at(0, 9, video="w")], [at(0, 9)], (1, 0, 0), (1, 1, 0)),
        ("kinds_mixed", [at(0, 9, kind="macro")], [at(0, 9)], (1, 0, 0), (0, 1, 1)),
    ],
)
def test_faults_of_the_public_script_in_spotting(fault, found, truth, public, ours):
    scores = public_scores(found, truth)
    assert tuple(scores["scores"][f"{name} spotting"] for name in ("TP", "FP", "FN")) == public
    assert scores["faults"][fault] == 1
    one = spotting_scores(found, truth)["all"]
    assert (one["hits"], one["false_alarms"], one["misses"]) == ours


def test_faults_of_the_public_script_in_classes():
    truth = [at(20 * k, 20 * k + 9, label) for k, label in enumerate("aabc")]
    found = [at(20 * k, 20 * k + 9, label) for k, label in enumerate("abbb")]
    scores = public_scores(found, truth)
    assert scores["scores"]["UAR analysis"] == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert scores["scores"]["Recall analysis"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert scores["scores"]["FN analysis"] == scores["scores"]["FP analysis"] == 2
    assert scores["faults"]["uar_is_precision"] == 1 and scores["faults"]["analysis_misses"] == 2
    alone = public_scores([at(0, 9, "a")], [at(0, 9, "a")])
    assert alone["scores"]["STRS"] is None and alone["faults"]["one_class"] == 1
    assert spotting_scores([at(0, 9, "a")], [at(0, 9, "a")])["all"]["strs"] == 1.0


def test_every_fault_is_counted():
    assert set(faults([at(0, 9)], [at(0, 9)])) == set(PUBLIC_FAULTS)


# ------------------------------------------------------------------------------------------------------------ files


def write(path, text):
    path.write_text(text)
    return str(path)


def test_files_of_watch_and_of_people_side_by_side(tmp_path):
    found = write(
        tmp_path / "found.csv",
        "id,track,kind,onset_s,apex_s,offset_s,onset_frame,apex_frame,offset_frame,label\n"
        "t0001-e01,t0001,micro,0.1,0.2,0.4,3,6,12,negative\n"
        "t0001-e02,t0001,blink,1,1.1,1.2,30,33,36,\n"
        "t0002-e01,t0002,macro,2,2.5,3,60,75,90,\n",
    )
    truth = write(
        tmp_path / "truth.csv",
        "subject;kind;onset;apex;offset;emotion;fps;video_seconds\n"
        "anna;Micro - 1/2;3;6;12;negative;30;60\n"
        "anna;macro;60;75;;;30;60\n",
    )
    pair = pair_files(read_intervals(found), read_intervals(truth))
    assert pair.unit == "frames" and pair.minutes == 1.0 and pair.fps == {("anna", ""): 30.0}
    assert [one.subject for one in pair.found] == ["anna", "anna"]
    assert pair.truth[1].offset == 75
    assert len(pair.remarks) == 2 and "1 blink" in pair.remarks[1] and "end at their apex" in pair.remarks[0]
    one = spotting_scores(pair.found, pair.truth)
    assert (one["micro"]["hits"], one["macro"]["hits"]) == (1, 1)


def test_a_video_without_events_is_named_by_a_row(tmp_path):
    truth = write(tmp_path / "t.csv", "video,kind,onset_frame,offset_frame\na,micro,1,9\nb,none,,\n")
    found = write(tmp_path / "f.csv", "video,kind,onset_frame,offset_frame\nb,micro,1,9\nc,micro,1,9\n")
    pair = pair_files(read_intervals(found), read_intervals(truth))
    assert pair.videos == (("", "a"), ("", "b"), ("", "c"))
    assert len(pair.remarks) == 1 and "'c'" in pair.remarks[0]


def test_tracks_are_people_when_somebody_says_which(tmp_path, capsys):
    truth = write(tmp_path / "t.csv", "subject,kind,onset_frame,offset_frame\np1,micro,1,9\np2,micro,20,29\n")
    found = write(tmp_path / "f.csv", "track,kind,onset_frame,offset_frame\nt0001,micro,20,29\nt0002,micro,1,9\n")
    assert cli.main(["spot-score", found, truth]) == 2
    assert "--tracks" in capsys.readouterr().err
    assert cli.main(["spot-score", found, truth, "--tracks", "t0001=p2,t0002=p1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["micro"]["f1"] == 1.0
    assert cli.main(["spot-score", found, truth, "--tracks", "t0001=p9"]) == 2
    assert "p9" in capsys.readouterr().err


def test_folders_of_watch_and_of_a_scene_tell_people_by_their_boxes(tmp_path, capsys):
    watched, scene = tmp_path / "watched", tmp_path / "scene"
    watched.mkdir()
    scene.mkdir()
    write(scene / "events.csv", "subject,track,kind,onset_frame,offset_frame\np1,p1,micro,1,9\np2,p2,micro,20,29\n")
    write(
        scene / "boxes.csv",
        "person,second,frame,left,top,right,bottom\np1,1,15,0,0,50,50\np2,1,15,100,0,150,50\np1,2,45,,,,\n"
        "p2,2,45,100,0,150,50\n",
    )
    write(
        watched / "events.csv",
        "id,track,kind,onset_frame,offset_frame\na,t1,micro,20,29\nb,t2,micro,1,9\nc,t3,micro,1,9\n",
    )
    rows = (("t1", 1, 110), ("t1", 2, 112), ("t2", 1, 5), ("t3", 2, 5))
    write(
        watched / "tracks.csv",
        "track,second,left,top,right,bottom\n"
        + "".join(f"{track},{second},{left},10,{left + 20},40\n" for track, second, left in rows),
    )
    assert people_of_tracks(watched / "tracks.csv", scene / "boxes.csv") == {"t1": "p2", "t2": "p1"}
    assert cli.main(["spot-score", str(watched), str(scene), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["micro"]["hits"], result["micro"]["false_alarms"]) == (2, 1)
    assert "'t3'" in result["remarks"][0]


def test_what_is_written_reads_back(tmp_path):
    rows = [
        {"subject": "s1", "video": "v", "kind": "micro", "onset_frame": 3, "apex_frame": 5, "offset_frame": 9,
         "onset_s": 0.1, "offset_s": 0.3, "label": "surprise", "fps": 30.0, "video_seconds": 12.5},
        {"subject": "=1+1", "video": "w", "kind": "none"},
    ]  # fmt: skip
    path = tmp_path / "truth.csv"
    write_intervals(path, rows)
    file = read_intervals(path)
    assert file.columns >= set(WRITTEN)
    assert file.rows[0].frames == (3, 5, 9) and file.rows[0].seconds == (0.1, None, 0.3)
    assert file.rows[0].video_seconds == 12.5
    assert file.rows[1].subject == "=1+1" and file.rows[1].kind == "none"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a,b\n1,2\n", "onset_frame"),
        ("kind,onset,offset\nmicro,9,3\n", "line 2"),
        ("kind,onset,offset\nmicro,1.5,3\n", "whole number"),
        ("kind,onset,offset\nmicro,,3\n", "no onset"),
        ("kind,onset,offset\nmicro,1\n", "expected 3"),
        ("kind,onset_s,offset_s\nmicro,1,nan\n", "offset_s"),
    ],
)
def test_files_that_are_wrong(tmp_path, text, named):
    with pytest.raises(ConfigError, match=named):
        read_intervals(write(tmp_path / "x.csv", text))


@pytest.mark.parametrize(
    ("found", "truth", "named"),
    [
        ("kind,onset_s,offset_s\nmicro,1,2\n", "kind,onset,offset\nmicro,1,2\n", "in common"),
        ("onset,offset\n1,2\n", "kind,onset,offset\nmicro,1,2\n", "no column kind"),
        ("kind,onset,offset\nmicro,1,2\n", "video,kind,onset,offset\na,micro,1,2\nb,none,,\n", "no column video"),
    ],
)
def test_files_that_do_not_go_together(tmp_path, found, truth, named):
    with pytest.raises(ConfigError, match=named):
        pair_files(read_intervals(write(tmp_path / "f.csv", found)), read_intervals(write(tmp_path / "t.csv", truth)))


def test_command_prints_both_countings(tmp_path, capsys):
    rows = [("subject,video,onset,offset,emotion\n", part) for part in (FOUND, TRUE)]
    found, truth = (
        write(tmp_path / f"{k}.csv", head + "".join(",".join(map(str, row)) + "\n" for row in part))
        for k, (head, part) in enumerate(rows)
    )
    assert cli.main(["spot-score", found, truth, "--compat", "megc"]) == 0
    out = capsys.readouterr().out
    assert (
        "0.6000" in out and "0.2000" in out and "every interval counts as a micro-expression" in " ".join(out.split())
    )
    assert all(f"{name}:" in out for name in PUBLIC_FAULTS)
    assert cli.main(["spot-score", found, truth, "--compat", "strs"]) == 2
    assert "megc" in capsys.readouterr().err
    assert cli.main(["spot-score", found, str(tmp_path / "none.csv")]) == 2
