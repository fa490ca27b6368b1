from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mer_tf.errors import ConfigError, EmptySplitError
from mer_tf.metrics import scores
from mer_tf.metrics.bootstrap import subject_tables
from mer_tf.metrics.comparison import (
    binomial_two_sided,
    common_clips,
    holm,
    mcnemar,
    paired_bootstrap,
    permutation_test,
)
from mer_tf.types import Prediction

CLASSES = ("negative", "positive", "surprise")


def method(right, subjects=12, clips=9, seed=0):
    """Predictions right with that probability; labels depend on the clip only."""
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(subjects):
        for k in range(clips):
            label = k % 3
            guess = label if rng.random() < right else (label + 1 + int(rng.integers(2))) % 3
            rows.append(Prediction("d", f"s{s:02}", f"c{k}", f"d/s{s:02}", label, guess, ()))
    return rows


def test_a_method_against_itself():
    a = method(0.6)
    result = paired_bootstrap(a, a, 3, draws=500)
    for name in ("uf1", "uar", "accuracy"):
        assert result[name]["difference"] == 0 and result[name]["interval"] == [0, 0] and result[name]["p"] == 1
    assert permutation_test(a, a, 3, draws=200)["uf1"] == 1
    assert mcnemar(a, a)["p_exact"] == 1


def test_a_clearly_better_method():
    a, b = method(0.9, subjects=30, seed=1), method(0.4, subjects=30, seed=2)
    result = paired_bootstrap(a, b, 3, draws=2000)
    assert result["uf1"]["p"] == pytest.approx(2 / 2001)  # no draw at or below 0, one added
    assert result["uf1"]["interval"][0] > 0
    assert result["uf1"]["a"] == pytest.approx(scores(a, CLASSES)["full"]["uf1"])
    assert result["uf1"]["difference"] == pytest.approx(result["uf1"]["a"] - result["uf1"]["b"])
    assert permutation_test(a, b, 3, draws=999)["uar"] == pytest.approx(1 / 1000)
    assert mcnemar(a, b)["p_exact"] < 1e-6


def test_swapping_the_methods_mirrors_the_result():
    a, b = method(0.7, seed=1), method(0.6, seed=2)
    first, second = paired_bootstrap(a, b, 3, draws=400), paired_bootstrap(b, a, 3, draws=400)
    assert first["uar"]["interval"] == pytest.approx([-v for v in second["uar"]["interval"][::-1]])
    assert first["uar"]["p"] == second["uar"]["p"]
    assert permutation_test(a, b, 3, draws=400) == permutation_test(b, a, 3, draws=400)


def test_order_of_clips_does_not_matter():
    a, b = method(0.7, seed=1), method(0.6, seed=2)
    assert paired_bootstrap(a[::-1], b, 3, draws=100) == paired_bootstrap(a, b, 3, draws=100)


def test_the_same_subjects_are_drawn_for_both():
    # B errs where A errs, and once more in every subject: the difference hardly varies although both do.
    a = method(0.6, seed=3)
    b = [dataclasses.replace(p, prediction=(p.label + 1) % 3) if p.clip == "c0" else p for p in a]
    result = paired_bootstrap(a, b, 3, draws=1000)
    low, high = result["accuracy"]["interval"]
    assert 0 < high - low < 0.09 and low >= 0


def test_under_no_difference_p_is_roughly_uniform():
    p_values = [
        permutation_test(method(0.6, seed=2 * k), method(0.6, seed=2 * k + 1), 3, draws=200)["accuracy"]
        for k in range(60)
    ]
    assert 0.3 < np.mean(p_values) < 0.75 and np.mean(np.array(p_values) < 0.1) < 0.25


def test_within_dataset_and_redraws_are_reported():
    rare = [Prediction("d", f"s{k}", "c", f"s{k}", int(k == 0), 0, ()) for k in range(5)]
    result = paired_bootstrap(rare, rare, 2, draws=100, within_dataset=True)
    assert result["redrawn"] > 0 and result["within_dataset"] and result["subjects"] == 5


def test_clips_are_matched_by_their_full_key():
    a, b = method(0.6, subjects=3), method(0.6, subjects=4)
    first, second, counts = common_clips(a[::-1], b)
    assert counts == {"common": 27, "only_a": 0, "only_b": 9}
    assert [(p.subject, p.clip) for p in first] == [(p.subject, p.clip) for p in second]
    with pytest.raises(ConfigError, match="9 only in B"):
        paired_bootstrap(a, b, 3)
    with pytest.raises(EmptySplitError, match="no clip in common"):
        common_clips(a, [dataclasses.replace(p, dataset="e") for p in b])
    with pytest.raises(ConfigError, match="clip d/s00/c0 has truth 0 in A and 2 in B"):
        common_clips(a, [dataclasses.replace(b[0], label=2), *b[1:]])
    with pytest.raises(ConfigError, match="predicted twice"):
        common_clips(a + a[:1], b)


@pytest.mark.parametrize("options", [{"draws": 0}, {"level": 0.0}])
def test_bad_settings(options):
    with pytest.raises(ConfigError):
        paired_bootstrap(method(1.0), method(1.0), 3, **options)


def test_mcnemar_counts():
    labels = [0] * 10
    a = [Prediction("d", "s", str(k), "f", 0, int(k >= 8), ()) for k, _ in enumerate(labels)]
    b = [Prediction("d", "s", str(k), "f", 0, int(k < 6), ()) for k, _ in enumerate(labels)]
    result = mcnemar(a, b)
    assert (result["only_a_right"], result["only_b_right"]) == (6, 2)
    assert (result["both_right"], result["none_right"]) == (2, 0)
    assert result["p_exact"] == pytest.approx(2 * (1 + 8 + 28) / 256)
    assert result["p_mid"] == pytest.approx((2 * (1 + 8) + 28) / 256)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n // 2), st.just(n))))
def test_binomial_equals_the_sum_of_exact_terms(pair):
    k, n = pair
    exact, mid = binomial_two_sided(k, n)
    tail = sum(math.comb(n, i) for i in range(k + 1))
    assert exact == pytest.approx(min(1, 2 * tail / 2**n), rel=1e-9)
    assert mid == pytest.approx(min(1, (2 * tail - math.comb(n, k)) / 2**n), rel=1e-9)


def test_binomial_of_very_many_clips():
    exact, _ = binomial_two_sided(4900, 10000)
    assert exact == pytest.approx(0.0466, abs=5e-4)
    with pytest.raises(ConfigError):
        binomial_two_sided(3, 5)


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ConfigError):
        holm([1.2])


def test_a_csv_and_a_challenge_log_are_matched_in_any_spelling():
    a = [Prediction("smic_hs", f"s{k:02}", f"s{k:02}_ne_01", "f", k % 2, 0, ()) for k in range(1, 13)]
    a += [Prediction("SMEM", f"sub{k:02}", f"EP0{k}", "f", k % 2, 0, ()) for k in range(1, 7)]
    b = [Prediction("smic", f"s{k}", f"s{k}_ne_01", "g", k % 2, 1, ()) for k in range(1, 13)]
    b += [Prediction("smem", f"{k}", f"ep{k}.avi", "g", k % 2, 1, ()) for k in range(1, 7)]
    first, second, counts = common_clips(a, b[::-1])
    assert counts == {"common": 18, "only_a": 0, "only_b": 0}
    assert [(p.dataset, p.subject, p.clip) for p in first] == [(p.dataset, p.subject, p.clip) for p in second]
    assert all(p.prediction == 0 and q.prediction == 1 for p, q in zip(first, second))


def test_padding_does_not_join_two_clips_of_one_file():
    a = [Prediction("d", "1", name, "f", 0, 0, ()) for name in ("1_1", "1_01", "x")]
    b = [Prediction("d", "1", name, "f", 0, 0, ()) for name in ("1_001", "x")]
    assert common_clips(a, b)[2] == {"common": 1, "only_a": 2, "only_b": 1}


def test_people_are_drawn_not_spellings():
    rows = [Prediction("d", name, f"c{k}", "f", k % 2, 0, ()) for k, name in enumerate(("1", "S1", "2", "sub02"))]
    keys, tables = subject_tables(rows, 2)
    assert keys == [("d", "S1"), ("d", "sub02")] and tables.sum() == 4
