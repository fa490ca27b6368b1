"""The protocols by name, over clips that nobody ordered."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mer_tf.errors import ConfigError, EmptySplitError, LeakageError, UnknownNameError
from mer_tf.protocols import (
    PROTOCOLS,
    check_no_leakage,
    get_protocol,
    make_split,
    stratified_group_kfold,
    tenfold_numbering,
    tenfold_subject,
)
from mer_tf.types import Fold


def clips(counts, seed=0):
    """Subject keys, labels and clip keys, shuffled; ``counts`` is {subject key: clips per class}."""
    rows = [
        (subject, label, f"{subject}/c{label}{k:03}")
        for subject, per_class in counts.items()
        for label, count in enumerate(per_class)
        for k in range(count)
    ]
    order = np.random.default_rng(seed).permutation(len(rows))
    return tuple(list(column) for column in zip(*(rows[i] for i in order)))


# CASME II part of MEGC2019: negative, positive, surprise per subject; the most uneven of the three.
CASME2 = {
    f"casme2/sub{number}": counts
    for number, counts in {
        "01": (2, 1, 0), "02": (5, 1, 3), "03": (4, 0, 1), "04": (2, 0, 0), "05": (0, 1, 5), "06": (1, 1, 2),
        "07": (5, 0, 0), "08": (1, 0, 0), "09": (5, 5, 0), "11": (4, 0, 0), "12": (5, 2, 4), "13": (0, 2, 0),
        "14": (0, 3, 0), "15": (1, 1, 1), "16": (1, 2, 0), "17": (23, 7, 1), "19": (3, 3, 5), "20": (2, 0, 0),
        "21": (1, 0, 0), "22": (2, 0, 0), "23": (7, 1, 0), "24": (2, 0, 1), "25": (3, 0, 2), "26": (9, 2, 0),
    }.items()
}  # fmt: skip
SMALL = {f"{d}/s{k}": (2, 1 + k % 2, 1) for d in ("smic_hs", "casme2", "samm") for k in range(4)}
FIVE = {f"{d}/s{k}": (1, 1, 1, 1, 1) for d in ("casme2", "samm") for k in range(2)}


def clips_by_fold(folds, keys):
    return {fold.name: sorted(keys[i] for i in fold.test) for fold in folds}


SUBJECT_PROTOCOLS = [
    ("loso", CASME2),
    ("loso_within_dataset", SMALL),
    ("megc2019", SMALL),
    ("cde2018", FIVE),
    ("tenfold_subject", CASME2),
    ("stratified_group_kfold", CASME2),
]


@pytest.mark.parametrize(("name", "counts"), SUBJECT_PROTOCOLS)
def test_each_clip_is_tested_once_and_no_subject_on_two_sides(name, counts):
    subjects, labels, keys = clips(counts)
    split = make_split(name, subjects, labels, keys)
    assert sorted(i for fold in split.folds for i in fold.test) == list(range(len(keys)))
    assert split.straddling == ()
    for fold, count in zip(split.folds, split.class_counts):
        assert not {subjects[i] for i in fold.train} & {subjects[i] for i in fold.test}
        assert count["fold"] == fold.name
        assert sum(count["train"]) == len(fold.train) and sum(count["test"]) == len(fold.test)
        assert min(count["train"]) > 0


@pytest.mark.parametrize(("name", "counts"), [*SUBJECT_PROTOCOLS, ("tenfold_numbering", CASME2), ("hde2018", FIVE)])
def test_order_of_clips_changes_nothing(name, counts):
    first, second = clips(counts, 1), clips(counts, 2)
    assert first != second
    splits = [make_split(name, *facts) for facts in (first, second)]
    assert clips_by_fold(splits[0].folds, first[2]) == clips_by_fold(splits[1].folds, second[2])


def test_hold_out_trains_on_one_set_and_tests_the_other():
    subjects, labels, keys = clips(FIVE)
    folds = make_split("hde2018", subjects, labels, keys).folds
    assert [fold.name for fold in folds] == ["train-samm_test-casme2", "train-casme2_test-samm"]
    for fold, test in zip(folds, ("casme2", "samm")):
        assert {subjects[i].split("/")[0] for i in fold.test} == {test}
        assert test not in {subjects[i].split("/")[0] for i in fold.train}


def test_composite_trains_across_datasets_and_within_dataset_does_not():
    subjects, labels, keys = clips(SMALL)
    for name, sets in (("megc2019", 3), ("loso_within_dataset", 1)):
        for fold in make_split(name, subjects, labels, keys).folds:
            assert len({subjects[i].split("/")[0] for i in fold.train}) == sets


@pytest.mark.parametrize(
    ("name", "keep"),
    [("megc2019", ("casme2", "samm")), ("cde2018", ("smic_hs", "casme2", "samm")), ("hde2018", ("casme2",))],
)
def test_a_composite_needs_its_datasets_and_no_other(name, keep):
    subjects, labels, keys = clips({key: value for key, value in SMALL.items() if key.split("/")[0] in keep})
    with pytest.raises(ConfigError, match=f"{name}.*takes the datasets.*Received: {', '.join(sorted(keep))}"):
        make_split(name, subjects, labels, keys)


def test_a_set_under_two_names_is_one_and_so_are_its_people():
    split = make_split("megc2019", *clips({**SMALL, "smic/s0": (1, 1, 1), "SMIC-HS/S 01": (1, 1, 1)}))
    assert len(split.folds) == len(SMALL)
    assert {fold.name.partition("/")[0] for fold in split.folds} == {"smic_hs", "casme2", "samm"}


def test_published_counts_are_compared():
    subjects, labels, keys = clips(SMALL)
    assert "442 of 68 (250/109/83)" in make_split("megc2019", subjects, labels, keys).notes[0]
    assert make_split("loso", subjects, labels, keys).notes == ()


def test_the_protocols_mapping_is_asserted():
    with pytest.raises(ConfigError, match="mapping 'objective'"):
        make_split("cde2018", *clips(FIVE), mapping="megc2019")


def test_tenfold_subject_cuts_on_subject_borders_near_equal_shares():
    subjects, labels, keys = clips(CASME2)
    folds = tenfold_subject(subjects, labels)
    assert len(folds) == 10
    order = [sorted({subjects[i] for i in fold.test}) for fold in folds]
    assert [subject for group in order for subject in group] == sorted(CASME2)  # contiguous
    # The subject borders at 3 12 17 19 25 29 34 35 45 49 60 62 65 68 71 102 113 115 116 118 126 129 134 145 clips that
    # are nearest to 14.5, 29, 43.5, ...: 12 (as near as 17), 29, 45, 60, 71, 102 (71 is taken), 113, 116, 129.
    assert [len(fold.test) for fold in folds] == [12, 17, 16, 15, 11, 31, 11, 3, 13, 16]


def test_tenfold_numbering_has_even_sizes_and_says_who_straddles():
    subjects, labels, keys = clips(CASME2)
    split = make_split("tenfold_numbering", subjects, labels, keys)
    assert sorted(len(fold.test) for fold in split.folds) == [14] * 5 + [15] * 5
    assert all(fold.subjects_may_straddle for fold in split.folds)
    assert "casme2/sub17" in split.straddling  # 31 clips never fit in one fold
    assert f"{len(split.straddling)} of 24 subjects" in split.notes[0]
    numbered = sorted(keys)
    assert sorted(keys[i] for i in split.folds[0].test) == numbered[:15]


def test_derived_examples_follow_their_parent():
    subjects, labels, keys = clips(CASME2)
    folds = tenfold_numbering(subjects * 3, labels * 3, clip_keys=keys * 3)
    for fold in folds:
        check_no_leakage(fold, subjects * 3, keys * 3)
        assert len(fold.test) % 3 == 0


def test_straddling_is_stopped_unless_the_protocol_says_so():
    subjects, labels, keys = clips(CASME2)
    fold = tenfold_numbering(subjects, labels, clip_keys=keys)[5]
    check_no_leakage(fold, subjects, keys)
    with pytest.raises(LeakageError, match="subject casme2/"):
        check_no_leakage(Fold(fold.name, fold.train, fold.test), subjects, keys)
    with pytest.raises(LeakageError, match="clip casme2/"):
        check_no_leakage(Fold("f", (0, 1), (1,), subjects_may_straddle=True), subjects, keys)


def test_an_augmented_copy_in_test_is_stopped():
    keys, subjects = ["d/a/1", "d/b/1", "d/b/1"], ["d/a", "d/b", "d/b"]
    fold = Fold("f", (0,), (1, 2))
    check_no_leakage(fold, subjects, keys, [True, False, False])
    with pytest.raises(LeakageError, match="augmented copy of d/b/1 is in test"):
        check_no_leakage(fold, subjects, keys, [False, False, True])
    with pytest.raises(ConfigError, match="one entry per clip"):
        check_no_leakage(fold, subjects, keys, [False])


def test_stratified_folds_share_the_classes():
    subjects, labels, _ = clips(CASME2)
    folds = stratified_group_kfold(subjects, labels, folds=5, seed=3)
    shares = [collections.Counter(labels[i] for i in fold.test) for fold in folds]
    for label, total in ((1, 32), (2, 25)):
        assert max(abs(share[label] - total / 5) for share in shares) <= 3
    assert folds == stratified_group_kfold(subjects, labels, folds=5, seed=3)


def test_stratified_seed_matters_among_equals():
    subjects, labels, keys = clips({f"d/s{k:02}": (1, 1) for k in range(12)})
    first, second = (stratified_group_kfold(subjects, labels, folds=3, seed=seed) for seed in (0, 1))
    assert clips_by_fold(first, keys) != clips_by_fold(second, keys)


def test_as_many_folds_as_subjects():
    subjects, labels, _ = clips({f"d/s{k}": (3 if k == 0 else 1, 1) for k in range(4)})
    for make in (stratified_group_kfold, tenfold_subject):
        assert sorted(len({subjects[i] for i in fold.test}) for fold in make(subjects, labels, folds=4)) == [1] * 4
        with pytest.raises(EmptySplitError, match="5 folds need at least 5 subjects, found 4"):
            make(subjects, labels, folds=5)
        with pytest.raises(ConfigError, match="at least 2"):
            make(subjects, labels, folds=1)


@pytest.mark.parametrize("name", ["tenfold_subject", "tenfold_numbering", "stratified_group_kfold"])
def test_a_class_only_one_subject_shows_stops_before_work(name):
    counts = {**{f"d/s{k:02}": (2, 2, 0) for k in range(12)}, "d/s20": (0, 0, 1)}
    with pytest.raises(EmptySplitError, match="class 'surprise' has no training clip"):
        make_split(name, *clips(counts), classes=("negative", "positive", "surprise"))


def test_the_number_of_folds_can_be_set_where_it_is_free():
    facts = clips(CASME2)
    assert len(make_split("stratified_group_kfold", *facts, folds=3).folds) == 3
    with pytest.raises(ConfigError, match="'loso' decides its number of folds"):
        make_split("loso", *facts, folds=3)


def test_unknown_protocol_and_explicit_numbering():
    with pytest.raises(UnknownNameError, match="Did you mean 'tenfold_subject'"):
        get_protocol("tenfold_subjects")
    assert [p.name for p in PROTOCOLS.values() if p.subjects_may_straddle] == ["tenfold_numbering"]
    with pytest.raises(ConfigError, match="one key"):
        make_split("loso", ["d/a", "d/b"], [0, 0], ["d/a/1"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 30), st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=10, max_size=20))
def test_any_counts_give_folds_or_a_named_error(counts):
    facts = clips({f"d/{k:02}": value for k, value in counts.items() if sum(value)} or {"d/x": (1, 1)})
    for name in ("loso", "tenfold_subject", "tenfold_numbering", "stratified_group_kfold"):
        try:
            split = make_split(name, *facts, num_classes=2)
        except EmptySplitError:
            continue
        assert sorted(i for fold in split.folds for i in fold.test) == list(range(len(facts[0])))
        assert all(fold.test and fold.train for fold in split.folds)
