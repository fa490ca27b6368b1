from __future__ import annotations

import numpy as np
import pytest

from mer_tf.preprocessing.resample import copy_numbers, to_largest


@pytest.mark.parametrize("counts", [(51, 70, 43), (1, 1), (5,), (88, 32, 25), (1, 100)])
def test_every_class_reaches_the_largest(counts):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    rows = to_largest(labels, seed=3)
    assert np.bincount(labels[rows]).tolist() == [max(counts)] * len(counts)
    np.testing.assert_array_equal(rows[: labels.size], np.arange(labels.size))
    used = np.bincount(rows)
    for label in range(len(counts)):
        of = used[labels == label]
        assert of.min() >= 1 and of.max() - of.min() <= 1


def test_rows_depend_on_the_seed_alone():
    labels = [0] * 10 + [1] * 4
    np.testing.assert_array_equal(to_largest(labels, 1), to_largest(labels, 1))
    assert any((to_largest(labels, 1) != to_largest(labels, seed)).any() for seed in range(2, 6))


@pytest.mark.parametrize(
    ("labels", "options", "error", "match"),
    [
        ([], {}, ValueError, "n >= 1"),
        ([[0, 1]], {}, ValueError, "n >= 1"),
        ([0, 2, 2], {}, ValueError, "class 1 has no row"),
        ([0, 1], {"num_classes": 3}, ValueError, "class 2 has no row"),
        ([0, 3], {"num_classes": 3}, ValueError, r"0\.\.2"),
        ([0, -1], {}, ValueError, "lie in"),
        ([0.0, np.nan], {}, TypeError, "whole"),
        (["a"], {}, TypeError, "whole"),
    ],
)
def test_bad_labels(labels, options, error, match):
    with pytest.raises(error, match=match):
        to_largest(labels, **options)


def test_copy_numbers_count_appearances():
    assert copy_numbers([4, 2, 4, 4, 2, 7]).tolist() == [0, 0, 1, 2, 1, 0]
    assert copy_numbers([]).tolist() == []
    rows = to_largest([0] * 9 + [1] * 2)
    assert len(set(zip(rows.tolist(), copy_numbers(rows).tolist()))) == len(rows)
