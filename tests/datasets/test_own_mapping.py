"""Label mappings from a file: both forms, the name that tells classes and rules, and what is refused."""

from __future__ import annotations

import json

import pytest

from mer_tf.datasets import get_mapping, get_reader
from mer_tf.errors import BadInputError, ConfigError, MissingFileError
from mer_tf.synthetic import write_synthetic_dataset


def mapping(tmp_path, content, name="my.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return get_mapping(str(path))


def test_the_plain_form_holds_for_every_set(tmp_path):
    rule = mapping(tmp_path, {"Disgust": "bad", "happiness": "good", "surprise": "good"})
    assert rule.classes == ("bad", "good") and rule.is_own
    assert [rule.label(name, "DISGUST ") for name in ("casme2", "samm", "anybody's")] == [0, 0, 0]
    assert rule.label("casme2", "fear") is None


def test_the_long_form_orders_the_classes_and_knows_sets(tmp_path):
    special = {"SAMM": {"anger": "bad", "disgust": "good"}}
    content = {"classes": ["good", "bad"], "emotions": {"disgust": "bad"}, "datasets": special}
    rule = mapping(tmp_path, content)
    assert rule.classes == ("good", "bad")
    assert (rule.label("casme2", "disgust"), rule.label("samm", "disgust"), rule.label("samm", "anger")) == (1, 0, 1)
    assert rule.label("casme2", "anger") is None


def test_the_name_tells_the_classes_and_changes_with_the_rules(tmp_path):
    one = mapping(tmp_path, {"disgust": "bad", "happiness": "good"})
    other = mapping(tmp_path, {"disgust": "bad", "happiness": "good", "fear": "bad"})
    assert one.name != other.name and one.name.startswith("my@") and one.name.endswith("(bad,good)")
    assert get_mapping(one.name).classes == one.classes
    assert mapping(tmp_path, {"happiness": "good", "disgust": "bad"}).classes == ("good", "bad")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "must hold one JSON object"),
        ({"disgust": "bad"}, "at least two different classes"),
        ({"disgust": "bad", "fear": 3}, "is none of classes, emotions, datasets"),
        ({"emotions": {"disgust": "bad", "fear": "good"}, "classes": ["bad", "worse"]}, "class 'good' is not among"),
        ({"disgust": "a,b", "fear": "c"}, "without brackets and commas"),
        ({"disgust": "no_motion", "fear": "c"}, "no_motion"),
        ({"fear": "a", "Fear": "b"}, "has two classes"),
        ({"emotions": 3}, "from emotion to class"),
        ({"emotions": {}, "datasets": []}, "from set to rules"),
    ],
)
def test_what_is_no_mapping_is_refused(tmp_path, content, said):
    with pytest.raises(ConfigError, match=said):
        mapping(tmp_path, content)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(MissingFileError, match="write one, for example"):
        get_mapping(str(tmp_path / "absent.json"))
    with pytest.raises(BadInputError, match="a folder"):
        get_mapping(str(tmp_path) + "/")


def test_a_misspelt_emotion_is_a_warning(tmp_path):
    write_synthetic_dataset(tmp_path / "clips", subjects=1, clips_per_subject=4, workers=1, frames_per_clip=(8, 8))
    rule = mapping(tmp_path, {"disgust": "bad", "hapiness": "good", "repression": "good"})
    table = get_reader("casme2")(tmp_path / "clips", mapping=rule)
    told = [problem.message for problem in table.problems if problem.severity == "warning"]
    assert any("emotion 'hapiness', which is none of this set" in message for message in told)
