"""One set, one person, one clip under several spellings."""

from __future__ import annotations

import pytest

from mer_tf.datasets.people import (
    People,
    clip_key,
    dataset_key,
    one_person_keys,
    one_spelling,
    one_spelling_keys,
    person,
)
from mer_tf.datasets.registry import CARDS
from mer_tf.datasets.spelling import subject_form
from mer_tf.errors import ConfigError

ONE = (
    "1", "01", "001", "1.0", " 1 ", "\u00a01", "\uff11", "\u0661", "s1", "S1", "s01", "S 1", "sub1", "sub01", "Sub_1",
    "sub-01", "SUBJECT1", "subject 01", "Subject_1", "subject\u00a01", "id1", "ID 01", "\uff53\uff55\uff42\uff10\uff11",
    "sub\u200b01",
)  # fmt: skip


@pytest.mark.parametrize("spelling", ONE)
def test_every_spelling_of_subject_one(spelling):
    assert person("casme2", spelling) == ("casme2", "sub01")
    assert person("mine", spelling) == ("mine", "1")
    assert person("samm", spelling) == ("samm", "001")
    assert person("smic", spelling) == ("smic_hs", "s01")


@pytest.mark.parametrize(
    ("first", "second"),
    [("1", "2"), ("1", "11"), ("1", "10"), ("1a", "1b"), ("12", "1-2"), ("KA", "KL"), ("P1", "C1"), ("s1", "s1a")],
)
def test_two_people_stay_two(first, second):
    assert person("mine", first) != person("mine", second)
    assert one_spelling([("mine", first), ("mine", second)]) == [("mine", first), ("mine", second)]


def test_people_of_different_sets_are_never_one():
    names = ("casme", "casme2", "casme3", "samm", "smic_hs", "mmew", "dfme", "mine", "yours", "ckplus", "oulu_casia")
    assert len({person(name, "1") for name in names}) == len(names)


@pytest.mark.parametrize(
    "spellings",
    [
        ("SMEM", "smem", " Smem", "S_MEM"),
        ("CAS(ME)^3", "cas(me)^3"),
        ("smic", "SMIC-HS", "smic hs", "\uff33\uff2d\uff29\uff23"),
    ],
)
def test_a_set_has_one_key(spellings):
    assert len(set(map(dataset_key, spellings))) == 1
    assert dataset_key(spellings[0]) != dataset_key("casme2")


def test_ids_of_the_published_sets_are_their_own():
    for card in CARDS.values():
        for text in ("1", "7", "006", "20", "KA"):
            found = card.subject_id(text)
            if found is not None:
                assert person(card.name, text) == person(card.name, found) == (card.people or card.name, found)


def test_the_cameras_of_smic_filmed_the_same_people():
    names = ("smic_hs", "smic_vis", "SMIC-NIR", "smic_e")
    assert {person(name, "s1") for name in names} == {("smic_hs", "s01")}
    assert len({clip_key(name, "s1", "s1_ne_1") for name in names}) == 4  # and four clips
    people = People()
    assert [people.add(name, "s01") for name in names[:2]] == [("smic_hs", "s01"), ("smic_vis", "s01")]
    assert not people.note()
    keys = ["smic_vis/s01", "smic_hs/s1", "smic_vis/s11", "casme/sub01"]
    assert one_person_keys(keys) == ["smic_hs/s1", "smic_hs/s1", "smic_vis/s11", "casme/sub01"]
    assert one_spelling_keys(keys) == keys


def test_clips_differ_by_more_than_case_and_blanks():
    assert clip_key("mine", "S1", "EP02_01f ") == clip_key("Mine", "1", "ep02_01F")
    assert clip_key("smic", "1", "s1_ne_1") == clip_key("smic_hs", "s01", "s01_ne_01")
    assert clip_key("casme2", "1", "EP02_01") != clip_key("casme2", "1", "EP02_01f")
    assert clip_key("mine", "1", "1_1") != clip_key("mine", "1", "1_01")


@pytest.mark.parametrize(("first", "second"), [("1", "P1"), ("P01", "sub1"), ("volunteer 3", "3")])
@pytest.mark.parametrize("turned", [False, True])
def test_who_may_be_one_is_refused_with_both_names(first, second, turned):
    people = People()
    first, second = (second, first) if turned else (first, second)
    people.add("mine", first)
    people.add("yours", second)  # of another set: nobody here
    with pytest.raises(ConfigError, match=f"subjects '{first}' and '{second}' of mine may be one person"):
        people.add("Mine", second)


def test_the_order_does_not_choose_the_spelling():
    pairs = [("smem", "S1"), ("SMEM", "1"), ("smic", "s2"), ("smic_hs", "02")]
    assert one_spelling(pairs)[::-1] == one_spelling(pairs[::-1])
    assert len(set(one_spelling(pairs))) == 2


def test_what_is_spelled_in_one_way_is_left_alone():
    pairs = [("SMEM", "S01"), ("SMEM", "S02"), ("samm", "6"), ("smic_hs", "s1")]
    assert one_spelling(pairs) == pairs


def test_words_that_only_begin_like_subject_are_names():
    assert subject_form("sandra") == "sandra" and subject_form("nora2") == "nora2" and subject_form("s") == "s"


@pytest.mark.parametrize("typed", ["casmme2", "CASEM II", "csame2", "casme2x"])
def test_a_mistyped_set_beside_the_set_is_refused_with_both_names(typed):
    for pairs in ([("casme2", "1"), (typed, "1")], [(typed, "1"), ("CASME II", "2")]):
        with pytest.raises(ConfigError, match="may be one set") as caught:
            one_spelling(pairs)
        assert repr(typed) in str(caught.value) and "'casme2'" in str(caught.value)


def test_sets_of_ones_own_may_be_alike():
    for names in (("seta", "setb"), ("casme9", "casme2"), ("casmme2", "samm"), ("casme", "casme2")):
        one_spelling([(name, "1") for name in names])
