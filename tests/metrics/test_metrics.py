"""Scores of matrices and logs that papers and challenges print, and of small ones worked out by hand."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mer_tf import metrics
from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.types import Prediction

CLASSES = ("negative", "positive", "surprise")
STSTNET = {
    # matrix, UF1, UAR, macro precision, accuracy
    "all": ([[219, 22, 9], [40, 62, 7], [21, 3, 59]], 0.7353, 0.7186, 0.7605, 0.7692),
    "smic": ([[54, 10, 6], [17, 30, 4], [14, 1, 28]], 0.6801, 0.6703, 0.7013, 0.6829),
    "casme2": ([[83, 5, 0], [12, 19, 1], [2, 0, 23]], 0.8382, 0.8190, 0.8686, 0.8621),
    "samm": ([[82, 7, 3], [11, 13, 2], [5, 2, 8]], 0.6588, 0.6415, 0.6810, 0.7744),
}
CDE2018 = [[40, 6, 3, 0, 0], [5, 15, 3, 2, 3], [3, 0, 112, 2, 2], [6, 0, 12, 16, 0], [1, 2, 10, 0, 10]]


def from_matrix(cm, dataset="d", subjects=4):
    """Predictions with that confusion matrix, spread over subjects."""
    out = []
    for i, row in enumerate(cm):
        for j, count in enumerate(row):
            for _ in range(count):
                k = len(out)
                subject = f"s{k % subjects}"
                out.append(Prediction(dataset, subject, f"c{k}", f"{dataset}/{subject}", i, j, ()))
    return out


@pytest.mark.parametrize("name", STSTNET)
def test_published_log(name):
    cm, uf1, uar, precision, accuracy = STSTNET[name]
    assert round(metrics.uf1(cm), 4) == uf1
    assert round(metrics.uar(cm), 4) == uar
    assert round(metrics.macro_precision(cm), 4) == precision
    assert round(metrics.accuracy(cm), 4) == accuracy


def test_scores_pool_the_parts():
    predictions = [p for part in ("smic", "casme2", "samm") for p in from_matrix(STSTNET[part][0], part)]
    scored = metrics.scores(predictions, CLASSES)
    assert json.loads(json.dumps(scored)) == scored
    assert scored["full"]["confusion"] == STSTNET["all"][0]
    assert scored["full"]["n"] == 442
    assert set(scored["full"]) == {"uf1", "uar", "accuracy", "macro_precision", "n", "confusion"}
    for part in ("smic", "casme2", "samm"):
        assert round(scored["by_dataset"][part]["uf1"], 4) == STSTNET[part][1]
        assert round(scored["by_dataset"][part]["uar"], 4) == STSTNET[part][2]


def test_cde2018_matrix():
    assert round(metrics.accuracy(CDE2018), 4) == 0.7628  # 193 / 253
    assert round(metrics.uf1(CDE2018), 4) == 0.6682
    assert round(metrics.uar(CDE2018), 3) == 0.640
    recalls, cm = metrics.class_recalls(CDE2018), np.array(CDE2018)
    precision = metrics.macro_precision(cm)
    of_averages = 2 * precision * recalls.mean() / (precision + recalls.mean())
    assert round(of_averages, 3) == 0.682  # the quantity that UF1 is not


def test_a_transposed_matrix_changes_uar_and_not_uf1():
    cm = np.array(STSTNET["all"][0])
    assert metrics.uf1(cm.T) == pytest.approx(metrics.uf1(cm), abs=1e-12)
    assert round(metrics.uar(cm.T), 4) == 0.7605  # the figure once published as UAR
    assert metrics.uar(cm.T) != pytest.approx(metrics.uar(cm), abs=0.01)


@pytest.mark.parametrize(
    ("counts", "accuracy", "uf1"),
    [
        ((250, 109, 83), 0.5656, 0.2408),
        ((70, 51, 43), 0.4268, 0.1994),
        ((88, 32, 25), 0.6069, 0.2518),
        ((92, 26, 15), 0.6917, 0.2726),
        ((262, 65, 55), 0.6859, 0.2712),
    ],
)
def test_always_the_majority_class(counts, accuracy, uf1):
    cm = [[count, 0, 0] for count in counts]
    assert round(metrics.accuracy(cm), 4) == accuracy
    assert round(metrics.uf1(cm), 4) == uf1
    assert metrics.uar(cm) == pytest.approx(1 / 3)


# CBAMNet paper: class recalls (tables 7 and 9), accuracy (tables 4 and 5) and stability figure; ddof 0 and ddof 1.
CBAMNET_PAPER = [
    ("casme2 cbamnet", (69.44, 70.69, 69.65), 69.92, 0.55, 0.547, 0.669),
    ("casme2 basic", (66.56, 69.47, 67.33), 67.78, 1.23, 1.231, 1.508),
    ("casme2 lbp_top", (56.65, 47.76, 54.55), 52.98, 3.79, 3.794, 4.647),
    ("casme2 microexpstcnn", (63.45, 68.98, 65.78), 66.07, 2.27, 2.267, 2.776),
    ("casme2 resnet3d", (70.38, 62.17, 62.5), 65.01, 3.79, 3.795, 4.648),
    ("smic cbamnet", (54.9, 55.5, 54.12), 54.84, 0.56, 0.565, None),
    ("smic basic", (55.92, 49.92, 50.27), 52.03, 2.75, 2.750, None),
    ("smic lbp_top", (41.43, 43.74, 39.78), 41.65, 1.62, 1.624, None),
    ("smic microexpstcnn", (51.33, 51.58, 49.86), 50.92, 0.76, 0.759, None),
    ("smic resnet3d", (53.67, 47.75, 47.17), 49.53, 2.94, 2.937, None),
]


@pytest.mark.parametrize(("recalls", "accuracy", "printed", "population", "sample"), [row[1:] for row in CBAMNET_PAPER])
def test_cbamnet_paper_spread_and_accuracy(recalls, accuracy, printed, population, sample):
    cm = [[0, 0, 0] for _ in recalls]
    for i, recall in enumerate(recalls):
        cm[i][i] = round(100 * recall)
        cm[i][(i + 1) % 3] = 10000 - round(100 * recall)
    assert metrics.recall_spread_pop(cm) == pytest.approx(metrics.spread(recalls), abs=1e-9)
    assert round(metrics.recall_spread_pop(cm), 3) == population
    assert round(metrics.recall_spread_pop(cm), 2) == printed
    if sample is not None:
        assert round(metrics.recall_spread_pop(cm, ddof=1), 3) == sample
    assert metrics.recall_range(cm) == pytest.approx(max(recalls) - min(recalls))
    # The printed accuracy is the mean recall, cut after two decimals and not rounded.
    assert metrics.truncated(100 * metrics.class_mean_accuracy(cm)) == accuracy


def test_truncation_is_not_rounding():
    assert [metrics.truncated(v) for v in (69.9267, 67.7867, 65.0167, 0.29 * 100)] == [69.92, 67.78, 65.01, 29.0]


def test_names_of_one_figure():
    cm = STSTNET["all"][0]
    assert metrics.war(cm) == metrics.accuracy(cm) and metrics.class_mean_accuracy(cm) == metrics.uar(cm)
    f1 = metrics.class_f1(cm)
    assert metrics.weighted_f1(cm) == pytest.approx((250 * f1[0] + 109 * f1[1] + 83 * f1[2]) / 442)
    with pytest.raises(EmptySplitError, match="ddof 1"):
        metrics.spread([1.0], ddof=1)


def test_confusion_matrix_rows_are_true():
    cm = metrics.confusion_matrix([0, 0, 1], [1, 1, 0], 3)
    assert cm.tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]
    assert metrics.confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("label", "prediction"), [([3], [0]), ([0], [-1]), ([0, 1], [0]), ([0.5], [0]), ([[0]], [[0]])]
)
def test_bad_labels_are_refused(label, prediction):
    with pytest.raises(ConfigError):
        metrics.confusion_matrix(label, prediction, 3)


def test_perfect_and_never_right():
    assert metrics.uf1(np.eye(3)) == metrics.uar(np.eye(3)) == metrics.accuracy(np.eye(3)) == 1
    wrong = [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert metrics.uf1(wrong) == metrics.uar(wrong) == metrics.accuracy(wrong) == 0


def test_a_class_nobody_shows_is_an_error_in_the_pooled_matrix():
    cm = [[3, 0, 1], [1, 2, 0], [0, 0, 0]]
    for metric in (metrics.uf1, metrics.uar, metrics.macro_precision, metrics.weighted_f1):
        with pytest.raises(EmptySplitError, match="class 2 has no clip"):
            metric(cm)
    with pytest.raises(EmptySplitError, match="'surprise' has no clip"):
        metrics.scores(from_matrix(cm), CLASSES)
    assert metrics.accuracy(cm) == 5 / 7


def test_a_dataset_that_lacks_a_class_has_no_uf1_of_its_own():
    predictions = from_matrix(np.eye(3, dtype=int) * 4, "a") + from_matrix([[2, 1, 0], [0, 1, 0], [0, 0, 0]], "b")
    part = metrics.scores(predictions, CLASSES)["by_dataset"]["b"]
    assert part["uf1"] is None and part["uar"] is None and part["accuracy"] == 0.75


def test_nothing_to_score():
    for call in (
        lambda: metrics.scores([], CLASSES),
        lambda: metrics.bootstrap_interval([], 3),
        lambda: metrics.fold_means([], 3),
        lambda: metrics.accuracy([[0, 0], [0, 0]]),
    ):
        with pytest.raises(EmptySplitError):
            call()
    assert metrics.per_subject([], 3) == []


def test_a_clip_predicted_twice_is_refused():
    one = Prediction("d", "s", "c", "d/s", 0, 0, ())
    with pytest.raises(ConfigError, match="d/s/c is predicted twice"):
        metrics.scores([one, one], CLASSES)


def test_same_clip_name_in_two_subjects_is_two_clips():
    rows = [Prediction("d", s, "c", s, k, k, ()) for k, s in enumerate("abc")]
    assert metrics.scores(rows, CLASSES)["full"]["n"] == 3


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_clips_does_not_matter(random):
    predictions = from_matrix(STSTNET["samm"][0], subjects=7)
    shuffled = list(predictions)
    random.shuffle(shuffled)
    assert metrics.scores(shuffled, CLASSES) == metrics.scores(predictions, CLASSES)
    assert metrics.per_subject(shuffled, 3) == metrics.per_subject(predictions, 3)
    assert metrics.fold_means(shuffled, 3) == metrics.fold_means(predictions, 3)
    assert metrics.bootstrap_interval(shuffled, 3, draws=20) == metrics.bootstrap_interval(predictions, 3, draws=20)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=3, max_size=3))
def test_metrics_stay_in_range_and_agree(cm):
    cm = np.array(cm) + np.eye(3, dtype=int)
    for metric in (metrics.uf1, metrics.uar, metrics.accuracy, metrics.macro_precision, metrics.weighted_f1):
        assert 0 < metric(cm) <= 1
    scaled = cm / cm.sum(axis=1, keepdims=True)
    assert metrics.uar(cm) == pytest.approx(metrics.accuracy(scaled))  # UAR is accuracy of balanced classes


def test_per_subject_counts():
    rows = metrics.per_subject(
        [Prediction("d", "s2", "a", "f", 0, 1, ()), Prediction("d", "s1", "a", "f", 2, 2, ())], 3
    )
    assert [row["subject"] for row in rows] == ["s1", "s2"]
    assert rows[1] == {
        "dataset": "d",
        "subject": "s2",
        "clips": 1,
        "correct": 0,
        "accuracy": 0.0,
        "labels": [1, 0, 0],
        "predicted": [0, 1, 0],
    }


def test_fold_means_differ_from_pooled():
    one = [Prediction("d", "a", f"{k}", "a", 0, 0, ()) for k in range(2)]
    two = [Prediction("d", "b", "0", "b", 1, 0, ()), Prediction("d", "b", "1", "b", 0, 0, ())]
    means = metrics.fold_means(one + two, 2)
    assert means["fold_mean_accuracy"] == pytest.approx(0.75)
    assert means["fold_mean_f1_absent_zero"] == pytest.approx((1 / 2 + (2 / 3) / 2) / 2)
    assert means["fold_mean_f1_present"] == pytest.approx((1 + (2 / 3) / 2) / 2)


def test_bootstrap_covers_the_value_and_is_repeatable():
    predictions = from_matrix(STSTNET["all"][0], subjects=68)
    first = metrics.bootstrap_interval(predictions, 3, draws=500, seed=1)
    assert first == metrics.bootstrap_interval(predictions, 3, draws=500, seed=1)
    assert first != metrics.bootstrap_interval(predictions, 3, draws=500, seed=2)
    low, high = first["uf1"]
    assert low < 0.7353 < high and 0.05 < high - low < 0.2
    assert first["subjects"] == 68 and first["draws"] == 500


def test_bootstrap_draws_whole_subjects():
    # One subject all right, one all wrong: every draw is (both), (right twice) or (wrong twice).
    rows = [Prediction("d", "good", f"{k}", "g", k, k, ()) for k in range(3)]
    rows += [Prediction("d", "bad", f"{k}", "b", k, (k + 1) % 3, ()) for k in range(3)]
    interval = metrics.bootstrap_interval(rows, 3, draws=400)
    assert interval["uar"] == [0, 1] and interval["redrawn"] == 0


def test_bootstrap_redraws_what_lacks_a_class_and_counts_it():
    rows = [Prediction("d", f"s{k}", "c", f"s{k}", int(k == 0), 0, ()) for k in range(5)]
    interval = metrics.bootstrap_interval(rows, 2, draws=200)
    assert 50 < interval["redrawn"] < 200  # (4/5)^5 = 0.33 of the draws lack the only subject of class 1


def test_bootstrap_within_datasets():
    predictions = from_matrix(np.eye(3, dtype=int) * 5, "a") + from_matrix([[0, 5], [5, 0]], "b")
    interval = metrics.bootstrap_interval(predictions, 3, draws=200, within_dataset=True)
    assert interval["accuracy"][1] < 1  # dataset b, never right, is in every draw


@pytest.mark.parametrize("options", [{"draws": 0}, {"level": 1.0}])
def test_bootstrap_refuses_bad_settings(options):
    with pytest.raises(ConfigError):
        metrics.bootstrap_interval(from_matrix(np.eye(3, dtype=int)), 3, **options)


def epochs():
    """Two folds, three epochs; fold a is best in epoch 2, fold b in epochs 1 and 3."""
    right = {1: (1, 2), 2: (2, 0), 3: (1, 2)}
    table = {}
    for epoch, hits in right.items():
        table[epoch] = [
            Prediction("d", fold, str(k), f"d/{fold}", k, k if k < hit else 1 - k, ())
            for fold, hit in zip("ab", hits)
            for k in range(2)
        ]
    return table


def test_oracle_epoch_takes_the_best_of_each_fold():
    oracle = metrics.oracle_epoch(epochs(), 2)
    assert oracle["uf1"] == oracle["accuracy"] == 1 and oracle["epochs"] == 3
    table = metrics.averages(epochs()[3], 2, epochs())
    assert table["pooled"]["accuracy"] == 0.75
    assert table["best_common_epoch"]["epoch"] == 1  # the earlier of two equals
    assert table["oracle_epoch"] == oracle
    assert "oracle_epoch" not in metrics.averages(epochs()[3], 2)


def test_oracle_epoch_needs_the_same_clips_in_each_epoch():
    table = epochs()
    table[2] = table[2][:-1]
    with pytest.raises(ConfigError, match="epoch 2 does not hold the same clips.*d/b/1"):
        metrics.oracle_epoch(table, 2)
    with pytest.raises(EmptySplitError):
        metrics.oracle_epoch({}, 2)


def test_averages_of_folds_with_one_class():
    rows = [Prediction("d", "a", str(k), "d/a", 0, 0, ()) for k in range(3)]
    rows += [Prediction("d", "b", str(k), "d/b", k, k, ()) for k in range(3)]
    table = metrics.averages(rows, 3)
    assert table["pooled"]["uf1"] == 1
    assert table["fold_mean"] == {
        "accuracy": 1.0,
        "f1_absent_zero": pytest.approx((1 / 3 + 1) / 2),
        "f1_present": 1.0,
        "folds": 2,
        "one_class_folds": 1,
    }


def test_hold_out_scores_each_direction_and_their_mean():
    rows = from_matrix(np.diag([2, 3]), "a") + from_matrix([[1, 1], [2, 0]], "b")
    scored = metrics.hold_out_scores(rows, 2)
    assert scored["by_test_dataset"]["a"] == {"war": 1.0, "uar": 1.0, "n": 5}
    assert scored["by_test_dataset"]["b"] == {"war": 0.25, "uar": 0.25, "n": 4}
    assert scored["mean"] == {"war": 0.625, "uar": 0.625}
    part = [p for p in rows if p.dataset == "a" or p.label == 0]
    assert metrics.hold_out_scores(part, 2)["mean"]["uar"] is None
    with pytest.raises(EmptySplitError):
        metrics.hold_out_scores([], 2)


@pytest.mark.large  # asserts on the clock
def test_many_draws_are_quick():
    # 68 subjects, 442 clips; see benchmarks/bench_metrics.py.
    predictions = from_matrix(STSTNET["all"][0], subjects=68)
    start = time.perf_counter()
    metrics.bootstrap_interval(predictions, 3, draws=10000)
    assert time.perf_counter() - start < 2


def test_a_bootstrap_that_cannot_succeed_says_so():
    # Each class has a subject of its own: 20! / 20^20 of the draws hold all of them.
    rows = [Prediction("d", f"s{k}", "c", f"s{k}", k, k, ()) for k in range(20)]
    with pytest.raises(EmptySplitError, match="too few subjects"):
        metrics.bootstrap_interval(rows, 20, draws=10)
