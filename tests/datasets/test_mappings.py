from __future__ import annotations

import pytest

from mer_tf.datasets.mappings import get_mapping
from mer_tf.datasets.sheets import frame_number, match_header
from mer_tf.errors import UnknownNameError

MEGC = get_mapping("megc2019")


@pytest.mark.parametrize(
    ("dataset", "emotion", "name"),
    [
        ("casme2", "disgust", "negative"),
        ("casme2", " Repression ", "negative"),
        ("casme2", "happiness", "positive"),
        ("casme2", "SURPRISE", "surprise"),
        ("casme2", "others", None),
        ("casme2", "sadness", None),
        ("casme2", "fear", None),
        ("samm", "Sadness", "negative"),
        ("samm", "Contempt", "negative"),
        ("samm", "Other", None),
        ("smic_hs", "positive", "positive"),
    ],
)
def test_megc2019(dataset, emotion, name):
    label = MEGC.label(dataset, emotion)
    assert (None if label is None else MEGC.classes[label]) == name


def test_megc2019_reproduces_the_published_totals():
    # emotion counts of the sheets, and of the list after its exceptions
    casme2 = {"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25, "sadness": 7, "fear": 2}
    samm = {
        "anger": 57, "happiness": 26, "other": 26, "surprise": 15, "contempt": 12, "disgust": 9, "fear": 8,
        "sadness": 6,
    }  # fmt: skip
    for dataset, emotions, expected in (("casme2", casme2, [88, 32, 25]), ("samm", samm, [92, 26, 15])):
        counts = [0, 0, 0]
        for emotion, count in emotions.items():
            label = MEGC.label(dataset, emotion)
            if label is not None:
                counts[label] += count
        for exclusion in MEGC.exclusions:
            if exclusion.dataset == dataset:
                counts[MEGC.label(dataset, exclusion.emotion)] -= 1
        assert counts == expected


def test_exclusion_needs_every_field():
    exclusion = MEGC.exclusion("casme2", "sub04", "EP12_01f")
    assert exclusion.agrees("disgust", 261, None, 321)
    assert exclusion.agrees("disgust", 261, 300, 321)  # a number other people wrote into the cell
    assert not exclusion.agrees("disgust", 260, None, 321)
    assert not exclusion.agrees("happiness", 261, None, 321)
    assert MEGC.exclusion("casme2", "sub05", "EP09_05f").agrees("disgust", 5, 5, 30)
    assert not MEGC.exclusion("casme2", "sub05", "EP09_05f").agrees("disgust", 5, 9, 30)
    assert MEGC.exclusion("samm", "sub04", "EP12_01f") is None


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="unknown label mapping 'five'"):
        get_mapping("five")
    with pytest.raises(UnknownNameError, match="'casme9'. Did you mean 'casme'"):
        get_mapping("atscnn").label("casme9", "disgust")
    assert MEGC.label("casme9", "disgust") == 0  # a list of somebody's own clips, by the challenge's prose


def test_header_matching():
    assert match_header(["", " SUBJECT ", "filename", "apexf1", "ApexF2", "Action  Units"]) == {
        "subject": 1,
        "clip": 2,
        "apex": 3,
        "aus": 5,
    }
    assert match_header([]) == {}


@pytest.mark.parametrize(("text", "number"), [("46", 46), ("046", 46), (" 46.0 ", 46), ("/", None), ("", None)])
def test_frame_number(text, number):
    assert frame_number(text) == number


@pytest.mark.parametrize("text", ["46.5", "-3", "4e2", "46a", "1234567890"])
def test_no_frame_number(text):
    with pytest.raises(ValueError, match="is not a frame number"):
        frame_number(text)
