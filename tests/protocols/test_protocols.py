from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mer_tf.errors import ConfigError, EmptySplitError, LeakageError, UnknownNameError
from mer_tf.protocols import check_no_leakage, get_protocol, loso_folds
from mer_tf.types import Clip, Fold

KEYS = ["d/a", "d/b", "d/a", "d/c", "d/b", "d/c"]
LABELS = [0, 0, 1, 1, 1, 0]


def clip(subject, name, label):
    return Clip("d", subject, name, 1, 2, 3, 200.0, "x", "", label, "m", (), ())


def test_each_clip_is_tested_once():
    folds = loso_folds(KEYS, LABELS)
    assert [fold.name for fold in folds] == ["d/a", "d/b", "d/c"]
    assert folds[0] == Fold("d/a", (1, 3, 4, 5), (0, 2))
    assert sorted(i for fold in folds for i in fold.test) == list(range(6))


def test_clips_carry_their_subject_and_label():
    clips = [clip(key[2:], f"c{k}", label) for k, (key, label) in enumerate(zip(KEYS, LABELS))]
    assert loso_folds(clips) == loso_folds(KEYS, LABELS)
    with pytest.raises(ConfigError, match="d/a/c has no label"):
        loso_folds([clip("a", "c", None)])


def test_same_id_in_two_datasets_is_two_people():
    folds = loso_folds(["casme/sub01", "casme2/sub01", "smic/s01"], [0, 0, 0])
    assert len(folds) == 3


def test_a_subject_with_one_class_is_fine():
    assert len(loso_folds(["d/a", "d/a", "d/b", "d/b", "d/c", "d/c"], [0, 0, 0, 1, 0, 1])) == 3


def test_nothing_and_one_subject():
    with pytest.raises(EmptySplitError, match="no clips"):
        loso_folds([], [])
    with pytest.raises(EmptySplitError, match=r"at least two subjects.*d/a"):
        loso_folds(["d/a", "d/a"], [0, 1])


def test_a_class_missing_from_training_names_fold_and_class():
    with pytest.raises(
        EmptySplitError, match=r"fold d/b: class 'surprise' has no training clip \(all are held out: 1\)"
    ):
        loso_folds(["d/a", "d/a", "d/b", "d/c", "d/c"], [0, 1, 2, 0, 1], classes=("negative", "positive", "surprise"))
    with pytest.raises(EmptySplitError, match="class 2"):
        loso_folds(KEYS, LABELS, num_classes=3)


def test_labels_are_checked():
    with pytest.raises(ConfigError, match=r"label 2, expected 0\.\.1"):
        loso_folds(["d/a", "d/b"], [0, 2], num_classes=2)
    with pytest.raises(ConfigError, match="one label"):
        loso_folds(["d/a", "d/b"], [0])


def test_unknown_protocol():
    assert get_protocol("loso").make is loso_folds
    with pytest.raises(UnknownNameError, match="unknown protocol"):
        get_protocol("lopo")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 1)), min_size=2, max_size=40))
def test_folds_never_leak(rows):
    keys = [f"d/{subject}" for subject, _ in rows]
    try:
        folds = loso_folds(keys, [label for _, label in rows], num_classes=2)
    except EmptySplitError:
        return
    clips = [f"{key}/{k}" for k, key in enumerate(keys)]
    for fold in folds:
        check_no_leakage(fold, keys, clips)
        assert sorted(fold.train + fold.test) == list(range(len(rows)))


CLIPS = [f"{key}/{k}" for k, key in enumerate(KEYS)]


def test_a_subject_on_both_sides_is_stopped():
    with pytest.raises(LeakageError, match="fold f: subject d/a is in training and test; split by subject"):
        check_no_leakage(Fold("f", (0, 1), (2,)), KEYS, CLIPS)


def test_a_clip_on_both_sides_is_stopped():
    with pytest.raises(LeakageError, match="clip d/a/0"):
        check_no_leakage(Fold("f", (0, 1), (0,)), KEYS, CLIPS)
    copies = ["x/1", "x/2", "x/1"]  # two examples derived from one clip
    with pytest.raises(LeakageError, match="clip x/1"):
        check_no_leakage(Fold("f", (0, 1), (2,)), ["d/a", "d/b", "d/c"], copies)


@pytest.mark.parametrize(
    ("fold", "error"),
    [
        (Fold("f", (), (0,)), EmptySplitError),
        (Fold("f", (0,), ()), EmptySplitError),
        (Fold("f", (0,), (9,)), ConfigError),
        (Fold("f", (-1,), (0,)), ConfigError),
        (Fold("f", (1, 1), (0,)), ConfigError),
    ],
)
def test_impossible_folds(fold, error):
    with pytest.raises(error, match="fold f"):
        check_no_leakage(fold, KEYS, CLIPS)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("casme2/sub01", "casme2/1"),
        ("SMEM/S1", "smem/subject 01"),
        ("smic/s1", "smic_hs/s01"),
        ("samm/006", "samm/6"),
        ("d/sub\u00a01", "d/\uff11"),
    ],
)
def test_one_person_in_two_spellings_on_both_sides_is_a_leak(train, test):
    fold = Fold("f", (0, 1), (2,))
    with pytest.raises(LeakageError, match=r"the same subject in another spelling, in training") as caught:
        check_no_leakage(fold, [train, "d/other", test], ["a/a/a", "b/b/b", "c/c/c"])
    assert train in str(caught.value) and test in str(caught.value)


def test_who_may_be_one_person_is_a_leak_as_well():
    with pytest.raises(LeakageError, match="fold f: subjects .* may be one person"):
        check_no_leakage(Fold("f", (0,), (1,)), ["d/1", "d/P1"], ["d/1/a", "d/P1/a"])
    check_no_leakage(Fold("f", (0,), (1,)), ["d/C1", "d/P1"], ["d/C1/a", "d/P1/a"])


def test_one_clip_in_two_spellings_is_a_leak_where_subjects_may_straddle():
    fold = Fold("f", (0,), (1,), subjects_may_straddle=True)
    with pytest.raises(LeakageError, match="the same clip in another spelling"):
        check_no_leakage(fold, ["d/1", "d/1"], ["d/1/EP01", "d/S1/ep01"])
    check_no_leakage(fold, ["d/1", "d/1"], ["d/1/EP01", "d/1/EP02"])


def test_folds_are_cut_between_people_whatever_the_camera():
    keys = ["smic_hs/s01", "smic_vis/s1", "smic_nir/s01", "smic_hs/s02", "smic_nir/s03", "samm/001"]
    folds = loso_folds(keys, [0, 1, 0, 1, 0, 1], num_classes=2)
    assert {fold.name: fold.test for fold in folds}["smic_hs/s01"] == (0, 1, 2)
    assert len(folds) == 4
    with pytest.raises(LeakageError, match="smic_vis/s1 is in test, and smic_hs/s01, the same person in another set"):
        check_no_leakage(Fold("f", (0,), (1,)), keys, [f"{key}/{k}" for k, key in enumerate(keys)])


def test_folds_are_cut_between_people_not_spellings():
    keys = ["SMEM/sub01", "smem/1", "SMEM/S2", "SMEM/002", "SMEM/3"]
    folds = loso_folds(keys, [0, 1, 0, 1, 0], num_classes=2)
    assert {fold.test for fold in folds} == {(0, 1), (2, 3), (4,)}
